// SPDX-License-Identifier: BSD-3-Clause
// mpnic_fifo: whatever is pushed and popped, and whenever, one word chosen at will comes out in its
// place, unchanged; valid_o and ready_o say whether a word is there and whether there is room.
`include "formal.svh"
module fifo_props #(
  parameter int unsigned W = 4,
  parameter int unsigned DEPTH = 16
) (
  input logic         clk_i,
  input logic         valid_i,
  input logic         ready_i,
  input logic [W-1:0] data_i,
  input logic         mark_i  // watch the word that is pushed now
);
  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  logic         ready_o, valid_o;
  logic [W-1:0] data_o;
  mpnic_fifo #(.W(W), .DEPTH(DEPTH)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .valid_i, .ready_o, .data_i, .valid_o, .ready_i, .data_o
  );

  logic push, pop;
  assign push = valid_i & ready_o;
  assign pop = valid_o & ready_i;

  logic [$clog2(DEPTH):0] inside_q = '0, ahead_q = '0;
  logic                   watched_q = 1'b0, seen_q = 1'b0;
  logic [W-1:0]           word_q = '0, held_q = '0;
  logic                   waits_q = 1'b0;
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      inside_q <= inside_q + {{$clog2(DEPTH){1'b0}}, push} - {{$clog2(DEPTH){1'b0}}, pop};
      if (!watched_q && !seen_q && mark_i && push) begin
        watched_q <= 1'b1;
        word_q <= data_i;
        ahead_q <= inside_q - {{$clog2(DEPTH){1'b0}}, pop};
      end else if (watched_q && pop) begin
        if (ahead_q == '0) begin
          watched_q <= 1'b0;
          seen_q <= 1'b1;
        end else begin
          ahead_q <= ahead_q - 1'b1;
        end
      end
      waits_q <= valid_o & ~ready_i;
      held_q <= data_o;
    end
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      `PROVE(valid_o == (inside_q != '0));
      `PROVE(ready_o == (inside_q != DEPTH[$clog2(DEPTH):0]));
      if (watched_q && ahead_q == '0) `PROVE(valid_o && data_o == word_q);
      if (waits_q) `PROVE(valid_o && data_o == held_q);
      `COVER(seen_q && inside_q == DEPTH[$clog2(DEPTH):0]);
    end
  end
endmodule
