// SPDX-License-Identifier: BSD-3-Clause
// The tables' keyed hash, by docs/state.md, "Tables": Toeplitz, the offset, four Feistel rounds.
// hash_o is that of key_i, mpnic_rtl_pkg::HASH_LATENCY clocks later, one a clock.
//
// The secret key's first 48 bytes come over the bus of mpnic_toeplitz_key (W = 320, H = 64), which
// says when hashes are right; its last 8 are offset_i, byte n at [8n +: 8], stable from then on.
module mpnic_hash #(
  parameter int unsigned W = 320  // bits of the key, whole bytes, at most 320
) (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         wr_valid_i,
  input  logic [10:0]  wr_at_i,
  input  logic [63:0]  wr_data_i,
  input  logic [63:0]  offset_i,

  input  logic         valid_i,
  input  logic [W-1:0] key_i,
  output logic         valid_o,
  output logic [63:0]  hash_o
);

  function automatic logic [63:0] round(input logic [63:0] x);
    round = {x[31:0] ^ ({x[62:32], x[63]} & {x[55:32], x[63:56]}) ^ {x[61:32], x[63:62]},
             x[63:32]};
  endfunction

  logic        linear_valid;
  logic [63:0] linear, offset;
  mpnic_toeplitz #(
    .W(W),
    .H(64)
  ) u_toeplitz (
    .clk_i,
    .rst_ni,
    .wr_valid_i,
    .wr_at_i,
    .wr_data_i,
    .valid_i,
    .data_i (key_i),
    .valid_o(linear_valid),
    .hash_o (linear)
  );
  assign offset = {offset_i[7:0], offset_i[15:8], offset_i[23:16], offset_i[31:24],
                   offset_i[39:32], offset_i[47:40], offset_i[55:48], offset_i[63:56]};

  logic [1:0]  valid_q;
  logic [63:0] two_q, four_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], linear_valid};
  end
  always_ff @(posedge clk_i) begin
    if (linear_valid) two_q <= round(round(linear ^ offset));
    if (valid_q[0]) four_q <= round(round(two_q));
  end
  assign valid_o = valid_q[1];
  assign hash_o = four_q;

endmodule
