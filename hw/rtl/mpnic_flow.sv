// SPDX-License-Identifier: BSD-3-Clause
// Stage flow (docs/state.md, "flow"): which entries a frame finds, whether its flow is learnt, which
// entry decides on it, and to which queue it goes.
//
// Guarantees:
// - Each clock is a slot, which holds a packet (valid_i), a command (cmd_i), or nothing. A packet's
//   result is there mpnic_rtl_pkg::FLOW_LATENCY clocks later. Nothing stalls.
// - Results, tables, entries and counters are as if each slot had been done whole before the next
//   came, whatever comes how close behind what. But for RULE_LOAD, HASH_KEY and RSS_KEY, which are done
//   in their time: until they are answered, look-ups of that rule, of any table, of the RSS hash
//   mean nothing; packets pass.
// - One command at a time: table_cmd_i stays as it is from its slot to its answer. Each has one.
//
// So each memory is read and written at a clock of its own behind the slot's first, as the numbers in
// names say. Before the first HASH_KEY no table is to be looked up or written; contents of entries,
// connections and small memories are open until they are written.
module mpnic_flow #(
  parameter int unsigned FLOWS = 65536,  // powers of two
  parameter int unsigned STASH = 256,
  parameter int unsigned CONNS = 65536,
  parameter int unsigned TOKENS = 65536,
  parameter int unsigned PEERS = 4096
) (
  input  logic                              clk_i,
  input  logic                              rst_ni,
  input  logic [mpnic_pkg::SETTINGS_W-1:0]  settings_i,
  output logic                              ready_o,  // the tables are clear

  input  logic                              valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0]       hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]      csum_i,
  input  logic [31:0]                       seen_i,  // time in units of last_seen
  output logic                              valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0]    result_o,  // flow's fields, the others zero
  output logic                              known_o,  // an exact entry, or learnt, with a connection
  output logic                              fresh_o,  // learnt with this packet
  output logic                              first_o,  // flow flag FIRST
  output logic [mpnic_pkg::ACTION_W-1:0]    action_o,  // of what decides
  output logic [1:0]                        first_syn_o,
  output logic [7:0]                        generation_o,  // of the exact entry

  input  logic                              cmd_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::TABLE_CMD_W-1:0] table_cmd_i,
  // verilator lint_on UNUSEDSIGNAL
  output logic                              rsp_valid_o,
  output logic [mpnic_pkg::TABLE_RSP_W-1:0] rsp_o
);

  localparam int unsigned LAST = mpnic_rtl_pkg::FLOW_LATENCY;
  localparam int unsigned ID_W = $clog2(FLOWS);
  localparam int unsigned KEY_W = mpnic_pkg::KEY_W;
  localparam int unsigned VALUE_LSB = mpnic_pkg::TABLE_PLACE_VALUE_LSB;
  localparam int unsigned RSP_W = mpnic_pkg::TABLE_RSP_W;
  localparam int unsigned RULES_OUT = 2 + mpnic_rtl_pkg::RULES_LATENCY;

