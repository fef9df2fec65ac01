// SPDX-License-Identifier: BSD-3-Clause
// Stage parse: Ethernet, VLAN, IP, TCP and UDP headers by docs/pipeline.md, "parse".
//
// PARSE_LATENCY clocks after valid_i, valid_o brings the header record with parse's fields filled and
// all others zero, the given MPTCP version, and 60 bytes from l3_off and from l4_off (zero beyond the
// frame and the window; open where there is no such header). One window a clock, no stall.
//
// IP headers start at byte 14, 18 or 22, so all behind them lies on 32-bit words counted from byte
// 14. The walk over IPv6 extension headers is a graph over 16 slots: row s of a step matrix has the
// slot in which the next header starts, or s itself where the walk stops. Seven headers are six
// steps from slot 0, taken as three double steps; what the last header says is fetched through the
// same product, two steps ahead. All positions are kept as `shift`, in words from byte 34, where the
// first L4 header can start.
module mpnic_parse (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         valid_i,
  // As mpnic_window offers them. MAC addresses are of no interest.
  // verilator lint_off UNUSEDSIGNAL
  input  logic [8*mpnic_pkg::PARSE_WINDOW-1:0] win_i,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [7:0]                   len_i,
  input  logic                         more_i,
  input  logic [7:0]                   user_i,
  input  logic                         tag_cut_i,
  input  logic                         tag_depth_i,
  input  logic                         ipv4_i,
  input  logic                         ipv6_i,
  input  logic [31:0]                  tagged_i,
  input  logic [31:0]                  two_tags_i,
  // Marks are uniform; the slots at the end cannot have all of them.
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_rtl_pkg::MARKS*mpnic_rtl_pkg::MARK_W-1:0] marks_i,
  // verilator lint_on UNUSEDSIGNAL

  output logic                         valid_o,
  output logic [mpnic_pkg::HDR_W-1:0]  hdr_o,
  output logic [1:0]                   given_o,
  output logic [479:0]                 l3_hdr_o,
  output logic [479:0]                 l4_hdr_o
);

