// SPDX-License-Identifier: BSD-3-Clause
// Toeplitz hash under a key that is written: hash_o of data_i, LATENCY clocks later, one a clock.
//
// Of the bytes (byte n at [8n +: 8], the highest bit of a byte first) the first CHUNK bits choose an
// entry of the first table, the next CHUNK bits one of the second, and so on; an entry is the
// exclusive or of what its bits add to the hash. So nine bits of data and the key cost a block RAM and
// a LUT for each six of them, and the key is not there but as these tables. mpnic_toeplitz_key writes
// them, over a bus that any number of these may share: W and H may be smaller here than there (the
// first bytes of data, the upper bits of the hash). Until that is done hashes mean nothing.
//
// With FIRST the tables before that one are left out: data that is zero there, for the hash is
// linear, and that of a sum is the sum of hashes. A table that skip_i names adds nothing, as if its data
// were zero.
module mpnic_toeplitz #(
  parameter int unsigned W = 320,     // bits of data, whole bytes
  parameter int unsigned H = 64,      // bits of hash
  parameter int unsigned CHUNK = 9,   // 9: block RAM; 5: distributed RAM
  parameter int unsigned FIRST = 0
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic               wr_valid_i,
  input  logic [CHUNK+5:0]   wr_at_i,  // table, entry
  input  logic [H-1:0]       wr_data_i,

  input  logic               valid_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [63:0]        skip_i,  // by table
  input  logic [W-1:0]       data_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic               valid_o,
  output logic [H-1:0]       hash_o
);

  localparam int unsigned LATENCY = 3;
  localparam int unsigned TABLES = (W + CHUNK - 1) / CHUNK - FIRST;
  localparam int unsigned PARTS = (TABLES + 5) / 6;

  logic [LATENCY-1:0] valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LATENCY-2:0], valid_i};
  end
  assign valid_o = valid_q[LATENCY-1];

  // Bits in their order, the first lowest.
  logic [W-1:0]                     nibbles, pairs, bits;
  // verilator lint_off UNUSEDSIGNAL
  logic [CHUNK*(FIRST+TABLES)-1:0]  padded;
  // verilator lint_on UNUSEDSIGNAL
  assign nibbles = ((data_i & {W/8{8'h0f}}) << 4) | ((data_i >> 4) & {W/8{8'h0f}});
  assign pairs = ((nibbles & {W/8{8'h33}}) << 2) | ((nibbles >> 2) & {W/8{8'h33}});
  assign bits = ((pairs & {W/8{8'h55}}) << 1) | ((pairs >> 1) & {W/8{8'h55}});
  assign padded = (CHUNK * (FIRST + TABLES))'(bits);

  // 1: the tables, 2: their registers.
  logic [H*6*PARTS-1:0] words;
  generate
    for (genvar t = 0; t < 6 * PARTS; t++) begin : gen_table
      if (t < TABLES) begin : gen_mem
        logic [H-1:0] mem[1 << CHUNK];
        logic [H-1:0] word1_q, word2_q;
        always_ff @(posedge clk_i) begin
          if (wr_valid_i && wr_at_i[CHUNK+:6] == 6'(FIRST + t)) mem[wr_at_i[CHUNK-1:0]] <= wr_data_i;
        end
        always_ff @(posedge clk_i) begin
          if (valid_i) begin
            if (skip_i[FIRST+t]) word1_q <= '0;
            else word1_q <= mem[padded[CHUNK*(FIRST+t)+:CHUNK]];
          end
          if (valid_q[0]) word2_q <= word1_q;
        end
        assign words[H*t+:H] = word2_q;
      end else begin : gen_none
        assign words[H*t+:H] = '0;
      end
    end
  endgenerate

  // 3: all of them, six to a LUT. Kept: balanced anew, the sum of a part takes a third more.
  (* keep *) logic [H*PARTS-1:0] parts;
  logic [H-1:0]       sum, hash_q;
  always_comb begin
    sum = '0;
    for (int unsigned p = 0; p < PARTS; p++) begin
      parts[H*p+:H] = words[H*6*p+:H] ^ words[H*(6*p+1)+:H] ^ words[H*(6*p+2)+:H] ^
                      words[H*(6*p+3)+:H] ^ words[H*(6*p+4)+:H] ^ words[H*(6*p+5)+:H];
      sum = sum ^ parts[H*p+:H];
    end
  end
  always_ff @(posedge clk_i) if (valid_q[1]) hash_q <= sum;
  assign hash_o = hash_q;

endmodule
