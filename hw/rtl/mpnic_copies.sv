// SPDX-License-Identifier: BSD-3-Clause
// Eight registers of one word, to share its fan-out: copy k is data_o[W*k +: W]. All hold, in the
// clock after en_i, the data_i of that clock; in other clocks they may differ.
//
// Tools merge registers that are equal (Yosys does so whatever attributes say), so no two of these
// are: they differ in when they hold, and in whether they have a reset. None is inverted, for that
// would cost a LUT behind the wide multiplexers of an ECP5.
module mpnic_copies #(
  parameter int unsigned W = 1
) (
  input  logic           clk_i,
  input  logic           rst_ni,
  input  logic           en_i,
  input  logic [W-1:0]   data_i,
  output logic [8*W-1:0] data_o
);

  // Some take the data of a clock or two behind en_i as well, and some that of every clock.
  logic [1:0] en_q;
  logic [3:0] en;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) en_q <= '0;
    else en_q <= {en_q[0], en_i};
  end
  assign en = {1'b1, en_i | en_q[1], en_i | en_q[0], en_i};

  generate
    for (genvar k = 0; k < 4; k++) begin : gen_copy
      logic [W-1:0] plain_q, reset_q;
      always_ff @(posedge clk_i) if (en[k]) plain_q <= data_i;
      always_ff @(posedge clk_i or negedge rst_ni) begin
        if (!rst_ni) reset_q <= '0;
        else if (en[k]) reset_q <= data_i;
      end
      assign data_o[2*W*k+:2*W] = {reset_q, plain_q};
    end
  endgenerate

endmodule
