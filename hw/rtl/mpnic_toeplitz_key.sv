// SPDX-License-Identifier: BSD-3-Clause
// Writes a Toeplitz key into the tables of one or more mpnic_toeplitz.
//
// load_i takes the key (byte n at [8n +: 8]; of its last byte the last bit adds nothing). ready_o
// falls in the clock behind it and rises when all tables are written, 2^CHUNK * ceil(W / CHUNK) + 2
// clocks later; a load_i before that starts anew. Before the first load_i it is low. The key is kept
// nowhere else, and what is written cannot be read. A key may be changed at any time, but who
// changes it has no use for the hashes from load_i until ready_o, nor for what is stored by older
// ones: the tables that are addressed by this hash are cleared.
module mpnic_toeplitz_key #(
  parameter int unsigned W = 320,    // bits of data, whole bytes
  parameter int unsigned H = 64,     // bits of hash
  parameter int unsigned CHUNK = 9   // bits of data to a table, at most 9
) (
  input  logic               clk_i,
  input  logic               rst_ni,

  input  logic               load_i,
  input  logic [W+H-1:0]     key_i,
  output logic               ready_o,

  output logic               wr_valid_o,
  output logic [CHUNK+5:0]   wr_at_o,
  output logic [H-1:0]       wr_data_o
);

  localparam int unsigned K = W + H;
  localparam int unsigned TABLES = (W + CHUNK - 1) / CHUNK;
  localparam int unsigned AT_W = CHUNK + 6;

  // The key's bits from the table's first data bit on, the first of them highest.
  logic [K-1:0] key, key_q;
  always_comb begin
    key = '0;
    if (load_i) begin
      for (int unsigned i = 0; i < K / 8; i++) key[K-8-8*i+:8] = key_i[8*i+:8];
    end
  end

  logic            busy_q, done_q, ready_q;
  logic [AT_W-1:0] at_q;
  logic            last;
  assign last = at_q == {6'(TABLES - 1), {CHUNK{1'b1}}};
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      done_q <= 1'b0;
      ready_q <= 1'b0;
      at_q <= '0;
    end else begin
      if (load_i) busy_q <= 1'b1;
      else if (last) busy_q <= 1'b0;
      at_q <= (load_i | ~busy_q) ? '0 : at_q + AT_W'(1);
      done_q <= ~load_i & busy_q & last;
      ready_q <= ~load_i & (ready_q | done_q);
    end
  end
  always_ff @(posedge clk_i) begin
    if (load_i) key_q <= key;
    else if (busy_q && (&at_q[CHUNK-1:0])) key_q <= key_q << CHUNK;
  end
  assign ready_o = ready_q;

  // Bit b of the entry's number is the table's data bit b.
  logic [8:0]      bits;
  logic            wr_valid_q;
  logic [AT_W-1:0] wr_at_q;
  logic [H-1:0]    wr_data_q;
  assign bits = 9'(at_q[CHUNK-1:0]);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) wr_valid_q <= 1'b0;
    else wr_valid_q <= busy_q;
  end
  always_ff @(posedge clk_i) begin
    if (busy_q) begin
      wr_at_q <= at_q;
      wr_data_q <= (({H{bits[0]}} & key_q[K-1-:H]) ^ ({H{bits[1]}} & key_q[K-2-:H]) ^
                    ({H{bits[2]}} & key_q[K-3-:H])) ^
                   (({H{bits[3]}} & key_q[K-4-:H]) ^ ({H{bits[4]}} & key_q[K-5-:H]) ^
                    ({H{bits[5]}} & key_q[K-6-:H])) ^
                   (({H{bits[6]}} & key_q[K-7-:H]) ^ ({H{bits[7]}} & key_q[K-8-:H]) ^
                    ({H{bits[8]}} & key_q[K-9-:H]));
    end
  end
  assign wr_valid_o = wr_valid_q;
  assign wr_at_o = wr_at_q;
  assign wr_data_o = wr_data_q;

endmodule
