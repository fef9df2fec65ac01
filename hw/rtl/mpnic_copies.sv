// SPDX-License-Identifier: BSD-3-Clause
// Eight registers of one word, to share its fan-out: copy k is data_o[W*k +: W]. All hold, in the
// clock after en_i, the data_i of that clock; in other clocks they may differ.
//
// Tools merge registers that are equal (Yosys does so whatever attributes say), so no two of these
// are: they differ in polarity, in whether they hold without en_i, and in whether they have a reset.
module mpnic_copies #(
  parameter int unsigned W = 1
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           en_i,
  input  logic [W-1:0]   data_i,
  output logic [8*W-1:0] data_o
);

  logic [W-1:0] held_q, held_n_q, held_reset_q, held_reset_n_q;
  always_ff @(posedge clk_i) begin
    if (en_i) begin
      held_q <= data_i;
      held_n_q <= ~data_i;
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      held_reset_q <= '0;
      held_reset_n_q <= '0;
    end else if (en_i) begin
      held_reset_q <= data_i;
      held_reset_n_q <= ~data_i;
    end
  end

  logic [W-1:0] free_q, free_n_q, free_reset_q, free_reset_n_q;
  always_ff @(posedge clk_i) begin
    free_q <= data_i;
    free_n_q <= ~data_i;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      free_reset_q <= '0;
      free_reset_n_q <= '0;
    end else begin
      free_reset_q <= data_i;
      free_reset_n_q <= ~data_i;
    end
  end

  assign data_o = {~free_reset_n_q, free_reset_q, ~free_n_q, free_q,
                   ~held_reset_n_q, held_reset_q, ~held_n_q, held_q};

endmodule