`include "mpnic_records.svh"

  // --- commands: a bit that travels with the slots --------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  mpnic_table_cmd_t cmd;
  // verilator lint_on UNUSEDSIGNAL
  logic [LAST:1]    v_q, c_q;
  logic [21:0]      op_q;  // one of enum table_op
  logic [4:0]       which_q;  // WRITE, READ: of enum table
  logic             port_write;
  assign cmd = table_cmd_i;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v_q <= '0;
      c_q <= '0;
    end else begin
      v_q <= {v_q[LAST-1:1], valid_i};
      c_q <= {c_q[LAST-1:1], cmd_i};
    end
  end
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i <= 21; i++) op_q[i] <= cmd.op == 8'(i);
    for (int unsigned i = 0; i < 5; i++) begin
      which_q[i] <= (cmd.op <= mpnic_pkg::TABLE_OP_READ) & (cmd.which == 8'(i));
    end
  end
  assign port_write = op_q[mpnic_pkg::TABLE_OP_WRITE[4:0]];

  // --- keys of hashes ------------------------------------------------------------------------------

  logic        load_hash, load_rss, hash_key_q, rss_key_q, key_ready, wr_valid;
  logic [14:0] wr_at;
  logic [63:0] wr_data, offset_q;
  assign load_hash = c_q[1] & op_q[mpnic_pkg::TABLE_OP_HASH_KEY[4:0]];
  assign load_rss = c_q[1] & op_q[mpnic_pkg::TABLE_OP_RSS_KEY[4:0]];
  mpnic_toeplitz_key u_toeplitz_key (
    .clk_i, .rst_ni,
    .load_i    (load_hash | load_rss),
    .key_i     (cmd.data[383:0]),
    .ready_o   (key_ready),
    .wr_valid_o(wr_valid),
    .wr_at_o   (wr_at),
    .wr_data_o (wr_data)
  );
  // Behind load_i key_ready is low until all is written.
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      hash_key_q <= 1'b0;
      rss_key_q <= 1'b0;
    end else begin
      hash_key_q <= load_hash | (hash_key_q & ~key_ready);
      rss_key_q <= load_rss | (rss_key_q & ~key_ready);
    end
  end
  always_ff @(posedge clk_i) if (load_hash) offset_q <= cmd.data[447:384];
  logic wr_hash, wr_rss;
  assign wr_hash = wr_valid & hash_key_q;
  assign wr_rss = wr_valid & rss_key_q;

  // --- what is looked up -----------------------------------------------------------------------------

  logic [287:0]                     rss1;
  logic [31:0]                      rss_skip1;
  logic                             l3_1, v4_1, capable1, join2, exact_valid3, flip3, masked_valid3;
  logic [5:0]                       source1;
  logic [6:0]                       where1;
  logic [31:0]                      token2;
  logic [mpnic_pkg::RULE_KEY_W-1:0] rule2;
  logic [KEY_W-1:0]                 exact3, masked3, exact8, masked8, exact11, exact13;
  logic [127:0]                     dst3;
  logic [15:0]                      dport3;
  logic [7:0]                       ip_version3;
  mpnic_flow_keys u_keys (
    .clk_i, .rst_ni, .settings_i, .valid_i, .hdr_i, .csum_i,
    .rss1_o         (rss1),
    .rss_skip1_o    (rss_skip1),
    .l3_1_o         (l3_1),
    .v4_1_o         (v4_1),
    .source1_o      (source1),
    .where1_o       (where1),
    .capable1_o     (capable1),
    .join2_o        (join2),
    .token2_o       (token2),
    .rule2_o        (rule2),
    .exact_valid3_o (exact_valid3),
    .exact3_o       (exact3),
    .flip3_o        (flip3),
    .masked_valid3_o(masked_valid3),
    .masked3_o      (masked3),
    .dst3_o         (dst3),
    .dport3_o       (dport3),
    .ip_version3_o  (ip_version3)
  );

  // --- RSS hash: 1 to 4 ------------------------------------------------------------------------------

  logic [31:0] hash4, hash25, hash27;
  // verilator lint_off PINCONNECTEMPTY
  mpnic_toeplitz #(
    .W(288),
    .H(32)
  ) u_rss (
    .clk_i, .rst_ni,
    .wr_valid_i(wr_rss),
    .wr_at_i   (wr_at),
    .wr_data_i (wr_data[63:32]),
    .valid_i   (v_q[1]),
    .skip_i    ({32'd0, rss_skip1}),
    .data_i    (rss1),
    .valid_o   (),
    .hash_o    (hash4)
  );
  // verilator lint_on PINCONNECTEMPTY

  // --- exact and masked: hashes 3 to 8, tables 8 to 14 ------------------------------------------------

  // FIND looks its key up in the slot's place, under both masks.
  logic             find, find3_q;
  logic [KEY_W-1:0] exact_key3, masked_key3;
  assign find = op_q[mpnic_pkg::TABLE_OP_FIND[4:0]];
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) find3_q <= 1'b0;
    else find3_q <= c_q[2] & find;
  end
  assign exact_key3 = find3_q ? cmd.data[KEY_W-1:0] : exact3;
  assign masked_key3 = find3_q ? cmd.data[KEY_W-1:0] : masked3;

  localparam int unsigned ENTRY_W = KEY_W + ID_W + 1;
  logic                hash_valid, masked_hash_valid, exact_hit_valid, masked_hit_valid;
  logic [63:0]         hash, masked_hash;
  logic                exact_ready, masked_ready, exact_hit, masked_hit;
  logic [ID_W-1:0]     exact_value, masked_value, place_id;
  logic [ENTRY_W-1:0]  given, exact_read, masked_read, stash_read;  // each with those before it
  assign place_id = cmd.id[ID_W-1:0];
  assign given = {cmd.data[mpnic_pkg::TABLE_PLACE_VALID_LSB], cmd.data[VALUE_LSB+:ID_W],
                  cmd.data[KEY_W-1:0]};
  mpnic_hash u_hash (
    .clk_i, .rst_ni,
    .wr_valid_i(wr_hash),
    .wr_at_i   (wr_at),
    .wr_data_i (wr_data),
    .offset_i  (offset_q),
    .valid_i   (exact_valid3 | find3_q),
    .key_i     (exact_key3),
    .valid_o   (hash_valid),
    .hash_o    (hash)
  );
  mpnic_hash u_masked_hash (
    .clk_i, .rst_ni,
    .wr_valid_i(wr_hash),
    .wr_at_i   (wr_at),
    .wr_data_i (wr_data),
    .offset_i  (offset_q),
    .valid_i   (masked_valid3 | find3_q),
    .key_i     (masked_key3),
    .valid_o   (masked_hash_valid),
    .hash_o    (masked_hash)
  );
  mpnic_delay #(.W(KEY_W), .N(5)) u_exact8 (
    .clk_i, .rst_ni, .data_i(exact_key3), .data_o(exact8)
  );
  mpnic_delay #(.W(KEY_W), .N(5)) u_masked8 (
    .clk_i, .rst_ni, .data_i(masked_key3), .data_o(masked8)
  );
  logic [7:0] exact_hits, exact_taken, masked_hits, masked_taken;
  // verilator lint_off PINCONNECTEMPTY
  mpnic_table #(
    .ENTRIES(FLOWS),
    .KEY_W  (KEY_W),
    .VALUE_W(ID_W)
  ) u_exact (
    .clk_i, .rst_ni,
    .clear_i      (hash_key_q),
    .ready_o      (exact_ready),
    .valid_i      (hash_valid),
    .key_i        (exact8),
    .hash_i       (hash),
    .valid_o      (exact_hit_valid),
    .key3_o       (exact11),
    .hit_o        (exact_hit),
    .value_o      (exact_value),
    .put_i        (1'b0),
    .put_value_i  ('0),
    .put_o        (),
    .hits_o       (exact_hits),
    .taken_o      (exact_taken),
    .port_valid_i (c_q[8] & which_q[mpnic_pkg::TABLE_FLOW[2:0]]),
    .port_write_i (port_write),
    .port_place_i (place_id),
    .port_entry_i (given),
    .port_other_i ('0),
    .port_rvalid_o(),
    .port_entry_o (exact_read)
  );
  mpnic_table #(
    .ENTRIES(FLOWS),
    .KEY_W  (KEY_W),
    .VALUE_W(ID_W)
  ) u_masked (
    .clk_i, .rst_ni,
    .clear_i      (hash_key_q),
    .ready_o      (masked_ready),
    .valid_i      (masked_hash_valid),
    .key_i        (masked8),
    .hash_i       (masked_hash),
    .valid_o      (masked_hit_valid),
    .key3_o       (),
    .hit_o        (masked_hit),
    .value_o      (masked_value),
    .put_i        (1'b0),
    .put_value_i  ('0),
    .put_o        (),
    .hits_o       (masked_hits),
    .taken_o      (masked_taken),
    .port_valid_i (c_q[8] & which_q[mpnic_pkg::TABLE_MASKED[2:0]]),
    .port_write_i (port_write),
    .port_place_i (place_id),
    .port_entry_i (given),
    .port_other_i (exact_read),
    .port_rvalid_o(),
    .port_entry_o (masked_read)
  );

  // 14 to 19: what they found waits for the stash.
  logic            exact_hit17_q, exact_hit18_q, exact_hit19_q;
  logic            exact_hit15_q, exact_hit16_q;
  logic [ID_W-1:0] exact19, masked19;
  logic            masked_hit19, flip19;
  always_ff @(posedge clk_i) begin
    {exact_hit19_q, exact_hit18_q, exact_hit17_q, exact_hit16_q, exact_hit15_q} <=
        {exact_hit18_q, exact_hit17_q, exact_hit16_q, exact_hit15_q, exact_hit_valid & exact_hit};
  end
  mpnic_delay #(.W(2 * ID_W + 1), .N(5)) u_found19 (
    .clk_i, .rst_ni,
    .data_i({masked_hit_valid & masked_hit, masked_value, exact_value}),
    .data_o({masked_hit19, masked19, exact19})
  );
  mpnic_delay #(.W(1), .N(16)) u_flip19 (.clk_i, .rst_ni, .data_i(flip3), .data_o(flip19));

  // --- MP_JOIN, and the stash: 13 to 19 --------------------------------------------------------------

  logic                       join_ready, stash_ready, put18, put19, stash_hit, stash_valid;
  logic                       side_b19, valid13;
  logic [12:9]                asks_q;
  logic [63:0]                hash13;
  logic [ID_W-1:0]            stash_value, new_id19;
  logic [7:0]                 generation19, token20;
  logic [$clog2(CONNS)-1:0]   conn19;
  logic [mpnic_pkg::TABLE_PLACE_W-1:0]  token_place, peer_place;
  logic [mpnic_pkg::TOKEN_ENTRY_W-1:0]  token_entry;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) asks_q <= '0;
    else asks_q <= {asks_q[11:9], hash_valid};
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid13 <= 1'b0;
    else valid13 <= asks_q[12];
  end
  mpnic_delay #(.W(KEY_W), .N(2)) u_exact13 (.clk_i, .rst_ni, .data_i(exact11), .data_o(exact13));
  mpnic_delay #(.W(64), .N(5)) u_hash13 (.clk_i, .rst_ni, .data_i(hash), .data_o(hash13));
  mpnic_table #(
    .ENTRIES(STASH),
    .KEY_W  (KEY_W),
    .VALUE_W(ID_W),
    .PUT    (1)
  ) u_stash (
    .clk_i, .rst_ni,
    .clear_i      (hash_key_q),
    .ready_o      (stash_ready),
    .valid_i      (valid13),
    .key_i        (exact13),
    .hash_i       (hash13),
    .valid_o      (stash_valid),
    .key3_o       (),
    .hit_o        (stash_hit),
    .value_o      (stash_value),
    .put_i        (put18),
    .put_value_i  (new_id19),
    .put_o        (put19),
    .hits_o       (),
    .taken_o      (),
    .port_valid_i (c_q[13] & which_q[mpnic_pkg::TABLE_STASH[2:0]]),
    .port_write_i (port_write),
    .port_place_i (cmd.id[$clog2(STASH)-1:0]),
    .port_entry_i (given),
    .port_other_i (masked_read),
    .port_rvalid_o(),
    .port_entry_o (stash_read)
  );
  // verilator lint_on PINCONNECTEMPTY
  mpnic_join #(
    .FLOWS (FLOWS),
    .STASH (STASH),
    .CONNS (CONNS),
    .TOKENS(TOKENS)
  ) u_join (
    .clk_i, .rst_ni,
    .wr_valid_i    (wr_hash),
    .wr_at_i       (wr_at),
    .wr_data_i     (wr_data),
    .offset_i      (offset_q),
    .clear_i       (hash_key_q),
    .ready_o       (join_ready),
    .join2_i       (join2),
    .token2_i      (token2),
    .known17_i     (exact_hit17_q),
    .put18_o       (put18),
    .put19_i       (put19),
    .hit19_i       (stash_valid & stash_hit),
    .id19_o        (new_id19),
    .generation19_o(generation19),
    .conn19_o      (conn19),
    .side_b19_o    (side_b19),
    .token20_o     (token20),
    .port7_i       (c_q[7] & which_q[mpnic_pkg::TABLE_TOKEN[2:0]]),
    .port_write_i  (port_write),
    .token13_i     (c_q[13] & (op_q[mpnic_pkg::TABLE_OP_TOKEN[4:0]] |
                               op_q[mpnic_pkg::TABLE_OP_TOKEN_READ[4:0]])),
    .token_write_i (op_q[mpnic_pkg::TABLE_OP_TOKEN[4:0]]),
    .conn15_i      (c_q[15] & op_q[mpnic_pkg::TABLE_OP_CONN[4:0]]),
    .give19_i      (c_q[19] & op_q[mpnic_pkg::TABLE_OP_GIVE[4:0]]),
    .id_i          (cmd.id),
    .data_i        (cmd.data[mpnic_pkg::TABLE_PLACE_W-1:0]),
    .place_o       (token_place),
    .entry_o       (token_entry)
  );

  // --- first SYN: 1 to 15 ----------------------------------------------------------------------------

  logic       peer_ready;
  logic [7:0] speaks15;
  logic [1:0] first_syn15;
  mpnic_peer #(
    .PEERS(PEERS)
  ) u_peer (
    .clk_i, .rst_ni, .settings_i,
    .wr_valid_i   (wr_hash),
    .wr_at_i      (wr_at),
    .wr_data_i    (wr_data),
    .offset_i     (offset_q),
    .clear_i      (hash_key_q),
    .ready_o      (peer_ready),
    .capable1_i   (capable1),
    .v4_1_i       (v4_1),
    .source1_i    (source1),
    .dst3_i       (dst3),
    .dport3_i     (dport3),
    .ip_version3_i(ip_version3),
    .speaks15_o   (speaks15),
    .first_syn15_o(first_syn15),
    .network1_i   (c_q[1] & op_q[mpnic_pkg::TABLE_OP_NETWORK[4:0]]),
    .port8_i      (c_q[8] & which_q[mpnic_pkg::TABLE_PEER[2:0]]),
    .port_write_i (port_write),
    .first_syn14_i(c_q[14] & op_q[mpnic_pkg::TABLE_OP_FIRST_SYN[4:0]]),
    .id_i         (cmd.id),
    .data_i       (cmd.data[mpnic_pkg::TABLE_PLACE_W-1:0]),
    .place_o      (peer_place)
  );

  // --- rules: 2 to RULES_OUT ---------------------------------------------------------------------------

  logic                           rule_hit, rule23, rules_busy;
  logic [5:0]                     rule_index;
  logic [mpnic_pkg::ACTION_W-1:0] rule_action, rule_action23;
  // verilator lint_off PINCONNECTEMPTY
  mpnic_rules u_rules (
    .clk_i, .rst_ni,
    .valid_i (v_q[2]),
    .key_i   (rule2),
    .valid_o (),
    .hit_o   (rule_hit),
    .index_o (rule_index),
    .action_o(rule_action),
    .off_i   (c_q[2] & op_q[mpnic_pkg::TABLE_OP_RULE_OFF[4:0]]),
    .on_i    (c_q[2] & op_q[mpnic_pkg::TABLE_OP_RULE_ON[4:0]]),
    .load_i  (c_q[2] & op_q[mpnic_pkg::TABLE_OP_RULE_LOAD[4:0]]),
    .id_i    (cmd.id[5:0]),
    .data_i  (cmd.data[mpnic_pkg::RULE_W-1:0]),
    .busy_o  (rules_busy)
  );
  // verilator lint_on PINCONNECTEMPTY
  mpnic_delay #(.W(mpnic_pkg::ACTION_W + 1), .N(23 - RULES_OUT)) u_rule23 (
    .clk_i, .rst_ni, .data_i({rule_hit, rule_action}), .data_o({rule23, rule_action23})
  );

  // --- 20: the entries that were found; 25: their counters -------------------------------------------------

  logic                       found20_q, learnt20_q, fresh20_q, masked20_q, side_b20_q, flip20_q;
  logic [ID_W-1:0]            id20_q, masked_id20_q;
  logic [$clog2(CONNS)-1:0]   conn20_q;
  logic [7:0]                 generation20_q;
  always_ff @(posedge clk_i) begin
    found20_q <= v_q[19] & (put19 | (stash_valid & stash_hit) | exact_hit19_q);
    learnt20_q <= put19 | (stash_valid & stash_hit);
    fresh20_q <= v_q[19] & put19;
    id20_q <= c_q[19] ? place_id : put19 ? new_id19 : (stash_valid & stash_hit) ? stash_value : exact19;
    masked20_q <= v_q[19] & masked_hit19;
    masked_id20_q <= masked19;
    {side_b20_q, flip20_q, conn20_q, generation20_q} <= {side_b19, flip19, conn19, generation19};
  end

  // They count behind the clock in which it is known who decides.
  logic [15:0]  bytes25;
  logic [31:0]  seen25;
  logic [5:0]   rule_index25;
  logic [6:0]   where23;
  logic         counts25, masked_counts25, rule_counts25, upper23, fresh25;
  logic         writes_flow, writes_counts, reads_flow, reads_masked, writes_rule, reads_rule;
  logic [ID_W-1:0] id25, masked_id25;
  logic         flow_rsp, masked_rsp, rule_rsp;
  logic [159:0] count_data, flow_count, masked_count, rule_count;
  mpnic_delay #(.W(48), .N(25)) u_count25 (
    .clk_i, .rst_ni, .data_i({seen_i, csum_i[mpnic_pkg::CSUM_FRAME_LEN_LSB+:16]}),
    .data_o({seen25, bytes25})
  );
  mpnic_delay #(.W(6), .N(25 - RULES_OUT)) u_rule_index25 (
    .clk_i, .rst_ni, .data_i(rule_index), .data_o(rule_index25)
  );
  mpnic_delay #(.W(7), .N(22)) u_where23 (.clk_i, .rst_ni, .data_i(where1), .data_o(where23));
  mpnic_delay #(.W(1), .N(3)) u_upper23 (.clk_i, .rst_ni, .data_i(flip20_q), .data_o(upper23));
  mpnic_delay #(.W(2 * ID_W + 1), .N(5)) u_id25 (
    .clk_i, .rst_ni,
    .data_i({fresh20_q, masked_id20_q, id20_q}), .data_o({fresh25, masked_id25, id25})
  );
  assign writes_flow = c_q[20] & op_q[mpnic_pkg::TABLE_OP_FLOW[4:0]];
  assign writes_counts = c_q[25] & op_q[mpnic_pkg::TABLE_OP_FLOW[4:0]];
  assign reads_flow = c_q[25] & op_q[mpnic_pkg::TABLE_OP_FLOW_READ[4:0]];
  assign reads_masked = c_q[25] & op_q[mpnic_pkg::TABLE_OP_MASKED_READ[4:0]];
  assign writes_rule = c_q[25] & op_q[mpnic_pkg::TABLE_OP_RULE_LOAD[4:0]];
  assign reads_rule = c_q[25] & op_q[mpnic_pkg::TABLE_OP_RULE_READ[4:0]];
  assign count_data = {cmd.data[160+:32], cmd.data[127:0]};  // as behind dir in record flow
  mpnic_count #(
    .ENTRIES(FLOWS)
  ) u_count (
    .clk_i, .rst_ni,
    .valid_i    (counts25),
    .id_i       (id25),
    .bytes_i    (bytes25),
    .seen_i     (seen25),
    .fresh_i    (fresh25),
    .cmd_read_i (reads_flow),
    .cmd_write_i(writes_counts),
    .cmd_id_i   (place_id),
    .cmd_data_i (count_data),
    .rsp_valid_o(flow_rsp),
    .rsp_o      (flow_count)
  );
  mpnic_count #(
    .ENTRIES(FLOWS)
  ) u_masked_count (
    .clk_i, .rst_ni,
    .valid_i    (masked_counts25),
    .id_i       (masked_id25),
    .bytes_i    (bytes25),
    .seen_i     (seen25),
    .fresh_i    (1'b0),
    .cmd_read_i (reads_masked),
    .cmd_write_i(writes_counts),
    .cmd_id_i   (place_id),
    .cmd_data_i ('0),
    .rsp_valid_o(masked_rsp),
    .rsp_o      (masked_count)
  );
  mpnic_count #(
    .ENTRIES(mpnic_pkg::RULES)
  ) u_rule_count (
    .clk_i, .rst_ni,
    .valid_i    (v_q[25] & rule_counts25),
    .id_i       (rule_index25),
    .bytes_i    (bytes25),
    .seen_i     (seen25),
    .fresh_i    (1'b0),
    .cmd_read_i (reads_rule),
    .cmd_write_i(writes_rule),
    .cmd_id_i   (cmd.id[5:0]),
    .cmd_data_i ('0),
    .rsp_valid_o(rule_rsp),
    .rsp_o      (rule_count)
  );

  // --- 20 to 27: who decides -------------------------------------------------------------------------

  logic [15:0]              rx_queue;
  logic                     conn_ok, flow_flip, side_b;
  logic [$clog2(CONNS)-1:0] conn;
  logic [RSP_W-1:0]         flow_entry;
  mpnic_decide #(
    .FLOWS(FLOWS),
    .CONNS(CONNS)
  ) u_decide (
    .clk_i, .rst_ni, .settings_i,
    .found20_i      (found20_q),
    .fresh20_i      (fresh20_q),
    .conn20_i       (conn20_q),
    .generation20_i (generation20_q),
    .side_b20_i     (side_b20_q),
    .flip20_i       (flip20_q),
    .id20_i         (id20_q),
    .masked20_i     (masked20_q),
    .masked_id20_i  (masked_id20_q),
    .where23_i      (where23),
    .upper23_i      (upper23),
    .rule23_i       (rule23),
    .rule_action23_i(rule_action23),
    .hash25_i       (hash25[6:0]),
    .counts25_o     (counts25),
    .masked_counts25_o(masked_counts25),
    .rule_counts25_o(rule_counts25),
    .action27_o     (action_o),
    .rx_queue27_o   (rx_queue),
    .conn_ok27_o    (conn_ok),
    .conn27_o       (conn),
    .flip27_o       (flow_flip),
    .side_b27_o     (side_b),
    .first27_o      (first_o),
    .generation27_o (generation_o),
    .flow20_i       (writes_flow),
    .read22_i       (c_q[22] & (op_q[mpnic_pkg::TABLE_OP_FLOW_READ[4:0]] |
                                op_q[mpnic_pkg::TABLE_OP_MASKED_READ[4:0]])),
    .conn23_i       (c_q[23] & op_q[mpnic_pkg::TABLE_OP_CONN[4:0]]),
    .reta25_i       (c_q[25] & op_q[mpnic_pkg::TABLE_OP_RETA[4:0]]),
    .id_i           (cmd.id),
    .data_i         (cmd.data[RSP_W-1:0]),
    .flow23_o       (flow_entry)
  );

  // --- 27: the result --------------------------------------------------------------------------------

  logic            l3_27, rule27, found27, learnt27, fresh27, flip27, masked27;
  logic [5:0]      rule_index27;
  logic [ID_W-1:0] id27, masked_id27;
  logic [7:0]      token27, speaks27;
  mpnic_result_t   result;
  mpnic_delay #(.W(1), .N(LAST - 1)) u_l3 (.clk_i, .rst_ni, .data_i(l3_1), .data_o(l3_27));
  mpnic_delay #(.W(32), .N(21)) u_hash25 (.clk_i, .rst_ni, .data_i(hash4), .data_o(hash25));
  mpnic_delay #(.W(32), .N(LAST - 25)) u_hash27 (.clk_i, .rst_ni, .data_i(hash25), .data_o(hash27));
  mpnic_delay #(.W(10), .N(LAST - 15)) u_first_syn (
    .clk_i, .rst_ni, .data_i({speaks15, first_syn15}), .data_o({speaks27, first_syn_o})
  );
  mpnic_delay #(.W(1), .N(LAST - RULES_OUT)) u_rule27 (
    .clk_i, .rst_ni, .data_i(rule_hit), .data_o(rule27)
  );
  mpnic_delay #(.W(6), .N(LAST - 25)) u_rule_index27 (
    .clk_i, .rst_ni, .data_i(rule_index25), .data_o(rule_index27)
  );
  mpnic_delay #(.W(2 * ID_W + 13), .N(LAST - 20)) u_found27 (
    .clk_i, .rst_ni,
    .data_i({found20_q, learnt20_q, fresh20_q, flip20_q, masked20_q, token20, id20_q,
             masked_id20_q}),
    .data_o({found27, learnt27, fresh27, flip27, masked27, token27, id27, masked_id27})
  );
  always_comb begin
    result = '0;
    result.flow = found27 ? (learnt27 ? mpnic_pkg::FLOW_LEARNT : mpnic_pkg::FLOW_EXACT) :
                  masked27 ? mpnic_pkg::FLOW_MASKED : rule27 ? mpnic_pkg::FLOW_RULE :
                  l3_27 ? mpnic_pkg::FLOW_MISS : mpnic_pkg::FLOW_NONE;
    result.token = token27;
    result.speaks = speaks27;
    result.rule = 8'(rule_index27) | {8{~rule27}};
    result.dir = {7'd0, found27 & (flip27 ^ flow_flip)};
    result.side = {7'd0, found27 & (flip27 ^ flow_flip ^ side_b)};
    result.flow_id = 32'(id27) | {32{~found27}};
    result.masked_id = 32'(masked_id27) | {32{~masked27}};
    result.conn_id = 32'(conn) | {32{~conn_ok}};
    result.hash = hash27;
    result.rx_queue = rx_queue;
  end
  assign valid_o = v_q[LAST];
  assign result_o = result;
  assign known_o = conn_ok;
  assign fresh_o = fresh27;

  // --- answers ---------------------------------------------------------------------------------------

  // What is read comes in clocks of its own, zero in all others. The slot's bit has to have left
  // before another command's data come.
  logic             busy_q, passed_q, counted_q, counts_q, tables_ready, done;
  logic [RSP_W-1:0] rsp_q, counters;
  mpnic_table_found_t found;
  function automatic logic [mpnic_pkg::TABLE_PLACE_W-1:0] place_of(input logic [ENTRY_W-1:0] entry);
    place_of = '0;
    place_of[KEY_W-1:0] = entry[KEY_W-1:0];
    place_of[VALUE_LSB+:ID_W] = entry[KEY_W+:ID_W];
    place_of[mpnic_pkg::TABLE_PLACE_VALID_LSB] = entry[ENTRY_W-1];
  endfunction
  assign tables_ready = exact_ready & masked_ready & stash_ready & join_ready & peer_ready;
  assign ready_o = tables_ready;
  assign done = busy_q & passed_q & (counted_q | ~counts_q) & ~rules_busy & ~hash_key_q & ~rss_key_q &
                tables_ready;
  always_comb begin
    counters = '0;
    if (rule_rsp & op_q[mpnic_pkg::TABLE_OP_RULE_READ[4:0]]) counters[159:0] = rule_count;
    else begin
      counters[191:160] = flow_count[159:128] & {32{flow_rsp & op_q[mpnic_pkg::TABLE_OP_FLOW_READ[4:0]]}};
      counters[127:0] = flow_count[127:0] & {128{flow_rsp & op_q[mpnic_pkg::TABLE_OP_FLOW_READ[4:0]]}};
      if (masked_rsp & op_q[mpnic_pkg::TABLE_OP_MASKED_READ[4:0]]) begin
        counters[191:160] = masked_count[159:128];
        counters[127:0] = masked_count[127:0];
      end
    end
  end
  always_comb begin
    found = '0;
    found.hash = hash & {64{c_q[8] & find}};
    {found.masked_taken, found.masked_hits, found.flow_taken, found.flow_hits} =
        {masked_taken, masked_hits, exact_taken, exact_hits} & {32{c_q[13] & find}};
    found.stash_hit[0] = stash_valid & stash_hit & c_q[19] & find;
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      busy_q <= 1'b0;
      passed_q <= 1'b0;
      counted_q <= 1'b0;
    end else begin
      busy_q <= c_q[1] | (busy_q & ~done);
      passed_q <= c_q[LAST] | (passed_q & ~c_q[1]);
      counted_q <= flow_rsp | masked_rsp | rule_rsp | (counted_q & ~c_q[1]);
    end
  end
  always_ff @(posedge clk_i) begin
    counts_q <= op_q[mpnic_pkg::TABLE_OP_FLOW[4:0]] | op_q[mpnic_pkg::TABLE_OP_FLOW_READ[4:0]] |
                op_q[mpnic_pkg::TABLE_OP_MASKED_READ[4:0]] | op_q[mpnic_pkg::TABLE_OP_RULE_READ[4:0]] |
                op_q[mpnic_pkg::TABLE_OP_RULE_LOAD[4:0]];
    rsp_q <= c_q[1] ? '0 : rsp_q | place_of(stash_read) | token_place | peer_place |
              RSP_W'(token_entry) | flow_entry | counters | RSP_W'(found);
  end
  assign rsp_valid_o = done;
  assign rsp_o = rsp_q;

endmodule
