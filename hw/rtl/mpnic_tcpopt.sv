// SPDX-License-Identifier: BSD-3-Clause
// Stage tcpopt: the walk over the TCP options (docs/pipeline.md, "tcpopt"), one packet a clock.
//
// Guarantees: TCPOPT_LATENCY clocks after valid_i, valid_o comes with the same packet's header
// record, in which tcpopt, opt_starts, mss, wscale, ts_val, ts_ecr and their flags are filled, and
// with loc_o (see mpnic_rtl_pkg): where the first MPTCP options stand, and their bytes.
//
// The walk is a graph search. The row of a byte holds the bytes that the chain reaches from it; at
// first that is one bit. Rows are closed over 4 and then 8 bytes, from every entry at once; then
// what is reached from byte 0 passes through the five groups of 8 bytes in turn. Bytes beyond
// opt_len read as kind 0, so no chain goes on there.
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

  // Where the chain goes from an option: bit d is set if it goes d bytes on.
  function automatic logic [40:0] hop(input logic [7:0] kind, input logic [7:0] len);
    if (kind[7:1] == '0) hop = {39'd0, kind[0], 1'b0};
    else hop = {41{len[7:6] == 2'd0}} & (41'd1 << len[5:0]) & ~41'd3;
  endfunction

  // Bit b of all bytes, at [40 * b +: 40]: a matrix of bits, turned around by 8 x 8 blocks.
  function automatic logic [63:0] turn(input logic [63:0] x);
    turn = (x & 64'haa55aa55aa55aa55) | ((x & 64'h00aa00aa00aa00aa) << 7) |
           ((x >> 7) & 64'h00aa00aa00aa00aa);
    turn = (turn & 64'hcccc3333cccc3333) | ((turn & 64'h0000cccc0000cccc) << 14) |
           ((turn >> 14) & 64'h0000cccc0000cccc);
    turn = (turn & 64'hf0f0f0f00f0f0f0f) | ((turn & 64'h00000000f0f0f0f0) << 28) |
           ((turn >> 28) & 64'h00000000f0f0f0f0);
  endfunction

  // What is reached through the rows of a word, or of a group, from those of its bytes that are.
  function automatic logic [39:0] through4(input logic [3:0] at, input logic [39:0] r0,
      input logic [39:0] r1, input logic [39:0] r2, input logic [39:0] r3);
    through4 = ({40{at[0]}} & r0) | ({40{at[1]}} & r1) | ({40{at[2]}} & r2) | ({40{at[3]}} & r3);
  endfunction

  function automatic logic [39:0] through(input logic [7:0] at, input logic [319:0] r);
    through = through4(at[3:0], r[39:0], r[79:40], r[119:80], r[159:120]) |
              through4(at[7:4], r[199:160], r[239:200], r[279:240], r[319:280]);
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

  // Bytes moved down to place, by 16, by 4, by 1. What comes from beyond the options is of no use,
  // so that nothing is moved there.
  function automatic logic [319:0] move(input logic [319:0] bytes, input logic [5:0] by);
    logic [319:0] at16, at4;
    at16 = {bytes[319:192], by[4] ? bytes[319:192] : bytes[191:64],
            by[5] ? bytes[319:256] : by[4] ? bytes[191:128] : bytes[63:0]};
    at4 = by[3] ? (by[2] ? at16 >> 96 : at16 >> 64) : (by[2] ? at16 >> 32 : at16);
    move = by[1] ? (by[0] ? at4 >> 24 : at4 >> 16) : (by[0] ? at4 >> 8 : at4);
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

  // --- clock 1: hops, closed over words of 4 bytes -----------------------------------------------

  logic [319:0] opts_q1;
  logic [40:0]  upto_q1;  // bit i: i <= opt_len
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      opts_q1 <= hdr.opts;
      upto_q1 <= ~({40'hffffffffff, 1'b0} << hdr.opt_len[5:0]);
    end
  end

  for (genvar w = 0; w < 10; w++) begin : g_word
    localparam int unsigned E = 4 * w;
    logic [40:0] n0_q, n1_q, n2_q, n3_q;
    always_ff @(posedge clk_i) begin : p_hop
      logic [39:0] b;
      logic [40:0] n0, n1, n2, n3;
      logic        n02, n03, n13;
      if (valid_i) begin
        b = 40'(hdr.opts[319:8*E]);
        n0 = hop(b[7:0], b[15:8]) << E;
        n1 = hop(b[15:8], b[23:16]) << (E + 1);
        n2 = hop(b[23:16], b[31:24]) << (E + 2);
        n3 = hop(b[31:24], b[39:32]) << (E + 3);
        n02 = n0[E+2] | (n0[E+1] & n1[E+2]);
        n03 = n0[E+3] | (n0[E+1] & n1[E+3]) | (n02 & n2[E+3]);
        n13 = n1[E+3] | (n1[E+2] & n2[E+3]);
        n0_q <= n0 | (41'(n02) << (E + 2)) | (41'(n03) << (E + 3));
        n1_q <= n1 | (41'(n13) << (E + 3));
        n2_q <= n2;
        n3_q <= n3;
      end
    end
  end

  // What each byte is, should an option start there; at clock 2, whether the option fits is known.
  logic [39:0] option_q1, mptcp_q1, eol_q1, short_q1, mss_q1, wscale_q1, sack_q1, ts_q1;
  always_ff @(posedge clk_i) begin : p_kinds
    logic [63:0] t0, t1, t2, t3, t4;
    logic [39:0] k0, k1, k2, k3, k4, k5, k6, k7;  // bit planes of the kind
    logic [39:0] l0, l1, l2, l3, l4, l5, l6, l7;  // and of the length
    logic [39:0] low_kind, low_len, option, ends;
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
      ends = 40'((41'd1 << hdr.opt_len[5:0]) >> 1);  // the options end with this byte
      option_q1 <= option;
      eol_q1 <= ~option & ~k0;
      short_q1 <= option & low_len & ~(l3 | l2 | l1) & ~ends;
      mptcp_q1 <= ~(k7 | k6 | k5 | k0) & k4 & k3 & k2 & k1;
      mss_q1 <= low_kind & ~(k3 | k2 | k0) & k1 & low_len & ~(l3 | l1 | l0) & l2;
      wscale_q1 <= low_kind & ~(k3 | k2) & k1 & k0 & low_len & ~(l3 | l2) & l1 & l0;
      sack_q1 <= low_kind & ~(k3 | k1 | k0) & k2 & low_len & ~(l3 | l2 | l0) & l1;
      ts_q1 <= low_kind & ~(k2 | k1 | k0) & k3 & low_len & ~(l2 | l0) & l3 & l1;
    end
  end

  // --- clock 2: rows closed over groups of 8 bytes -----------------------------------------------

  logic [39:0] mptcp_q2, eol_q2, short_q2, over_q2, mss_q2, wscale_q2, sack_q2, ts_q2;
  for (genvar g = 0; g < 5; g++) begin : g_group
    localparam int unsigned E = 8 * g;
    // verilator lint_off UNUSEDSIGNAL
    logic [319:0] rows_q;  // of group 0, only the first
    // verilator lint_on UNUSEDSIGNAL
    always_ff @(posedge clk_i) begin : p_close
      logic [40:0] n0, n1, n2, n3, n4, n5, n6, n7;
      logic [39:0] x0, x1, x2, x3, x4, x5, x6, x7;
      logic [7:0]  fits;
      if (valid_q[1]) begin
        n0 = g_word[2*g].n0_q;
        n1 = g_word[2*g].n1_q;
        n2 = g_word[2*g].n2_q;
        n3 = g_word[2*g].n3_q;
        n4 = g_word[2*g+1].n0_q;
        n5 = g_word[2*g+1].n1_q;
        n6 = g_word[2*g+1].n2_q;
        n7 = g_word[2*g+1].n3_q;
        x7 = n7[39:0];
        x6 = n6[39:0] | through4({n6[E+7], 3'd0}, '0, '0, '0, n7[39:0]);
        x5 = n5[39:0] | through4({n5[E+7:E+6], 2'd0}, '0, '0, n6[39:0], n7[39:0]);
        x4 = n4[39:0] | through4({n4[E+7:E+5], 1'd0}, '0, n5[39:0], n6[39:0], n7[39:0]);
        x3 = n3[39:0];
        x2 = n2[39:0] | through4({n2[E+3], 3'd0}, '0, '0, '0, n3[39:0]);
        x1 = n1[39:0] | through4({n1[E+3:E+2], 2'd0}, '0, '0, n2[39:0], n3[39:0]);
        x0 = n0[39:0] | through4({n0[E+3:E+1], 1'd0}, '0, n1[39:0], n2[39:0], n3[39:0]);
        rows_q <= {x7, x6, x5, x4,
                   x3 | through4(x3[E+7:E+4], x4, x5, x6, x7),
                   x2 | through4(x2[E+7:E+4], x4, x5, x6, x7),
                   x1 | through4(x1[E+7:E+4], x4, x5, x6, x7),
                   x0 | through4(x0[E+7:E+4], x4, x5, x6, x7)};

        fits = {(n7 & upto_q1) != '0, (n6 & upto_q1) != '0, (n5 & upto_q1) != '0,
                (n4 & upto_q1) != '0, (n3 & upto_q1) != '0, (n2 & upto_q1) != '0,
                (n1 & upto_q1) != '0, (n0 & upto_q1) != '0};
        eol_q2[E+:8] <= eol_q1[E+:8] & upto_q1[E+1+:8];
        short_q2[E+:8] <= short_q1[E+:8];
        over_q2[E+:8] <= option_q1[E+:8] & ~fits & ~short_q1[E+:8];
        mptcp_q2[E+:8] <= fits & mptcp_q1[E+:8];
        mss_q2[E+:8] <= fits & mss_q1[E+:8];
        wscale_q2[E+:8] <= fits & wscale_q1[E+:8];
        sack_q2[E+:8] <= fits & sack_q1[E+:8];
        ts_q2[E+:8] <= fits & ts_q1[E+:8];
      end
    end
  end

  // --- clocks 3 and 4: the bytes that are reached, through groups 1 and 2, then 3 and 4 ----------

  logic [39:0]  reach_q3, reach_q4;
  logic [39:24] mptcp_q3;
  logic [319:0] rows3_q3, rows4_q3;
  logic [23:0]  found_q3;  // MPTCP options that are reached
  logic [39:24] found_q4;
  always_ff @(posedge clk_i) begin : p_reach
    logic [39:0] reach;
    if (valid_q[2]) begin
      reach = g_group[0].rows_q[39:0] | 40'd1;
      reach = reach | through(reach[15:8], g_group[1].rows_q);
      reach = reach | through(reach[23:16], g_group[2].rows_q);
      reach_q3 <= reach;
      found_q3 <= reach[23:0] & mptcp_q2[23:0];
      mptcp_q3 <= mptcp_q2[39:24];
      rows3_q3 <= g_group[3].rows_q;
      rows4_q3 <= g_group[4].rows_q;
    end
    if (valid_q[3]) begin
      reach = reach_q3 | through(reach_q3[31:24], rows3_q3);
      reach = reach | through(reach[39:32], rows4_q3);
      reach_q4 <= reach;
      found_q4 <= reach[39:24] & mptcp_q3;
    end
  end

  // --- clocks 4 to 6: which MPTCP option is the first, second, third, fourth ---------------------

  // How many stand before group g, and in it, one-hot.
  logic [3:0]  before1_q4, before3_q5;
  logic [4:0]  before2_q4, before4_q5, count2_q4, count4_q5;
  logic [15:0] rank0_q4, rank1_q4, rank2_q4, rank3_q5, rank4_q5;
  logic [15:0] byte_q5;  // a nibble each: { there is one, its byte in its group }
  logic [3:0]  group1_q5, group2_q5;  // whether it is in that group
  logic [23:0] offset_q6;
  logic [3:0]  there_q6;
  logic [4:0]  total_q6;
  always_ff @(posedge clk_i) begin : p_rank
    logic [4:0]  before3;
    logic [15:0] place1, place2, place3, place4, bytes;
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
      place3 = place(rank3_q5, before3_q5);
      place4 = place(rank4_q5, before4_q5[3:0]);
      bytes = byte_q5 | place3 | place4;
      there_q6 <= top_bits(bytes);
      total_q6 <= add(before4_q5, count4_q5);
      for (int unsigned k = 0; k < 4; k++) begin
        offset_q6[6*k+:6] <= {place4[4*k+3], group2_q5[k] | place3[4*k+3],
                              group1_q5[k] | place3[4*k+3], bytes[4*k+:3]};
      end
    end
  end

  // --- clocks 5 and 6: the verdict, and where the last option of each kind stands ----------------

  logic [39:0] eol_q3, eol_q4, short_q3, short_q4, over_q3, over_q4;
  logic [39:0] mss_q3, mss_q4, wscale_q3, wscale_q4, sack_q3, sack_q4, ts_q3, ts_q4;
  logic        met_eol_q5, met_short_q5, met_over_q5, sack_q5, sack_q6;
  logic [19:0] mss_q5, wscale_q5, ts_q5;  // by groups
  logic [6:0]  mss_at_q6, wscale_at_q6, ts_at_q6;
  logic [39:0] starts_q5, starts_q6;
  logic [7:0]  tcpopt_d6, tcpopt_q6;
  always_comb begin
    if (!active_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_NONE;
    else if (met_eol_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_OK;
    else if (met_short_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_LEN_BELOW_2;
    else if (!whole_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_CUT;
    else if (met_over_q5) tcpopt_d6 = mpnic_pkg::TCPOPT_OVERRUN;
    else tcpopt_d6 = mpnic_pkg::TCPOPT_OK;
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
      mss_at_q6 <= last_of_all(mss_q5);
      wscale_at_q6 <= last_of_all(wscale_q5);
      ts_at_q6 <= last_of_all(ts_q5);
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
      logic [OPT_BITS-1:0] bytes;
      if (valid_q[6] & there_q6[k]) begin
        bytes = OPT_BITS'(move(opts_q6, offset_q6[6*k+:6]) >> 8);
        bytes_q7[OPT_BITS*k+:OPT_BITS] <= bytes;
        head_q7[HEAD_W*k+:HEAD_W] <= head(bytes[15:0]);
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
          {mss_at_q6[6], wscale_at_q6[6], sack_q6, ts_at_q6[6]};
      mss_q7 <= '0;
      wscale_q7 <= '0;
      ts_q7 <= '0;
      if (mss_at_q6[6]) mss_q7 <= 16'(move(opts_q6, mss_at_q6[5:0]) >> 16);
      if (wscale_at_q6[6]) wscale_q7 <= 8'(move(opts_q6, wscale_at_q6[5:0]) >> 16);
      if (ts_at_q6[6]) ts_q7 <= 64'(move(opts_q6, ts_at_q6[5:0]) >> 16);
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
