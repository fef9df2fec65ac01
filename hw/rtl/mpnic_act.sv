// SPDX-License-Identifier: BSD-3-Clause
// Stage act (docs/state.md, "act"): what is done with a packet, its event and its counters.
//
// One packet a clock, ACT_LATENCY clocks from valid_i to valid_o; it never waits. Events wait in a
// FIFO of EVENTS words. One that is due while the FIFO is full is lost: lost_o with its packet. Its
// sequence number is used up all the same.
//
//   1: fields, and which options have them   2: sums for the bucket, options chosen, event due?
//   3: bucket, verdict, event into the FIFO
//
// Settings may change in any clock in which no packet is inside; one that comes with them sees them.
module mpnic_act #(
  parameter int unsigned EVENTS = 64  // a power of two
) (
  input  logic                             clk_i,
  input  logic                             rst_ni,

  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::SETTINGS_W-1:0] settings_i,

  input  logic                             valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0]      hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]     csum_i,
  input  logic [63:0]                      time_i,  // ns; never goes back
  input  logic [mpnic_pkg::RESULT_W-1:0]   result_i,  // flow's and dss's fields; act's are ignored
  input  logic [mpnic_pkg::ACTION_W-1:0]   action_i,  // of the entry that decides
  // verilator lint_on UNUSEDSIGNAL
  input  logic [1:0]                       first_syn_i,  // enum first_syn
  input  logic [7:0]                       generation_i,  // of the exact entry; 0 without one

  output logic                             valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0]   result_o,
  output logic                             lost_o,

  output logic                             event_valid_o,
  output logic [mpnic_pkg::EVENT_W-1:0]    event_o,
  input  logic                             event_ready_i,

  input  logic                             cnt_read_i,
  input  logic [5:0]                       cnt_source_i,
  input  logic [6:0]                       cnt_number_i,  // index in struct mpnic_state_counters
  output logic                             cnt_valid_o,
  output logic [63:0]                      cnt_o,
  output logic                             ready_o  // counters are 0
);

