// SPDX-License-Identifier: BSD-3-Clause
// The rules of stage dss (docs/state.md, "dss", whose numbers comments give), without memories: a
// packet comes in at stage 1, its state at stage 4; what the state has become is there at stage 5,
// the result at stage 7.
//
//   1 packet | 2 own mapping | 3 its ends | 4 differences to the state | 5 decisions | 6 | 7 result
//
// Guarantees: the state that goes out is a function of what was in stages 4 and 5 alone, so that
// packets of one flow may follow each other at two clocks. Nothing stalls but stage 1.
//
// Stage 4 has every difference between a number of the packet and one of the state; stage 5
// compares and chooses. Each alternative (by the own mapping, by map, by prev) has its sums made
// before it is known which one counts.
module mpnic_dss_rules (
  input  logic                         clk_i,

  // Stage 1's registers take a packet; its packet moves on to stage 2 in every clock.
  input  logic                         take_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::HDR_W-1:0]  hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0] csum_i,
  // verilator lint_on UNUSEDSIGNAL
  input  logic                         known_i,  // it has a flow and a connection
  input  logic                         first_i,  // its flow has flag FIRST
  input  logic                         dir_i,
  input  logic                         side_i,
  output logic                         sound1_o,  // of stage 1

  // Stage 3: the connection.
  input  logic [63:0]                  idsn3_i,  // of side A
  input  logic                         conn_csum3_i,
  input  logic                         conn_tcp3_i,

  // Stage 4: the sender's direction, the other one; dsn_next of its side, of the other one.
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::DIR_W-1:0]  dir4_i,
  input  logic [mpnic_pkg::DIR_W-1:0]  other4_i,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [63:0]                  next4_i,
  input  logic [63:0]                  ack_next4_i,

  // Stage 5: the same, and what it has become.
  output logic [mpnic_pkg::DIR_W-1:0]  dir5_o,
  output logic [mpnic_pkg::DIR_W-1:0]  other5_o,
  output logic [63:0]                  next5_o,

  // Stage 7.
  output logic [mpnic_pkg::RESULT_W-1:0] result_o  // dss's fields and signs; the others are zero
);

