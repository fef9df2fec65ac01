// SPDX-License-Identifier: BSD-3-Clause
// Stage tcpopt: the walk over the TCP options (docs/pipeline.md, "tcpopt"), one packet a clock.
//
// Guarantees: TCPOPT_LATENCY clocks after valid_i, valid_o comes with the same packet's header
// record, in which tcpopt, opt_starts, mss, wscale, ts_val, ts_ecr and their flags are filled, and
// with loc_o (see mpnic_rtl_pkg): where the first MPTCP options stand, and their bytes.
//
// The walk is a search among at most 40 chains at once. Each byte knows its exit: the number of the
// byte where the chain goes on if an option starts here, 56 or more if it ends. Exits are moved on
// until they leave a word of 4 bytes, then a group of 8, from every entry at once; beside them stand,
// for each entry, the bytes of the group that its chain reaches. Then one position goes from byte 0
// through the five groups. Bytes beyond opt_len read as kind 0, so no chain goes on there.
//
// What is the same for all bytes is computed in bit planes: bit p of a plane belongs to byte p. What
// is looked up by a position is a table: row r at [8 * r +: 8].
module mpnic_tcpopt (
  input  logic                            clk_i,
  input  logic                            rst_ni,
  input  logic                            valid_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::HDR_W-1:0]     hdr_i,  // what this and later stages fill in is zero
  // verilator lint_on UNUSEDSIGNAL
  input  logic [1:0]                      given_i,
  output logic                            valid_o,
  output logic [mpnic_pkg::HDR_W-1:0]     hdr_o,
  output logic [1:0]                      given_o,
  output logic [mpnic_rtl_pkg::LOC_W-1:0] loc_o
);
  `include "mpnic_records.svh"

  localparam int unsigned LATENCY = mpnic_rtl_pkg::TCPOPT_LATENCY;
  localparam int unsigned LOC_OPT_W = mpnic_rtl_pkg::LOC_OPT_W;
  localparam int unsigned HEAD_W = mpnic_rtl_pkg::LOC_HEAD_W;
  localparam int unsigned OPT_BITS = mpnic_rtl_pkg::LOC_OPT_BYTES * 8;

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t hdr;
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = hdr_i;

  logic [LATENCY:1] valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[LATENCY-1:1], valid_i};
  end

  // --- functions ---------------------------------------------------------------------------------

  // Rows become planes, and planes rows: an 8 x 8 matrix of bits, turned around.
  function automatic logic [63:0] turn(input logic [63:0] x);
    turn = (x & 64'haa55aa55aa55aa55) | ((x & 64'h00aa00aa00aa00aa) << 7) |
           ((x >> 7) & 64'h00aa00aa00aa00aa);
    turn = (turn & 64'hcccc3333cccc3333) | ((turn & 64'h0000cccc0000cccc) << 14) |
           ((turn >> 14) & 64'h0000cccc0000cccc);
    turn = (turn & 64'hf0f0f0f00f0f0f0f) | ((turn & 64'h00000000f0f0f0f0) << 28) |
           ((turn >> 28) & 64'h00000000f0f0f0f0);
  endfunction

  // A row of a table.
  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [7:0] row8(input logic [63:0] rows, input logic [2:0] at);
    row8 = 8'(rows >> {at, 3'd0});
  endfunction

  function automatic logic [7:0] row4(input logic [31:0] rows, input logic [1:0] at);
    row4 = 8'(rows >> {at, 3'd0});
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // A table in which bit i of row i is x[i].
  function automatic logic [63:0] diagonal(input logic [7:0] x);
    diagonal = {8{x}} & 64'h8040201008040201;
  endfunction

  // A plane of exits, each taken from the byte that stands by far bytes further on.
  function automatic logic [39:0] from_far(input logic [39:0] x, input logic [39:0] far1,
      input logic [39:0] far0);
    from_far = (~far1 & ~far0 & x) | (~far1 & far0 & (x >> 1)) | (far1 & ~far0 & (x >> 2)) |
               (far1 & far0 & (x >> 3));
  endfunction

  // How many MPTCP options start in a group, one-hot. They are 2 bytes or longer, so that no two of
  // these bits are neighbours.
  function automatic logic [4:0] count(input logic [7:0] m);
    logic [2:0] low, high;
    low[0] = m[3:0] == '0;
    low[2] = (m[0] & (m[2] | m[3])) | (m[1] & m[3]);
    low[1] = ~low[0] & ~low[2];
    high[0] = m[7:4] == '0;
    high[2] = (m[4] & (m[6] | m[7])) | (m[5] & m[7]);
    high[1] = ~high[0] & ~high[2];
    count = ({5{high[0]}} & {2'd0, low}) | ({5{high[1]}} & {1'b0, low, 1'b0}) |
            ({5{high[2]}} & {low, 2'd0});
  endfunction

  // The sum of two such counts; no bit is set if it is above 4.
  function automatic logic [4:0] add(input logic [4:0] a, input logic [4:0] b);
    add = ({5{b[0]}} & a) | ({5{b[1]}} & {a[3:0], 1'b0}) | ({5{b[2]}} & {a[2:0], 2'd0}) |
          ({5{b[3]}} & {a[1:0], 3'd0}) | ({5{b[4]}} & {a[0], 4'd0});
  endfunction

  // The first 4 MPTCP options of a group, a nibble each: { there is one, its byte of the group }.
  function automatic logic [15:0] rank(input logic [7:0] m);
    logic [15:0] now, ahead;  // nibble k is set if k are seen
    now = 16'h000f;
    ahead = now;
    rank = '0;
    for (int unsigned f = 0; f < 8; f++) begin
      rank = rank | ({16{m[f]}} & ahead & {4{1'b1, 3'(f)}});
      ahead = now;
      now = ({16{m[f]}} & {now[11:0], 4'd0}) | ({16{~m[f]}} & now);
    end
  endfunction

  // A group's nibbles, moved up by the options ahead of the group.
  function automatic logic [15:0] place(input logic [15:0] nibbles, input logic [3:0] ahead);
    place = ({16{ahead[0]}} & nibbles) | ({16{ahead[1]}} & {nibbles[11:0], 4'd0}) |
            ({16{ahead[2]}} & {nibbles[7:0], 8'd0}) | ({16{ahead[3]}} & {nibbles[3:0], 12'd0});
  endfunction

  // A plane moved down to place, by 16, by 4, by 1. What comes from beyond the options is of no use,
  // so that nothing is moved there. Gates, not ?:, which takes a quarter more LUTs: of these, Yosys
  // makes one LUT of every choice among four.
  function automatic logic [39:0] move(input logic [39:0] plane, input logic [5:0] by);
    logic [39:0] at16, at4;
    at16 = {plane[39:24], by[4] ? plane[39:24] : plane[23:8],
            ({8{by[5]}} & plane[39:32]) | ({8{by[4]}} & plane[23:16]) |
            ({8{~by[5] & ~by[4]}} & plane[7:0])};
    at4 = ({40{by[3] & by[2]}} & (at16 >> 12)) | ({40{by[3] & ~by[2]}} & (at16 >> 8)) |
          ({40{~by[3] & by[2]}} & (at16 >> 4)) | ({40{~by[3] & ~by[2]}} & at16);
    move = ({40{by[1] & by[0]}} & (at4 >> 3)) | ({40{by[1] & ~by[0]}} & (at4 >> 2)) |
           ({40{~by[1] & by[0]}} & (at4 >> 1)) | ({40{~by[1] & ~by[0]}} & at4);
  endfunction

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [3:0] top_bits(input logic [15:0] nibbles);
    top_bits = {nibbles[15], nibbles[11], nibbles[7], nibbles[3]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // The head of an MPTCP option, from its bytes 1 and 2.
  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [mpnic_rtl_pkg::LOC_HEAD_W-1:0] head(input logic [15:0] b);
    logic [15:0] len, subtype;
    len = 16'd1 << b[4:1];
    subtype = 16'd1 << b[15:12];
    head = {subtype[14:0], {14{~b[0] & ~b[5]}} & len[15:2], b[5:2] != '0, (b[5:2] != '0) | b[0]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // The last bit of a group that is set: { there is one, its number }. No two are neighbours.
  function automatic logic [3:0] last(input logic [7:0] h);
    last[3] = h != '0;
    last[2] = h[7:4] != '0;
    last[1] = h[7] | h[6] | (~h[5] & ~h[4] & (h[3] | h[2]));
    last[0] = h[7] | (~h[6] & (h[5] | (~h[4] & (h[3] | (~h[2] & h[1])))));
  endfunction

  function automatic logic [19:0] last_by_group(input logic [39:0] h);
    last_by_group = {last(h[39:32]), last(h[31:24]), last(h[23:16]), last(h[15:8]), last(h[7:0])};
  endfunction

  // The last bit of all: { there is one, its number }.
  function automatic logic [6:0] last_of_all(input logic [19:0] g);
    last_of_all = g[19] ? {4'b1100, g[18:16]} : g[15] ? {4'b1011, g[14:12]} :
                  g[11] ? {4'b1010, g[10:8]} : g[7] ? {4'b1001, g[6:4]} :
                  {g[3], 3'd0, g[2:0]};
  endfunction

  // --- what later clocks need of the header ------------------------------------------------------

  logic       active_q1, active_q5, whole_q1, whole_q5;
  logic [4:0] seg_q1, seg_q5;  // as in loc
  logic [6:0] seg_q6, seg_q7;
  logic [5:0] opt_len_q1, opt_len_q5;
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      active_q1 <= hdr.flags[mpnic_pkg::HDR_TCP] & (hdr.payload_off != '0) & (hdr.doff > 8'd5);
      whole_q1 <= hdr.parse == mpnic_pkg::PARSE_TCP;
      opt_len_q1 <= hdr.opt_len[5:0];
      seg_q1[0] <= hdr.tcp_flags[1] & ~hdr.tcp_flags[4] & ~hdr.tcp_flags[2] & ~hdr.tcp_flags[0];
      seg_q1[1] <= hdr.tcp_flags[1] & hdr.tcp_flags[4] & ~hdr.tcp_flags[2] & ~hdr.tcp_flags[0];
      seg_q1[2] <= hdr.tcp_flags[2] & ~hdr.tcp_flags[1];
      seg_q1[3] <= hdr.tcp_flags[4] & ~hdr.tcp_flags[1] & ~hdr.tcp_flags[2];
      seg_q1[4] <= hdr.payload_len != '0;
    end
  end
  mpnic_delay #(.W(13), .N(4)) u_context (
    .clk_i, .rst_ni,
    .data_i({active_q1, whole_q1, seg_q1, opt_len_q1}),
    .data_o({active_q5, whole_q5, seg_q5, opt_len_q5})
  );

  // --- clock 1: what each byte is, should an option start there, and its exit --------------------

  logic [319:0] opts_q1;
  logic [41:1]  upto_q1;  // bit i: i <= opt_len
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      opts_q1 <= hdr.opts;
      upto_q1 <= ~(41'h1ffffffffff << hdr.opt_len[5:0]);
    end
  end

  // The number of each byte, and the one after it.
  localparam logic [39:0] NO0 = 40'haaaaaaaaaa, NEXT0 = ~NO0;
  localparam logic [39:0] NO1 = 40'hcccccccccc, NEXT1 = NO1 >> 1;
  localparam logic [39:0] NO2 = 40'hf0f0f0f0f0, NEXT2 = NO2 >> 1;
  localparam logic [39:0] NO3 = 40'h00ff00ff00, NEXT3 = {1'b1, NO3[39:1]};
  localparam logic [39:0] NO4 = 40'h00ffff0000, NEXT4 = NO4 >> 1;
  localparam logic [39:0] NO5 = 40'hff00000000, NEXT5 = {1'b1, NO5[39:1]};

  logic [39:0] exit0_q1, exit1_q1, exit2_q1, exit3_q1, exit4_q1, exit5_q1;
  // Within a word: whether the chain reaches the byte 1, 2, 3 further on, and how far it comes.
  logic [39:0] reach1_q1, reach2_q1, reach3_q1, far0_q1, far1_q1;
  logic [39:0] option_q1, mptcp_q1, eol_q1, short_q1, mss_q1, wscale_q1, sack_q1, ts_q1;
  always_ff @(posedge clk_i) begin : p_bytes
    logic [63:0] t0, t1, t2, t3, t4;
    logic [39:0] k0, k1, k2, k3, k4, k5, k6, k7;  // of the kind
    logic [39:0] l0, l1, l2, l3, l4, l5, l6, l7;  // of the length
    logic [39:0] low_kind, low_len, option, short, s0, s1, s2, s3, s4, s5, carry, nowhere;
    logic [39:0] hop1, hop2, hop3, reach2, reach3;
    if (valid_i) begin
      t0 = turn(hdr.opts[63:0]);
      t1 = turn(hdr.opts[127:64]);
      t2 = turn(hdr.opts[191:128]);
      t3 = turn(hdr.opts[255:192]);
      t4 = turn(hdr.opts[319:256]);
      k0 = {t4[7:0], t3[7:0], t2[7:0], t1[7:0], t0[7:0]};
      k1 = {t4[15:8], t3[15:8], t2[15:8], t1[15:8], t0[15:8]};
      k2 = {t4[23:16], t3[23:16], t2[23:16], t1[23:16], t0[23:16]};
      k3 = {t4[31:24], t3[31:24], t2[31:24], t1[31:24], t0[31:24]};
      k4 = {t4[39:32], t3[39:32], t2[39:32], t1[39:32], t0[39:32]};
      k5 = {t4[47:40], t3[47:40], t2[47:40], t1[47:40], t0[47:40]};
      k6 = {t4[55:48], t3[55:48], t2[55:48], t1[55:48], t0[55:48]};
      k7 = {t4[63:56], t3[63:56], t2[63:56], t1[63:56], t0[63:56]};
      {l0, l1, l2, l3} = {k0 >> 1, k1 >> 1, k2 >> 1, k3 >> 1};
      {l4, l5, l6, l7} = {k4 >> 1, k5 >> 1, k6 >> 1, k7 >> 1};
      low_kind = ~(k7 | k6 | k5 | k4);  // kind below 16
      low_len = ~(l7 | l6 | l5 | l4);  // length below 16
      option = ~low_kind | k3 | k2 | k1;
      short = low_len & ~(l3 | l2 | l1);  // length below 2

      // Number plus length. Gates, not +: an adder of 6 bits, one of them constant, is one LUT a bit.
      s0 = NO0 ^ l0;
      carry = NO0 & l0;
      s1 = NO1 ^ l1 ^ carry;
      carry = (NO1 & l1) | ((NO1 | l1) & carry);
      s2 = NO2 ^ l2 ^ carry;
      carry = (NO2 & l2) | ((NO2 | l2) & carry);
      s3 = NO3 ^ l3 ^ carry;
      carry = (NO3 & l3) | ((NO3 | l3) & carry);
      s4 = NO4 ^ l4 ^ carry;
      carry = (NO4 & l4) | ((NO4 | l4) & carry);
      s5 = NO5 ^ l5 ^ carry;
      carry = (NO5 & l5) | ((NO5 | l5) & carry);
      nowhere = (option & (short | l7 | l6 | carry)) | (~option & ~k0);
      exit0_q1 <= (option & s0) | (~option & NEXT0);
      exit1_q1 <= (option & s1) | (~option & NEXT1);
      exit2_q1 <= (option & s2) | (~option & NEXT2);
      exit3_q1 <= nowhere | (option & s3) | (~option & NEXT3);
      exit4_q1 <= nowhere | (option & s4) | (~option & NEXT4);
      exit5_q1 <= nowhere | (option & s5) | (~option & NEXT5);

      hop1 = 40'h7777777777 & ~option & k0;
      hop2 = 40'h3333333333 & option & low_len & ~(l3 | l2 | l0) & l1;
      hop3 = 40'h1111111111 & option & low_len & ~(l3 | l2) & l1 & l0;
      reach2 = hop2 | (hop1 & (hop1 >> 1));
      reach3 = hop3 | (hop2 & (hop1 >> 2)) | (hop1 & ((hop2 >> 1) | ((hop1 >> 1) & (hop1 >> 2))));
      reach1_q1 <= hop1;
      reach2_q1 <= reach2;
      reach3_q1 <= reach3;
      far0_q1 <= reach3 | (hop1 & ~reach2);
      far1_q1 <= reach3 | reach2;

      option_q1 <= option;
      eol_q1 <= ~option & ~k0;
      short_q1 <= option & short;
      mptcp_q1 <= ~(k7 | k6 | k5 | k0) & k4 & k3 & k2 & k1;
      mss_q1 <= low_kind & ~(k3 | k2 | k0) & k1 & low_len & ~(l3 | l1 | l0) & l2;
      wscale_q1 <= low_kind & ~(k3 | k2) & k1 & k0 & low_len & ~(l3 | l2) & l1 & l0;
      sack_q1 <= low_kind & ~(k3 | k1 | k0) & k2 & low_len & ~(l3 | l2 | l0) & l1;
      ts_q1 <= low_kind & ~(k2 | k1 | k0) & k3 & low_len & ~(l2 | l0) & l3 & l1;
    end
  end

  // --- clock 2: which options fit; exits of words, then of groups, and what they reach -----------

  logic [39:0] mptcp_q2, eol_q2, short_q2, over_q2, mss_q2, wscale_q2, sack_q2, ts_q2;
  always_ff @(posedge clk_i) begin : p_fits
    logic [39:0] beyond, short;
    if (valid_q[1]) begin
      beyond = exit0_q1 & {40{~opt_len_q1[0]}};
      beyond = (exit1_q1 & (beyond | {40{~opt_len_q1[1]}})) | (beyond & {40{~opt_len_q1[1]}});
      beyond = (exit2_q1 & (beyond | {40{~opt_len_q1[2]}})) | (beyond & {40{~opt_len_q1[2]}});
      beyond = (exit3_q1 & (beyond | {40{~opt_len_q1[3]}})) | (beyond & {40{~opt_len_q1[3]}});
      beyond = (exit4_q1 & (beyond | {40{~opt_len_q1[4]}})) | (beyond & {40{~opt_len_q1[4]}});
      beyond = (exit5_q1 & (beyond | {40{~opt_len_q1[5]}})) | (beyond & {40{~opt_len_q1[5]}});
      short = short_q1 & upto_q1[41:2];  // the length is there
      eol_q2 <= eol_q1 & upto_q1[40:1];
      short_q2 <= short;
      over_q2 <= option_q1 & beyond & ~short;
      mptcp_q2 <= mptcp_q1 & ~beyond;
      mss_q2 <= mss_q1 & 40'(upto_q1[41:4]);
      wscale_q2 <= wscale_q1 & 40'(upto_q1[41:3]);
      sack_q2 <= sack_q1 & upto_q1[41:2];
      ts_q2 <= ts_q1 & 40'(upto_q1[41:10]);
    end
  end

  logic [39:0] word0, word1, word2, word3, word4, word5;  // exits of words
  always_comb begin
    word0 = from_far(exit0_q1, far1_q1, far0_q1);
    word1 = from_far(exit1_q1, far1_q1, far0_q1);
    word2 = from_far(exit2_q1, far1_q1, far0_q1);
    word3 = from_far(exit3_q1, far1_q1, far0_q1);
    word4 = from_far(exit4_q1, far1_q1, far0_q1);
    word5 = from_far(exit5_q1, far1_q1, far0_q1);
  end

  for (genvar g = 0; g < 5; g++) begin : g_group
    localparam int unsigned E = 8 * g;
    // verilator lint_off UNUSEDSIGNAL
    logic [63:0] exit_q, reach_q;  // of group 0, only the first rows; no exits of group 4
    // verilator lint_on UNUSEDSIGNAL
    always_ff @(posedge clk_i) begin : p_group
      logic [63:0] exits, reach;
      logic [5:0]  way;
      logic        on;  // into the second word
      if (valid_q[1]) begin
        exits = turn({16'd0, word5[E+:8], word4[E+:8], word3[E+:8], word2[E+:8], word1[E+:8],
                      word0[E+:8]});
        reach = diagonal(8'hff) | (diagonal(reach1_q1[E+:8]) << 1) |
                (diagonal(reach2_q1[E+:8]) << 2) | (diagonal(reach3_q1[E+:8]) << 3);
        for (int unsigned e = 0; e < 4; e++) begin
          way = exits[8*e+:6];
          on = way[5:2] == 4'(2 * g + 1);
          if (on) exits[8*e+:8] = row4(exits[63:32], way[1:0]);
          reach[8*e+:8] = reach[8*e+:8] | ({8{on}} & row4(reach[63:32], way[1:0]));
        end
        exit_q <= exits;
        reach_q <= reach;
      end
    end
  end

  // --- clocks 3 and 4: through the groups; the bytes that are reached ----------------------------

  // Clock 3 goes through group 1, and looks where the chain would go from there through groups 2 and
  // 3; clock 4 chooses. reach2 is looked up for both ways into group 2 before it is known which.
  logic [39:0]  reach_q4;
  logic [23:0]  reach_q3, found_q3;  // found: MPTCP options that are reached
  logic [39:24] mptcp_q3, found_q4;
  logic [63:0]  reach3_q3, reach4_q3;
  logic [5:0]   at_q3, by2_q3, by3_q3, by23_q3;
  always_ff @(posedge clk_i) begin : p_through
    logic [23:0] reach;
    logic [15:0] reach34;
    logic [63:0] by23;
    logic [7:0]  way;
    logic [5:0]  start, by1, at, at3, at4;
    logic        in1;
    if (valid_q[2]) begin
      start = g_group[0].exit_q[5:0];
      in1 = start[5:3] == 3'd1;
      by1 = 6'(row8(g_group[1].exit_q, start[2:0]));
      at = in1 ? by1 : start;
      reach[7:0] = g_group[0].reach_q[7:0];
      reach[15:8] = {8{in1}} & row8(g_group[1].reach_q, start[2:0]);
      reach[23:16] =
          ({8{in1 & (by1[5:3] == 3'd2)}} & row8(g_group[2].reach_q, by1[2:0])) |
          ({8{start[5:3] == 3'd2}} & row8(g_group[2].reach_q, start[2:0]));
      for (int unsigned e = 0; e < 8; e++) begin
        way = g_group[2].exit_q[8*e+:8];
        by23[8*e+:8] = (way[5:3] == 3'd3) ? row8(g_group[3].exit_q, way[2:0]) : way;
      end
      at_q3 <= at;
      by2_q3 <= 6'(row8(g_group[2].exit_q, at[2:0]));
      by3_q3 <= 6'(row8(g_group[3].exit_q, at[2:0]));
      by23_q3 <= 6'(row8(by23, at[2:0]));
      reach_q3 <= reach;
      found_q3 <= reach & mptcp_q2[23:0];
      mptcp_q3 <= mptcp_q2[39:24];
      reach3_q3 <= g_group[3].reach_q;
      reach4_q3 <= g_group[4].reach_q;
    end
    if (valid_q[3]) begin
      at3 = (at_q3[5:3] == 3'd2) ? by2_q3 : at_q3;
      at4 = (at_q3[5:3] == 3'd2) ? by23_q3 : (at_q3[5:3] == 3'd3) ? by3_q3 : at_q3;
      reach34[7:0] = {8{at3[5:3] == 3'd3}} & row8(reach3_q3, at3[2:0]);
      reach34[15:8] = {8{at4[5:3] == 3'd4}} & row8(reach4_q3, at4[2:0]);
      reach_q4 <= {reach34, reach_q3};
      found_q4 <= reach34 & mptcp_q3;
    end
  end

  // --- clocks 4 to 6: which MPTCP option is the first, second, third, fourth ---------------------

  // How many stand before group g, and in it, one-hot.
  logic [3:0]  before1_q4, before3_q5;
  logic [4:0]  before2_q4, before4_q5, count2_q4, count4_q5;
  logic [15:0] rank0_q4, rank1_q4, rank2_q4, rank3_q5, rank4_q5;
  logic [15:0] byte_q5;  // a nibble each: { there is one, its byte in its group }
  logic [3:0]  group1_q5, group2_q5;  // whether it is in that group
  logic [23:0] offset_d6, offset_q6;
  logic [3:0]  there_d6, there_q6;
  logic [4:0]  total_q6;
  always_comb begin : p_place
    logic [15:0] place3, place4, bytes;
    place3 = place(rank3_q5, before3_q5);
    place4 = place(rank4_q5, before4_q5[3:0]);
    bytes = byte_q5 | place3 | place4;
    there_d6 = top_bits(bytes);
    for (int unsigned k = 0; k < 4; k++) begin
      offset_d6[6*k+:6] = {place4[4*k+3], group2_q5[k] | place3[4*k+3],
                           group1_q5[k] | place3[4*k+3], bytes[4*k+:3]};
    end
  end
  always_ff @(posedge clk_i) begin : p_rank
    logic [4:0]  before3;
    logic [15:0] place1, place2;
    if (valid_q[3]) begin
      before1_q4 <= 4'(count(found_q3[7:0]));
      before2_q4 <= add(count(found_q3[7:0]), count(found_q3[15:8]));
      count2_q4 <= count(found_q3[23:16]);
      rank0_q4 <= rank(found_q3[7:0]);
      rank1_q4 <= rank(found_q3[15:8]);
      rank2_q4 <= rank(found_q3[23:16]);
    end
    if (valid_q[4]) begin
      before3 = add(before2_q4, count2_q4);
      before3_q5 <= before3[3:0];
      before4_q5 <= add(before3, count(found_q4[31:24]));
      count4_q5 <= count(found_q4[39:32]);
      rank3_q5 <= rank(found_q4[31:24]);
      rank4_q5 <= rank(found_q4[39:32]);
      place1 = place(rank1_q4, before1_q4);
      place2 = place(rank2_q4, before2_q4[3:0]);
      byte_q5 <= rank0_q4 | place1 | place2;
      group1_q5 <= top_bits(place1);
      group2_q5 <= top_bits(place2);
    end
    if (valid_q[5]) begin
      there_q6 <= there_d6;
      offset_q6 <= offset_d6;
      total_q6 <= add(before4_q5, count4_q5);
    end
  end

  // --- clocks 5 and 6: the verdict, and where the last option of each kind stands ----------------

  logic [39:0] eol_q3, eol_q4, short_q3, short_q4, over_q3, over_q4;
  logic [39:0] mss_q3, mss_q4, wscale_q3, wscale_q4, sack_q3, sack_q4, ts_q3, ts_q4;
  logic        met_eol_q5, met_short_q5, met_over_q5, sack_q5, sack_q6;
  logic [19:0] mss_q5, wscale_q5, ts_q5;  // by groups
  logic [6:0]  mss_at_d6, wscale_at_d6, ts_at_d6;
  logic        mss_q6, wscale_q6, ts_q6;
  logic [39:0] starts_q5, starts_q6;
  logic [7:0]  tcpopt_d6, tcpopt_q6;
  always_comb begin
    if (!active_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_NONE;
    else if (met_eol_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_OK;
    else if (met_short_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_LEN_BELOW_2;
    else if (!whole_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_CUT;
    else if (met_over_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_OVERRUN;
    else tcpopt_d6 = mpnic_pkg::TCPOPT_OK;
    mss_at_d6 = last_of_all(mss_q5);
    wscale_at_d6 = last_of_all(wscale_q5);
    ts_at_d6 = last_of_all(ts_q5);
  end
  always_ff @(posedge clk_i) begin
    if (valid_q[2]) begin
      {eol_q3, short_q3, over_q3} <= {eol_q2, short_q2, over_q2};
      {mss_q3, wscale_q3, sack_q3, ts_q3} <= {mss_q2, wscale_q2, sack_q2, ts_q2};
    end
    if (valid_q[3]) begin
      {eol_q4, short_q4, over_q4} <= {eol_q3, short_q3, over_q3};
      {mss_q4, wscale_q4, sack_q4, ts_q4} <= {mss_q3, wscale_q3, sack_q3, ts_q3};
    end
    if (valid_q[4]) begin
      met_eol_q5 <= (reach_q4 & eol_q4) != '0;
      met_short_q5 <= (reach_q4 & short_q4) != '0;
      met_over_q5 <= (reach_q4 & over_q4) != '0;
      sack_q5 <= (reach_q4 & sack_q4) != '0;
      mss_q5 <= last_by_group(reach_q4 & mss_q4);
      wscale_q5 <= last_by_group(reach_q4 & wscale_q4);
      ts_q5 <= last_by_group(reach_q4 & ts_q4);
      starts_q5 <= reach_q4;
    end
    if (valid_q[5]) begin
      starts_q6 <= starts_q5 & ~(40'hffffffffff << opt_len_q5);
      tcpopt_q6 <= tcpopt_d6;
      {mss_q6, wscale_q6, ts_q6} <= {mss_at_d6[6], wscale_at_d6[6], ts_at_d6[6]};
      sack_q6 <= sack_q5;
    end
  end

  // --- clock 7: bytes moved to place -------------------------------------------------------------

  logic [319:0] opts_q6, opts_q7;
  mpnic_delay #(.W(320), .N(5)) u_opts (
    .clk_i, .rst_ni,
    .data_i(opts_q1),
    .data_o(opts_q6)
  );

  // Each plane has its own copy of what says how far to move it.
  localparam int unsigned AT_W = 7 * 6;
  logic [8*AT_W-1:0] at_q6;  // { timestamps, window scale, MSS, fourth to first MPTCP option }
  mpnic_copies #(.W(AT_W)) u_at (
    .clk_i, .rst_ni, .en_i(valid_q[5]),
    .data_i({ts_at_d6[5:0], wscale_at_d6[5:0], mss_at_d6[5:0], offset_d6}),
    .data_o(at_q6)
  );

  logic [63:0]  turned0, turned1, turned2, turned3, turned4;
  logic [319:0] planes;  // bit b of all bytes at [40 * b +: 40]
  always_comb begin
    turned0 = turn(opts_q6[63:0]);
    turned1 = turn(opts_q6[127:64]);
    turned2 = turn(opts_q6[191:128]);
    turned3 = turn(opts_q6[255:192]);
    turned4 = turn(opts_q6[319:256]);
    for (int unsigned b = 0; b < 8; b++) begin
      planes[40*b+:40] = {turned4[8*b+:8], turned3[8*b+:8], turned2[8*b+:8], turned1[8*b+:8],
                          turned0[8*b+:8]};
    end
  end

  logic [3:0]            there_q7;
  logic [23:0]           offset_q7;
  logic [4*OPT_BITS-1:0] bytes_q7;
  logic [4*HEAD_W-1:0]   head_q7;
  logic                  too_many_q7, has_mss_q7, has_wscale_q7, has_sack_q7, has_ts_q7;
  logic [39:0]           starts_q7;
  logic [7:0]            tcpopt_q7, wscale_q7;
  logic [15:0]           mss_q7;
  logic [63:0]           ts_q7;
  for (genvar k = 0; k < 4; k++) begin : g_move
    always_ff @(posedge clk_i) begin : p_move
      // verilator lint_off UNUSEDSIGNAL
      logic [39:0] plane;
      // verilator lint_on UNUSEDSIGNAL
      logic [63:0] b8_1, b16_9, b24_17, b29_25;
      logic [OPT_BITS-1:0] bytes;
      if (valid_q[6] & there_q6[k]) begin
        b29_25 = '0;
        for (int unsigned b = 0; b < 8; b++) begin
          plane = move(planes[40*b+:40], at_q6[AT_W*b+6*k+:6]);
          b8_1[8*b+:8] = plane[8:1];
          b16_9[8*b+:8] = plane[16:9];
          b24_17[8*b+:8] = plane[24:17];
          b29_25[8*b+:5] = plane[29:25];
        end
        bytes = OPT_BITS'({turn(b29_25), turn(b24_17), turn(b16_9), turn(b8_1)});
        bytes_q7[OPT_BITS*k+:OPT_BITS] <= bytes;
        head_q7[HEAD_W*k+:HEAD_W] <= head(bytes[15:0]);
      end
    end
  end
  always_ff @(posedge clk_i) begin : p_noted
    // verilator lint_off UNUSEDSIGNAL
    logic [39:0] plane;
    // verilator lint_on UNUSEDSIGNAL
    logic [63:0] ts;
    if (valid_q[6]) begin
      mss_q7 <= '0;
      wscale_q7 <= '0;
      ts_q7 <= '0;
      if (mss_q6) begin
        for (int unsigned b = 0; b < 8; b++) begin
          plane = move(planes[40*b+:40], at_q6[AT_W*b+24+:6]);
          mss_q7[b] <= plane[2];
          mss_q7[8+b] <= plane[3];
        end
      end
      if (wscale_q6) begin
        for (int unsigned b = 0; b < 8; b++) begin
          plane = move(planes[40*b+:40], at_q6[AT_W*b+30+:6]);
          wscale_q7[b] <= plane[2];
        end
      end
      if (ts_q6) begin
        for (int unsigned b = 0; b < 8; b++) begin
          plane = move(planes[40*b+:40], at_q6[AT_W*b+36+:6]);
          ts[8*b+:8] = plane[9:2];
        end
        ts_q7 <= turn(ts);
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (valid_q[5]) begin
      seg_q6 <= {~(seg_q5[3] | seg_q5[2]), ~(seg_q5[3] | seg_q5[1] | seg_q5[0]), seg_q5};
    end
    if (valid_q[6]) begin
      seg_q7 <= seg_q6;
      opts_q7 <= opts_q6;
      starts_q7 <= starts_q6;
      tcpopt_q7 <= tcpopt_q6;
      there_q7 <= there_q6;
      offset_q7 <= offset_q6;
      too_many_q7 <= total_q6 == '0;
      {has_mss_q7, has_wscale_q7, has_sack_q7, has_ts_q7} <=
          {mss_q6, wscale_q6, sack_q6, ts_q6};
    end
  end

  // --- the header record and loc -----------------------------------------------------------------

  // From parse: the verdict, source to opt_len, and the addresses; some bits of that are zero.
  localparam int unsigned FROM = mpnic_pkg::HDR_SOURCE_LSB;
  localparam int unsigned TO = mpnic_pkg::HDR_OPT_LEN_LSB + 6;
  localparam int unsigned KEPT_W = 256 + TO - FROM + 4;
  mpnic_hdr_t        out;
  logic [KEPT_W-1:0] kept;
  mpnic_delay #(.W(KEPT_W + 2), .N(LATENCY)) u_kept (
    .clk_i, .rst_ni,
    .data_i({given_i, hdr_i[3:0], hdr_i[767:512], hdr_i[TO-1:FROM]}),
    .data_o({given_o, kept})
  );

  always_comb begin
    out = '0;
    {out[3:0], out[767:512], out[TO-1:FROM]} = kept;
    out.opts = opts_q7;
    out.tcpopt = tcpopt_q7;
    out.opt_starts[39:0] = starts_q7;
    out.flags[mpnic_pkg::HDR_MSS] = has_mss_q7;
    out.flags[mpnic_pkg::HDR_WSCALE] = has_wscale_q7;
    out.flags[mpnic_pkg::HDR_SACK_PERMITTED] = has_sack_q7;
    out.flags[mpnic_pkg::HDR_TIMESTAMPS] = has_ts_q7;
    out.mss = {mss_q7[7:0], mss_q7[15:8]};
    out.wscale = wscale_q7;
    out.ts_val = {ts_q7[7:0], ts_q7[15:8], ts_q7[23:16], ts_q7[31:24]};
    out.ts_ecr = {ts_q7[39:32], ts_q7[47:40], ts_q7[55:48], ts_q7[63:56]};
  end
  assign hdr_o = out;
  assign valid_o = valid_q[LATENCY];

  for (genvar k = 0; k < 4; k++) begin : g_loc
    assign loc_o[LOC_OPT_W*k+:LOC_OPT_W] = {
        head_q7[HEAD_W*k+:HEAD_W], bytes_q7[OPT_BITS*k+:OPT_BITS],
        1'b0, offset_q7[6*k+:6], there_q7[k]};
  end
  assign loc_o[mpnic_rtl_pkg::LOC_SEG_LSB+:mpnic_rtl_pkg::LOC_SEG_W] = seg_q7;
  assign loc_o[mpnic_rtl_pkg::LOC_TOO_MANY] = too_many_q7;

endmodule
