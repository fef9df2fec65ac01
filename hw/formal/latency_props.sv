// SPDX-License-Identifier: BSD-3-Clause
// The header stages do not stall: valid_o is valid_i of LATENCY clocks ago, whatever the records hold.
`include "formal.svh"
module latency_props #(
  parameter int unsigned LATENCY = 1
) (
  input logic clk_i,
  input logic rst_ni,
  input logic valid_i,
  input logic valid_o
);
  logic [LATENCY-1:0] past_q = '0;
  always_ff @(posedge clk_i) past_q <= LATENCY'({past_q, valid_i & rst_ni});

  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      `PROVE(valid_o == past_q[LATENCY-1]);
      `COVER(&past_q);
      `COVER(valid_o && past_q == LATENCY'(1) << (LATENCY - 1));
    end
  end
endmodule

// Ports that are not connected are free inputs.
module parse_latency (
  input logic clk_i,
  input logic valid_i
);
  logic rst_n_q = 1'b0, valid_o;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;
  mpnic_parse u_dut (.clk_i, .rst_ni(rst_n_q), .valid_i, .valid_o);
  latency_props #(.LATENCY(mpnic_rtl_pkg::PARSE_LATENCY)) u_props (
    .clk_i, .rst_ni(rst_n_q), .valid_i, .valid_o
  );
endmodule

module tcpopt_latency (
  input logic clk_i,
  input logic valid_i
);
  logic rst_n_q = 1'b0, valid_o;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;
  mpnic_tcpopt u_dut (.clk_i, .rst_ni(rst_n_q), .valid_i, .valid_o);
  latency_props #(.LATENCY(mpnic_rtl_pkg::TCPOPT_LATENCY)) u_props (
    .clk_i, .rst_ni(rst_n_q), .valid_i, .valid_o
  );
endmodule

module mptcp_latency (
  input logic clk_i,
  input logic valid_i
);
  logic rst_n_q = 1'b0, valid_o;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;
  mpnic_mptcp u_dut (.clk_i, .rst_ni(rst_n_q), .valid_i, .valid_o);
  latency_props #(.LATENCY(mpnic_rtl_pkg::MPTCP_LATENCY)) u_props (
    .clk_i, .rst_ni(rst_n_q), .valid_i, .valid_o
  );
endmodule
