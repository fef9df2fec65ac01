// SPDX-License-Identifier: BSD-3-Clause
// Synchronous first-word fall-through FIFO for flat vectors, in distributed RAM.
//
// A word taken in one clock is offered in the next; up to DEPTH words wait. Nothing is taken while
// ready_o is low, nothing is lost, doubled or reordered, and data_o is stable while valid_o is high
// and ready_i low. All outputs depend on registers alone. The memory is split into lanes that have
// pointers of their own, so that no pointer drives more than LANE_W columns.
module mpnic_fifo #(
  parameter int unsigned W = 32,
  parameter int unsigned DEPTH = 16  // a power of two
) (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         valid_i,
  output logic         ready_o,
  input  logic [W-1:0] data_i,

  output logic         valid_o,
  input  logic         ready_i,
  output logic [W-1:0] data_o
);

  localparam int unsigned PTR_W = $clog2(DEPTH);
  localparam int unsigned LANE_W = 192;
  localparam int unsigned LANES = (W + LANE_W - 1) / LANE_W;

  logic push, pop;
  assign push = valid_i & ready_o;
  assign pop = valid_o & ready_i;

  logic [PTR_W:0] count_q;  // of words inside
  logic           valid_q, ready_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      count_q <= '0;
      valid_q <= 1'b0;
      ready_q <= 1'b1;
    end else if (push != pop) begin
      count_q <= push ? count_q + (PTR_W + 1)'(1) : count_q - (PTR_W + 1)'(1);
      valid_q <= push | (count_q != (PTR_W + 1)'(1));
      ready_q <= pop | (count_q != (PTR_W + 1)'(DEPTH - 1));
    end
  end
  assign valid_o = valid_q;
  assign ready_o = ready_q;

  generate
    for (genvar l = 0; l < LANES; l++) begin : gen_lane
      localparam int unsigned LSB = l * LANE_W;
      localparam int unsigned THIS_W = (W - LSB < LANE_W) ? W - LSB : LANE_W;

      logic [THIS_W-1:0] mem[DEPTH];
      (* keep *) logic [PTR_W-1:0] wr_q;
      (* keep *) logic [PTR_W-1:0] rd_q;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) begin
          wr_q <= '0;
          rd_q <= '0;
        end else begin
          wr_q <= wr_q + PTR_W'(push);
          rd_q <= rd_q + PTR_W'(pop);
        end
      end
      always_ff @(posedge clk_i) begin
        if (push) mem[wr_q] <= data_i[LSB+:THIS_W];
      end
      assign data_o[LSB+:THIS_W] = mem[rd_q];
    end
  endgenerate

endmodule
