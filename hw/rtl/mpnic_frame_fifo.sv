// SPDX-License-Identifier: BSD-3-Clause
// Store and forward: a FIFO in block RAM whose words can be read once their frame was found good.
//
// What is pushed stays unseen until commit_i, and is forgotten with drop_i; both include the word that
// is pushed in the same clock, and drop_i goes before commit_i. Committed words are offered two clocks
// later at the earliest, then one a clock, and data_o is stable while valid_o is high and ready_i low.
// room_o is late: while it is low, and for MARGIN - 2 pushes behind its fall, there is still room.
// All outputs depend on registers alone; data_o is the RAM's, which is late in the clock.
module mpnic_frame_fifo #(
  parameter int unsigned W = 520,
  parameter int unsigned DEPTH = 512,  // a power of two
  parameter int unsigned MARGIN = 8
) (
  input  logic         clk_i,
  input  logic         rst_ni,

  output logic         room_o,
  input  logic         push_i,
  input  logic [W-1:0] data_i,
  input  logic         commit_i,
  input  logic         drop_i,

  output logic         valid_o,
  input  logic         ready_i,
  output logic [W-1:0] data_o
);

  localparam int unsigned PTR_W = $clog2(DEPTH) + 1;

  // Numbers run free: of the next word to be written, to be committed, to be fetched, to be freed.
  logic [PTR_W-1:0] wr_q, end_q, rd_q, free_q;
  logic [PTR_W-1:0] wr_behind, end_d, rd_d, used_q;
  logic             valid_q, waits_q, room_q, fetch, pop;
  assign wr_behind = wr_q + PTR_W'(push_i);
  assign end_d = (commit_i && !drop_i) ? wr_behind : end_q;
  assign fetch = waits_q & (~valid_q | ready_i);
  assign rd_d = rd_q + PTR_W'(fetch);
  assign pop = valid_q & ready_i;
  assign valid_o = valid_q;
  assign room_o = room_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      wr_q <= '0;
      end_q <= '0;
      rd_q <= '0;
      free_q <= '0;
      used_q <= '0;
      valid_q <= 1'b0;
      waits_q <= 1'b0;
      room_q <= 1'b0;
    end else begin
      wr_q <= drop_i ? end_q : wr_behind;
      end_q <= end_d;
      rd_q <= rd_d;
      free_q <= free_q + PTR_W'(pop);
      used_q <= wr_q - free_q;
      valid_q <= fetch | (valid_q & ~ready_i);
      waits_q <= rd_d != end_d;
      room_q <= used_q <= PTR_W'(DEPTH - MARGIN);
    end
  end

  (* ram_style = "block" *) logic [W-1:0] mem[DEPTH];
  logic [W-1:0] data_q;
  always_ff @(posedge clk_i) begin
    if (push_i) mem[wr_q[PTR_W-2:0]] <= data_i;
    if (fetch) data_q <= mem[rd_q[PTR_W-2:0]];
  end
  assign data_o = data_q;

endmodule
