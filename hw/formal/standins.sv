// SPDX-License-Identifier: BSD-3-Clause
// The header stages with their latencies but without their work: for proofs of the stream around
// them. A header record holds the number of its frame in `source`, and nothing else.
module mpnic_parse (
  input  logic                         clk_i,
  input  logic                         rst_ni,
  input  logic                         valid_i,
  output logic                         valid_o,
  output logic [mpnic_pkg::HDR_W-1:0]  hdr_o,
  output logic [1:0]                   given_o,
  output logic [479:0]                 l3_hdr_o,
  output logic [479:0]                 l4_hdr_o
);
  localparam int unsigned LATENCY = mpnic_rtl_pkg::PARSE_LATENCY;
  logic [LATENCY-1:0] valid_q;
  logic [5:0]         number_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= '0;
      number_q <= '0;
    end else begin
      valid_q <= LATENCY'({valid_q, valid_i});
      number_q <= number_q + 6'(valid_o);
    end
  end
  assign valid_o = valid_q[LATENCY-1];
  assign hdr_o = mpnic_pkg::HDR_W'(number_q) << mpnic_pkg::HDR_SOURCE_LSB |
                 mpnic_pkg::HDR_W'(mpnic_pkg::PARSE_NOT_IP);
  assign given_o = '0;
  assign l3_hdr_o = '0;
  assign l4_hdr_o = '0;
endmodule

module mpnic_tcpopt (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0]     hdr_i,
  output logic                            valid_o,
  output logic [mpnic_pkg::HDR_W-1:0]     hdr_o,
  output logic [1:0]                      given_o,
  output logic [mpnic_rtl_pkg::LOC_W-1:0] loc_o
);
  delayed #(.LATENCY(mpnic_rtl_pkg::TCPOPT_LATENCY)) u_delayed (
    .clk_i, .rst_ni, .valid_i, .hdr_i, .valid_o, .hdr_o
  );
  assign given_o = '0;
  assign loc_o = '0;
endmodule

module mpnic_mptcp (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0] hdr_i,
  output logic                        valid_o,
  output logic [mpnic_pkg::HDR_W-1:0] hdr_o
);
  delayed #(.LATENCY(mpnic_rtl_pkg::MPTCP_LATENCY)) u_delayed (
    .clk_i, .rst_ni, .valid_i, .hdr_i, .valid_o, .hdr_o
  );
endmodule

module delayed #(
  parameter int unsigned LATENCY = 1
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,
  input  logic                        valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0] hdr_i,
  output logic                        valid_o,
  output logic [mpnic_pkg::HDR_W-1:0] hdr_o
);
  localparam int unsigned LSB = mpnic_pkg::HDR_SOURCE_LSB;
  logic [LATENCY-1:0]   valid_q;
  logic [6*LATENCY-1:0] number_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= LATENCY'({valid_q, valid_i});
  end
  always_ff @(posedge clk_i) number_q <= (6 * LATENCY)'({number_q, hdr_i[LSB+:6]});
  assign valid_o = valid_q[LATENCY-1];
  assign hdr_o = mpnic_pkg::HDR_W'(number_q[6*LATENCY-1-:6]) << LSB;
endmodule
