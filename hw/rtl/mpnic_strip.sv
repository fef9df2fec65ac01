// SPDX-License-Identifier: BSD-3-Clause
// Which bytes of a packet's TCP options become NOPs, and what that changes in its checksum
// (docs/state.md, "deparse"). One packet a clock, STRIP_LATENCY clocks from valid_i to valid_o.
//
// mask_o: bit i: byte i of the options becomes a NOP.
// delta_o: { carry, low }: the checksum, inverted, is to be made larger by low + carry, which is 1 to
// 65535, in ones' complement arithmetic.
//
// The options are a walk's: option starts are bits of starts_i, each option reaches to the next start,
// and of the last one alone it is open whether all of it is there.
module mpnic_strip (
  input  logic         clk_i,
  input  logic         rst_ni,

  input  logic         valid_i,
  input  logic [319:0] opts_i,
  input  logic [39:0]  starts_i,
  input  logic [5:0]   len_i,  // bytes of options
  input  logic [15:0]  strip_i,  // by subtype

  output logic         valid_o,
  output logic [39:0]  mask_o,
  output logic [16:0]  delta_o
);

  localparam int unsigned LATENCY = mpnic_rtl_pkg::STRIP_LATENCY;
  localparam int unsigned BYTES = mpnic_pkg::TCP_OPT_MAX;
  localparam logic [7:0]  KIND_MPTCP = 8'(mpnic_pkg::TCPOPT_KIND_MPTCP);
  localparam logic [7:0]  KIND_NOP = 8'd1;

  logic [LATENCY:1] valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LATENCY-1:1], valid_i};
  end
  assign valid_o = valid_q[LATENCY];

  // --- 1: options of these subtypes; where the last option starts --------------------------------

  // Length 2, then: there is no subtype.
  logic [BYTES-1:0] chosen, chosen1_q, starts1_q;
  generate
    for (genvar i = 0; i < BYTES; i++) begin : gen_byte
      if (i + 2 < BYTES) begin : gen_there
        assign chosen[i] = starts_i[i] & ~starts_i[i+2] & (opts_i[8*i+:8] == KIND_MPTCP) &
                           strip_i[opts_i[8*i+20+:4]];
      end else begin : gen_short
        assign chosen[i] = 1'b0;
      end
    end
  endgenerate

  // The highest bit of 8.
  function automatic logic [2:0] high8(input logic [7:1] x);
    high8[2] = |x[7:4];
    high8[1] = x[7] | x[6] | (~x[5] & ~x[4] & (x[3] | x[2]));
    high8[0] = x[7] | (~x[6] & (x[5] | (~x[4] & (x[3] | (~x[2] & x[1])))));
  endfunction

  logic [4:1] any;  // by eight bytes
  logic [5:0] last, last1_q, len1_q;
  always_comb begin
    for (int unsigned g = 1; g < 5; g++) any[g] = |starts_i[8*g+:8];
    last = any[4] ? {3'd4, high8(starts_i[39:33])} :
           any[3] ? {3'd3, high8(starts_i[31:25])} :
           any[2] ? {3'd2, high8(starts_i[23:17])} :
           any[1] ? {3'd1, high8(starts_i[15:9])} : {3'd0, high8(starts_i[7:1])};
  end

  logic [8*BYTES-1:0] opts1_q, opts2_q, opts3_q;
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      chosen1_q <= chosen;
      starts1_q <= starts_i;
      last1_q <= last;
      len1_q <= len_i;
      opts1_q <= opts_i;
    end
  end

  // --- 2, 3: all bytes of these options, as if the last one were whole; whether it is ------------

  // A carry is made where a chosen option starts, goes on up to the next start, and is seen at the
  // byte behind.
  logic [BYTES:0]     sum;
  logic [BYTES-1:0]   run3_q;
  logic [BYTES-1:1]   runs2_q, starts2_q;
  logic               run_end2_q;
  logic [8*BYTES-1:0] behind;  // one byte on
  logic [7:0]         last_len2_q;
  logic [5:0]         last2_q, len2_q, rest2_q, end3_q;
  assign sum = {1'b0, chosen1_q | ~starts1_q} + {1'b0, chosen1_q};
  assign behind = {8'd0, opts1_q[8*BYTES-1:8]};
  always_ff @(posedge clk_i) begin
    if (valid_q[1]) begin
      runs2_q <= sum[BYTES-1:1];
      run_end2_q <= sum[BYTES];
      starts2_q <= starts1_q[BYTES-1:1];
      last_len2_q <= behind[{last1_q, 3'd0}+:8];
      rest2_q <= len1_q - last1_q;
      {last2_q, len2_q} <= {last1_q, len1_q};
      opts2_q <= opts1_q;
    end
    if (valid_q[2]) begin
      run3_q <= {run_end2_q, ~(runs2_q ^ starts2_q)};
      end3_q <= (last_len2_q == 8'(rest2_q) && rest2_q != 6'd2) ? len2_q : last2_q;
      opts3_q <= opts2_q;
    end
  end

  // --- 4: the bytes; what they were ---------------------------------------------------------------

  // Bytes that stay count as if they were NOPs: then what changes is the sum over all bytes,
  // inverted, and the sum of 40 NOPs.
  logic [BYTES-1:0]   stays3, mask4_q, mask5_q, mask6_q;
  logic [8*BYTES-1:0] was4_q;
  always_comb begin
    for (int unsigned i = 0; i < BYTES; i++) stays3[i] = ~run3_q[i] | (6'(i) >= end3_q);
  end
  always_ff @(posedge clk_i) begin
    mask4_q <= ~stays3;
    for (int unsigned i = 0; i < BYTES; i++) begin
      was4_q[8*i+:8] <= stays3[i] ? KIND_NOP : opts3_q[8*i+:8];
    end
  end

  // --- 5, 6: their sum ---------------------------------------------------------------------------

  localparam int unsigned WORDS = BYTES / 2;
  localparam logic [15:0] NOPS = 16'(WORDS) * {KIND_NOP, KIND_NOP};

  function automatic logic [15:0] double(input logic [15:0] x);
    double = {x[14:0], x[15]};
  endfunction

  // Six words to three, three to two.
  function automatic logic [47:0] add6(input logic [95:0] x);
    logic [15:0] s0, s1, c0, c1, c2;
    s0 = x[15:0] ^ x[31:16] ^ x[47:32];
    c0 = (x[15:0] & x[31:16]) | (x[47:32] & (x[15:0] ^ x[31:16]));
    s1 = x[63:48] ^ x[79:64] ^ x[95:80];
    c1 = (x[63:48] & x[79:64]) | (x[95:80] & (x[63:48] ^ x[79:64]));
    c2 = s0 & s1;
    add6 = {double(double((c0 & c1) | (c2 & (c0 ^ c1)))), double(c0 ^ c1 ^ c2), s0 ^ s1};
  endfunction

  function automatic logic [31:0] add3(input logic [47:0] x);
    add3 = {double((x[15:0] & x[31:16]) | (x[47:32] & (x[15:0] ^ x[31:16]))),
            x[15:0] ^ x[31:16] ^ x[47:32]};
  endfunction

  logic [16*WORDS-1:0] words4;  // as numbers, inverted
  logic [12*16-1:0]    twelve;
  logic [6*16-1:0]     six;
  logic [31:0]         two5_q;
  always_comb begin
    for (int unsigned w = 0; w < WORDS; w++) begin
      words4[16*w+:16] = ~mpnic_rtl_pkg::be16(was4_q[16*w+:16]);
    end
  end
  assign twelve = {NOPS, words4[319:288], add6(words4[287:192]), add6(words4[191:96]),
                   add6(words4[95:0])};
  assign six = {add6(twelve[191:96]), add6(twelve[95:0])};
  always_ff @(posedge clk_i) begin
    if (valid_q[4]) begin
      two5_q <= add3(add6(six));
      mask5_q <= mask4_q;
    end
    if (valid_q[5]) begin
      delta_o <= {1'b0, two5_q[31:16]} + {1'b0, two5_q[15:0]};
      mask6_q <= mask5_q;
    end
  end
  assign mask_o = mask6_q;

endmodule
