// SPDX-License-Identifier: BSD-3-Clause
// Toeplitz hash under a key that is written: hash_o of data_i, LATENCY clocks later, one a clock.
//
// Of the bytes (byte n at [8n +: 8], the highest bit of a byte first) the first five bits choose an
// entry of the first table of 32, the next five one of the second, and so on; an entry is the
// exclusive or of what its bits add to the hash. So five bits of data and the key cost a LUT's RAM
// and no gate, and the key is not there but as these tables. mpnic_toeplitz_key writes them, over a
// bus that any number of these may share: W and H may be smaller here than there (the first bytes
// of data, the upper bits of the hash). Until that is done hashes mean nothing.
module mpnic_toeplitz #(
  parameter int unsigned W = 320,  // bits of data, whole bytes
  parameter int unsigned H = 64    // bits of hash
) (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         wr_valid_i,
  input  logic [10:0]  wr_at_i,  // table, entry
  input  logic [H-1:0] wr_data_i,

  input  logic         valid_i,
  input  logic [W-1:0] data_i,
  output logic         valid_o,
  output logic [H-1:0] hash_o
);

  localparam int unsigned LATENCY = 3;
  localparam int unsigned CHUNKS = (W + 4) / 5;
  localparam int unsigned PARTS = (CHUNKS + 5) / 6;

  logic [LATENCY-1:0] valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LATENCY-2:0], valid_i};
  end
  assign valid_o = valid_q[LATENCY-1];

  // 1: the data; its bits in order, the first lowest.
  logic [W-1:0] data_q, nibbles, pairs, bits;
  always_ff @(posedge clk_i) if (valid_i) data_q <= data_i;
  assign nibbles = ((data_q & {W/8{8'h0f}}) << 4) | ((data_q >> 4) & {W/8{8'h0f}});
  assign pairs = ((nibbles & {W/8{8'h33}}) << 2) | ((nibbles >> 2) & {W/8{8'h33}});
  assign bits = ((pairs & {W/8{8'h55}}) << 1) | ((pairs >> 1) & {W/8{8'h55}});

  // 2: the tables, six of them to a word.
  logic [5*CHUNKS-1:0] padded;
  logic [H*PARTS-1:0]  parts_q;
  assign padded = (5 * CHUNKS)'(bits);
  generate
    for (genvar p = 0; p < PARTS; p++) begin : gen_part
      logic [6*H-1:0] words;
      for (genvar c = 0; c < 6; c++) begin : gen_chunk
        localparam int unsigned CHUNK = 6 * p + c;
        if (CHUNK < CHUNKS) begin : gen_table
          logic [H-1:0] mem[32];
          always_ff @(posedge clk_i) begin
            if (wr_valid_i && wr_at_i[10:5] == 6'(CHUNK)) mem[wr_at_i[4:0]] <= wr_data_i;
          end
          assign words[H*c+:H] = mem[padded[5*CHUNK+:5]];
        end else begin : gen_none
          assign words[H*c+:H] = '0;
        end
      end
      always_ff @(posedge clk_i) begin
        if (valid_q[0]) begin
          parts_q[H*p+:H] <= words[0+:H] ^ words[H+:H] ^ words[2*H+:H] ^ words[3*H+:H] ^
                             words[4*H+:H] ^ words[5*H+:H];
        end
      end
    end
  endgenerate

  // 3: all of them.
  logic [H-1:0] sum, hash_q;
  always_comb begin
    sum = '0;
    for (int unsigned p = 0; p < PARTS; p++) sum = sum ^ parts_q[H*p+:H];
  end
  always_ff @(posedge clk_i) if (valid_q[1]) hash_q <= sum;
  assign hash_o = hash_q;

endmodule
