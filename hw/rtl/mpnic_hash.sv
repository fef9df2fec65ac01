// SPDX-License-Identifier: BSD-3-Clause
// The tables' keyed hash, by docs/state.md, "Tables": hash_o is that of key_i,
// mpnic_rtl_pkg::HASH_LATENCY clocks later, one a clock.
//
// The secret key's first 48 bytes come over the bus of mpnic_toeplitz_key, which says when hashes are
// right; its last 8 are offset_i, byte n at [8n +: 8], stable from then on.
module mpnic_hash #(
  parameter int unsigned W = 320,  // bits of the key, whole bytes, at most 320
  parameter int unsigned CHUNK = 9
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic               wr_valid_i,
  input  logic [CHUNK+5:0]   wr_at_i,
  input  logic [63:0]        wr_data_i,
  input  logic [63:0]        offset_i,

  input  logic               valid_i,
  input  logic [W-1:0]       key_i,
  output logic               valid_o,
  output logic [63:0]        hash_o
);

  logic        linear_valid;
  logic [63:0] linear;
  mpnic_toeplitz #(
    .W    (W),
    .H    (64),
    .CHUNK(CHUNK)
  ) u_toeplitz (
    .clk_i,
    .rst_ni,
    .wr_valid_i,
    .wr_at_i,
    .wr_data_i,
    .valid_i,
    .skip_i ('0),
    .data_i (key_i),
    .valid_o(linear_valid),
    .hash_o (linear)
  );
  mpnic_mix u_mix (
    .clk_i,
    .rst_ni,
    .offset_i,
    .valid_i (linear_valid),
    .linear_i(linear),
    .valid_o,
    .hash_o
  );

endmodule
