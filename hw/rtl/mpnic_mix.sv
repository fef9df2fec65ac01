// SPDX-License-Identifier: BSD-3-Clause
// What stands behind the Toeplitz hash of a table's key, by docs/state.md, "Tables": the offset, and
// four Feistel rounds. hash_o is that of linear_i, mpnic_rtl_pkg::MIX_LATENCY clocks later.
module mpnic_mix (
  input  logic        clk_i,
  input  logic        rst_ni,

  input  logic [63:0] offset_i,  // byte n at [8n +: 8]
  input  logic        valid_i,
  input  logic [63:0] linear_i,
  output logic        valid_o,
  output logic [63:0] hash_o
);

  function automatic logic [63:0] round(input logic [63:0] x);
    round = {x[31:0] ^ ({x[62:32], x[63]} & {x[55:32], x[63:56]}) ^ {x[61:32], x[63:62]},
             x[63:32]};
  endfunction

  logic [63:0] offset;
  assign offset = {offset_i[7:0], offset_i[15:8], offset_i[23:16], offset_i[31:24],
                   offset_i[39:32], offset_i[47:40], offset_i[55:48], offset_i[63:56]};

  logic [1:0]  valid_q;
  logic [63:0] two_q, four_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[0], valid_i};
  end
  always_ff @(posedge clk_i) begin
    if (valid_i) two_q <= round(round(linear_i ^ offset));
    if (valid_q[0]) four_q <= round(round(two_q));
  end
  assign valid_o = valid_q[1];
  assign hash_o = four_q;

endmodule
