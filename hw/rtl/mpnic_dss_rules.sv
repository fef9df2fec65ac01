// SPDX-License-Identifier: BSD-3-Clause
// The rules of stage dss (docs/state.md, "dss", whose numbers comments give), without memories.
//
//   1 options | 2 the two that count | 3 own mapping | 4 its length | 5 its ends
//   6 sums with the state of mappings and dsn_next | 7 decisions; that state is new
//   8 the segment in map | 9 | 10 sums with the state of what has passed of map | 11 that is new
//   12, 13 verdict | 14 result
//
// Guarantees: what goes out at 7 is a function of what was in stages 6 and 7 alone, and what goes
// out at 11 of 10 and 11, so that packets of one flow may follow each other at two clocks. Nothing
// stalls but stage 1.
//
// What numbers bytes (mappings, dsn_next) does not ask what has passed of a mapping, so the latter
// comes behind, when the former is decided. In the first clock of each of the two loops all sums
// are made, in the second one it is chosen.
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

  // Stage 5: isn of the sender's direction; but that of the packet at 7 counts; from its other one.
  input  logic [31:0]                           isn5_i,
  input  logic                                  near5_i,
  input  logic                                  turn5_i,
  // Stage 6: the sender's direction, the other one; dsn_next of the sender's side. Layouts: below.
  input  logic [mpnic_rtl_pkg::DSS_HEAD_W-1:0]  head6_i,
  input  logic [mpnic_rtl_pkg::DSS_HEAD_W-1:0]  other6_i,
  input  logic [mpnic_rtl_pkg::DSS_MAPS_W-1:0]  maps6_i,
  input  logic [63:0]                           next6_i,
  // Stage 7: what has become of them; other's maps are zero now.
  output logic [mpnic_rtl_pkg::DSS_HEAD_W-1:0]  head7_o,
  output logic [mpnic_rtl_pkg::DSS_HEAD_W-1:0]  other7_o,
  output logic                                  zero_other7_o,
  output logic [mpnic_rtl_pkg::DSS_MAPS_W-1:0]  maps7_o,
  output logic [63:0]                           next7_o,

  // Stages 10 and 11: what has passed of map; flags DATA_ACK of both directions, the sender's
  // first.
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_rtl_pkg::DSS_PASS_W-1:0]  pass10_i,
  // verilator lint_on UNUSEDSIGNAL
  input  logic [1:0]                            acks10_i,
  output logic [mpnic_rtl_pkg::DSS_PASS_W-1:0]  pass11_o,
  output logic [1:0]                            acks11_o,
  // Stage 10: dsn_next of the other side.
  input  logic [63:0]                           ack_next10_i,

  // Stage 14.
  output logic [mpnic_pkg::RESULT_W-1:0] result_o  // dss's fields and signs; the others are zero
);