`include "mpnic_records.svh"

  localparam int unsigned SLOTS = mpnic_pkg::V6_EXT_SLOTS;
  localparam int unsigned STEPS = mpnic_rtl_pkg::V6_STEPS;
  localparam int unsigned MARK_W = mpnic_rtl_pkg::MARK_W;
  localparam int unsigned CODE_W = 9;  // what a slot says of what follows it, below

  logic [mpnic_rtl_pkg::PARSE_LATENCY:1] valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid_q <= '0;
    else valid_q <= {valid_q[mpnic_rtl_pkg::PARSE_LATENCY-1:1], valid_i};
  end
  assign valid_o = valid_q[mpnic_rtl_pkg::PARSE_LATENCY];

  // One of four fields.
  function automatic logic [15:0] pick16(input logic [63:0] x, input logic [1:0] at);
    pick16 = at[1] ? (at[0] ? x[63:48] : x[47:32]) : (at[0] ? x[31:16] : x[15:0]);
  endfunction

  function automatic logic [3:0] pick4(input logic [15:0] x, input logic [1:0] at);
    pick4 = at[1] ? (at[0] ? x[15:12] : x[11:8]) : (at[0] ? x[7:4] : x[3:0]);
  endfunction

  // The word of four that the masks select.
  function automatic logic [31:0] by1(input logic [127:0] words, input logic [31:0] two,
                                      input logic [31:0] one);
    by1 = (((words[31:0] & ~one) | (words[63:32] & one)) & ~two) |
          (((words[95:64] & ~one) | (words[127:96] & one)) & two);
  endfunction

  // --- 1: headers by the number of tags, and single and double steps of the walk -----------------

  logic [1439:0] words;
  assign words = {16'd0, win_i[8*mpnic_pkg::PARSE_WINDOW-1:112]};

  logic [479:0] l3;
  assign l3 = (words[0+:480] & ~{15{tagged_i}}) | (words[32+:480] & {15{tagged_i & ~two_tags_i}}) |
              (words[64+:480] & {15{tagged_i & two_tags_i}});

  // Marks of the slots; slot 0 by the number of tags.
  // verilator lint_off UNUSEDSIGNAL
  logic [MARK_W*SLOTS-1:0] mark;
  // verilator lint_on UNUSEDSIGNAL
  always_comb begin
    mark = marks_i[MARK_W*2+:MARK_W*SLOTS];
    mark[MARK_W-1:0] = (marks_i[0+:MARK_W] & ~{2{tagged_i[16:0]}}) |
                       (marks_i[MARK_W+:MARK_W] & {2{tagged_i[16:0] & ~two_tags_i[16:0]}}) |
                       (marks_i[MARK_W*2+:MARK_W] & {2{two_tags_i[16:0]}});
  end

  // Row s of step1 is the slot that follows slot s. to_routing: the step leads to a routing header
  // with segments left.
  logic [16*SLOTS-1:0] step1, step2;
  logic [SLOTS-1:0]    segments, to_routing;
  always_comb begin
    for (int unsigned s = 0; s < SLOTS; s++) begin
      segments[s] = mark[MARK_W*s+mpnic_rtl_pkg::MARK_SEGMENTS];
      step1[16*s+:16] = (16'(mark[MARK_W*s+:STEPS]) << (s + 1)) |
                        (16'(mark[MARK_W*s+mpnic_rtl_pkg::MARK_STOP]) << s);
    end
    step2 = '0;
    for (int unsigned s = 0; s < SLOTS; s++) begin
      to_routing[s] = mark[MARK_W*s+mpnic_rtl_pkg::MARK_ROUTING] &
                      |(step1[16*s+:16] & segments & ~(16'd1 << s));
      for (int unsigned t = s; t < SLOTS; t++) begin
        step2[16*s+:16] = step2[16*s+:16] | (step1[16*t+:16] & {16{step1[16*s+t]}});
      end
    end
  end

  // x + y + one without a carry chain, which is slower than the few LUTs of so short a sum.
  function automatic logic [5:0] add5(input logic [4:0] x, input logic [4:0] y, input logic one);
    logic carry;
    carry = one;
    for (int unsigned b = 0; b < 5; b++) begin
      add5[b] = x[b] ^ y[b] ^ carry;
      carry = (x[b] & y[b]) | (carry & (x[b] | y[b]));
    end
    add5[5] = carry;
  endfunction

  // What a slot says of what follows it: {extension header, fragment header, UDP, TCP, shift / 2}.
  // Columns: bit s of column b is bit b of slot s.
  logic [CODE_W*SLOTS-1:0] code;
  logic [8*SLOTS-1:0]      next;
  logic [7:0]              length;
  logic [5:0]              half;
  always_comb begin
    for (int unsigned s = 0; s < SLOTS; s++) begin
      next[8*s+:8] = mark[MARK_W*s+mpnic_rtl_pkg::MARK_NEXT+:8];
      length = mark[MARK_W*s+mpnic_rtl_pkg::MARK_LENGTH+:8];
      half = add5(length[4:0], 5'(s + 3), tagged_i[s]);
      half = half | {6{|length[7:5]}} | {6{half[5]}};  // 31 and more are beyond the window
      code[0*SLOTS+s] = half[0];
      code[1*SLOTS+s] = half[1];
      code[2*SLOTS+s] = half[2];
      code[3*SLOTS+s] = half[3];
      code[4*SLOTS+s] = half[4];
      code[5*SLOTS+s] = next[8*s+:8] == 8'd6;
      code[6*SLOTS+s] = next[8*s+:8] == 8'd17;
      code[7*SLOTS+s] = next[8*s+:8] == 8'd44;
      code[8*SLOTS+s] = mpnic_rtl_pkg::is_v6_ext(next[8*s+:8]);
    end
  end

  // What clock 2 adds and compares: the IP header's length field; from byte 34 to where it counts
  // from; the bytes of a frame with the fixed IP header.
  logic [15:0] ip_len;
  logic [16:0] ip_len_from;
  logic [7:0]  need;
  assign ip_len = ipv4_i ? l3[31:16] : l3[47:32];
  always_comb begin
    if (two_tags_i[3]) begin
      ip_len_from = ipv4_i ? -17'd12 : 17'd28;
      need = ipv4_i ? 8'd42 : 8'd62;
    end else if (tagged_i[3]) begin
      ip_len_from = ipv4_i ? -17'd16 : 17'd24;
      need = ipv4_i ? 8'd38 : 8'd58;
    end else begin
      ip_len_from = ipv4_i ? -17'd20 : 17'd20;
      need = ipv4_i ? 8'd34 : 8'd54;
    end
  end

  logic [479:0]            l3_2q;
  logic [15:0]             ip_len_2q;
  logic [16:0]             ip_len_from_2q;
  logic [7:0]              len_2q, need_2q;
  logic [1:0]              tags_2q;  // two, one
  logic                    v4_2q, v6_2q, runt_2q, cut_2q, depth_2q, ext0_2q, routing0_2q;
  logic [16*SLOTS-1:0]     step1_2q, step2_2q;
  logic [SLOTS-1:0]        to_routing_2q;
  logic [CODE_W*SLOTS-1:0] code_2q;
  logic [8*SLOTS-1:0]      next_2q;
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      l3_2q <= l3;
      ip_len_2q <= mpnic_rtl_pkg::be16(ip_len);
      ip_len_from_2q <= ip_len_from;
      len_2q <= len_i;
      need_2q <= need;
      tags_2q <= {two_tags_i[1], tagged_i[1] & ~two_tags_i[1]};
      v4_2q <= ipv4_i;
      v6_2q <= ipv6_i;
      runt_2q <= len_i < 8'(mpnic_pkg::FRAME_MIN);
      cut_2q <= tag_cut_i;
      depth_2q <= tag_depth_i;
      ext0_2q <= ipv6_i & mpnic_rtl_pkg::is_v6_ext(l3[55:48]);
      routing0_2q <= (l3[55:48] == 8'd43) & segments[0];
      if (ipv6_i) begin
        step1_2q <= step1;
        step2_2q <= step2;
        to_routing_2q <= to_routing;
        code_2q <= code;
        next_2q <= next;
      end
    end
  end

  // Ethernet's fields go straight to the record.
  logic [56:0] eth, eth_5q;
  always_comb begin
    eth = '0;
    eth[15:0] = (win_i[96+:16] & ~{16{tagged_i[2]}}) |
                (win_i[128+:16] & {16{tagged_i[2] & ~two_tags_i[2]}}) |
                (win_i[160+:16] & {16{tagged_i[2] & two_tags_i[2]}});
    eth[31:16] = win_i[112+:16] & {16{tagged_i[2]}};
    eth[47:32] = win_i[144+:16] & {16{two_tags_i[2]}};
    eth[55:48] = user_i;
    eth[56] = more_i;
  end
  mpnic_delay #(
    .W(57),
    .N(4)
  ) u_eth (
    .clk_i,
    .rst_ni,
    .data_i(eth),
    .data_o(eth_5q)
  );

  // --- 2: IP headers; six steps of the walk ------------------------------------------------------

  logic [7:0] n0;  // IPv6's next header
  assign n0 = l3_2q[55:48];

  // The slots of the first, third and fifth header, and what is two steps ahead of each slot.
  logic [SLOTS-1:0]        third, fifth, routing2;
  logic [CODE_W*SLOTS-1:0] code2;
  always_comb begin
    third = step2_2q[SLOTS-1:0];
    fifth = '0;
    for (int unsigned s = 0; s < SLOTS; s++) begin
      fifth = fifth | (step2_2q[16*s+:16] & {16{third[s]}});
      routing2[s] = to_routing_2q[s] | |(step1_2q[16*s+:16] & to_routing_2q);
      for (int unsigned b = 0; b < CODE_W; b++) begin
        code2[SLOTS*b+s] = |(step2_2q[16*s+:16] & code_2q[SLOTS*b+:SLOTS]);
      end
    end
  end

  // Where there is no walk, this says at once what follows the IP header.
  logic [7:0]  proto0;
  logic [5:0]  shift0;
  logic        frag4;  // IPv4 alone has TCP and UDP beside it
  assign proto0 = v4_2q ? l3_2q[79:72] : n0;
  assign frag4 = |{l3_2q[53:48], l3_2q[63:56]};
  always_comb begin
    // IPv4: tags + header length - 5; IPv6: tags + 5, of which the walk replaces all but bit 0.
    if (v4_2q) shift0 = 6'(l3_2q[3:0]) + 6'(tags_2q) - 6'd5;
    else shift0 = 6'(tags_2q) + 6'd5;
    if (ext0_2q) shift0[5:1] = '0;
  end

  // Bit 0 of the shift does not depend on the walk.
  logic [7:0] odd_3q;
  mpnic_copies u_odd (
    .clk_i,
    .rst_ni,
    .en_i  (valid_q[1]),
    .data_i(shift0[0]),
    .data_o(odd_3q)
  );

  logic [16:0]             end_3q;  // the end of the IP packet, bytes from byte 34
  logic [7:0]              room_3q;  // the end of the window or the frame, likewise
  logic                    v4_3q, v6_3q, runt_3q, cut_3q, depth_3q;
  logic                    there_3q, version_3q, ihl_low_3q, len_low_3q, v4_options_3q, ext0_3q;
  logic [5:0]              shift0_3q;
  logic [2:0]              class0_3q;  // as in the code of a slot
  logic [7:0]              proto0_3q;
  logic [SLOTS-1:0]        fifth_3q, passed_3q, routing2_3q;
  logic                    routing0_3q;
  logic [CODE_W*SLOTS-1:0] code2_3q;
  logic [16*SLOTS-1:0]     step2_3q;
  logic [8*SLOTS-1:0]      next_3q;
  always_ff @(posedge clk_i) begin
    if (valid_q[1]) begin
      end_3q <= {1'b0, ip_len_2q} + ip_len_from_2q;
      room_3q <= len_2q - 8'd34;
      v4_3q <= v4_2q;
      v6_3q <= v6_2q;
      runt_3q <= runt_2q;
      cut_3q <= cut_2q;
      depth_3q <= depth_2q;
      there_3q <= len_2q >= need_2q;
      version_3q <= l3_2q[7:4] == (v4_2q ? 4'd4 : 4'd6);
      ihl_low_3q <= l3_2q[3:0] < 4'd5;
      len_low_3q <= (ip_len_2q[15:6] == 10'd0) & (ip_len_2q[5:2] < l3_2q[3:0]);
      v4_options_3q <= l3_2q[3:0] != 4'd5;
      shift0_3q <= shift0;
      class0_3q <= {v4_2q ? frag4 : n0 == 8'd44, proto0 == 8'd17, proto0 == 8'd6};
      proto0_3q <= ext0_2q ? 8'd0 : proto0;
      ext0_3q <= ext0_2q;
      fifth_3q <= fifth & {SLOTS{ext0_2q}};
      if (v6_2q) begin
        passed_3q <= fifth | third | SLOTS'(1);
        routing2_3q <= routing2;
        routing0_3q <= routing0_2q;
        code2_3q <= code2;
        step2_3q <= step2_2q;
        next_3q <= next_2q;
      end
    end
  end

  // --- 3: the end of the walk --------------------------------------------------------------------

  logic [SLOTS-1:0] last;  // slot of the last header
  logic [5:0]       shift;
  logic [3:0]       what;  // extension header, fragment header, UDP, TCP
  always_comb begin
    last = '0;
    for (int unsigned s = 0; s < SLOTS; s++) begin
      last = last | (step2_3q[16*s+:16] & {16{fifth_3q[s]}});
    end
    shift[0] = shift0_3q[0];
    for (int unsigned b = 0; b < 5; b++) begin
      shift[b+1] = shift0_3q[b+1] | |(fifth_3q & code2_3q[SLOTS*b+:SLOTS]);
    end
    what[3] = |(fifth_3q & code2_3q[SLOTS*8+:SLOTS]);
    for (int unsigned b = 0; b < 3; b++) begin
      what[b] = class0_3q[b] | |(fifth_3q & code2_3q[SLOTS*(b+5)+:SLOTS]);
    end
  end

  // Verdicts that need no more than the IP header.
  logic       stop;
  logic [3:0] verdict;
  always_comb begin
    stop = 1'b1;
    if (runt_3q) verdict = 4'(mpnic_pkg::PARSE_RUNT);
    else if (cut_3q) verdict = 4'(mpnic_pkg::PARSE_TRUNCATED);
    else if (depth_3q) verdict = 4'(mpnic_pkg::PARSE_VLAN_DEPTH);
    else if (~v4_3q & ~v6_3q) verdict = 4'(mpnic_pkg::PARSE_NOT_IP);
    else if (~there_3q) verdict = 4'(mpnic_pkg::PARSE_TRUNCATED);
    else if (~version_3q) verdict = 4'(mpnic_pkg::PARSE_IP_VERSION);
    else if (v4_3q & ihl_low_3q) verdict = 4'(mpnic_pkg::PARSE_IP_HDR_LEN);
    else begin
      verdict = 4'(mpnic_pkg::PARSE_IP_LEN);
      stop = v4_3q & len_low_3q;
    end
  end

  // The ends in words, and how many words before them a header of 5 or 2 starts; at most 63 each.
  logic [5:0] end_low, room_words;
  logic       end_far;
  assign end_low = end_3q[7:2];
  assign end_far = |end_3q[16:8];
  assign room_words = room_3q[7:2];

  // Masks of a word: bits 2 to 5 of `shift`, from eight registers each.
  logic [31:0] shift_4q2, shift_4q3, shift_4q4, shift_4q5;
  logic [31:0] shift_copies;
  generate
    for (genvar b = 0; b < 4; b++) begin : gen_shift
      mpnic_copies u_copies (
        .clk_i,
        .rst_ni,
        .en_i  (valid_q[2]),
        .data_i(shift[b+2]),
        .data_o(shift_copies[8*b+:8])
      );
    end
  endgenerate
  assign shift_4q2 = {4{shift_copies[7:0]}};
  assign shift_4q3 = {4{shift_copies[15:8]}};
  assign shift_4q4 = {4{shift_copies[23:16]}};
  assign shift_4q5 = {4{shift_copies[31:24]}};

  logic [5:0]         shift_4q, end_words_4q, room_words_4q, end5_4q, end2_4q, room5_4q, room2_4q;
  logic               end5_there_4q, end2_there_4q, room5_there_4q, room2_there_4q;
  logic [1:0]         room_low_4q;
  logic [16:0]        end_4q;
  logic               stop_4q, ip_4q, v6_4q, runt_4q, cut_4q, v4_options_4q, ext0_4q, routing_4q;
  logic [3:0]         verdict_4q, what_4q;
  logic [7:0]         proto0_4q;
  logic [SLOTS-1:0]   last_4q;
  logic [8*SLOTS-1:0] next_4q;
  always_ff @(posedge clk_i) begin
    if (valid_q[2]) begin
      end_words_4q <= end_low | {6{end_far}};
      end5_there_4q <= end_far | (end_low >= 6'd5);
      end5_4q <= (end_low - 6'd5) | {6{end_far}};
      end2_there_4q <= end_far | (end_low >= 6'd2);
      end2_4q <= (end_low - 6'd2) | {6{end_far}};
      room_words_4q <= room_words;
      room5_there_4q <= room_words >= 6'd5;
      room5_4q <= room_words - 6'd5;
      room2_there_4q <= room_words >= 6'd2;
      room2_4q <= room_words - 6'd2;
      room_low_4q <= room_3q[1:0];
      end_4q <= end_3q;
      stop_4q <= stop;
      verdict_4q <= verdict;
      ip_4q <= v4_3q | v6_3q;
      v6_4q <= v6_3q;
      runt_4q <= runt_3q;
      cut_4q <= cut_3q;
      v4_options_4q <= v4_3q & v4_options_3q;
      ext0_4q <= ext0_3q;
      what_4q <= what;
      proto0_4q <= proto0_3q;
      last_4q <= last;
      if (v6_3q) begin
        routing_4q <= routing0_3q | |(passed_3q & routing2_3q);
        next_4q <= next_3q;
      end
    end
  end

  // For what decides. The enable keeps tools from taking one of the copies for it.
  always_ff @(posedge clk_i) if (|valid_q[2:1]) shift_4q <= shift;

  // --- 4: the L4 header to its place; what is there of it ----------------------------------------

  logic [1279:0] words_3q, words_4q;  // from byte 34
  mpnic_delay #(
    .W(1280),
    .N(2)
  ) u_words (
    .clk_i,
    .rst_ni,
    .data_i(words[1439:160]),
    .data_o(words_3q)
  );
  always_ff @(posedge clk_i) words_4q <= words_3q;

  // By 16 and 32 words, then by 4 and 8; by 1 and 2 in the next clock.
  logic [959:0] l4_by16;
  logic [575:0] l4_by4;
  assign l4_by16 = (words_4q[0+:960] & ~{30{shift_4q5 | shift_4q4}}) |
                   (960'(words_4q[1279:512]) & {30{~shift_4q5 & shift_4q4}}) |
                   (960'(words_4q[1279:1024]) & {30{shift_4q5}});
  assign l4_by4 = (((l4_by16[0+:576] & ~{18{shift_4q2}}) | (l4_by16[128+:576] & {18{shift_4q2}})) &
                   ~{18{shift_4q3}}) |
                  (((l4_by16[256+:576] & ~{18{shift_4q2}}) | (l4_by16[384+:576] & {18{shift_4q2}})) &
                   {18{shift_4q3}});

  // Two fields decide: UDP's length is in word 1, TCP's data offset in word 3. Half of a word is
  // enough for both, and as bit 0 of the shift is known early, of every second word.
  logic [319:0] fields_4q;  // of words 1, 3, 5 ... behind that bit's shift
  logic [79:0]  udp_lens;  // one for each value of the upper bits
  logic [19:0]  doffs;
  logic [15:0]  udp_len_4q;
  logic [3:0]   doff_4q;
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < 20; i++) begin
      fields_4q[16*i+:16] <= (words_3q[64*i+32+:16] & ~{2{odd_3q}}) |
                             (16'(words_3q[1279:64] >> (64 * i)) & {2{odd_3q}});
    end
  end
  always_comb begin
    for (int unsigned k = 0; k < 5; k++) begin
      udp_lens[16*k+:16] = pick16(fields_4q[64*k+:64], shift_4q[2:1]);
      doffs[4*k+:4] = pick4({fields_4q[(64*k+68)%320+:4], fields_4q[64*k+52+:4],
                             fields_4q[64*k+36+:4], fields_4q[64*k+20+:4]}, shift_4q[2:1]);
    end
    udp_len_4q = shift_4q[5] ? udp_lens[79:64] : pick16(udp_lens[63:0], shift_4q[4:3]);
    doff_4q = shift_4q[5] ? doffs[19:16] : pick4(doffs[15:0], shift_4q[4:3]);
  end

  // The L4 header starts beyond the window or the frame, beyond the IP packet; its fixed part ends
  // there.
  logic no_room, no_len, room5, room2, len5, len2, walked;
  assign no_room = room_words_4q < shift_4q;
  assign no_len = end_words_4q < shift_4q;
  assign room5 = room5_there_4q & (room5_4q >= shift_4q);
  assign room2 = room2_there_4q & (room2_4q >= shift_4q);
  assign len5 = end5_there_4q & (end5_4q >= shift_4q);
  assign len2 = end2_there_4q & (end2_4q >= shift_4q);
  assign walked = ~stop_4q & ~(v6_4q & (no_room | what_4q[3] | no_len));

  logic [5:0] len_words, room_words_l4;
  assign len_words = end_words_4q - shift_4q;
  assign room_words_l4 = room_words_4q - shift_4q;

  logic [7:0] proto;
  always_comb begin
    proto = proto0_4q;
    for (int unsigned s = 0; s < SLOTS; s++) begin
      proto = proto | (next_4q[8*s+:8] & {8{last_4q[s]}});
    end
  end

  // A TCP header's fixed part is there, words of its packet (at most 15), data offset: eight copies.
  logic [8:0]   tcp_len_doff;
  logic [71:0]  tcp_len_doff_5q;
  assign tcp_len_doff = {~stop_4q & ~what_4q[2] & what_4q[0] & room5 & len5,
                         len_words[3:0] | {4{|len_words[5:4]}}, doff_4q};
  mpnic_copies #(
    .W(9)
  ) u_tcp (
    .clk_i,
    .rst_ni,
    .en_i  (valid_q[3]),
    .data_i(tcp_len_doff),
    .data_o(tcp_len_doff_5q)
  );

  // The rest of the shift, for the next clock.
  logic [7:0] shift_5q0, shift_5q1;
  mpnic_copies u_shift0 (
    .clk_i,
    .rst_ni,
    .en_i  (valid_q[3]),
    .data_i(shift_4q[0]),
    .data_o(shift_5q0)
  );
  mpnic_copies u_shift1 (
    .clk_i,
    .rst_ni,
    .en_i  (valid_q[3]),
    .data_i(shift_4q[1]),
    .data_o(shift_5q1)
  );

  logic         udp_5q;
  logic [575:0] l4_5q;
  logic [15:0]  udp_len_5q;
  logic [7:0]   l4_off_5q, proto_5q;
  logic [15:0]  l4_len_5q;
  logic [3:0]   room_words_5q;  // of the window, at most 15
  logic [3:0]   opt_words_5q;  // and of options in the window, if their end is not
  logic [1:0]   room_low_5q;
  logic         walked_5q, stop_5q, ip_5q, v6_5q, runt_5q, cut_5q, v4_options_5q, ext0_5q, routing_5q;
  logic         no_room_5q, no_len_5q, len5_5q, len2_5q;
  logic [3:0]   verdict_5q, what_5q;
  always_ff @(posedge clk_i) begin
    if (valid_q[3]) begin
      udp_5q <= ~stop_4q & ~what_4q[2] & what_4q[1] & room2 & len2;
      l4_5q <= l4_by4;
      udp_len_5q <= udp_len_4q;
      l4_off_5q <= {shift_4q + 6'd8, 2'b10};
      l4_len_5q <= 16'(end_4q - {9'd0, shift_4q, 2'b00});
      room_words_5q <= room_words_l4[3:0] | {4{|room_words_l4[5:4]}};
      opt_words_5q <= 4'(room5_4q - shift_4q);
      room_low_5q <= room_low_4q;
      proto_5q <= proto;
      walked_5q <= walked;
      no_room_5q <= no_room;
      no_len_5q <= v6_4q & no_len;
      len5_5q <= len5;
      len2_5q <= len2;
      stop_5q <= stop_4q;
      verdict_5q <= verdict_4q;
      ip_5q <= ip_4q;
      v6_5q <= v6_4q;
      runt_5q <= runt_4q;
      cut_5q <= cut_4q;
      v4_options_5q <= v4_options_4q;
      ext0_5q <= ext0_4q;
      routing_5q <= v6_4q & routing_4q;
      what_5q <= what_4q;
    end
  end

  logic [479:0] l3_5q;
  logic [1:0]   tags_5q;
  mpnic_delay #(
    .W(482),
    .N(3)
  ) u_l3 (
    .clk_i,
    .rst_ni,
    .data_i({tags_2q, l3_2q}),
    .data_o({tags_5q, l3_5q})
  );

  // --- 5: TCP and UDP, and the record ------------------------------------------------------------

  logic [479:0] l4;
  always_comb begin
    for (int unsigned i = 0; i < 15; i++) begin
      l4[32*i+:32] = by1(l4_5q[32*i+:128], {4{shift_5q1}}, {4{shift_5q0}});
    end
  end

  logic [3:0]  doff;
  logic [15:0] udp_len;
  logic [7:0]  tcp_5q, doff_rights;
  logic [9:0]  opt_words;  // of options within the data offset
  logic        doff_right, doff_there, udp_right, tcp, udp;
  always_comb begin
    for (int unsigned k = 0; k < 8; k++) begin
      tcp_5q[k] = tcp_len_doff_5q[9*k+8];
      doff_rights[k] = (tcp_len_doff_5q[9*k+:4] >= 4'd5) &
                       (tcp_len_doff_5q[9*k+:4] <= tcp_len_doff_5q[9*k+4+:4]);
    end
    for (int unsigned i = 0; i < 10; i++) begin
      opt_words[i] = tcp_5q[i%8] & doff_rights[i%8] & (tcp_len_doff_5q[9*(i%8)+:4] > 4'(5 + i));
    end
  end
  assign doff = tcp_len_doff_5q[66:63];
  assign doff_right = doff_rights[7];
  assign udp_len = mpnic_rtl_pkg::be16(udp_len_5q);
  assign doff_there = doff <= room_words_5q;
  assign udp_right = (|udp_len[15:3]) & (udp_len <= l4_len_5q);
  assign tcp = tcp_5q[7] & doff_right;
  assign udp = udp_5q & udp_right;

  // The verdict without what TCP's and UDP's own lengths say.
  logic [3:0] too_short, outer, result;
  assign too_short = eth_5q[56] ? 4'(mpnic_pkg::PARSE_TOO_DEEP) : 4'(mpnic_pkg::PARSE_TRUNCATED);
  always_comb begin
    if (stop_5q) outer = verdict_5q;
    else if (no_room_5q) outer = too_short;
    else if (what_5q[3]) outer = 4'(mpnic_pkg::PARSE_TOO_DEEP);
    else if (no_len_5q) outer = 4'(mpnic_pkg::PARSE_IP_LEN);
    else if (what_5q[2]) outer = 4'(mpnic_pkg::PARSE_FRAGMENT);
    else if (~what_5q[1] & ~what_5q[0]) outer = 4'(mpnic_pkg::PARSE_OTHER_L4);
    else if (what_5q[0] ? ~len5_5q : ~len2_5q) outer = 4'(mpnic_pkg::PARSE_L4_LEN);
    else outer = too_short;
  end
  always_comb begin
    result = outer;
    if (tcp_5q[7]) begin
      if (~doff_right) result = 4'(mpnic_pkg::PARSE_TCP_DOFF);
      else result = doff_there ? 4'(mpnic_pkg::PARSE_TCP) : too_short;
    end
    if (udp_5q) result = udp_right ? 4'(mpnic_pkg::PARSE_UDP) : 4'(mpnic_pkg::PARSE_UDP_LEN);
  end

  mpnic_hdr_t hdr, hdr_6q;
  always_comb begin
    hdr = '0;
    hdr.parse = {4'd0, result};
    hdr.source = {2'd0, eth_5q[55:50]};
    hdr.flags[mpnic_pkg::HDR_L3] = ~stop_5q;
    hdr.flags[mpnic_pkg::HDR_L4] = tcp_5q[7] | udp_5q;
    hdr.flags[mpnic_pkg::HDR_TCP] = tcp_5q[7];
    hdr.flags[mpnic_pkg::HDR_FRAG] = walked_5q & ~no_room_5q & what_5q[2];
    hdr.flags[mpnic_pkg::HDR_V4_OPTIONS] = ~stop_5q & v4_options_5q;
    hdr.flags[mpnic_pkg::HDR_V6_EXT] = ~stop_5q & ext0_5q;
    hdr.flags[mpnic_pkg::HDR_ROUTING] = walked_5q & ext0_5q & routing_5q;
    hdr.vlan_count = {6'd0, tags_5q};
    hdr.l3_off = {3'd0, {5{ip_5q}} & {|tags_5q, ~|tags_5q, ~tags_5q[0], 2'b10}};
    hdr.l4_off = l4_off_5q & {8{walked_5q}};
    hdr.payload_off = (l4_off_5q + {2'd0, tcp_5q[7] ? doff : 4'd2, 2'b00}) & {8{tcp | udp}};
    hdr.ip_version = stop_5q ? 8'd0 : {6'd1, v6_5q, 1'b0};
    hdr.ip_proto = proto_5q & {8{walked_5q}};
    hdr.ethertype = mpnic_rtl_pkg::be16(eth_5q[15:0]) & ~{16{runt_5q | cut_5q}};
    hdr.vlan_outer = mpnic_rtl_pkg::be16(eth_5q[31:16]);
    hdr.vlan_inner = mpnic_rtl_pkg::be16(eth_5q[47:32]);
    hdr.l4_len = l4_len_5q & {16{walked_5q}};
    hdr.payload_len = ((tcp_5q[7] ? l4_len_5q : udp_len) -
                       {10'd0, tcp_5q[7] ? doff : 4'd2, 2'b00}) & {16{tcp | udp}};
    hdr.sport = mpnic_rtl_pkg::be16(l4[15:0]) & {16{tcp_5q[1] | udp_5q}};
    hdr.dport = mpnic_rtl_pkg::be16(l4[31:16]) & {16{tcp_5q[1] | udp_5q}};
    hdr.seq = mpnic_rtl_pkg::be32(l4[63:32]) & {32{tcp_5q[2]}};
    hdr.ack = mpnic_rtl_pkg::be32(l4[95:64]) & {32{tcp_5q[3]}};
    hdr.doff = {4'd0, doff & {4{tcp_5q[4]}}};
    hdr.tcp_flags = l4[111:104] & {8{tcp_5q[4]}};
    hdr.window = mpnic_rtl_pkg::be16(l4[127:112]) & {16{tcp_5q[4]}};
    if (tcp) begin
      hdr.opt_len = doff_there ? {2'd0, doff - 4'd5, 2'b00}
                               : {2'd0, opt_words_5q, room_low_5q};
    end
    // Options that are not in the window are zero in it already.
    for (int unsigned i = 0; i < 10; i++) begin
      hdr.opts[32*i+:32] = l4[160+32*i+:32] & {32{opt_words[i]}};
    end
    if (~stop_5q) begin
      hdr.src = v6_5q ? l3_5q[191:64] : {96'd0, l3_5q[127:96]};
      hdr.dst = v6_5q ? l3_5q[319:192] : {96'd0, l3_5q[159:128]};
    end
  end

  logic [1:0] given_6q;
  logic [479:0] l3_6q, l4_6q;
  always_ff @(posedge clk_i) begin
    if (valid_q[4]) begin
      hdr_6q <= hdr;
      given_6q <= {eth_5q[49], eth_5q[48] & ~eth_5q[49]};
      l3_6q <= l3_5q;
      l4_6q <= l4;
    end
  end
  assign hdr_o = hdr_6q;
  assign given_o = given_6q;
  assign l3_hdr_o = l3_6q;
  assign l4_hdr_o = l4_6q;

endmodule
