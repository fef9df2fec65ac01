// SPDX-License-Identifier: BSD-3-Clause
// Synchronous first-word fall-through FIFO for flat vectors, in block RAM.
//
// A word taken in one clock is offered two clocks later at the earliest, then one a clock; up to
// DEPTH words wait. Nothing is taken while ready_o is low, nothing is lost, doubled or reordered, and
// data_o is stable while valid_o is high and ready_i low. All outputs depend on registers alone;
// data_o is the RAM's, which is late in the clock: it goes to a register, or leaves.
module mpnic_ram_fifo #(
  parameter int unsigned W = 32,
  parameter int unsigned DEPTH = 64  // a power of two
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

  logic push, pop, fetch;
  assign push = valid_i & ready_o;
  assign pop = valid_o & ready_i;

  // Where the next word is written, read, and freed by its pop; beside them the place behind, so that
  // what is empty or full behind this clock is a comparison of registers.
  logic             valid_q, ready_q, waits_q;  // waits: a word that data_q has not seen
  logic [PTR_W-1:0] wr_q, wr_behind_q, rd_q, rd_behind_q, free_q;
  assign fetch = waits_q & (~valid_q | ready_i);
  assign valid_o = valid_q;
  assign ready_o = ready_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_q <= 1'b0;
      ready_q <= 1'b1;
      waits_q <= 1'b0;
      wr_q <= '0;
      wr_behind_q <= PTR_W'(1);
      rd_q <= '0;
      rd_behind_q <= PTR_W'(1);
      free_q <= '0;
    end else begin
      valid_q <= fetch | (valid_q & ~ready_i);
      ready_q <= pop | (ready_q & ~(push & (wr_behind_q == free_q)));
      waits_q <= push | (waits_q & ~(fetch & (rd_behind_q == wr_q)));
      if (push) begin
        wr_q <= wr_q + PTR_W'(1);
        wr_behind_q <= wr_behind_q + PTR_W'(1);
      end
      if (fetch) begin
        rd_q <= rd_q + PTR_W'(1);
        rd_behind_q <= rd_behind_q + PTR_W'(1);
      end
      if (pop) free_q <= free_q + PTR_W'(1);
    end
  end

  (* ram_style = "block" *) logic [W-1:0] mem[DEPTH];
  logic [W-1:0] data_q;
  always_ff @(posedge clk_i) begin
    if (push) mem[wr_q] <= data_i;
    if (fetch) data_q <= mem[rd_q];
  end
  assign data_o = data_q;

endmodule