`include "mpnic_records.svh"

  // --- arithmetic --------------------------------------------------------------------------------

  // a + b + c + one in one carry chain.
  function automatic logic [31:0] add3(input logic [31:0] a, input logic [31:0] b,
                                       input logic [31:0] c, input logic one);
    add3 = (a ^ b ^ c) + {((a[30:0] & b[30:0]) | (c[30:0] & (a[30:0] ^ b[30:0]))), one};
  endfunction

  // a - b - c, which is a - ~(~b + ~c + 2 - 1): the second one is a subtraction's carry.
  function automatic logic [31:0] sub3(input logic [31:0] a, input logic [31:0] b,
                                       input logic [31:0] c);
    logic [31:0] x, y;
    x = a ^ b ^ c;  // a ^ ~b ^ ~c
    y = {((a[30:0] & ~b[30:0]) | (~c[30:0] & (a[30:0] ^ ~b[30:0]))), 1'b1};
    sub3 = x - ~y;
  endfunction

  // Is off one of len bytes?
  function automatic logic covers(input logic [31:0] off, input logic [15:0] len);
    covers = (off[31:16] == '0) & (off[15:0] < len);
  endfunction

  function automatic logic above(input logic [31:0] a, input logic [15:0] b);
    above = (a[31:16] != '0) | (a[15:0] > b);
  endfunction

  // Folded sums. 0 comes of zeros alone, so that the order of adding and folding does not matter.
  function automatic logic [15:0] fold(input logic [19:0] x);
    logic [16:0] y;
    y = 17'(x[15:0]) + 17'(x[19:16]);
    fold = y[15:0] + 16'(y[16]);
  endfunction

  function automatic logic [15:0] fold2(input logic [15:0] a, input logic [15:0] b);
    logic [16:0] y;
    y = 17'(a) + 17'(b);
    fold2 = y[15:0] + 16'(y[16]);
  endfunction

  // Two words whose folded sum is 0xffff.
  function automatic logic all_ones(input logic [15:0] a, input logic [15:0] b);
    all_ones = (&(a ^ b)) | (&(a & b));
  endfunction

  // The upper half of the number near `around` whose lower half is low: around's own, one more, one
  // less. below: low is before around's lower half as plain numbers; back: in serial arithmetic.
  function automatic logic [31:0] upper(input logic [31:0] around, input logic below,
                                        input logic back);
    upper = (below & ~back) ? around + 32'd1 : (~below & back) ? around - 32'd1 : around;
  endfunction

  // --- 1: the packet -----------------------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t  hdr;
  mpnic_csum_t csum;
  mpnic_opt_t  opt_in, opt_dss, opt_capable;
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = hdr_i;
  assign csum = csum_i;

  // The first DSS without error and the first MP_CAPABLE; signs of control options.
  localparam int unsigned OPTS = mpnic_pkg::MPTCP_OPTS;
  logic [OPTS-1:0] is_dss, is_capable, is_right, first_dss, first_capable;
  logic [31:0]     control;
  always_comb begin
    control = '0;
    opt_in = '0;
    for (int unsigned k = 0; k < OPTS; k++) begin
      opt_in = hdr.opt[mpnic_pkg::OPT_W*k+:mpnic_pkg::OPT_W];
      is_right[k] = (3'(k) < hdr.mptcp_count[2:0]) & (opt_in.error == '0);
      is_dss[k] = is_right[k] & (opt_in.subtype == mpnic_pkg::SUBTYPE_DSS);
      is_capable[k] = (3'(k) < hdr.mptcp_count[2:0]) &
                      (opt_in.subtype == mpnic_pkg::SUBTYPE_MP_CAPABLE);
      control[mpnic_pkg::SIGN_CAPABLE_ERROR] |= is_capable[k] & ~is_right[k];
      control[mpnic_pkg::SIGN_MP_FAIL] |=
          is_right[k] & (opt_in.subtype == mpnic_pkg::SUBTYPE_MP_FAIL);
      control[mpnic_pkg::SIGN_FASTCLOSE] |=
          is_right[k] & (opt_in.subtype == mpnic_pkg::SUBTYPE_MP_FASTCLOSE);
      control[mpnic_pkg::SIGN_TCPRST] |=
          is_right[k] & (opt_in.subtype == mpnic_pkg::SUBTYPE_MP_TCPRST);
      control[mpnic_pkg::SIGN_ADD_ADDR] |=
          is_right[k] & (opt_in.subtype == mpnic_pkg::SUBTYPE_ADD_ADDR);
      control[mpnic_pkg::SIGN_REMOVE_ADDR] |=
          is_right[k] & (opt_in.subtype == mpnic_pkg::SUBTYPE_REMOVE_ADDR);
      control[mpnic_pkg::SIGN_MP_PRIO] |=
          is_right[k] & (opt_in.subtype == mpnic_pkg::SUBTYPE_MP_PRIO);
    end
  end
  assign first_dss = is_dss & {~|is_dss[2:0], ~|is_dss[1:0], ~is_dss[0], 1'b1};
  assign first_capable = is_capable &
                         {~|is_capable[2:0], ~|is_capable[1:0], ~is_capable[0], 1'b1};
  always_comb begin
    opt_dss = '0;
    opt_capable = '0;
    for (int unsigned k = 0; k < OPTS; k++) begin
      opt_dss |= hdr.opt[mpnic_pkg::OPT_W*k+:mpnic_pkg::OPT_W] &
                 {mpnic_pkg::OPT_W{first_dss[k]}};
      opt_capable |= hdr.opt[mpnic_pkg::OPT_W*k+:mpnic_pkg::OPT_W] &
                     {mpnic_pkg::OPT_W{first_capable[k]}};
    end
  end

  logic        known1_q, first1_q, dir1_q, side1_q, tcp1_q, sound1_q;
  logic        syn1_q, fin1_q, rst1_q, ack1_q;  // TCP flags
  logic        dss1_q, capable1_q, capable_ok1_q, capable_v1_1_q;
  logic [15:0] dss_fields1_q, capable_fields1_q, dss_len1_q, capable_len1_q, dss_sum1_q;
  logic [15:0] capable_sum1_q, n1_q, psum1_q;
  logic        dss_fin1_q;
  logic [63:0] data_ack1_q, dsn1_q;
  logic [31:0] ssn1_q, seq1_q, ackno1_q, control1_q;
  always_ff @(posedge clk_i) begin
    if (take_i) begin
      known1_q <= known_i;
      first1_q <= first_i;
      dir1_q <= dir_i;
      side1_q <= side_i;
      tcp1_q <= hdr.parse == mpnic_pkg::PARSE_TCP;
      sound1_q <= (hdr.parse == mpnic_pkg::PARSE_TCP) & (csum.ip != mpnic_pkg::CSUM_BAD) &
                  (csum.ip != mpnic_pkg::CSUM_NOT_JUDGED) &
                  ((csum.l4 == mpnic_pkg::CSUM_GOOD) | (csum.l4 == mpnic_pkg::CSUM_PARTIAL));
      {ack1_q, rst1_q, syn1_q, fin1_q} <= {hdr.tcp_flags[4], hdr.tcp_flags[2:0]};
      dss1_q <= |is_dss;
      capable1_q <= |is_capable;
      capable_ok1_q <= |(first_capable & is_right);
      capable_v1_1_q <= opt_capable.version == 8'd1;
      dss_fields1_q <= opt_dss.fields;
      capable_fields1_q <= opt_capable.fields;
      dss_fin1_q <= opt_dss.flags[mpnic_pkg::DSS_F];
      dss_len1_q <= opt_dss.data_len;
      capable_len1_q <= opt_capable.data_len;
      dss_sum1_q <= opt_dss.checksum;
      capable_sum1_q <= opt_capable.checksum;
      data_ack1_q <= opt_dss[mpnic_pkg::OPT_DSS_DATA_ACK_LSB+:64];
      dsn1_q <= opt_dss[mpnic_pkg::OPT_DSS_DSN_LSB+:64];
      ssn1_q <= opt_dss[mpnic_pkg::OPT_DSS_SSN_LSB+:32];
      seq1_q <= hdr.seq;
      ackno1_q <= hdr.ack;
      n1_q <= hdr.payload_len;
      psum1_q <= csum.payload_sum;
      control1_q <= control;
    end
  end
  assign sound1_o = sound1_q;

  // --- 2: its own mapping (5: read_mapping) ------------------------------------------------------

  logic is_syn1, by_dss, by_capable;
  assign is_syn1 = syn1_q & ~rst1_q & ~fin1_q;
  assign by_dss = dss1_q & dss_fields1_q[mpnic_pkg::FIELD_MAPPING] & ~rst1_q;
  assign by_capable = ~by_dss & capable_ok1_q & capable_fields1_q[mpnic_pkg::FIELD_DATA_LEN] &
                      ~side1_q & first1_q & ~rst1_q;

  // What only passes through, one vector: flags of the packet that stages 4 and 5 ask for.
  typedef struct packed {
    logic known, sound, first, dir, is_syn, syn, fin, rst, ack, data;
    logic dss, capable, capable_ok, capable_v1;
    logic has_ack, ack8;               // Data ACK
    logic there, infinite, with_len;   // own mapping: any, of length 0, another
    logic own_fin, own_csum, dsn8;
    logic n_is_bytes, n_reaches;       // n = bytes, n >= bytes
    logic bytes_0;
    logic [31:0] control;
    logic [31:0] seq, ackno, ssn;
    logic [63:0] data_ack;
    logic [15:0] n, psum, bytes, length, checksum;
  } packet_t;

  // verilator lint_off UNUSEDSIGNAL
  packet_t p2_d, p2_q, p3_d, p3_q, p4_d, p4_q, p5_q;
  // verilator lint_on UNUSEDSIGNAL
  logic        own_capable2_q, own_capable3_q;
  logic [63:0] dsn2_q, dsn3_q, dsn4_q;
  always_comb begin
    p2_d = '0;
    p2_d.known = known1_q;
    p2_d.sound = sound1_q;
    p2_d.first = first1_q;
    p2_d.dir = dir1_q;
    p2_d.is_syn = is_syn1;
    p2_d.syn = syn1_q;
    p2_d.fin = fin1_q;
    p2_d.rst = rst1_q;
    p2_d.ack = ack1_q;
    p2_d.data = tcp1_q & (n1_q != '0) & (is_syn1 | (ack1_q & ~syn1_q & ~rst1_q));
    p2_d.dss = dss1_q;
    p2_d.capable = capable1_q;
    p2_d.capable_ok = capable_ok1_q;
    p2_d.capable_v1 = capable_v1_1_q;
    p2_d.has_ack = dss1_q & dss_fields1_q[mpnic_pkg::FIELD_DATA_ACK];
    p2_d.ack8 = dss_fields1_q[mpnic_pkg::FIELD_DATA_ACK8];
    p2_d.there = by_dss | by_capable;
    p2_d.length = by_dss ? dss_len1_q : capable_len1_q;
    p2_d.infinite = p2_d.there & (p2_d.length == '0);
    p2_d.with_len = p2_d.there & (p2_d.length != '0);
    p2_d.own_fin = by_dss & dss_fin1_q & (dss_len1_q != '0);
    p2_d.own_csum = by_dss ? dss_fields1_q[mpnic_pkg::FIELD_CHECKSUM]
                           : capable_fields1_q[mpnic_pkg::FIELD_CHECKSUM];
    p2_d.dsn8 = ~by_dss | dss_fields1_q[mpnic_pkg::FIELD_DSN8];
    p2_d.checksum = by_dss ? dss_sum1_q : capable_sum1_q;
    p2_d.control = control1_q;
    p2_d.seq = seq1_q;
    p2_d.ackno = ackno1_q;
    p2_d.ssn = by_dss ? ssn1_q : mpnic_pkg::SUBFLOW_SSN_FIRST;
    p2_d.data_ack = data_ack1_q;
    p2_d.n = n1_q;
    p2_d.psum = psum1_q;
  end
  always_ff @(posedge clk_i) begin
    p2_q <= p2_d;
    own_capable2_q <= by_capable;
    dsn2_q <= dsn1_q;
  end

  // --- 3: its ends -------------------------------------------------------------------------------

  // c: seq - ssn, which is off but for isn; with n added.
  logic [31:0] c3_q, c_end3_q, c_last4_q, own_shift3_q, seq_end3_q;
  always_comb begin
    p3_d = p2_q;
    p3_d.bytes = p2_q.length - {15'd0, p2_q.own_fin};
  end
  always_ff @(posedge clk_i) begin
    p3_q <= p3_d;
    own_capable3_q <= own_capable2_q;
    dsn3_q <= dsn2_q;
    c3_q <= p2_q.seq - p2_q.ssn;
    c_end3_q <= add3(p2_q.seq, ~p2_q.ssn, {16'd0, p2_q.n}, 1'b1);
    seq_end3_q <= p2_q.seq + {16'd0, p2_q.n};
    own_shift3_q <= dsn2_q[31:0] - p2_q.ssn;
  end

  // With the connection: its IDSN numbers the mapping of an MP_CAPABLE; is a checksum negotiated?
  logic [31:0] c4_q, c_end4_q, own_shift4_q, seq_end4_q, own_end4_q;
  logic [3:0]  own_judge4_q, own_judge5_q;
  logic        extra4_q, missing4_q, tcp4_q;
  logic [16:0] bytes_1_4_q;
  logic [19:0] rest4_q, rest_psum4_q, rest_check4_q;  // of the pseudo header, without the number
  always_comb begin
    p4_d = p3_q;
    p4_d.n_is_bytes = p3_q.n == p3_q.bytes;
    p4_d.n_reaches = p3_q.n >= p3_q.bytes;
    p4_d.bytes_0 = p3_q.bytes == '0;
  end
  always_ff @(posedge clk_i) begin
    p4_q <= p4_d;
    dsn4_q <= own_capable3_q ? idsn3_i + 64'd1 : dsn3_q;
    c4_q <= c3_q;
    c_end4_q <= c_end3_q;
    rest4_q <= {4'd0, p3_q.ssn[15:0]} + {4'd0, p3_q.ssn[31:16]} + {4'd0, p3_q.length};
    rest_psum4_q <= {4'd0, p3_q.ssn[15:0]} + {4'd0, p3_q.ssn[31:16]} + {4'd0, p3_q.length} +
                    {4'd0, p3_q.psum};
    rest_check4_q <= {4'd0, p3_q.ssn[15:0]} + {4'd0, p3_q.ssn[31:16]} + {4'd0, p3_q.length} +
                     {4'd0, p3_q.psum} + {4'd0, p3_q.checksum};
    c_last4_q <= c_end3_q - 32'd1;
    bytes_1_4_q <= {1'b0, p3_q.bytes} + 17'd1;
    seq_end4_q <= seq_end3_q;
    own_shift4_q <= own_capable3_q ? idsn3_i[31:0] : own_shift3_q;  // its ssn is 1
    own_end4_q <= p3_q.ssn + {16'd0, p3_q.bytes};
    tcp4_q <= conn_tcp3_i;
    extra4_q <= p3_q.own_csum & ~conn_csum3_i;
    missing4_q <= ~p3_q.own_csum & conn_csum3_i;
    unique case ({p3_q.own_csum, conn_csum3_i})
      2'b00: own_judge4_q <= 4'(mpnic_pkg::MAP_CSUM_ABSENT);
      2'b01: own_judge4_q <= 4'(mpnic_pkg::MAP_CSUM_MISSING);
      2'b10: own_judge4_q <= 4'(mpnic_pkg::MAP_CSUM_EXTRA);
      default: own_judge4_q <= 4'(mpnic_pkg::MAP_CSUM_NONE);
    endcase
  end

  // --- 4: differences to the state ---------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  mpnic_dir_t dir4, other4, dir5_q, other5_q;
  logic [31:0] ack_behind, isn_after, isn_skip, prev_e, map_e, own_e, back_e, newer_d, map_last;
  // verilator lint_on UNUSEDSIGNAL
  assign dir4 = dir4_i;
  assign other4 = other4_i;
  assign isn_after = dir4.isn - p4_q.seq;
  assign isn_skip = add3(p4_q.ackno, ~other4.isn, 32'd0, 1'b0);  // ack - 1 - isn
  assign ack_behind = add3(other4.isn, ~p4_q.ackno, 32'd1, 1'b1);  // isn + 1 - ack
  // The lower half of one number minus the other's: own - dsn_next, Data ACK - dsn_next of the
  // other side, own - map, prev - map.
  assign own_e = dsn4_q[31:0] - next4_i[31:0];
  assign back_e = p4_q.data_ack[31:0] - ack_next4_i[31:0];
  assign map_e = dsn4_q[31:0] - dir4.map_dsn[31:0];
  assign prev_e = dir4.prev_dsn - dir4.map_dsn[31:0];

  // The same the other way round: minus the lowest number is its own opposite, and positive here.
  logic [31:0] next_e;
  logic        own_min;
  assign next_e = next4_i[31:0] - dsn4_q[31:0];
  assign own_min = next_e == 32'h8000_0000;
  logic map_below;
  assign map_below = dsn4_q[31:0] < dir4.map_dsn[31:0];

  logic [31:0] off_map4;
  assign off_map4 = sub3(p4_q.seq, dir4.isn, dir4.map_ssn);
  logic [31:0] off_own4, end_own4, end_map4, off_prev4, end_prev4, d_prev4;
  assign off_own4 = c4_q - dir4.isn;
  assign end_own4 = c_end4_q - dir4.isn;
  assign end_map4 = sub3(seq_end4_q, dir4.isn, dir4.map_ssn);
  assign off_prev4 = sub3(p4_q.seq, dir4.isn, dir4.prev_ssn);
  assign end_prev4 = sub3(seq_end4_q, dir4.isn, dir4.prev_ssn);
  assign d_prev4 = dir4.prev_ssn - p4_q.ssn;

  // The upper halves of own, Data ACK and prev: around's own, one more, one less.
  logic own_below, ack_below, prev_below;
  assign own_below = dsn4_q[31:0] < next4_i[31:0];
  assign ack_below = p4_q.data_ack[31:0] < ack_next4_i[31:0];
  assign prev_below = dir4.prev_dsn < dir4.map_dsn[31:0];
  logic [63:0] prev_dsn4;
  assign prev_dsn4 = {upper(dir4.map_dsn[63:32], prev_below, prev_e[31]), dir4.prev_dsn};

  // Does 8 octets' upper half equal that one? All three are looked at before it is known which.
  function automatic logic hits(input logic [31:0] hi, input logic [31:0] around,
                                input logic below, input logic back);
    logic same, more, less;
    same = hi == around;
    more = hi == around + 32'd1;
    less = hi == around - 32'd1;
    hits = (below & ~back) ? more : (~below & back) ? less : same;
  endfunction
  logic [15:0] map_sum_d;
  assign map_sum_d = fold2(dir4.map_sum, (p4_q.seq[0] ^ dir4.isn[0] ^ dir4.map_ssn[0]) ?
                           {p4_q.psum[7:0], p4_q.psum[15:8]} : p4_q.psum);

  logic [15:0] off_own5_q, end_own5_q, off_map5_q, end_map5_q, off_prev5_q, end_prev5_q;
  logic        own_neg5_q, map_neg5_q, own_at5_q, in_own5_q, touches_own5_q, in_map5_q, in_prev5_q;
  logic        over_own5_q, over_map5_q, over_prev5_q, reach_own5_q, reach_map5_q;
  logic        at_pos5_q, before_pos5_q, upto_pos5_q, meets_map5_q, meets_prev5_q, prev_older5_q;
  logic        far5_q, ack_near5_q, map_behind5_q;
  logic [31:0] near_hi5_q, near_tk_hi5_q, own_hi5_q, ack_hi5_q;
  logic [32:0] next_own5_q;  // dsn_next - own
  logic [63:0] next_map5_q, next_prev5_q, prev_dsn5_q;  // dsn_next - map, - prev
  logic [16:0] bytes_1_5_q;
  logic        still5_q, placeable5_q, repeat_diff5_q, is_conflict5_q;
  logic [63:0] next5_q;
  logic [31:0] dsn5_q;  // lower half
  logic        same_isn5_q, in_syn_data5_q, in_skip5_q, ack_before5_q;
  logic        same_map5_q, same_prev5_q, map_shift5_q, prev_shift5_q, newer5_q;
  logic [15:0] base5_q, base_psum5_q, base_check, base_check5_q, map_sum5_q;
  logic        map_good5_q, map_good_still5_q, tcp5_q, extra5_q, missing5_q;
  assign newer_d = add3(dir4.map_ssn, {16'd0, dir4.map_len}, ~own_end4_q, 1'b1);
  // The last byte's place from map_pos on: end - 1 - map_pos.
  assign map_last = end_map4 + ~{16'd0, dir4.map_pos};
  assign base_check = fold({4'd0, dsn4_q[15:0]} + {4'd0, dsn4_q[31:16]} + rest_check4_q);
  always_ff @(posedge clk_i) begin
    p5_q <= p4_q;
    dir5_q <= dir4;
    other5_q <= other4;
    next5_q <= next4_i;
    dsn5_q <= dsn4_q[31:0];
    own_judge5_q <= own_judge4_q;
    extra5_q <= extra4_q;
    missing5_q <= missing4_q;
    tcp5_q <= tcp4_q;
    // 1
    same_isn5_q <= dir4.isn == p4_q.seq;
    in_syn_data5_q <= isn_after[31:16] == '0;
    in_skip5_q <= isn_skip[31:16] == '0;
    // 4
    ack_before5_q <= ack_behind[31];
    ack_hi5_q <= upper(ack_next4_i[63:32], ack_below, back_e[31]);
    ack_near5_q <= ~p4_q.ack8 | hits(p4_q.data_ack[63:32], ack_next4_i[63:32], ack_below,
                                     back_e[31]);
    // 5
    own_hi5_q <= upper(next4_i[63:32], own_below, own_e[31]);
    far5_q <= p4_q.with_len & p4_q.dsn8 &
              ~hits(dsn4_q[63:32], next4_i[63:32], own_below, own_e[31]);
    near_hi5_q <= upper(dir4.map_dsn[63:32], map_below, map_e[31]);
    near_tk_hi5_q <= upper(dir4.map_dsn[63:32], map_below, map_e[31] & (map_e[30:0] != '0));
    same_map5_q <= dir4.flags[mpnic_pkg::DIR_MAP] & (dir4.map_ssn == p4_q.ssn) &
                   (dir4.map_len == p4_q.bytes) & (dir4.map_dsn[31:0] == dsn4_q[31:0]);
    same_prev5_q <= dir4.flags[mpnic_pkg::DIR_PREV] & (dir4.prev_ssn == p4_q.ssn) &
                    (dir4.prev_len == p4_q.bytes) & (dir4.prev_dsn == dsn4_q[31:0]);
    map_shift5_q <= sub3(dir4.map_dsn[31:0], dir4.map_ssn, own_shift4_q) != '0;
    prev_shift5_q <= sub3(dir4.prev_dsn, dir4.prev_ssn, own_shift4_q) != '0;
    meets_map5_q <= dir4.flags[mpnic_pkg::DIR_MAP] &
                    (covers(dir4.map_ssn - p4_q.ssn, p4_q.bytes) |
                     covers(p4_q.ssn - dir4.map_ssn, dir4.map_len));
    meets_prev5_q <= dir4.flags[mpnic_pkg::DIR_PREV] &
                     (covers(d_prev4, p4_q.bytes) |
                      covers(p4_q.ssn - dir4.prev_ssn, dir4.prev_len));
    prev_older5_q <= d_prev4[31];
    newer5_q <= ~dir4.flags[mpnic_pkg::DIR_MAP] | newer_d[31];
    placeable5_q <= p4_q.with_len & p4_q.data & dir4.flags[mpnic_pkg::DIR_ISN];
    repeat_diff5_q <= (p4_q.own_csum != dir4.flags[mpnic_pkg::DIR_MAP_CSUM]) |
                      ((p4_q.own_fin == dir4.flags[mpnic_pkg::DIR_MAP_FIN]) &
                       (p4_q.checksum != dir4.map_csum));
    is_conflict5_q <= dir4.map_judge[3:0] == 4'(mpnic_pkg::MAP_CSUM_CONFLICT);
    // 6: where the segment starts and ends in its own mapping, in map and in prev
    off_own5_q <= off_own4[15:0];
    end_own5_q <= end_own4[15:0];
    own_neg5_q <= off_own4[31];
    own_at5_q <= c4_q == dir4.isn;
    in_own5_q <= covers(off_own4, p4_q.bytes);
    touches_own5_q <= covers(c_last4_q - dir4.isn, p4_q.n);  // its last byte is one of the first n
    over_own5_q <= above(end_own4, p4_q.bytes);
    reach_own5_q <= end_own4 >= {16'd0, p4_q.bytes};
    off_map5_q <= off_map4[15:0];
    end_map5_q <= end_map4[15:0];
    map_neg5_q <= off_map4[31];
    in_map5_q <= covers(off_map4, dir4.map_len);
    over_map5_q <= above(end_map4, dir4.map_len);
    reach_map5_q <= end_map4 >= {16'd0, dir4.map_len};
    off_prev5_q <= off_prev4[15:0];
    end_prev5_q <= end_prev4[15:0];
    in_prev5_q <= covers(off_prev4, dir4.prev_len);
    over_prev5_q <= above(end_prev4, dir4.prev_len);
    prev_dsn5_q <= prev_dsn4;
    // 7: the same with map_pos; true of bytes in map
    at_pos5_q <= off_map4[15:0] == dir4.map_pos;
    before_pos5_q <= off_map4[15:0] < dir4.map_pos;
    upto_pos5_q <= end_map4 <= {16'd0, dir4.map_pos};
    still5_q <= dir4.map_pos == dir4.map_len;
    // 8
    map_behind5_q <= dir4.flags[mpnic_pkg::DIR_MAP] & map_last[31];
    // 9
    next_own5_q <= {next_e[31] & ~own_min, next_e};
    next_map5_q <= next4_i - dir4.map_dsn;
    next_prev5_q <= next4_i - prev_dsn4;
    bytes_1_5_q <= bytes_1_4_q;
    // 7: the pseudo header but for the upper half of the number, and with the payload.
    base5_q <= fold({4'd0, dsn4_q[15:0]} + {4'd0, dsn4_q[31:16]} + rest4_q);
    base_psum5_q <= fold({4'd0, dsn4_q[15:0]} + {4'd0, dsn4_q[31:16]} + rest_psum4_q);
    base_check5_q <= base_check;
    map_sum5_q <= map_sum_d;
    map_good5_q <= all_ones(map_sum_d, dir4.map_csum);
    map_good_still5_q <= all_ones(dir4.map_sum, dir4.map_csum);
  end

  // --- 5: decisions ------------------------------------------------------------------------------

  logic active, go;  // the state is looked at; and it is no SYN
  assign active = p5_q.known & p5_q.sound & ~tcp5_q;
  assign go = active & ~p5_q.is_syn;

  // Flags, as they were.
  logic isn, map, map_done, prev, was_infinite, infinite, fallen, o_data_ack;
  assign isn = dir5_q.flags[mpnic_pkg::DIR_ISN];
  assign map = dir5_q.flags[mpnic_pkg::DIR_MAP];
  assign map_done = dir5_q.flags[mpnic_pkg::DIR_MAP_DONE];
  assign prev = dir5_q.flags[mpnic_pkg::DIR_PREV];
  assign was_infinite = dir5_q.flags[mpnic_pkg::DIR_INFINITE];
  assign o_data_ack = other5_q.flags[mpnic_pkg::DIR_DATA_ACK];
  assign infinite = was_infinite | p5_q.infinite;
  assign fallen = infinite | other5_q.flags[mpnic_pkg::DIR_INFINITE];

  // 1
  logic same_syn, third_there, may_anew, anew, syn_acts;
  assign same_syn = isn & (same_isn5_q | (dir5_q.flags[mpnic_pkg::DIR_SYN_DATA] & in_syn_data5_q));
  assign third_there = p5_q.dir ? other5_q.flags[mpnic_pkg::DIR_THIRD]
                                : dir5_q.flags[mpnic_pkg::DIR_THIRD];
  assign may_anew = ~isn | ~third_there | dir5_q.flags[mpnic_pkg::DIR_END] |
                    other5_q.flags[mpnic_pkg::DIR_END];
  assign syn_acts = same_syn | may_anew;
  assign anew = ~same_syn & may_anew;

  // 2
  logic third;
  assign third = ~p5_q.dir & ~p5_q.syn & ~p5_q.rst & isn & ~dir5_q.flags[mpnic_pkg::DIR_THIRD];

  // 4
  logic [63:0] data_ack;
  logic        ack_near, lacks_ack;
  assign ack_near = ack_near5_q;
  assign data_ack = {ack_hi5_q, p5_q.data_ack[31:0]};
  assign lacks_ack = p5_q.ack & ~p5_q.rst & ~p5_q.capable_ok & p5_q.first &
                     ~dir5_q.flags[mpnic_pkg::DIR_DATA_ACK] & ~was_infinite &
                     ~other5_q.flags[mpnic_pkg::DIR_INFINITE] &
                     other5_q.flags[mpnic_pkg::DIR_ISN] & other5_q.flags[mpnic_pkg::DIR_DATA] &
                     ack_before5_q;

  // 5
  logic [63:0] own_dsn;
  logic        far, placed, in_own, map_hit, prev_hit, conflict, same;
  logic        older, newer, take, after_infinite, usable, repeats, repeat_bad, is_map, pushes;
  assign own_dsn = {own_hi5_q, dsn5_q};  // where it is not far
  assign far = far5_q;
  assign in_own = in_own5_q;
  assign placed = placeable5_q & ~far & (in_own | touches_own5_q);
  assign same = same_map5_q | same_prev5_q;
  assign repeats = placed & same_map5_q;
  assign repeat_bad = repeats & repeat_diff5_q;
  assign map_hit = placed & ~same & meets_map5_q & map_shift5_q;
  assign prev_hit = placed & ~same & meets_prev5_q & prev_shift5_q;
  assign conflict = map_hit | prev_hit;
  assign newer = placed & ~same & ~conflict & newer5_q;
  assign older = placed & ~same & ~conflict & ~newer5_q;
  assign after_infinite = newer & was_infinite;
  assign take = newer & ~was_infinite;
  assign usable = placed & ~conflict & ~after_infinite;
  assign is_map = repeats | take;
  // The older mapping that is kept; the newest becomes the one before it.
  logic keeps, near_tk;
  assign keeps = older & (~prev | prev_older5_q) & (own_dsn[63:32] == near_hi5_q);
  // Is map near own? Not quite the same as own near map: at 2^31 one of them is.
  assign near_tk = own_dsn[63:32] == near_tk_hi5_q;
  assign pushes = take & map & near_tk;

  // A mapping that is given up with bytes passed: `replaced`.
  logic replaced;
  assign replaced = (take | p5_q.infinite) & map & ~map_done & (dir5_q.map_pos != '0);

  // 6
  logic in_map, in_prev, by_own, by_map, by_prev, found, old_map_covers;
  assign in_map = in_map5_q;
  assign in_prev = in_prev5_q;
  assign by_own = p5_q.data & usable & in_own;
  // If map was taken anew, the old one is prev, or gone.
  assign old_map_covers = map & in_map & (~take | pushes);
  assign by_map = p5_q.data & ~by_own & isn & old_map_covers;
  assign by_prev = p5_q.data & ~by_own & isn & ~old_map_covers & prev & in_prev & ~take & ~keeps;
  assign found = by_own | by_map | by_prev;

  // 9: where the segment ends in each, cut; whether that, or what a DATA_FIN takes, is beyond
  // dsn_next. A 64-bit number is beyond another if their difference is above 0.
  function automatic logic beyond(input logic [63:0] next, input logic [15:0] cut);
    // verilator lint_off UNUSEDSIGNAL
    logic [63:0] d;
    // verilator lint_on UNUSEDSIGNAL
    d = next - {48'd0, cut};
    // But for the one difference that has no opposite.
    beyond = d[63] & ~((next[63:16] == 48'h8000_0000_0000) & (next[15:0] == cut));
  endfunction

  logic [15:0] cut_own, cut_map, cut_prev;
  logic [63:0] end_own_dsn, end_map_dsn, end_prev_dsn, fin_next, cover_end;
  assign cut_own = over_own5_q ? p5_q.bytes : end_own5_q;
  assign cut_map = over_map5_q ? dir5_q.map_len : end_map5_q;
  assign cut_prev = over_prev5_q ? dir5_q.prev_len : end_prev5_q;
  assign end_own_dsn = own_dsn + {48'd0, cut_own};
  assign end_map_dsn = dir5_q.map_dsn + {48'd0, cut_map};
  assign end_prev_dsn = prev_dsn5_q + {48'd0, cut_prev};
  assign fin_next = own_dsn + {47'd0, bytes_1_5_q};
  assign cover_end = by_own ? end_own_dsn : by_map ? end_map_dsn : end_prev_dsn;

  // verilator lint_off UNUSEDSIGNAL
  logic [33:0] own_d, fin_d;
  // verilator lint_on UNUSEDSIGNAL
  assign own_d = {next_own5_q[32], next_own5_q} - {18'd0, cut_own};
  assign fin_d = {next_own5_q[32], next_own5_q} - {17'd0, bytes_1_5_q};
  logic beyond_own, beyond_map, beyond_prev, beyond_next, fin_beyond_next, fin_reached, fin_moves;
  logic fin_beyond_map, fin_beyond_prev, fin_beyond_end;
  assign beyond_own = own_d[33];
  assign beyond_map = beyond(next_map5_q, cut_map);
  assign beyond_prev = beyond(next_prev5_q, cut_prev);
  assign beyond_next = found & (by_own ? beyond_own : by_map ? beyond_map : beyond_prev);
  assign fin_beyond_next = fin_d[33];
  // With bytes of its own that it reaches, it is one beyond their end; without, it may be anywhere.
  function automatic logic fin_beyond(input logic [63:0] next, input logic [32:0] next_own,
                                      input logic [15:0] cut);
    // verilator lint_off UNUSEDSIGNAL
    logic [63:0] d;
    // verilator lint_on UNUSEDSIGNAL
    d = next - {{31{next_own[32]}}, next_own} - {48'd0, cut} + 64'd1;  // fin_next - end
    fin_beyond = ~d[63];  // or the same
  endfunction
  assign fin_beyond_map = fin_beyond(next_map5_q, next_own5_q, cut_map);
  assign fin_beyond_prev = fin_beyond(next_prev5_q, next_own5_q, cut_prev);
  assign fin_beyond_end = by_own | (by_map ? fin_beyond_map : fin_beyond_prev);
  assign fin_reached = go & p5_q.own_fin & ~far &
                       (p5_q.bytes_0 | (p5_q.data & usable & in_own & reach_own5_q));
  assign fin_moves = fin_reached & (beyond_next ? fin_beyond_end : fin_beyond_next);
  assign next5_o = fin_moves ? fin_next : (go & beyond_next) ? cover_end : next5_q;

  // 7: the bytes in map as it was, and in the one just taken.
  logic [15:0] pseudo, own_sum;
  logic [17:0] own_check;
  logic        own_good, sums_new, sums_old, passes_old, passes, ends, adds;
  logic [3:0]  m_judge, old_judge, old_reason, new_reason, judge_d;
  assign pseudo = fold({4'd0, base5_q} + {4'd0, own_hi5_q[15:0]} + {4'd0, own_hi5_q[31:16]});
  assign own_sum = fold({4'd0, base_psum5_q} + {4'd0, own_hi5_q[15:0]} +
                        {4'd0, own_hi5_q[31:16]});
  // A multiple of 0xffff, and not 0.
  assign own_check = {2'd0, base_check5_q} + {2'd0, own_hi5_q[15:0]} + {2'd0, own_hi5_q[31:16]};
  assign own_good = (own_check == 18'h0ffff) | (own_check == 18'h1fffe) | (own_check == 18'h2fffd);
  assign sums_new = take & p5_q.data & in_own;  // go, and no INFINITE, else it is not taken
  assign sums_old = ~take & go & p5_q.data & ~infinite & map & ~map_done & in_map;
  assign passes_old = sums_old & ~(before_pos5_q & upto_pos5_q);
  assign passes = (go & sums_new) | passes_old;
  assign adds = take ? (go & sums_new & own_at5_q & ~over_own5_q)
                     : (passes_old & at_pos5_q & ~over_map5_q);
  always_comb begin
    old_reason = 4'(mpnic_pkg::MAP_CSUM_NONE);
    if (before_pos5_q) old_reason = 4'(mpnic_pkg::MAP_CSUM_OVERLAP);
    else if (!at_pos5_q) old_reason = 4'(mpnic_pkg::MAP_CSUM_ORDER);
    else if (over_map5_q) old_reason = 4'(mpnic_pkg::MAP_CSUM_STRADDLE);
    new_reason = 4'(mpnic_pkg::MAP_CSUM_NONE);
    if (!own_at5_q) new_reason = 4'(mpnic_pkg::MAP_CSUM_ORDER);
    else if (over_own5_q) new_reason = 4'(mpnic_pkg::MAP_CSUM_STRADDLE);
  end
  assign old_judge = (map_hit | repeat_bad) ? 4'(mpnic_pkg::MAP_CSUM_CONFLICT)
                                            : dir5_q.map_judge[3:0];
  assign m_judge = take ? own_judge5_q : old_judge;
  always_comb begin
    judge_d = m_judge;
    if (passes && m_judge == 4'(mpnic_pkg::MAP_CSUM_NONE)) begin
      judge_d = take ? new_reason : old_reason;
    end
  end
  // Also where no byte passed: a map that firmware wrote may be at its end.
  assign ends = (go & sums_new & reach_own5_q) |
                (sums_old & (passes_old ? reach_map5_q : still5_q));

  // The verdict from the segment alone.
  logic       alone;
  logic [3:0] alone_verdict;
  assign alone = go & p5_q.data & ~infinite & usable & own_at5_q & p5_q.n_reaches &
                 (~is_map | (p5_q.n_is_bytes &
                             (take | (~map_done & ~is_conflict5_q & ~repeat_diff5_q))));
  assign alone_verdict = !p5_q.n_is_bytes ? 4'(mpnic_pkg::MAP_CSUM_STRADDLE) :
                         (own_judge5_q != 4'(mpnic_pkg::MAP_CSUM_NONE)) ? own_judge5_q :
                         own_good ? 4'(mpnic_pkg::MAP_CSUM_GOOD) : 4'(mpnic_pkg::MAP_CSUM_BAD);

  // 8
  logic behind;
  assign behind = ~take & map_behind5_q;  // a mapping that is placed has a byte of the segment

  // The state.
  mpnic_dir_t dir5_d, other5_d;
  always_comb begin
    dir5_d = dir5_q;
    other5_d = other5_q;
    if (active && p5_q.is_syn) begin
      if (anew) begin
        dir5_d = '0;
        dir5_d.isn = p5_q.seq;
        dir5_d.flags[mpnic_pkg::DIR_ISN] = 1'b1;
        if (!p5_q.ack) other5_d = '0;
      end
      if (syn_acts) begin
        if (p5_q.capable_ok) begin
          dir5_d.flags[mpnic_pkg::DIR_CAPABLE] = 1'b1;
          dir5_d.flags[mpnic_pkg::DIR_CAPABLE_V1] = p5_q.capable_v1;
        end
        if (!p5_q.ack && p5_q.data) dir5_d.flags[mpnic_pkg::DIR_SYN_DATA] = 1'b1;
        if (p5_q.ack && p5_q.dir && other5_q.flags[mpnic_pkg::DIR_SYN_DATA] && in_skip5_q) begin
          other5_d.isn = p5_q.ackno - 32'd1;
        end
      end
    end
    if (go) begin
      if (third) dir5_d.flags[mpnic_pkg::DIR_THIRD] = 1'b1;
      if (p5_q.rst || p5_q.fin) dir5_d.flags[mpnic_pkg::DIR_END] = 1'b1;
      if (p5_q.has_ack && ack_near) dir5_d.flags[mpnic_pkg::DIR_DATA_ACK] = 1'b1;
      if (p5_q.data) dir5_d.flags[mpnic_pkg::DIR_DATA] = 1'b1;
      if (p5_q.infinite) begin
        dir5_d.flags[mpnic_pkg::DIR_INFINITE] = 1'b1;
        dir5_d.flags[mpnic_pkg::DIR_MAP_DONE] = 1'b1;
      end
      if (pushes) begin
        dir5_d.prev_dsn = dir5_q.map_dsn[31:0];
        dir5_d.prev_ssn = dir5_q.map_ssn;
        dir5_d.prev_len = dir5_q.map_len;
      end
      if (keeps) begin
        dir5_d.prev_dsn = own_dsn[31:0];
        dir5_d.prev_ssn = p5_q.ssn;
        dir5_d.prev_len = p5_q.bytes;
      end
      if (take || keeps) dir5_d.flags[mpnic_pkg::DIR_PREV] = pushes | keeps;
      if (take) begin
        dir5_d.flags[mpnic_pkg::DIR_MAP] = 1'b1;
        dir5_d.flags[mpnic_pkg::DIR_MAP_CSUM] = p5_q.own_csum;
        dir5_d.flags[mpnic_pkg::DIR_MAP_FIN] = p5_q.own_fin;
        dir5_d.flags[mpnic_pkg::DIR_MAP_DONE] = 1'b0;
        dir5_d.map_dsn = own_dsn;
        dir5_d.map_ssn = p5_q.ssn;
        dir5_d.map_len = p5_q.bytes;
        dir5_d.map_pos = 16'd0;
        dir5_d.map_csum = p5_q.checksum;
        dir5_d.map_sum = pseudo;
      end
      dir5_d.map_judge = 8'(judge_d);
      if (passes) begin
        dir5_d.map_pos = take ? cut_own : cut_map;
        if (adds) dir5_d.map_sum = take ? own_sum : map_sum5_q;  // of a new one off is 0
      end
      if (ends) dir5_d.flags[mpnic_pkg::DIR_MAP_DONE] = 1'b1;
    end
  end
  assign dir5_o = dir5_d;
  assign other5_o = other5_d;

  // --- 6, 7: the result --------------------------------------------------------------------------

  logic [31:0] signs5;
  logic [7:0]  dsn_state5;
  logic        past;
  assign past = take ? own_neg5_q : (map & map_neg5_q);
  always_comb begin
    dsn_state5 = mpnic_pkg::DSN_NONE;
    if (p5_q.data) begin
      if (!p5_q.known) dsn_state5 = mpnic_pkg::DSN_NO_FLOW;
      else if (!p5_q.sound) dsn_state5 = mpnic_pkg::DSN_BAD_CSUM;
      else if (tcp5_q) dsn_state5 = mpnic_pkg::DSN_NOT_MPTCP;
      else if (p5_q.is_syn) dsn_state5 = mpnic_pkg::DSN_SYN;
      else if (found) dsn_state5 = mpnic_pkg::DSN_MAPPED;
      else if (!isn) dsn_state5 = mpnic_pkg::DSN_NO_ISN;
      else if (fallen) dsn_state5 = mpnic_pkg::DSN_INFINITE;
      else if (far) dsn_state5 = mpnic_pkg::DSN_FAR;
      else if (past) dsn_state5 = mpnic_pkg::DSN_PAST;
      else dsn_state5 = mpnic_pkg::DSN_NO_MAPPING;
    end
  end

  logic bare;  // 6: signs of data without a mapping may be raised
  assign bare = go & p5_q.data & ~fallen & isn;
  always_comb begin
    signs5 = '0;
    if (p5_q.sound) begin
      signs5[mpnic_pkg::SIGN_CAPABLE_SYN] = p5_q.is_syn & ~p5_q.ack & p5_q.capable_ok;
    end
    if (p5_q.known && p5_q.sound && tcp5_q) begin
      signs5[mpnic_pkg::SIGN_HANDSHAKE] = p5_q.is_syn;
      signs5[mpnic_pkg::SIGN_END] = p5_q.rst | p5_q.fin;
    end
    if (active && p5_q.is_syn) begin
      signs5[mpnic_pkg::SIGN_HANDSHAKE] = 1'b1;
      signs5[mpnic_pkg::SIGN_CAPABLE_ERROR] = p5_q.capable & ~p5_q.capable_ok;
      if (syn_acts && p5_q.ack && p5_q.dir && p5_q.first &&
          other5_q.flags[mpnic_pkg::DIR_CAPABLE]) begin
        signs5[mpnic_pkg::SIGN_CAPABLE_ABSENT] = ~p5_q.capable;
        signs5[mpnic_pkg::SIGN_CAPABLE_VERSION] = p5_q.capable_ok &
            (p5_q.capable_v1 != other5_q.flags[mpnic_pkg::DIR_CAPABLE_V1]);
      end
    end
    if (go) begin
      signs5 |= p5_q.control;
      signs5[mpnic_pkg::SIGN_HANDSHAKE] = third;
      signs5[mpnic_pkg::SIGN_THIRD_ABSENT] = third & p5_q.first &
          dir5_q.flags[mpnic_pkg::DIR_CAPABLE] & other5_q.flags[mpnic_pkg::DIR_CAPABLE] &
          ~p5_q.capable_ok & ~p5_q.dss;
      signs5[mpnic_pkg::SIGN_END] = p5_q.rst | p5_q.fin;
      signs5[mpnic_pkg::SIGN_NO_DATA_ACK] = ~p5_q.has_ack & lacks_ack;
      signs5[mpnic_pkg::SIGN_DSN_FAR] = (p5_q.has_ack & ~ack_near) | far;
      signs5[mpnic_pkg::SIGN_INFINITE] = p5_q.infinite;
      signs5[mpnic_pkg::SIGN_CSUM_EXTRA] = p5_q.with_len & extra5_q;
      signs5[mpnic_pkg::SIGN_CSUM_MISSING] = p5_q.with_len & missing5_q;
      signs5[mpnic_pkg::SIGN_DATA_FIN] = p5_q.own_fin & ~far;
      signs5[mpnic_pkg::SIGN_MAP_CONFLICT] = repeat_bad | conflict;
      signs5[mpnic_pkg::SIGN_AFTER_INFINITE] = after_infinite;
      signs5[mpnic_pkg::SIGN_NO_MAPPING] = bare & ~p5_q.there & ~o_data_ack;
      signs5[mpnic_pkg::SIGN_UNMAPPED] = bare & o_data_ack &
          (dsn_state5 == mpnic_pkg::DSN_NO_MAPPING);
      signs5[mpnic_pkg::SIGN_FIRST_DATA_BARE] = bare & p5_q.first & ~p5_q.dir &
          ~dir5_q.flags[mpnic_pkg::DIR_DATA] & ~p5_q.capable_ok & ~p5_q.there;
    end
  end

  logic [31:0] signs6_q;
  logic [7:0]  dsn_state6_q;
  logic [3:0]  judge6_q, alone_verdict6_q, verdict;
  logic        alone6_q, ends6_q, replaced6_q, take6_q, passes6_q, verdict_there, own_verdict;
  logic        own_good6_q, map_good6_q, map_good_still6_q, m_good;
  logic        again6_q, reinjected6_q, data_ack6_q, data_fin6_q, found6_q;
  logic [63:0] dsn_base6_q, data_ack_no6_q, map_dsn6_q, own_dsn6_q;
  logic [15:0] dsn_off6_q, map_len6_q, bytes6_q;
  always_ff @(posedge clk_i) begin
    signs6_q <= signs5;
    dsn_state6_q <= dsn_state5;
    judge6_q <= judge_d;
    alone6_q <= alone;
    alone_verdict6_q <= alone_verdict;
    ends6_q <= ends;
    replaced6_q <= go & replaced;
    take6_q <= take;
    passes6_q <= passes;
    own_good6_q <= own_good;
    map_good6_q <= map_good5_q;
    map_good_still6_q <= map_good_still5_q;
    again6_q <= go & p5_q.data & behind;
    reinjected6_q <= go & p5_q.data & ~behind & found & ~beyond_next;
    data_ack6_q <= go & p5_q.has_ack & ack_near;
    data_ack_no6_q <= data_ack;
    data_fin6_q <= go & p5_q.own_fin & ~far;
    own_dsn6_q <= own_dsn;
    bytes6_q <= p5_q.bytes;
    found6_q <= go & found;
    dsn_base6_q <= by_own ? own_dsn : by_map ? dir5_q.map_dsn : prev_dsn5_q;
    dsn_off6_q <= by_own ? off_own5_q : by_map ? off_map5_q : off_prev5_q;
    map_dsn6_q <= dir5_q.map_dsn;
    map_len6_q <= dir5_q.map_len;
  end

  // From the segment alone, or else of map as it is now, or as it was.
  assign m_good = take6_q ? own_good6_q : passes6_q ? map_good6_q : map_good_still6_q;
  always_comb begin
    verdict = 4'(mpnic_pkg::MAP_CSUM_NONE);
    if (alone6_q) verdict = alone_verdict6_q;
    else if (ends6_q && judge6_q != 4'(mpnic_pkg::MAP_CSUM_NONE)) verdict = judge6_q;
    else if (ends6_q && m_good) verdict = 4'(mpnic_pkg::MAP_CSUM_GOOD);
    else if (ends6_q) verdict = 4'(mpnic_pkg::MAP_CSUM_BAD);
    else if (replaced6_q) verdict = 4'(mpnic_pkg::MAP_CSUM_REPLACED);
  end
  assign verdict_there = alone6_q | ends6_q | replaced6_q;
  assign own_verdict = alone6_q | (ends6_q & take6_q);

  mpnic_result_t result, result_q;
  always_comb begin
    result = '0;
    result.signs = signs6_q;
    result.signs[mpnic_pkg::SIGN_CSUM_BAD] = verdict == 4'(mpnic_pkg::MAP_CSUM_BAD);
    result.dsn_state = dsn_state6_q;
    result.flags[mpnic_pkg::RESULT_RETRANSMISSION] = again6_q;
    result.flags[mpnic_pkg::RESULT_REINJECTION] = reinjected6_q;
    result.flags[mpnic_pkg::RESULT_DATA_ACK] = data_ack6_q;
    result.flags[mpnic_pkg::RESULT_MAP] = verdict_there;
    result.dsn = (dsn_base6_q + 64'(dsn_off6_q)) & {64{found6_q}};
    result.data_ack = data_ack_no6_q & {64{data_ack6_q}};
    result.map_csum = 8'(verdict);
    result.map_dsn = (own_verdict ? own_dsn6_q : map_dsn6_q) & {64{verdict_there}};
    result.map_len = (own_verdict ? bytes6_q : map_len6_q) & {16{verdict_there}};
    result.data_fin = (own_dsn6_q + 64'(bytes6_q)) & {64{data_fin6_q}};
  end
  always_ff @(posedge clk_i) result_q <= result;
  assign result_o = result_q;

endmodule