`include "mpnic_records.svh"

  // A direction's isn and flags; its mappings, those that memory does not hold first; what has
  // passed of map.
  typedef struct packed {
    logic isn_there, syn_data, capable, capable_v1, third, ended, data, infinite;
    logic [31:0] isn;
  } head_t;
  typedef struct packed {
    logic [31:0] prev_hi, prev_shift, prev_end, map_shift, map_end;  // shift: dsn - ssn
    logic        prev_there, map_there;
    logic [31:0] prev_dsn, prev_ssn;
    logic [15:0] prev_len, map_len;
    logic [63:0] map_dsn;
    logic [31:0] map_ssn;
  } maps_t;
  typedef struct packed {
    logic        done, csum_there, fin;
    logic [3:0]  judge;
    logic [15:0] sum, csum, pos;
  } pass_t;

  // --- arithmetic --------------------------------------------------------------------------------

  // a + b + c + one in one carry chain.
  function automatic logic [31:0] add3(input logic [31:0] a, input logic [31:0] b,
                                       input logic [31:0] c, input logic one);
    add3 = (a ^ b ^ c) + {((a[30:0] & b[30:0]) | (c[30:0] & (a[30:0] ^ b[30:0]))), one};
  endfunction

  // Sums of 16-bit words, folded to 17 and then to 16 bits. 0 comes of zeros alone, so that the
  // order of adding and folding does not matter.
  function automatic logic [16:0] fold17(input logic [19:0] x);
    fold17 = 17'(x[15:0]) + 17'(x[19:16]);
  endfunction

  function automatic logic [15:0] fold16(input logic [16:0] x);
    fold16 = x[15:0] + 16'(x[16]);
  endfunction

  // Both sums, with and without the carry, then the choice.
  function automatic logic [15:0] fold2(input logic [15:0] a, input logic [15:0] b);
    logic [16:0] y;
    logic [15:0] z;
    y = 17'(a) + 17'(b);
    z = a + b + 16'd1;
    fold2 = y[16] ? z : y[15:0];
  endfunction

  // Wide ands by a carry chain: equality, three bits a step; all ones, six bits a step.
  // verilator lint_off UNUSEDSIGNAL
  function automatic logic equal(input logic [47:0] a, input logic [47:0] b);
    logic [15:0] same;
    logic [17:0] carry;
    for (int unsigned k = 0; k < 16; k++) same[k] = a[3*k+:3] == b[3*k+:3];
    carry = {1'b0, same, 1'b1} + 18'd1;
    equal = carry[17];
  endfunction

  function automatic logic ones(input logic [35:0] x);
    logic [5:0] six;
    logic [7:0] carry;
    for (int unsigned k = 0; k < 6; k++) six[k] = &x[6*k+:6];
    carry = {1'b0, six, 1'b1} + 8'd1;
    ones = carry[7];
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  // --- 1: the packet -----------------------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t  hdr;
  mpnic_csum_t csum;
  mpnic_opt_t  opt_in, opt_dss, opt_capable;
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = hdr_i;
  assign csum = csum_i;

  // What kind the options are of, one bit an option.
  localparam int unsigned OPTS = mpnic_pkg::MPTCP_OPTS;
  localparam int unsigned OPT_W = mpnic_pkg::OPT_W;
  logic [OPTS-1:0] there, right, is_dss, is_capable, is_fail, is_fastclose, is_tcprst, is_add;
  logic [OPTS-1:0] is_remove, is_prio;
  always_comb begin
    opt_in = '0;
    for (int unsigned k = 0; k < OPTS; k++) begin
      opt_in = hdr.opt[OPT_W*k+:OPT_W];
      there[k] = 3'(k) < hdr.mptcp_count[2:0];
      right[k] = opt_in.error == '0;
      is_dss[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_DSS;
      is_capable[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_MP_CAPABLE;
      is_fail[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_MP_FAIL;
      is_fastclose[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_MP_FASTCLOSE;
      is_tcprst[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_MP_TCPRST;
      is_add[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_ADD_ADDR;
      is_remove[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_REMOVE_ADDR;
      is_prio[k] = opt_in.subtype == mpnic_pkg::SUBTYPE_MP_PRIO;
    end
  end

  logic            known1_q, first1_q, dir1_q, side1_q, tcp1_q, sound1;
  logic            syn1_q, fin1_q, rst1_q, ack1_q;  // TCP flags
  logic            good_ip1_q, good_l4_1_q;
  logic [OPTS-1:0] there1_q, right1_q, dss1_q, capable1_q, is_fail1_q, is_fastclose1_q;
  logic [OPTS-1:0] is_tcprst1_q, is_add1_q, is_remove1_q, is_prio1_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [OPTS*OPT_W-1:0] opts1_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [31:0]     seq1_q, ackno1_q;
  logic [15:0]     n1_q, psum1_q;
  always_ff @(posedge clk_i) begin
    if (take_i) begin
      known1_q <= known_i;
      first1_q <= first_i;
      dir1_q <= dir_i;
      side1_q <= side_i;
      tcp1_q <= hdr.parse == mpnic_pkg::PARSE_TCP;
      good_ip1_q <= (csum.ip != mpnic_pkg::CSUM_BAD) & (csum.ip != mpnic_pkg::CSUM_NOT_JUDGED);
      good_l4_1_q <= (csum.l4 == mpnic_pkg::CSUM_GOOD) | (csum.l4 == mpnic_pkg::CSUM_PARTIAL);
      {ack1_q, rst1_q, syn1_q, fin1_q} <= {hdr.tcp_flags[4], hdr.tcp_flags[2:0]};
      there1_q <= there;
      right1_q <= right;
      dss1_q <= is_dss & right & there;
      capable1_q <= is_capable & there;
      is_fail1_q <= is_fail;
      is_fastclose1_q <= is_fastclose;
      is_tcprst1_q <= is_tcprst;
      is_add1_q <= is_add;
      is_remove1_q <= is_remove;
      is_prio1_q <= is_prio;
      opts1_q <= hdr.opt;
      seq1_q <= hdr.seq;
      ackno1_q <= hdr.ack;
      n1_q <= hdr.payload_len;
      psum1_q <= csum.payload_sum;
    end
  end
  assign sound1 = tcp1_q & good_ip1_q & good_l4_1_q;
  assign sound1_o = sound1;

  // The first DSS without error and the first MP_CAPABLE.
  logic [OPTS-1:0] first_dss, first_capable;
  assign first_dss = dss1_q & {~|dss1_q[2:0], ~|dss1_q[1:0], ~dss1_q[0], 1'b1};
  assign first_capable = capable1_q &
                         {~|capable1_q[2:0], ~|capable1_q[1:0], ~capable1_q[0], 1'b1};
  always_comb begin
    opt_dss = '0;
    opt_capable = '0;
    for (int unsigned k = 0; k < OPTS; k++) begin
      opt_dss |= opts1_q[OPT_W*k+:OPT_W] & {OPT_W{first_dss[k]}};
      opt_capable |= opts1_q[OPT_W*k+:OPT_W] & {OPT_W{first_capable[k]}};
    end
  end

  // What only passes through, one vector.
  typedef struct packed {
    logic known, sound, first, dir, side, is_syn, syn, fin, rst, ack, data;
    logic dss, capable, capable_ok, capable_v1;
    logic has_ack, ack8;               // Data ACK
    logic there, infinite, with_len;   // own mapping: any, of length 0, another
    logic own_capable, own_fin, own_csum, dsn8;
    logic n_is_bytes, n_reaches;       // n = bytes, n >= bytes
    logic bytes_0;
    logic active, go, go_syn, tcp;     // the state is looked at; it is no SYN; it is one
    logic csum_extra, csum_missing;
    logic [3:0]  judge;
    logic [31:0] control;
    logic [31:0] seq, ackno, ssn;
    logic [63:0] data_ack, dsn;
    logic [15:0] n, psum, bytes, length, checksum;
  } packet_t;
  // verilator lint_off UNUSEDSIGNAL
  packet_t p2_d, p2_q, p3_d, p3_q, p4_d, p4_q, p5_d, p5_q, p6_d, p6_q, p7_q, p8_q, p9_q, p10_q;
  packet_t p11_q, p12_q, p13_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [31:0] control1;
  logic        syn1;
  assign syn1 = syn1_q & ~rst1_q & ~fin1_q;
  always_comb begin
    control1 = '0;
    control1[mpnic_pkg::SIGN_CAPABLE_ERROR] = |(capable1_q & ~right1_q);
    control1[mpnic_pkg::SIGN_MP_FAIL] = |(is_fail1_q & right1_q & there1_q);
    control1[mpnic_pkg::SIGN_FASTCLOSE] = |(is_fastclose1_q & right1_q & there1_q);
    control1[mpnic_pkg::SIGN_TCPRST] = |(is_tcprst1_q & right1_q & there1_q);
    control1[mpnic_pkg::SIGN_ADD_ADDR] = |(is_add1_q & right1_q & there1_q);
    control1[mpnic_pkg::SIGN_REMOVE_ADDR] = |(is_remove1_q & right1_q & there1_q);
    control1[mpnic_pkg::SIGN_MP_PRIO] = |(is_prio1_q & right1_q & there1_q);
    p2_d = '0;
    p2_d.known = known1_q;
    p2_d.sound = sound1;
    p2_d.first = first1_q;
    p2_d.dir = dir1_q;
    p2_d.side = side1_q;
    p2_d.is_syn = syn1;
    p2_d.syn = syn1_q;
    p2_d.fin = fin1_q;
    p2_d.rst = rst1_q;
    p2_d.ack = ack1_q;
    p2_d.data = tcp1_q & (n1_q != '0) & (syn1 | (ack1_q & ~syn1_q & ~rst1_q));
    p2_d.dss = |dss1_q;
    p2_d.capable = |capable1_q;
    p2_d.capable_ok = |(first_capable & right1_q);
    p2_d.control = control1;
    p2_d.seq = seq1_q;
    p2_d.ackno = ackno1_q;
    p2_d.n = n1_q;
    p2_d.psum = psum1_q;
    p2_d.data_ack = opt_dss[mpnic_pkg::OPT_DSS_DATA_ACK_LSB+:64];
  end

  logic [15:0] dss_fields2_q, capable_fields2_q, dss_len2_q, capable_len2_q, dss_sum2_q;
  logic [15:0] capable_sum2_q;
  logic [7:0]  version2_q;
  logic        dss_fin2_q;
  logic [63:0] dsn2_q;
  logic [31:0] ssn2_q;
  always_ff @(posedge clk_i) begin
    p2_q <= p2_d;
    version2_q <= opt_capable.version;
    dss_fields2_q <= opt_dss.fields;
    capable_fields2_q <= opt_capable.fields;
    dss_fin2_q <= opt_dss.flags[mpnic_pkg::DSS_F];
    dss_len2_q <= opt_dss.data_len;
    capable_len2_q <= opt_capable.data_len;
    dss_sum2_q <= opt_dss.checksum;
    capable_sum2_q <= opt_capable.checksum;
    dsn2_q <= opt_dss[mpnic_pkg::OPT_DSS_DSN_LSB+:64];
    ssn2_q <= opt_dss[mpnic_pkg::OPT_DSS_SSN_LSB+:32];
  end

  // --- 2, 3: its own mapping (5: read_mapping) ---------------------------------------------------

  logic by_dss, by_capable, dss_fin3_q;
  assign by_dss = p2_q.dss & dss_fields2_q[mpnic_pkg::FIELD_MAPPING] & ~p2_q.rst;
  assign by_capable = p2_q.capable_ok & capable_fields2_q[mpnic_pkg::FIELD_DATA_LEN] &
                      ~p2_q.side & p2_q.first & ~p2_q.rst;
  always_comb begin
    p3_d = p2_q;
    p3_d.capable_v1 = version2_q == 8'd1;
    p3_d.has_ack = p2_q.dss & dss_fields2_q[mpnic_pkg::FIELD_DATA_ACK];
    p3_d.ack8 = dss_fields2_q[mpnic_pkg::FIELD_DATA_ACK8];
    p3_d.there = by_dss | by_capable;
    p3_d.own_capable = ~by_dss;  // if there
    p3_d.length = by_dss ? dss_len2_q : capable_len2_q;
    p3_d.own_csum = by_dss ? dss_fields2_q[mpnic_pkg::FIELD_CHECKSUM]
                           : capable_fields2_q[mpnic_pkg::FIELD_CHECKSUM];
    p3_d.dsn8 = ~by_dss | dss_fields2_q[mpnic_pkg::FIELD_DSN8];
    p3_d.checksum = by_dss ? dss_sum2_q : capable_sum2_q;
    p3_d.ssn = by_dss ? ssn2_q : mpnic_pkg::SUBFLOW_SSN_FIRST;
    p3_d.dsn = dsn2_q;
  end
  always_ff @(posedge clk_i) begin
    p3_q <= p3_d;
    dss_fin3_q <= by_dss & dss_fin2_q;
  end

  // With the connection: its IDSN numbers the mapping of an MP_CAPABLE; is a checksum negotiated?
  logic [31:0] seq_end4_q;
  logic [16:0] bytes3;
  assign bytes3 = {1'b0, p3_q.length} - {16'd0, dss_fin3_q};
  always_comb begin
    p4_d = p3_q;
    p4_d.own_fin = dss_fin3_q & ~bytes3[16];  // of length 0 it counts for nothing
    p4_d.bytes = bytes3[15:0] & {16{~bytes3[16]}};
    p4_d.infinite = p3_q.there & (p3_q.length == '0);
    p4_d.with_len = p3_q.there & (p3_q.length != '0);
    p4_d.dsn = p3_q.own_capable ? idsn3_i + 64'd1 : p3_q.dsn;
    p4_d.tcp = conn_tcp3_i;
    p4_d.active = p3_q.known & p3_q.sound & ~conn_tcp3_i;
    p4_d.go = p4_d.active & ~p3_q.is_syn;
    p4_d.go_syn = p4_d.active & p3_q.is_syn;
    p4_d.csum_extra = p3_q.own_csum & ~conn_csum3_i;
    p4_d.csum_missing = ~p3_q.own_csum & conn_csum3_i;
    unique case ({p3_q.own_csum, conn_csum3_i})
      2'b00: p4_d.judge = 4'(mpnic_pkg::MAP_CSUM_ABSENT);
      2'b01: p4_d.judge = 4'(mpnic_pkg::MAP_CSUM_MISSING);
      2'b10: p4_d.judge = 4'(mpnic_pkg::MAP_CSUM_EXTRA);
      default: p4_d.judge = 4'(mpnic_pkg::MAP_CSUM_NONE);
    endcase
  end
  always_ff @(posedge clk_i) begin
    p4_q <= p4_d;
    seq_end4_q <= p3_q.seq + {16'd0, p3_q.n};
  end

  // --- 5: its ends -------------------------------------------------------------------------------

  logic [31:0] shift5_q, seq_end5_q, own_end5_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [16:0] n_d;
  // verilator lint_on UNUSEDSIGNAL
  logic [17:0] rest5_q;  // of the pseudo header, without the number
  assign n_d = {1'b0, p4_q.n} - {1'b0, p4_q.bytes};
  always_comb begin
    p5_d = p4_q;
    p5_d.bytes_0 = p4_q.bytes == '0;
    p5_d.n_is_bytes = p4_q.n == p4_q.bytes;
    p5_d.n_reaches = ~n_d[16];
  end
  always_ff @(posedge clk_i) begin
    p5_q <= p5_d;
    shift5_q <= p4_q.dsn[31:0] - p4_q.ssn;
    seq_end5_q <= seq_end4_q;
    own_end5_q <= p4_q.ssn + {16'd0, p4_q.bytes};
    rest5_q <= {2'd0, p4_q.ssn[15:0]} + {2'd0, p4_q.ssn[31:16]} + {2'd0, p4_q.length};
  end

  // What the sums of stage 6 are made of. rel is made while it is decided whether the packet at 7
  // changes isn.
  // verilator lint_off UNUSEDSIGNAL
  head_t       head7_q, other7_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [31:0] isn_was, isn_new, ackno_1_7_q;
  logic        anew7_q, zero_other7_q, skip7_q;
  logic        isn_changes;
  assign isn_was = turn5_i ? other7_q.isn : head7_q.isn;
  assign isn_new = turn5_i ? (ackno_1_7_q & {32{~zero_other7_q}}) : p7_q.seq;
  assign isn_changes = turn5_i ? (zero_other7_q | skip7_q) : anew7_q;
  logic        placeable6_q, may_far6_q, fin_alone6_q, data6_q;
  logic [31:0] rel6_q, rel_end6_q, shift6_q, own_end6_q, own_end1_6_q, own_next6_q, fin_next6_q;
  logic [31:0] ackno_1_6_q, ackno_64k6_q;
  logic [19:0] base6_q;
  always_comb p6_d = p5_q;
  always_ff @(posedge clk_i) begin
    p6_q <= p6_d;
    placeable6_q <= p5_q.go & p5_q.with_len & p5_q.data;
    data6_q <= p5_q.go & p5_q.data;
    may_far6_q <= p5_q.with_len & p5_q.dsn8;
    fin_alone6_q <= p5_q.go & p5_q.own_fin & p5_q.bytes_0;
    rel6_q <= !near5_i ? p5_q.seq - isn5_i : isn_changes ? p5_q.seq - isn_new : p5_q.seq - isn_was;
    rel_end6_q <= !near5_i ? seq_end5_q - isn5_i :
                  isn_changes ? seq_end5_q - isn_new : seq_end5_q - isn_was;
    shift6_q <= shift5_q;
    own_end6_q <= own_end5_q;
    own_end1_6_q <= p5_q.bytes_0 ? p5_q.ssn + 32'd1 : own_end5_q;
    own_next6_q <= p5_q.dsn[31:0] + {16'd0, p5_q.bytes};
    fin_next6_q <= p5_q.dsn[31:0] + {16'd0, p5_q.bytes} + 32'd1;
    ackno_1_6_q <= p5_q.ackno - 32'd1;
    ackno_64k6_q <= p5_q.ackno - 32'h10001;
    base6_q <= {2'd0, rest5_q} + {4'd0, p5_q.dsn[15:0]} + {4'd0, p5_q.dsn[31:16]};
  end

  // --- 6: sums with the state --------------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  head_t head6, other6;
  maps_t maps6, maps7_q;
  logic [31:0] off_d, off_len_d, last_d, skip_d, skip_64k_d;
  logic [17:0] over_d, reach_d;
  logic [32:0] own_in_d, own_over_d, fin_d;
  // verilator lint_on UNUSEDSIGNAL
  assign head6 = head6_i;
  assign other6 = other6_i;
  assign maps6 = maps6_i;

  // 1: signs, as in mpnic_dss_map.
  logic rel_0, same_syn6, may_anew6;
  assign skip_d = ackno_1_6_q - other6.isn;
  assign skip_64k_d = ackno_64k6_q - other6.isn;
  assign rel_0 = ones({4'hf, ~rel6_q});
  // isn - seq is 1 to 0xffff.
  assign same_syn6 = head6.isn_there &
                     (rel_0 | (head6.syn_data & (&rel6_q[31:16]) & (|rel6_q[15:0])));
  assign may_anew6 = ~head6.isn_there | ~(p6_q.dir ? other6.third : head6.third) |
                     head6.ended | other6.ended;

  // 6: where the segment is in its own mapping: off from 0 on, and less than bytes; or else its
  // last byte not before the mapping.
  logic off_neg, in_own6, placed6, over_own, reach_own;
  assign off_d = rel6_q - p6_q.ssn;
  assign off_len_d = rel6_q - own_end1_6_q;
  assign last_d = rel_end6_q + ~p6_q.ssn;  // 1 less
  assign over_d = rel_end6_q[17:0] + ~own_end6_q[17:0];  // 1 less
  assign reach_d = rel_end6_q[17:0] - own_end6_q[17:0];
  assign off_neg = off_d[31];
  assign in_own6 = placeable6_q & head6.isn_there & ~off_neg & off_len_d[31] & ~p6_q.bytes_0;
  assign placed6 = placeable6_q & head6.isn_there & (off_neg ? ~last_d[31] : off_len_d[31]);
  assign over_own = ~over_d[17];
  assign reach_own = ~reach_d[17];

  // 9: the number behind the segment's bytes in it, behind its bytes, behind its DATA_FIN; each
  // minus dsn_next minus 1: is it beyond? The carry: the lower half is above that of dsn_next.
  logic [31:0] own_to, next_lo;
  // verilator lint_off UNUSEDSIGNAL
  logic [63:0] own_d;
  // verilator lint_on UNUSEDSIGNAL
  logic        own_below, fin_counts;
  assign next_lo = next6_i[31:0];
  assign own_to = shift6_q + rel_end6_q;
  assign own_in_d = {1'b0, own_to} + {1'b0, ~next_lo};
  assign own_over_d = {1'b0, own_next6_q} + {1'b0, ~next_lo};
  assign fin_d = {1'b0, fin_next6_q} + {1'b0, ~next_lo};
  assign fin_counts = p6_q.bytes_0 | (p6_q.own_fin & reach_own);
  // 5: the upper half is that of dsn_next, one more, one less, also where 8 octets are near.
  assign own_d = p6_q.dsn - next6_i;
  assign own_below = own_d[32] ^ p6_q.dsn[32] ^ next6_i[32];  // the borrow

  logic        map_in6, map_same6, map_hit6, map_before6, prev_in6, prev_same6, prev_hit6;
  logic        prev_before6, map_start_before6, prev_start_before6;
  logic        map_past7, map_beyond7, map_fin7, near7, near_own7;
  logic        prev_past7, prev_beyond7, prev_fin7, prev_near7, prev_near_own7;
  logic [63:0] map_reach7, prev_reach7;
  logic        own_beyond7_q;
  mpnic_dss_map u_map (
    .clk_i,
    .rel_i(rel6_q), .rel_end_i(rel_end6_q),
    .own_ssn_i(p6_q.ssn), .own_end_i(own_end6_q), .own_end1_i(own_end1_6_q),
    .own_shift_i(shift6_q), .own_dsn_i(p6_q.dsn[31:0]), .own_len_i(p6_q.bytes),
    .own_0_i(p6_q.bytes_0), .fin_next_i(fin_next6_q),
    .next_i(next6_i), .next_before_i(own_d[31]),
    .there_i(maps6.map_there), .ssn_i(maps6.map_ssn), .end_i(maps6.map_end), .len_i(maps6.map_len),
    .dsn_i(maps6.map_dsn), .shift_i(maps6.map_shift),
    .in_o(map_in6), .same_o(map_same6), .hit_o(map_hit6), .before_o(map_before6),
    .start_before_o(map_start_before6),
    .past_o(map_past7), .reach_o(map_reach7), .beyond_o(map_beyond7),
    .fin_above_i(own_beyond7_q), .fin_beyond_o(map_fin7), .near_o(near7),
    .near_own_o(near_own7)
  );
  mpnic_dss_map u_prev (
    .clk_i,
    .rel_i(rel6_q), .rel_end_i(rel_end6_q),
    .own_ssn_i(p6_q.ssn), .own_end_i(own_end6_q), .own_end1_i(own_end1_6_q),
    .own_shift_i(shift6_q), .own_dsn_i(p6_q.dsn[31:0]), .own_len_i(p6_q.bytes),
    .own_0_i(p6_q.bytes_0), .fin_next_i(fin_next6_q),
    .next_i(next6_i), .next_before_i(own_d[31]),
    .there_i(maps6.prev_there), .ssn_i(maps6.prev_ssn), .end_i(maps6.prev_end),
    .len_i(maps6.prev_len), .dsn_i({maps6.prev_hi, maps6.prev_dsn}), .shift_i(maps6.prev_shift),
    .in_o(prev_in6), .same_o(prev_same6), .hit_o(prev_hit6), .before_o(prev_before6),
    .start_before_o(prev_start_before6),
    .past_o(prev_past7), .reach_o(prev_reach7), .beyond_o(prev_beyond7),
    .fin_above_i(own_beyond7_q), .fin_beyond_o(prev_fin7), .near_o(prev_near7),
    .near_own_o(prev_near_own7)
  );
  // verilator lint_off UNUSEDSIGNAL
  logic unused;
  assign unused = ^{prev_before6, map_start_before6, prev_past7, prev_near7, prev_near_own7};
  // verilator lint_on UNUSEDSIGNAL

  // 5: decisions, but for whether the own mapping is far.
  logic newer6, newer_inf6, older6, same6, hit6, free6;
  assign newer6 = (~maps6.map_there | map_before6) & ~head6.infinite;
  assign newer_inf6 = (~maps6.map_there | map_before6) & head6.infinite;
  assign older6 = maps6.map_there & ~map_before6 & (~maps6.prev_there | prev_start_before6);
  assign same6 = map_same6 | prev_same6;
  assign hit6 = map_hit6 | prev_hit6;
  // The same as map is not newer, as prev not older.
  assign free6 = placed6 & ~hit6;

  logic        take7_q, own7_q, keep7_q, placed7_q, map_same7_q, same7_q, map_hit7_q, prev_hit7_q;
  logic        newer_inf7_q, in_own7_q, map_covers7_q, prev_covers7_q, in_map7_q;
  logic        far7_q, fin_alone7_q;
  logic        syn_acts7_q, third7_q;
  logic        own_neg7_q, own_above7_q, own_reach_beyond7_q;
  logic [31:0] own_hi7_q, own_lo7_q, next_more7_q, next_less7_q, own_end7_q, shift7_q;
  logic [31:0] rel7_q, rel_end7_q;
  logic [63:0] next7_q;
  logic [16:0] base7_q;
  always_ff @(posedge clk_i) begin
    p7_q <= p6_q;
    head7_q <= head6;
    other7_q <= other6;
    maps7_q <= maps6;
    next7_q <= next6_i;
    // 1, 2
    anew7_q <= p6_q.go_syn & ~same_syn6 & may_anew6;
    syn_acts7_q <= p6_q.go_syn & (same_syn6 | may_anew6);
    zero_other7_q <= p6_q.go_syn & ~same_syn6 & may_anew6 & ~p6_q.ack;
    skip7_q <= p6_q.go_syn & (same_syn6 | may_anew6) & p6_q.ack & p6_q.dir & other6.syn_data &
               ~skip_d[31] & skip_64k_d[31];
    third7_q <= p6_q.go & ~p6_q.dir & ~p6_q.syn & ~p6_q.rst & head6.isn_there & ~head6.third;
    ackno_1_7_q <= ackno_1_6_q;
    // 5
    far7_q <= may_far6_q & ~ones({3'h7, ~own_d[63:31]}) & ~ones({3'h7, own_d[63:31]});
    take7_q <= free6 & ~prev_same6 & newer6;
    keep7_q <= free6 & ~map_same6 & older6;
    placed7_q <= placed6;
    map_same7_q <= map_same6;
    same7_q <= same6;
    map_hit7_q <= map_hit6;
    prev_hit7_q <= prev_hit6;
    newer_inf7_q <= newer_inf6;
    own7_q <= in_own6 & (same6 | (~hit6 & ~newer_inf6));
    own_hi7_q <= (own_below & ~own_d[31]) ? next6_i[63:32] + 32'd1 :
                 (~own_below & own_d[31]) ? next6_i[63:32] - 32'd1 : next6_i[63:32];
    own_end7_q <= own_end6_q;
    shift7_q <= shift6_q;
    base7_q <= fold17(base6_q);
    // 6
    rel7_q <= rel6_q;
    rel_end7_q <= rel_end6_q;
    in_own7_q <= in_own6;
    own_neg7_q <= off_neg;
    in_map7_q <= map_in6;
    map_covers7_q <= data6_q & head6.isn_there & map_in6;
    prev_covers7_q <= data6_q & head6.isn_there & prev_in6 & ~map_in6;
    // 9
    fin_alone7_q <= fin_alone6_q;
    own_lo7_q <= fin_counts ? fin_next6_q : over_own ? own_next6_q : own_to;
    own_beyond7_q <= ~own_d[31] | ~(fin_counts ? fin_d[31] :
                                    over_own ? own_over_d[31] : own_in_d[31]);
    own_above7_q <= fin_counts ? fin_d[32] : over_own ? own_over_d[32] : own_in_d[32];
    own_reach_beyond7_q <= ~own_d[31] | ~(over_own ? own_over_d[31] : own_in_d[31]);
    next_more7_q <= next6_i[63:32] + 32'd1;  // its upper half, one more and one less
    next_less7_q <= next6_i[63:32] - 32'd1;
  end

  // --- 7: decisions ------------------------------------------------------------------------------

  logic far, take, own, keeps, pushes, placed, hit;
  assign far = far7_q;
  assign placed = placed7_q & ~far;
  assign hit = map_hit7_q | prev_hit7_q;
  assign take = take7_q & ~far;
  assign own = own7_q & ~far;  // it numbers the segment
  assign keeps = keep7_q & ~far & near7;
  assign pushes = take & maps7_q.map_there & near_own7;

  // 6: if map was taken anew, the old one is prev, or gone.
  logic by_map, by_prev;
  assign by_map = map_covers7_q & (far | (~own7_q & (~take7_q | near_own7)));
  assign by_prev = prev_covers7_q & (far | (~take7_q & ~own7_q & ~(keep7_q & near7)));

  // 9: dsn_next moves to the end in map or prev, or to that in the own mapping or its DATA_FIN. Of
  // a DATA_FIN alone and an end in map or prev the one that is beyond the other.
  logic        to_map, to_prev, to_own;
  logic [63:0] base_next, own_next;
  // Not beyond, and moved to, is only what is behind the farthest end in map or prev.
  assign own_next = {(own_beyond7_q & ~own_above7_q) ? next_more7_q :
                     (~own_beyond7_q & own_above7_q) ? next_less7_q : next7_q[63:32], own_lo7_q};
  assign to_map = by_map & map_beyond7;
  assign to_prev = by_prev & prev_beyond7;
  assign to_own = to_map  ? (fin_alone7_q & ~far & map_fin7) :
                  to_prev ? (fin_alone7_q & ~far & prev_fin7) :
                            ((own7_q | fin_alone7_q) & ~far & own_beyond7_q);
  assign base_next = to_map ? map_reach7 : to_prev ? prev_reach7 : next7_q;
  assign next7_o = to_own ? own_next : base_next;

  // The state.
  head_t head7_d, other7_d;
  maps_t maps7_d;
  always_comb begin
    head7_d = head7_q;
    other7_d = other7_q;
    if (anew7_q) begin
      head7_d = '0;
      head7_d.isn_there = 1'b1;
      head7_d.isn = p7_q.seq;
    end
    if (syn_acts7_q) begin
      if (p7_q.capable_ok) begin
        head7_d.capable = 1'b1;
        head7_d.capable_v1 = p7_q.capable_v1;
      end
      if (!p7_q.ack && p7_q.data) head7_d.syn_data = 1'b1;
    end
    if (skip7_q) other7_d.isn = ackno_1_7_q;
    if (zero_other7_q) other7_d = '0;
    if (third7_q) head7_d.third = 1'b1;
    if (p7_q.go && (p7_q.rst || p7_q.fin)) head7_d.ended = 1'b1;
    if (p7_q.go && p7_q.data) head7_d.data = 1'b1;
    if (p7_q.go && p7_q.infinite) head7_d.infinite = 1'b1;

    maps7_d = maps7_q;
    if (take) begin
      maps7_d.map_there = 1'b1;
      maps7_d.map_dsn = {own_hi7_q, p7_q.dsn[31:0]};
      maps7_d.map_ssn = p7_q.ssn;
      maps7_d.map_len = p7_q.bytes;
      maps7_d.map_end = own_end7_q;
      maps7_d.map_shift = shift7_q;
    end
    if (take || keeps) maps7_d.prev_there = pushes | keeps;
    if (pushes) begin
      maps7_d.prev_hi = maps7_q.map_dsn[63:32];
      maps7_d.prev_dsn = maps7_q.map_dsn[31:0];
      maps7_d.prev_ssn = maps7_q.map_ssn;
      maps7_d.prev_len = maps7_q.map_len;
      maps7_d.prev_end = maps7_q.map_end;
      maps7_d.prev_shift = maps7_q.map_shift;
    end
    if (keeps) begin
      maps7_d.prev_hi = own_hi7_q;
      maps7_d.prev_dsn = p7_q.dsn[31:0];
      maps7_d.prev_ssn = p7_q.ssn;
      maps7_d.prev_len = p7_q.bytes;
      maps7_d.prev_end = own_end7_q;
      maps7_d.prev_shift = shift7_q;
    end
    if (anew7_q) maps7_d = '0;
  end
  assign head7_o = head7_d;
  assign other7_o = other7_d;
  assign zero_other7_o = zero_other7_q;
  assign maps7_o = maps7_d;

  // --- 8: the segment in map, as it is now -------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  head_t head8_q, other8_q;
  // verilator lint_on UNUSEDSIGNAL
  logic        take8_q, own8_q, by_map8_q, by_prev8_q, far8_q, repeat8_q, map_hit8_q, conflict8_q;
  logic        after_inf8_q, usable8_q, in8_q, was_map8_q, beyond8_q, past8_q, anew8_q;
  logic        zero_other8_q, syn_acts8_q, third8_q, ack_before8_q;
  logic [31:0] rel8_q, rel_end8_q, map_ssn8_q;
  logic [15:0] from_ssn8_q, map_len8_q, was_len8_q;
  logic [63:0] was_dsn8_q, own_dsn8_q, from_dsn8_q;
  logic [17:0] base8_q;
  logic        fallen8_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [31:0] ack_d;
  // verilator lint_on UNUSEDSIGNAL
  assign ack_d = other7_q.isn - ackno_1_7_q;  // isn + 1 - ack
  always_ff @(posedge clk_i) begin
    p8_q <= p7_q;
    head8_q <= head7_q;
    other8_q <= other7_q;
    take8_q <= take;
    own8_q <= own;
    by_map8_q <= by_map;
    by_prev8_q <= by_prev;
    far8_q <= far;
    repeat8_q <= placed & map_same7_q;
    map_hit8_q <= placed & ~same7_q & map_hit7_q;
    conflict8_q <= placed & ~same7_q & hit;
    after_inf8_q <= placed & ~same7_q & ~hit & newer_inf7_q;
    usable8_q <= placed & (same7_q | (~hit & ~newer_inf7_q));
    in8_q <= take ? in_own7_q : in_map7_q;
    was_map8_q <= maps7_q.map_there;
    past8_q <= take ? own_neg7_q : (maps7_q.map_there & map_past7);
    beyond8_q <= own ? own_reach_beyond7_q : by_map ? map_beyond7 : prev_beyond7;
    anew8_q <= anew7_q;
    zero_other8_q <= zero_other7_q;
    syn_acts8_q <= syn_acts7_q;
    third8_q <= third7_q;
    fallen8_q <= head7_q.infinite | p7_q.infinite | other7_q.infinite;
    ack_before8_q <= ack_d[31];
    rel8_q <= rel7_q;
    rel_end8_q <= rel_end7_q;
    map_ssn8_q <= take ? p7_q.ssn : maps7_q.map_ssn;
    map_len8_q <= take ? p7_q.bytes : maps7_q.map_len;
    was_dsn8_q <= maps7_q.map_dsn;
    was_len8_q <= maps7_q.map_len;
    own_dsn8_q <= {own_hi7_q, p7_q.dsn[31:0]};
    from_dsn8_q <= own ? {own_hi7_q, p7_q.dsn[31:0]} :
                   by_map ? maps7_q.map_dsn : {maps7_q.prev_hi, maps7_q.prev_dsn};
    from_ssn8_q <= own ? p7_q.ssn[15:0] : by_map ? maps7_q.map_ssn[15:0] : maps7_q.prev_ssn[15:0];
    base8_q <= {1'b0, base7_q} + {2'd0, own_hi7_q[15:0]};
  end

  // Signs and dsn_state that are known here.
  logic [31:0] signs8;
  logic        bare8;  // signs of data without a mapping may be raised
  assign bare8 = p8_q.go & p8_q.data & ~fallen8_q & head8_q.isn_there;
  always_comb begin
    signs8 = '0;
    signs8[mpnic_pkg::SIGN_CAPABLE_SYN] = p8_q.sound & p8_q.is_syn & ~p8_q.ack & p8_q.capable_ok;
    if (p8_q.known && p8_q.sound) begin
      signs8[mpnic_pkg::SIGN_HANDSHAKE] = p8_q.is_syn | third8_q;
      signs8[mpnic_pkg::SIGN_END] = p8_q.rst | p8_q.fin;
    end
    if (p8_q.go_syn) begin
      signs8[mpnic_pkg::SIGN_CAPABLE_ERROR] = p8_q.capable & ~p8_q.capable_ok;
      if (syn_acts8_q && p8_q.ack && p8_q.dir && p8_q.first && other8_q.capable) begin
        signs8[mpnic_pkg::SIGN_CAPABLE_ABSENT] = ~p8_q.capable;
        signs8[mpnic_pkg::SIGN_CAPABLE_VERSION] = p8_q.capable_ok &
            (p8_q.capable_v1 != other8_q.capable_v1);
      end
    end
    if (p8_q.go) begin
      signs8 |= p8_q.control;
      signs8[mpnic_pkg::SIGN_THIRD_ABSENT] = third8_q & p8_q.first & head8_q.capable &
          other8_q.capable & ~p8_q.capable_ok & ~p8_q.dss;
      signs8[mpnic_pkg::SIGN_DSN_FAR] = far8_q;
      signs8[mpnic_pkg::SIGN_INFINITE] = p8_q.infinite;
      signs8[mpnic_pkg::SIGN_CSUM_EXTRA] = p8_q.with_len & p8_q.csum_extra;
      signs8[mpnic_pkg::SIGN_CSUM_MISSING] = p8_q.with_len & p8_q.csum_missing;
      signs8[mpnic_pkg::SIGN_DATA_FIN] = p8_q.own_fin & ~far8_q;
      signs8[mpnic_pkg::SIGN_MAP_CONFLICT] = conflict8_q;
      signs8[mpnic_pkg::SIGN_AFTER_INFINITE] = after_inf8_q;
      signs8[mpnic_pkg::SIGN_FIRST_DATA_BARE] = bare8 & p8_q.first & ~p8_q.dir &
          ~head8_q.data & ~p8_q.capable_ok & ~p8_q.there;
    end
  end
  logic [3:0] dsn_state8;
  logic       found8;
  assign found8 = own8_q | by_map8_q | by_prev8_q;
  always_comb begin
    dsn_state8 = 4'(mpnic_pkg::DSN_NONE);
    if (p8_q.data) begin
      if (!p8_q.known) dsn_state8 = 4'(mpnic_pkg::DSN_NO_FLOW);
      else if (!p8_q.sound) dsn_state8 = 4'(mpnic_pkg::DSN_BAD_CSUM);
      else if (p8_q.tcp) dsn_state8 = 4'(mpnic_pkg::DSN_NOT_MPTCP);
      else if (p8_q.is_syn) dsn_state8 = 4'(mpnic_pkg::DSN_SYN);
      else if (found8) dsn_state8 = 4'(mpnic_pkg::DSN_MAPPED);
      else if (!head8_q.isn_there) dsn_state8 = 4'(mpnic_pkg::DSN_NO_ISN);
      else if (fallen8_q) dsn_state8 = 4'(mpnic_pkg::DSN_INFINITE);
      else if (far8_q) dsn_state8 = 4'(mpnic_pkg::DSN_FAR);
      else if (past8_q) dsn_state8 = 4'(mpnic_pkg::DSN_PAST);
      else dsn_state8 = 4'(mpnic_pkg::DSN_NO_MAPPING);
    end
  end

  // --- 9 -----------------------------------------------------------------------------------------

  // What goes on to the result.
  typedef struct packed {
    logic        take, repeats, map_hit, usable, in_map, was_map, anew, zero_other, own_at;
    logic        found, beyond, data_fin, bare, not_there;
    logic        may_lack_ack, acks_none;
    logic        infinite;
    logic [3:0]  dsn_state;
    logic [31:0] signs;
    logic [63:0] was_dsn, own_dsn, from_dsn;
    logic [15:0] was_len, from_off;
  } late_t;
  // verilator lint_off UNUSEDSIGNAL
  late_t late9_d, late9_q, late10_q, late11_q, late12_q, late13_q;
  logic [31:0] off9_q, end9_q, end10_q;
  logic [18:0] over9, reach9;
  // verilator lint_on UNUSEDSIGNAL
  logic [15:0] map_len9_q, psum9_q, map_len10_q, cut10_q, off10_q, psum10_q;
  logic [18:0] sum9_q, own_sum9_q;
  logic [16:0] sum10_q, own_sum10_q;
  logic        over10_q, reach10_q, off_0_10_q;
  always_comb begin
    late9_d = '0;
    late9_d.take = take8_q;
    late9_d.repeats = repeat8_q;
    late9_d.map_hit = map_hit8_q;
    late9_d.usable = usable8_q;
    late9_d.in_map = in8_q;
    late9_d.was_map = was_map8_q;
    late9_d.anew = anew8_q;
    late9_d.zero_other = zero_other8_q;
    late9_d.own_at = equal({16'd0, rel8_q}, {16'd0, p8_q.ssn});
    late9_d.found = found8;
    late9_d.beyond = beyond8_q;
    late9_d.data_fin = p8_q.go & p8_q.own_fin & ~far8_q;
    late9_d.bare = bare8;
    late9_d.not_there = ~p8_q.there;
    late9_d.may_lack_ack = p8_q.go & ~p8_q.has_ack & p8_q.ack & ~p8_q.rst & ~p8_q.capable_ok &
        p8_q.first & ~head8_q.infinite & ~other8_q.infinite & other8_q.isn_there &
        other8_q.data & ack_before8_q;
    late9_d.infinite = head8_q.infinite | p8_q.infinite;
    late9_d.dsn_state = dsn_state8;
    late9_d.signs = signs8;
    late9_d.was_dsn = was_dsn8_q;
    late9_d.own_dsn = own_dsn8_q;
    late9_d.from_dsn = from_dsn8_q;
    late9_d.was_len = was_len8_q;
    late9_d.from_off = rel8_q[15:0] - from_ssn8_q;
  end
  assign over9 = end9_q[18:0] + ~{3'd0, map_len9_q};  // 1 less
  assign reach9 = end9_q[18:0] - {3'd0, map_len9_q};
  always_ff @(posedge clk_i) begin
    p9_q <= p8_q;
    p10_q <= p9_q;
    late9_q <= late9_d;
    late10_q <= late9_q;
    off9_q <= rel8_q - map_ssn8_q;
    end9_q <= rel_end8_q - map_ssn8_q;
    map_len9_q <= map_len8_q;
    map_len10_q <= map_len9_q;
    // Behind an odd number of bytes the words are shifted by one byte.
    psum9_q <= (rel8_q[0] ^ map_ssn8_q[0]) ? {p8_q.psum[7:0], p8_q.psum[15:8]} : p8_q.psum;
    psum10_q <= psum9_q;
    off10_q <= off9_q[15:0];
    off_0_10_q <= off9_q[15:0] == '0;
    end10_q <= end9_q;
    cut10_q <= ~over9[18] ? map_len9_q : end9_q[15:0];
    over10_q <= ~over9[18];
    reach10_q <= ~reach9[18];
    // The pseudo header, and with the payload.
    sum9_q <= {1'b0, base8_q} + {3'd0, own_dsn8_q[63:48]};
    own_sum9_q <= {1'b0, base8_q} + {3'd0, own_dsn8_q[63:48]} + {3'd0, p8_q.psum};
    sum10_q <= fold17({1'b0, sum9_q});
    own_sum10_q <= fold17({1'b0, own_sum9_q});
  end

  // --- 10: sums with what has passed -------------------------------------------------------------

  pass_t       pass10, pass11_q;
  // verilator lint_off UNUSEDSIGNAL
  logic [63:0] ack_d10;
  logic [31:0] last_d10;
  logic [16:0] before_d;
  logic [18:0] upto_d;
  // verilator lint_on UNUSEDSIGNAL
  assign pass10 = pass10_i;
  assign before_d = {1'b0, off10_q} - {1'b0, pass10.pos};
  assign upto_d = {3'd0, pass10.pos} - end10_q[18:0];
  assign last_d10 = end10_q + {16'hffff, ~pass10.pos};  // end - 1 - pos
  // 4
  assign ack_d10 = p10_q.data_ack - ack_next10_i;

  logic        at11_q, before11_q, upto11_q, still11_q, some11_q, repeat_other11_q;
  logic        repeat_like11_q, csum_differs11_q, alone_out11_q, repeat_bad;
  logic        none11_q, behind11_q, over11_q, reach11_q, alone11_q, alone_is11_q;
  logic [3:0]  judge10, judge11_q;
  logic        ack_zeros11_q, ack_ones11_q, ack_below11_q, sums_old11_q, sums_new11_q;
  logic [1:0]  acks11_q;
  logic [15:0] own_sum11_q, take_sum11_q, sum11_q, cut11_q;
  logic [31:0] ack_next_hi11_q;
  logic        ack_sign11_q;
  assign judge10 = late10_q.take ? p10_q.judge :
                   late10_q.map_hit ? 4'(mpnic_pkg::MAP_CSUM_CONFLICT) : pass10.judge;
  always_ff @(posedge clk_i) begin
    p11_q <= p10_q;
    late11_q <= late10_q;
    pass11_q <= pass10;
    acks11_q <= acks10_i;
    at11_q <= late10_q.take ? off_0_10_q : equal({32'd0, off10_q}, {32'd0, pass10.pos});
    before11_q <= ~late10_q.take & before_d[16];
    upto11_q <= ~late10_q.take & ~upto_d[18];
    still11_q <= equal({32'd0, pass10.pos}, {32'd0, map_len10_q});
    some11_q <= pass10.pos != '0;
    repeat_other11_q <= late10_q.repeats & (p10_q.own_csum != pass10.csum_there);
    repeat_like11_q <= late10_q.repeats & (p10_q.own_fin == pass10.fin);
    csum_differs11_q <= ~equal({32'd0, p10_q.checksum}, {32'd0, pass10.csum});
    judge11_q <= judge10;
    none11_q <= judge10 == 4'(mpnic_pkg::MAP_CSUM_NONE);
    alone_out11_q <= (pass10.done | (pass10.judge == 4'(mpnic_pkg::MAP_CSUM_CONFLICT))) &
                     ~late10_q.take;
    behind11_q <= ~late10_q.take & late10_q.was_map & last_d10[31];
    over11_q <= over10_q;
    reach11_q <= reach10_q;
    cut11_q <= cut10_q;
    sums_new11_q <= late10_q.take & late10_q.in_map;
    sums_old11_q <= ~late10_q.take & p10_q.go & p10_q.data & ~late10_q.infinite & ~pass10.done &
                    late10_q.in_map;
    take_sum11_q <= fold16((late10_q.in_map & off_0_10_q & ~over10_q) ? own_sum10_q : sum10_q);
    own_sum11_q <= fold16(own_sum10_q);
    sum11_q <= fold2(pass10.sum, psum10_q);
    // The verdict from the segment alone.
    alone11_q <= p10_q.go & p10_q.data & ~late10_q.infinite & late10_q.usable &
                 late10_q.own_at & p10_q.n_reaches;
    alone_is11_q <= late10_q.repeats | late10_q.take;
    // 4
    ack_next_hi11_q <= ack_next10_i[63:32];
    ack_zeros11_q <= ones({3'h7, ~ack_d10[63:31]});
    ack_ones11_q <= ones({3'h7, ack_d10[63:31]});
    ack_below11_q <= ack_d10[32] ^ p10_q.data_ack[32] ^ ack_next10_i[32];
    ack_sign11_q <= ack_d10[31];
  end

  // --- 11: what has passed -----------------------------------------------------------------------

  pass_t      pass11_d;
  logic       passes_old, passes, adds, ends, alone, replaced;
  logic [3:0] judge, reason;
  assign passes_old = sums_old11_q & ~(before11_q & upto11_q);
  assign passes = sums_new11_q | passes_old;
  assign adds = passes_old & at11_q & ~over11_q;  // to map as it was
  always_comb begin
    reason = 4'(mpnic_pkg::MAP_CSUM_NONE);
    if (before11_q) reason = 4'(mpnic_pkg::MAP_CSUM_OVERLAP);
    else if (!at11_q) reason = 4'(mpnic_pkg::MAP_CSUM_ORDER);
    else if (over11_q) reason = 4'(mpnic_pkg::MAP_CSUM_STRADDLE);
  end
  assign repeat_bad = repeat_other11_q | (repeat_like11_q & csum_differs11_q);
  assign judge = repeat_bad ? 4'(mpnic_pkg::MAP_CSUM_CONFLICT) :
                 (passes & none11_q) ? reason : judge11_q;
  // Also where no byte passed: a map that firmware wrote may be at its end.
  assign ends = (sums_new11_q & reach11_q) | (sums_old11_q & (passes_old ? reach11_q : still11_q));
  assign alone = alone11_q &
                 (~alone_is11_q | (p11_q.n_is_bytes & ~alone_out11_q & ~repeat_bad));
  // A mapping that is given up with bytes passed.
  assign replaced = (late11_q.take | (p11_q.go & p11_q.infinite)) & late11_q.was_map &
                    ~pass11_q.done & some11_q;
  always_comb begin
    pass11_d = pass11_q;
    if (p11_q.go && p11_q.infinite) pass11_d.done = 1'b1;
    if (late11_q.take) begin
      pass11_d.csum_there = p11_q.own_csum;
      pass11_d.fin = p11_q.own_fin;
      pass11_d.done = 1'b0;
      pass11_d.pos = '0;
      pass11_d.csum = p11_q.checksum;
      pass11_d.sum = take_sum11_q;
    end
    pass11_d.judge = judge;  // without go as it was
    if (passes) pass11_d.pos = cut11_q;
    if (adds) pass11_d.sum = sum11_q;
    if (ends) pass11_d.done = 1'b1;
    if (late11_q.anew) pass11_d = '0;
  end
  assign pass11_o = pass11_d;

  // 4
  logic        ack_near;
  logic [31:0] ack_hi;
  assign ack_near = ~p11_q.ack8 | ack_zeros11_q | ack_ones11_q;
  assign ack_hi = (ack_below11_q & ~ack_sign11_q) ? ack_next_hi11_q + 32'd1 :
                  (~ack_below11_q & ack_sign11_q) ? ack_next_hi11_q - 32'd1 :
                  ack_next_hi11_q;
  assign acks11_o[0] = (acks11_q[0] | (p11_q.go & p11_q.has_ack & ack_near)) & ~late11_q.anew;
  assign acks11_o[1] = acks11_q[1] & ~late11_q.zero_other;

  logic [31:0] signs11;
  always_comb begin
    signs11 = late11_q.signs;
    signs11[mpnic_pkg::SIGN_NO_DATA_ACK] = late11_q.may_lack_ack & ~acks11_q[0];
    signs11[mpnic_pkg::SIGN_DSN_FAR] = late11_q.signs[mpnic_pkg::SIGN_DSN_FAR] |
                                       (p11_q.go & p11_q.has_ack & ~ack_near);
    signs11[mpnic_pkg::SIGN_MAP_CONFLICT] = late11_q.signs[mpnic_pkg::SIGN_MAP_CONFLICT] |
                                            repeat_bad;
    signs11[mpnic_pkg::SIGN_NO_MAPPING] = late11_q.bare & late11_q.not_there & ~acks11_q[1];
    signs11[mpnic_pkg::SIGN_UNMAPPED] = late11_q.bare & acks11_q[1] &
        (late11_q.dsn_state == 4'(mpnic_pkg::DSN_NO_MAPPING));
  end

  // --- 12 to 14: the result ----------------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  pass_t       pass12_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [31:0] signs12_q, signs13_q;
  logic [3:0]  verdict13_q, verdict;
  logic        alone12_q, alone13_q, ends12_q, ends13_q, replaced12_q, replaced13_q, open13_q;
  logic        own_xor13_q, own_and13_q, map_xor13_q, map_and13_q, good13;
  logic        again12_q, again13_q, reinjected12_q, reinjected13_q, data_ack12_q, data_ack13_q;
  logic        verdict_there, own_verdict;
  logic [15:0] own_sum12_q;
  logic [63:0] data_ack_no12_q, data_ack_no13_q;
  always_ff @(posedge clk_i) begin
    p12_q <= p11_q;
    p13_q <= p12_q;
    late12_q <= late11_q;
    late13_q <= late12_q;
    pass12_q <= pass11_d;
    signs12_q <= signs11;
    signs13_q <= signs12_q;
    alone12_q <= alone;
    alone13_q <= alone12_q;
    own_sum12_q <= own_sum11_q;
    ends12_q <= ends;
    ends13_q <= ends12_q;
    // But for good or bad. Of map as it is now, or as it was.
    verdict13_q <= alone12_q ? alone_judge : ends12_q ? pass12_q.judge :
                   replaced12_q ? 4'(mpnic_pkg::MAP_CSUM_REPLACED) : 4'(mpnic_pkg::MAP_CSUM_NONE);
    open13_q <= alone12_q ? (alone_judge == 4'(mpnic_pkg::MAP_CSUM_NONE))
                          : (ends12_q & (pass12_q.judge == 4'(mpnic_pkg::MAP_CSUM_NONE)));
    // The folded sum is 0xffff.
    own_xor13_q <= &(own_sum12_q ^ p12_q.checksum);
    own_and13_q <= &(own_sum12_q & p12_q.checksum);
    map_xor13_q <= &(pass12_q.sum ^ pass12_q.csum);
    map_and13_q <= &(pass12_q.sum & pass12_q.csum);
    replaced12_q <= replaced;
    replaced13_q <= replaced12_q;
    again12_q <= p11_q.go & p11_q.data & behind11_q;
    again13_q <= again12_q;
    reinjected12_q <= ~behind11_q & late11_q.found & ~late11_q.beyond;
    reinjected13_q <= reinjected12_q;
    data_ack12_q <= p11_q.go & p11_q.has_ack & ack_near;
    data_ack13_q <= data_ack12_q;
    data_ack_no12_q <= {ack_hi, p11_q.data_ack[31:0]};
    data_ack_no13_q <= data_ack_no12_q;
  end

  // From the segment alone, or else of map.
  logic [3:0] alone_judge;
  assign alone_judge = p12_q.n_is_bytes ? p12_q.judge : 4'(mpnic_pkg::MAP_CSUM_STRADDLE);
  assign good13 = alone13_q ? (own_xor13_q | own_and13_q) : (map_xor13_q | map_and13_q);
  assign verdict = !open13_q ? verdict13_q :
                   good13 ? 4'(mpnic_pkg::MAP_CSUM_GOOD) : 4'(mpnic_pkg::MAP_CSUM_BAD);
  assign verdict_there = alone13_q | ends13_q | replaced13_q;
  assign own_verdict = alone13_q | (ends13_q & late13_q.take);

  mpnic_result_t result, result_q;
  always_comb begin
    result = '0;
    result.signs = signs13_q;
    result.signs[mpnic_pkg::SIGN_CSUM_BAD] = verdict == 4'(mpnic_pkg::MAP_CSUM_BAD);
    result.dsn_state = 8'(late13_q.dsn_state);
    result.flags[mpnic_pkg::RESULT_RETRANSMISSION] = again13_q;
    result.flags[mpnic_pkg::RESULT_REINJECTION] = reinjected13_q;
    result.flags[mpnic_pkg::RESULT_DATA_ACK] = data_ack13_q;
    result.flags[mpnic_pkg::RESULT_MAP] = verdict_there;
    result.dsn = (late13_q.from_dsn + 64'(late13_q.from_off)) & {64{late13_q.found}};
    result.data_ack = data_ack_no13_q & {64{data_ack13_q}};
    result.map_csum = 8'(verdict);
    result.map_dsn = (own_verdict ? late13_q.own_dsn : late13_q.was_dsn) & {64{verdict_there}};
    result.map_len = (own_verdict ? p13_q.bytes : late13_q.was_len) & {16{verdict_there}};
    result.data_fin = (late13_q.own_dsn + 64'(p13_q.bytes)) & {64{late13_q.data_fin}};
  end
  always_ff @(posedge clk_i) result_q <= result;
  assign result_o = result_q;

endmodule