`include "mpnic_records.svh"

  localparam int unsigned OPTS = mpnic_pkg::MPTCP_OPTS;
  localparam logic [2:0] PUNT_FIRST_SYN = mpnic_pkg::PUNT_FIRST_SYN[2:0];
  localparam logic [1:0] DROP_LIMIT = mpnic_pkg::DROP_JOIN_LIMIT[1:0];

  // verilator lint_off UNUSEDSIGNAL
  mpnic_settings_t set;
  mpnic_hdr_t      hdr;
  mpnic_csum_t     csum;
  mpnic_action_t   action;
  mpnic_result_t   result_in, result1_q, result2_q;
  // verilator lint_on UNUSEDSIGNAL
  assign set = settings_i;
  assign hdr = hdr_i;
  assign csum = csum_i;
  assign action = action_i;
  assign result_in = result_i;

  logic v1_q, v2_q, v3_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) {v3_q, v2_q, v1_q} <= '0;
    else {v3_q, v2_q, v1_q} <= {v2_q, v1_q, valid_i};
  end

  // --- signs -------------------------------------------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic is_token(input logic [2:0] token, input logic [7:0] value);
    is_token = token == value[2:0];
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  logic [2:0]  token_in;
  logic [31:0] signs_in;
  assign token_in = result_in.token[2:0];
  always_comb begin
    signs_in = result_in.signs;
    signs_in[mpnic_pkg::SIGN_JOIN] |=
        ~is_token(token_in, mpnic_pkg::TOKEN_NONE) & ~is_token(token_in, mpnic_pkg::TOKEN_UNKNOWN);
    signs_in[mpnic_pkg::SIGN_JOIN_LEARNT] |= is_token(token_in, mpnic_pkg::TOKEN_LEARNT);
    signs_in[mpnic_pkg::SIGN_JOIN_UNKNOWN] |= is_token(token_in, mpnic_pkg::TOKEN_UNKNOWN);
    signs_in[mpnic_pkg::SIGN_JOIN_REFUSED] |=
        is_token(token_in, mpnic_pkg::TOKEN_CAPPED) | is_token(token_in, mpnic_pkg::TOKEN_FULL);
    signs_in[mpnic_pkg::SIGN_JOIN_FALLBACK] |= is_token(token_in, mpnic_pkg::TOKEN_FALLBACK);
    signs_in[mpnic_pkg::SIGN_MALFORMED] |=
        (hdr.tcpopt == mpnic_pkg::TCPOPT_LEN_BELOW_2) | (hdr.tcpopt == mpnic_pkg::TCPOPT_OVERRUN) |
        hdr.mptcp[mpnic_pkg::MPTCP_MALFORMED];
    signs_in[mpnic_pkg::SIGN_MIRROR] |= action.actions[mpnic_pkg::ACTION_MIRROR];
  end

  // --- 1, 2: what is to be done, but for the bucket ----------------------------------------------

  logic        drop1_q, punt1_q, mirror1_q, mark1_q, queue1_q;
  logic [15:0] strip1_q;
  logic [1:0]  first_syn1_q;
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      queue1_q <= action.actions[mpnic_pkg::ACTION_QUEUE];
      mark1_q <= action.actions[mpnic_pkg::ACTION_MARK];
      drop1_q <= action.actions[mpnic_pkg::ACTION_DROP];
      punt1_q <= action.actions[mpnic_pkg::ACTION_PUNT];
      mirror1_q <= action.actions[mpnic_pkg::ACTION_MIRROR];
      strip1_q <= action.actions[mpnic_pkg::ACTION_STRIP] ? action.strip : '0;
      first_syn1_q <= first_syn_i;
      result1_q <= result_in;
      result1_q.signs <= signs_in;
      result1_q.mark <= action.actions[mpnic_pkg::ACTION_MARK] ? action.mark : '0;
    end
  end

  logic [2:0]  token1;
  logic        unknown1, full1, limited1, limited2_q, queue2_q, mark2_q, mirror2_q;
  logic [1:0]  drop1, drop2_q;
  logic [2:0]  punt1, punt2_q, code2_q;
  logic [15:0] strip2_q;
  assign token1 = result1_q.token[2:0];
  assign unknown1 = is_token(token1, mpnic_pkg::TOKEN_UNKNOWN);
  assign full1 = is_token(token1, mpnic_pkg::TOKEN_CAPPED) |
                 is_token(token1, mpnic_pkg::TOKEN_FULL);
  assign limited1 = ~drop1_q & ~punt1_q &
                    ((unknown1 & (set.join_policy[1:0] == mpnic_pkg::JOIN_PUNT[1:0])) |
                     (full1 & set.join_policy[2]));
  assign drop1 = drop1_q ? mpnic_pkg::DROP_ACTION[1:0] :
                 (unknown1 & (set.join_policy[1:0] == mpnic_pkg::JOIN_DROP[1:0])) ?
                 mpnic_pkg::DROP_JOIN_UNKNOWN[1:0] : 2'd0;
  assign punt1 = punt1_q ? mpnic_pkg::PUNT_ACTION[2:0] :
                 is_token(token1, mpnic_pkg::TOKEN_PUNTED) ? mpnic_pkg::PUNT_JOIN[2:0] :
                 (first_syn1_q == mpnic_pkg::FIRST_SYN_PUNT[1:0]) ? PUNT_FIRST_SYN : 3'd0;
  always_ff @(posedge clk_i) begin
    if (v1_q) begin
      limited2_q <= limited1;
      code2_q <= unknown1 ? mpnic_pkg::PUNT_JOIN_UNKNOWN[2:0] : mpnic_pkg::PUNT_JOIN_FULL[2:0];
      drop2_q <= drop1;
      punt2_q <= punt1 & {3{drop1 == 2'd0}};
      strip2_q <= '0;
      if (!limited1 && drop1 == 2'd0 && punt1 == 3'd0) begin
        strip2_q <= strip1_q;
        strip2_q[mpnic_pkg::SUBTYPE_MP_CAPABLE[3:0]] <=
            strip1_q[mpnic_pkg::SUBTYPE_MP_CAPABLE[3:0]] |
            (first_syn1_q == mpnic_pkg::FIRST_SYN_STRIP[1:0]);
      end
      {queue2_q, mark2_q, mirror2_q} <= {queue1_q, mark1_q, mirror1_q};
      result2_q <= result1_q;
    end
  end

  // --- 2, 3: the bucket of MP_JOIN punts ---------------------------------------------------------

  // next is when the bucket would be full again. Beside it stands what it would be after one more
  // punt, and both are chosen, not computed, by the comparisons, so that the loop is as long as
  // one of them. Between punts the sum is made anew, for the interval may change.
  logic        some_q, bucket2_q, ahead, pass;  // some: punts may pass at all
  logic [63:0] time1_q, now2_q, now_1_2_q, now_2_2_q, next_q, next_1_q, next_sum;
  logic [64:0] limit2_q;  // next has to be below
  assign next_sum = (bucket2_q ? next_1_q : next_q) + set.join_interval;
  assign ahead = next_q > now2_q;
  assign pass = {1'b0, next_q} < limit2_q;
  always_ff @(posedge clk_i) begin
    some_q <= |set.join_interval;
    if (valid_i) time1_q <= time_i;
    if (v1_q) begin
      now2_q <= time1_q;
      limit2_q <= some_q ? {1'b0, time1_q} + {1'b0, set.join_slack} + 65'd1 : '0;
      now_1_2_q <= time1_q + set.join_interval;
      now_2_2_q <= time1_q + {set.join_interval[62:0], 1'b0};
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      bucket2_q <= 1'b0;
      next_q <= '0;
    end else begin
      bucket2_q <= v1_q & limited1;
      if (bucket2_q & pass) next_q <= ahead ? next_1_q : now_1_2_q;
    end
  end
  always_ff @(posedge clk_i) begin
    if (!bucket2_q) next_1_q <= next_sum;
    else if (pass) next_1_q <= ahead ? next_sum : now_2_2_q;
  end

  // --- 3: what came of it ------------------------------------------------------------------------

  logic [1:0]    drop2;
  logic [2:0]    punt2;
  mpnic_result_t result2, result3_q;
  assign drop2 = limited2_q ? DROP_LIMIT & {2{~pass}} : drop2_q;
  assign punt2 = limited2_q ? code2_q & {3{pass}} : punt2_q;
  always_comb begin
    result2 = result2_q;
    result2.drop = {6'd0, drop2};
    result2.punt = {5'd0, punt2};
    result2.strip = strip2_q;
    result2.actions = '0;
    result2.actions[mpnic_pkg::ACTION_QUEUE] = queue2_q;
    result2.actions[mpnic_pkg::ACTION_MARK] = mark2_q;
    result2.actions[mpnic_pkg::ACTION_MIRROR] = mirror2_q;
    result2.actions[mpnic_pkg::ACTION_DROP] = limited2_q ? ~pass : |drop2_q;
    result2.actions[mpnic_pkg::ACTION_PUNT] = limited2_q ? pass : |punt2_q;
    result2.actions[mpnic_pkg::ACTION_STRIP] = |strip2_q;
  end
  always_ff @(posedge clk_i) begin
    if (v2_q) result3_q <= result2;
  end
  assign valid_o = v3_q;
  assign result_o = result3_q;

  // --- 1, 2: the event ---------------------------------------------------------------------------

  // Which options have what; of those the first counts.
  logic [OPTS-1:0]    capable, token_opt, addr, reason, fail;
  logic [OPTS-1:0]    capable1_q, token_opt1_q, addr1_q, reason1_q, fail1_q;
  logic [OPTS*8-1:0]  versions, addrs, versions1_q, addrs1_q;
  logic [OPTS*64-1:0] bodies, bodies1_q;
  generate
    for (genvar k = 0; k < OPTS; k++) begin : gen_opt
      localparam int unsigned LSB = mpnic_pkg::HDR_OPT_LSB + k * mpnic_pkg::OPT_W;
      localparam int unsigned FIELDS = LSB + mpnic_pkg::OPT_FIELDS_LSB;
      localparam int unsigned TOKEN = LSB + mpnic_pkg::OPT_JOIN_SYN_NONCE_LSB;

      logic       there;
      logic [7:0] subtype;
      assign there = hdr.mptcp_count[2:0] > 3'(k);
      assign subtype = hdr_i[LSB+mpnic_pkg::OPT_SUBTYPE_LSB+:8];
      assign capable[k] = there & (subtype == mpnic_pkg::SUBTYPE_MP_CAPABLE);
      assign token_opt[k] = there & hdr_i[FIELDS+mpnic_pkg::FIELD_TOKEN];
      assign addr[k] = there & hdr_i[FIELDS+mpnic_pkg::FIELD_ADDR_ID];
      assign reason[k] = there & hdr_i[FIELDS+mpnic_pkg::FIELD_REASON];
      assign fail[k] = there & (subtype == mpnic_pkg::SUBTYPE_MP_FAIL) &
                       (hdr_i[LSB+mpnic_pkg::OPT_ERROR_LSB+:8] == '0);
      assign versions[8*k+:8] = hdr_i[LSB+mpnic_pkg::OPT_VERSION_LSB+:8];
      assign addrs[8*k+:8] = hdr_i[LSB+mpnic_pkg::OPT_ADDR_ID_LSB+:8];
      assign bodies[64*k+:64] = hdr_i[TOKEN+:64];  // {token, nonce}, fail_dsn, reason
    end
  endgenerate

  function automatic logic [1:0] first(input logic [OPTS-2:0] x);
    first = x[0] ? 2'd0 : x[1] ? 2'd1 : x[2] ? 2'd2 : 2'd3;
  endfunction

  logic [63:0] fail_dsn1, dsn1;
  assign fail_dsn1 = bodies1_q[64*first(fail1_q[2:0])+:64];
  always_comb begin
    unique casez ({result1_q.signs[mpnic_pkg::SIGN_MP_FAIL], |fail1_q,
                   result1_q.signs[mpnic_pkg::SIGN_DATA_FIN]})
      3'b0?0: dsn1 = result1_q.dsn;
      3'b0?1: dsn1 = result1_q.data_fin;
      3'b11?: dsn1 = fail_dsn1;
      default: dsn1 = '0;
    endcase
  end

  // What the header record says waits in the event's layout.
  // verilator lint_off UNUSEDSIGNAL
  mpnic_event_t event_in, event1_q, event2_q;
  // verilator lint_on UNUSEDSIGNAL
  logic [31:0]  event_seq_q;
  logic         due2_q;
  always_comb begin
    event_in = '0;
    event_in.source = hdr.source;
    event_in.generation = generation_i;
    event_in.tcp_flags = hdr.tcp_flags;
    event_in.ip_version = hdr.ip_version;
    event_in.src = hdr.src;
    event_in.dst = hdr.dst;
    event_in.sport = hdr.sport;
    event_in.dport = hdr.dport;
    event_in.vlan = (hdr.vlan_count == '0) ? '0 : 16'(hdr.vlan_outer[11:0]) + 16'd1;
    event_in.seq_no = hdr.seq;
    event_in.ack_no = hdr.ack;
    event_in.payload_len = hdr.payload_len;
  end
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      event1_q <= event_in;
      {capable1_q, token_opt1_q, addr1_q, reason1_q, fail1_q} <=
          {capable, token_opt, addr, reason, fail};
      {versions1_q, addrs1_q, bodies1_q} <= {versions, addrs, bodies};
    end
  end
  always_ff @(posedge clk_i) begin
    if (v1_q) begin
      due2_q <= |(result1_q.signs & set.event_mask);
      event2_q <= event1_q;
      event2_q.signs <= result1_q.signs;
      event2_q.time_ns <= time1_q;
      event2_q.flow_id <= result1_q.flow_id;
      event2_q.conn_id <= result1_q.conn_id;
      event2_q.dir <= result1_q.dir;
      event2_q.side <= result1_q.side;
      event2_q.map_csum <= result1_q.map_csum;
      event2_q.map_len <= result1_q.map_len;
      event2_q.map_dsn <= result1_q.map_dsn;
      event2_q.data_ack <= result1_q.data_ack;
      event2_q.dsn <= dsn1;
      event2_q.version <= (|capable1_q) ? versions1_q[8*first(capable1_q[2:0])+:8] :
                          mpnic_pkg::VERSION_UNKNOWN;
      {event2_q.token, event2_q.nonce} <=
          (|token_opt1_q) ? bodies1_q[64*first(token_opt1_q[2:0])+:64] : '0;
      event2_q.addr_id <= (|addr1_q) ? addrs1_q[8*first(addr1_q[2:0])+:8] : '0;
      event2_q.reason <= (|reason1_q) ? bodies1_q[64*first(reason1_q[2:0])+:8] : '0;
    end
  end

  // --- 3: it finds room, or is lost --------------------------------------------------------------

  // What is never set is not stored.
  localparam int unsigned STORED_W = mpnic_pkg::EVENT_RESERVED_LSB;
  logic                due2, room, event3_q, lost3_q;
  logic [STORED_W-1:0] stored2, stored;
  assign due2 = v2_q & due2_q;
  assign stored2 = {event2_q[STORED_W-1:32], event_seq_q};
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) event_seq_q <= '0;
    else if (due2) event_seq_q <= event_seq_q + 32'd1;
  end
  always_ff @(posedge clk_i) begin
    event3_q <= due2 & room;
    lost3_q <= due2 & ~room;
  end
  assign lost_o = lost3_q;

  mpnic_ram_fifo #(
    .W(STORED_W),
    .DEPTH(EVENTS)
  ) u_events (
    .clk_i, .rst_ni,
    .valid_i(due2),
    .ready_o(room),
    .data_i (stored2),
    .valid_o(event_valid_o),
    .ready_i(event_ready_i),
    .data_o (stored)
  );
  assign event_o = mpnic_pkg::EVENT_W'(stored);

  // --- counters ----------------------------------------------------------------------------------

  logic [5:0]  source1_q, source2_q, source3_q;
  logic [15:0] len1_q, len2_q, len3_q;
  always_ff @(posedge clk_i) begin
    {source3_q, source2_q, source1_q} <= {source2_q, source1_q, hdr.source[5:0]};
    {len3_q, len2_q, len1_q} <= {len2_q, len1_q, csum.frame_len};
  end
  mpnic_counters u_counters (
    .clk_i, .rst_ni,
    .valid_i      (v3_q),
    .source_i     (source3_q),
    .result_i     (result3_q),
    .len_i        (len3_q),
    .event_i      (event3_q),
    .lost_i       (lost3_q),
    .read_i       (cnt_read_i),
    .read_source_i(cnt_source_i),
    .read_number_i(cnt_number_i),
    .read_valid_o (cnt_valid_o),
    .read_o       (cnt_o),
    .ready_o
  );

endmodule
