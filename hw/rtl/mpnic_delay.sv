// SPDX-License-Identifier: BSD-3-Clause
// data_o is data_i of N clocks ago (0: a wire). Up to three clocks it is a chain of registers; beyond,
// a ring in distributed RAM with one register behind it. Contents are open until N clocks after reset.
module mpnic_delay #(
  parameter int unsigned W = 32,
  parameter int unsigned N = 4
) (
  // verilator lint_off UNUSEDSIGNAL
  input  logic         clk_i,
  input  logic         rst_ni,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [W-1:0] data_i,
  output logic [W-1:0] data_o
);

  localparam int unsigned LANE_W = 192;
  localparam int unsigned LANES = (W + LANE_W - 1) / LANE_W;

  generate
    if (N == 0) begin : gen_wire
      assign data_o = data_i;
    end else if (N <= 3) begin : gen_chain
      (* keep *) logic [N*W-1:0] data_q;
      always_ff @(posedge clk_i) data_q <= (N * W)'({data_q, data_i});
      assign data_o = data_q[(N-1)*W+:W];
    end else begin : gen_ring
      for (genvar l = 0; l < LANES; l++) begin : gen_lane
        localparam int unsigned LSB = l * LANE_W;
        localparam int unsigned THIS_W = (W - LSB < LANE_W) ? W - LSB : LANE_W;
        localparam int unsigned PTR_W = $clog2(N - 1);

        logic [THIS_W-1:0] mem[N-1];
        logic [THIS_W-1:0] data_q;
        (* keep *) logic [PTR_W-1:0] ptr_q;
        always_ff @(posedge clk_i or negedge rst_ni) begin
          if (!rst_ni) ptr_q <= '0;
          else ptr_q <= (ptr_q == PTR_W'(N - 2)) ? '0 : ptr_q + PTR_W'(1);
        end
        always_ff @(posedge clk_i) begin
          mem[ptr_q] <= data_i[LSB+:THIS_W];
          data_q <= mem[ptr_q];
        end
        assign data_o[LSB+:THIS_W] = data_q;
      end
    end
  endgenerate

endmodule
