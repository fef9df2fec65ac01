// SPDX-License-Identifier: BSD-3-Clause
// Writes a Toeplitz key into the tables of one or more mpnic_toeplitz.
//
// load_i starts with the key (byte n at [8n +: 8]; of its last byte the last bit adds nothing), which stays
// until ready_o rises. That falls in the clock behind load_i and rises when all tables are written,
// 2^CHUNK * ceil(W / CHUNK) + ceil((H + 8) / CHUNK) + 2 clocks later; a load_i before that starts anew. Before
// the first load_i it is low. Of the key only a window is kept here, and what is written cannot be
// read. A key may be changed at any time, but who changes it has no use for the hashes from load_i
// until ready_o, nor for what is stored by older ones: the tables that are addressed by this hash are cleared.
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
  localparam int unsigned CHUNKS = (K + CHUNK - 1) / CHUNK;
  localparam int unsigned AT_W = CHUNK + 6;
  localparam int unsigned FILL = (H + CHUNK + 7) / CHUNK;  // chunks in the window
  localparam int unsigned WINDOW = CHUNK * FILL;
  localparam int unsigned NEXT_W = $clog2(CHUNKS + FILL + 1);

  // Bits CHUNK * n and on, the first of them highest; zero behind the key's end.
  function automatic logic [CHUNK-1:0] chunk_of(input logic [K-1:0] key,
                                                input logic [NEXT_W-1:0] n);
    logic [(1<<NEXT_W)-1:0] column;
    for (int unsigned b = 0; b < CHUNK; b++) begin
      column = '0;
      for (int unsigned f = 0; f < CHUNKS; f++) begin
        if (CHUNK * f + b < K) column[f] = key[((CHUNK*f+b)/8)*8+7-(CHUNK*f+b)%8];
      end
      chunk_of[CHUNK-1-b] = column[n];
    end
  endfunction

  logic              fill_q, busy_q, done_q, ready_q;
  logic [AT_W-1:0]   at_q;
  logic [NEXT_W-1:0] next_q;  // chunk
  logic              last, filled, shift;
  assign last = at_q == {6'(TABLES - 1), {CHUNK{1'b1}}};
  assign filled = next_q == NEXT_W'(FILL - 1);
  assign shift = fill_q | (busy_q & (&at_q[CHUNK-1:0]));
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      fill_q <= 1'b0;
      busy_q <= 1'b0;
      done_q <= 1'b0;
      ready_q <= 1'b0;
      at_q <= '0;
    end else begin
      fill_q <= load_i | (fill_q & ~filled);
      busy_q <= ~load_i & ((fill_q & filled) | (busy_q & ~last));
      at_q <= (load_i | ~busy_q) ? '0 : at_q + AT_W'(1);
      done_q <= ~load_i & busy_q & last;
      ready_q <= ~load_i & (ready_q | done_q);
    end
  end

  // The key's bits from the table's first data bit on, the first of them highest.
  logic [WINDOW-1:0] window_q;
  always_ff @(posedge clk_i) begin
    if (load_i) next_q <= '0;
    else if (shift) next_q <= next_q + NEXT_W'(1);
    if (shift) window_q <= WINDOW'({window_q, chunk_of(key_i, next_q)});
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
      wr_data_q <= (({H{bits[0]}} & window_q[WINDOW-1-:H]) ^ ({H{bits[1]}} & window_q[WINDOW-2-:H]) ^
                    ({H{bits[2]}} & window_q[WINDOW-3-:H])) ^
                   (({H{bits[3]}} & window_q[WINDOW-4-:H]) ^ ({H{bits[4]}} & window_q[WINDOW-5-:H]) ^
                    ({H{bits[5]}} & window_q[WINDOW-6-:H])) ^
                   (({H{bits[6]}} & window_q[WINDOW-7-:H]) ^ ({H{bits[7]}} & window_q[WINDOW-8-:H]) ^
                    ({H{bits[8]}} & window_q[WINDOW-9-:H]));
    end
  end
  assign wr_valid_o = wr_valid_q;
  assign wr_at_o = wr_at_q;
  assign wr_data_o = wr_data_q;

endmodule
