// SPDX-License-Identifier: BSD-3-Clause
// The stateful half of the pipeline, by docs/state.md: frames with their header and checksum records
// in; frames out, edited or dropped as the tables say, with what the stages say of them.
//
//   beats ---> frame FIFO (block RAM) ------------------------------------------> deparse -> frames
//   records -> flow -> FIFO -> dss -> act -> results -------------------------------^
//       +----> header FIFO ---------------------------------------------------------^
//
// A frame's record enters flow with the frame's last beat. Each clock is a slot, for one frame or one
// command: all that frames and commands do to tables, state and counters is as if each slot were
// over before the next came; slot_o and cmd_slot_o tell their order. What the stages say of each
// frame, dropped ones too, leaves in that order with commit_o; the frames that are not dropped leave
// in it at m_*, records valid with every beat.
//
// Guarantees: one frame a clock, whatever is done with it, but for frames of the same flow or
// connection (dss: one every two clocks), for a command in the slot of a frame (one clock; at most
// one in 17) or to dss (a few), and for what the sink holds back. Every frame that enters leaves
// once, or is dropped and counted. A frame has at most BEATS / 2 beats.
module mpnic_stateful #(
  parameter int unsigned DATA_W = 512,
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned STASH = 256,
  parameter int unsigned CONNS = 65536,
  parameter int unsigned TOKENS = 65536,
  parameter int unsigned PEERS = 4096,
  parameter int unsigned EVENTS = 64,
  parameter int unsigned BEATS = 1048576 / DATA_W,  // in the frame FIFO: two frames of 65,536 bytes
  parameter int unsigned FRAMES = 128               // under way
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,

  input  logic [mpnic_pkg::SETTINGS_W-1:0]   settings_i,

  // Frames: the header record with all beats, the checksum record with the last one, the time with it.
  input  logic                               s_valid_i,
  output logic                               s_ready_o,
  input  logic                               s_first_i,
  input  logic                               s_last_i,
  input  logic [$clog2(DATA_W/8):0]          s_bytes_i,
  input  logic [DATA_W-1:0]                  s_data_i,
  input  logic [mpnic_pkg::HDR_W-1:0]        s_hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]       s_csum_i,
  input  logic [63:0]                        s_time_i,  // ns, never goes back

  output logic                               m_valid_o,
  input  logic                               m_ready_i,
  output logic                               m_first_o,
  output logic                               m_last_o,
  output logic [$clog2(DATA_W/8):0]          m_bytes_o,
  output logic [DATA_W-1:0]                  m_data_o,
  output logic [mpnic_pkg::HDR_W-1:0]        m_hdr_o,
  output logic [mpnic_pkg::CSUM_W-1:0]       m_csum_o,
  output logic [mpnic_pkg::RESULT_W-1:0]     m_result_o,

  // The table port: one command at a time, answered before the next is taken.
  input  logic                               cmd_valid_i,
  output logic                               cmd_ready_o,
  input  logic [mpnic_pkg::TABLE_CMD_W-1:0]  cmd_i,
  output logic                               rsp_valid_o,
  output logic [mpnic_pkg::TABLE_RSP_W-1:0]  rsp_o,

  output logic                               event_valid_o,
  input  logic                               event_ready_i,
  output logic [mpnic_pkg::EVENT_W-1:0]      event_o,

  output logic                               slot_o,
  output logic                               cmd_slot_o,
  output logic                               commit_valid_o,
  output logic [mpnic_pkg::RESULT_W-1:0]     commit_result_o,  // without STRIPPED
  output logic [63:0]                        commit_time_o,    // s_time_i
  output logic [7:0]                         commit_source_o,
  output logic                               commit_lost_o     // an event was due and found no room
);

  localparam int unsigned BYTES_W = $clog2(DATA_W / 8) + 1;
  localparam int unsigned FLOW_DEPTH = 64;  // slots in flow and behind it
  localparam int unsigned PATIENCE = 16;    // clocks that a command waits for a slot of its own

`include "mpnic_records.svh"

  // --- in: beats, records, slots -----------------------------------------------------------------

  logic takes, enters, in_ready_q, frames_room, pause_q;
  assign s_ready_o = in_ready_q & frames_room;
  assign takes = s_valid_i & s_ready_o;
  assign enters = takes & s_last_i;

  // The counts lag behind s_ready_o by the frame of this clock and that of the next.
  logic                            stages_ready_q, to_dss, taken, dss_marker_in;
  logic [$clog2(FLOW_DEPTH+1)-1:0] slots_q;   // in flow and the FIFO behind it
  logic [$clog2(FRAMES+1)-1:0]     frames_q;  // whose records have not reached deparse
  logic                            flow_ready, act_ready;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      slots_q <= '0;
      frames_q <= '0;
      in_ready_q <= 1'b0;
      stages_ready_q <= 1'b0;
    end else begin
      if ((enters | dss_marker_in) & ~to_dss) slots_q <= slots_q + 1'b1;
      if (~(enters | dss_marker_in) & to_dss) slots_q <= slots_q - 1'b1;
      if (enters & ~taken) frames_q <= frames_q + 1'b1;
      if (~enters & taken) frames_q <= frames_q - 1'b1;
      stages_ready_q <= flow_ready & act_ready;
      in_ready_q <= (32'(slots_q) <= FLOW_DEPTH - 4) & (32'(frames_q) <= FRAMES - 3) &
                    stages_ready_q & ~pause_q;
    end
  end
  assign slot_o = enters;

  // --- commands ----------------------------------------------------------------------------------

  logic                              want_q, busy_q, cmd_take, place, is_dss, is_count;
  logic                              flow_cmd;
  logic [$clog2(PATIENCE+1)-1:0]     waited_q;
  logic [mpnic_pkg::TABLE_CMD_W-1:0] cmd_q;
  // verilator lint_off UNUSEDSIGNAL
  mpnic_table_cmd_t                  cmd;
  // verilator lint_on UNUSEDSIGNAL
  assign cmd = cmd_q;
  assign is_dss = (cmd.op == mpnic_pkg::TABLE_OP_DSS_READ) |
                  (cmd.op == mpnic_pkg::TABLE_OP_DSS_WRITE);
  assign is_count = cmd.op == mpnic_pkg::TABLE_OP_COUNT;
  assign cmd_ready_o = ~busy_q & stages_ready_q;
  assign cmd_take = cmd_valid_i & cmd_ready_o;
  assign place = want_q & ~enters & (32'(slots_q) < FLOW_DEPTH - 1);
  assign cmd_slot_o = place;
  assign flow_cmd = place & ~is_dss & ~is_count;
  assign dss_marker_in = place & is_dss;
  assign pause_q = 32'(waited_q) == PATIENCE;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      want_q <= 1'b0;
      busy_q <= 1'b0;
      waited_q <= '0;
    end else begin
      if (cmd_take) want_q <= 1'b1;
      else if (place) want_q <= 1'b0;
      if (cmd_take) busy_q <= 1'b1;
      else if (rsp_valid_o) busy_q <= 1'b0;
      if (!want_q || place) waited_q <= '0;
      else if (!pause_q) waited_q <= waited_q + 1'b1;
    end
  end
  always_ff @(posedge clk_i) if (cmd_take) cmd_q <= cmd_i;

  logic                              flow_rsp_valid, dss_rsp_valid, cnt_valid;
  logic [mpnic_pkg::TABLE_RSP_W-1:0] flow_rsp;
  logic [mpnic_pkg::DIR_W-1:0]       dss_rsp;
  logic [63:0]                       cnt;
  logic [mpnic_pkg::TABLE_RSP_W-1:0] rsp_q;
  logic                              rsp_valid_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) rsp_valid_q <= 1'b0;
    else rsp_valid_q <= flow_rsp_valid | dss_rsp_valid | cnt_valid;
  end
  always_ff @(posedge clk_i) begin
    rsp_q <= ({mpnic_pkg::TABLE_RSP_W{flow_rsp_valid}} & flow_rsp) |
             ({mpnic_pkg::TABLE_RSP_W{dss_rsp_valid}} & mpnic_pkg::TABLE_RSP_W'(dss_rsp)) |
             ({mpnic_pkg::TABLE_RSP_W{cnt_valid}} & mpnic_pkg::TABLE_RSP_W'(cnt));
  end
  assign rsp_valid_o = rsp_valid_q;
  assign rsp_o = rsp_q;

  // --- what dss and act need of the records --------------------------------------------------------

  // Of an option: { body's first 20 bytes, checksum, data_len, fields, addr_id, flags, version, error,
  // subtype }. Of a frame: what follows in pack(), which unpack() turns into a record again.
  localparam int unsigned OPT_BODY_W = 160;
  localparam int unsigned OPT_SLIM_W = OPT_BODY_W + 3 * 16 + 5 * 8;
  localparam int unsigned HDR_SLIM_W = 4 * OPT_SLIM_W + 2 * 128 + 2 * 32 + 4 * 16 + 9 * 8;
  localparam int unsigned SLIM_W = HDR_SLIM_W + 64 + 16 + 16 + 16;

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [OPT_SLIM_W-1:0] pack_opt(input logic [mpnic_pkg::OPT_W-1:0] opt);
    pack_opt = {opt[mpnic_pkg::OPT_BODY_LSB+:OPT_BODY_W], opt[mpnic_pkg::OPT_CHECKSUM_LSB+:16],
                opt[mpnic_pkg::OPT_DATA_LEN_LSB+:16], opt[mpnic_pkg::OPT_FIELDS_LSB+:16],
                opt[mpnic_pkg::OPT_ADDR_ID_LSB+:8], opt[mpnic_pkg::OPT_FLAGS_LSB+:8],
                opt[mpnic_pkg::OPT_VERSION_LSB+:8], opt[mpnic_pkg::OPT_ERROR_LSB+:8],
                opt[mpnic_pkg::OPT_SUBTYPE_LSB+:8]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  function automatic logic [mpnic_pkg::OPT_W-1:0] unpack_opt(input logic [OPT_SLIM_W-1:0] slim);
    unpack_opt = '0;
    {unpack_opt[mpnic_pkg::OPT_BODY_LSB+:OPT_BODY_W], unpack_opt[mpnic_pkg::OPT_CHECKSUM_LSB+:16],
     unpack_opt[mpnic_pkg::OPT_DATA_LEN_LSB+:16], unpack_opt[mpnic_pkg::OPT_FIELDS_LSB+:16],
     unpack_opt[mpnic_pkg::OPT_ADDR_ID_LSB+:8], unpack_opt[mpnic_pkg::OPT_FLAGS_LSB+:8],
     unpack_opt[mpnic_pkg::OPT_VERSION_LSB+:8], unpack_opt[mpnic_pkg::OPT_ERROR_LSB+:8],
     unpack_opt[mpnic_pkg::OPT_SUBTYPE_LSB+:8]} = slim;
  endfunction

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [HDR_SLIM_W-1:0] pack_hdr(input logic [mpnic_pkg::HDR_W-1:0] hdr);
    pack_hdr = {pack_opt(hdr[mpnic_pkg::HDR_OPT_LSB+3*mpnic_pkg::OPT_W+:mpnic_pkg::OPT_W]),
                pack_opt(hdr[mpnic_pkg::HDR_OPT_LSB+2*mpnic_pkg::OPT_W+:mpnic_pkg::OPT_W]),
                pack_opt(hdr[mpnic_pkg::HDR_OPT_LSB+mpnic_pkg::OPT_W+:mpnic_pkg::OPT_W]),
                pack_opt(hdr[mpnic_pkg::HDR_OPT_LSB+:mpnic_pkg::OPT_W]),
                hdr[mpnic_pkg::HDR_DST_LSB+:128], hdr[mpnic_pkg::HDR_SRC_LSB+:128],
                hdr[mpnic_pkg::HDR_ACK_LSB+:32], hdr[mpnic_pkg::HDR_SEQ_LSB+:32],
                hdr[mpnic_pkg::HDR_DPORT_LSB+:16], hdr[mpnic_pkg::HDR_SPORT_LSB+:16],
                hdr[mpnic_pkg::HDR_PAYLOAD_LEN_LSB+:16], hdr[mpnic_pkg::HDR_VLAN_OUTER_LSB+:16],
                hdr[mpnic_pkg::HDR_MPTCP_COUNT_LSB+:8], hdr[mpnic_pkg::HDR_TCP_FLAGS_LSB+:8],
                hdr[mpnic_pkg::HDR_IP_VERSION_LSB+:8], hdr[mpnic_pkg::HDR_VLAN_COUNT_LSB+:8],
                hdr[mpnic_pkg::HDR_FLAGS_LSB+:8], hdr[mpnic_pkg::HDR_SOURCE_LSB+:8],
                hdr[mpnic_pkg::HDR_MPTCP_LSB+:8], hdr[mpnic_pkg::HDR_TCPOPT_LSB+:8],
                hdr[mpnic_pkg::HDR_PARSE_LSB+:8]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  function automatic logic [mpnic_pkg::HDR_W-1:0] unpack_hdr(input logic [HDR_SLIM_W-1:0] slim);
    unpack_hdr = '0;
    {unpack_hdr[mpnic_pkg::HDR_DST_LSB+:128], unpack_hdr[mpnic_pkg::HDR_SRC_LSB+:128],
     unpack_hdr[mpnic_pkg::HDR_ACK_LSB+:32], unpack_hdr[mpnic_pkg::HDR_SEQ_LSB+:32],
     unpack_hdr[mpnic_pkg::HDR_DPORT_LSB+:16], unpack_hdr[mpnic_pkg::HDR_SPORT_LSB+:16],
     unpack_hdr[mpnic_pkg::HDR_PAYLOAD_LEN_LSB+:16], unpack_hdr[mpnic_pkg::HDR_VLAN_OUTER_LSB+:16],
     unpack_hdr[mpnic_pkg::HDR_MPTCP_COUNT_LSB+:8], unpack_hdr[mpnic_pkg::HDR_TCP_FLAGS_LSB+:8],
     unpack_hdr[mpnic_pkg::HDR_IP_VERSION_LSB+:8], unpack_hdr[mpnic_pkg::HDR_VLAN_COUNT_LSB+:8],
     unpack_hdr[mpnic_pkg::HDR_FLAGS_LSB+:8], unpack_hdr[mpnic_pkg::HDR_SOURCE_LSB+:8],
     unpack_hdr[mpnic_pkg::HDR_MPTCP_LSB+:8], unpack_hdr[mpnic_pkg::HDR_TCPOPT_LSB+:8],
     unpack_hdr[mpnic_pkg::HDR_PARSE_LSB+:8]} = slim[HDR_SLIM_W-4*OPT_SLIM_W-1:0];
    for (int unsigned k = 0; k < 4; k++) begin
      unpack_hdr[mpnic_pkg::HDR_OPT_LSB+mpnic_pkg::OPT_W*k+:mpnic_pkg::OPT_W] =
          unpack_opt(slim[HDR_SLIM_W-4*OPT_SLIM_W+OPT_SLIM_W*k+:OPT_SLIM_W]);
    end
  endfunction

  // verilator lint_off UNUSEDSIGNAL
  mpnic_csum_t s_csum;
  // verilator lint_on UNUSEDSIGNAL
  assign s_csum = s_csum_i;
  logic              slim_valid, slim_room;
  logic [SLIM_W-1:0] slim;
  mpnic_ram_fifo #(
    .W(SLIM_W),
    .DEPTH(FRAMES)
  ) u_slim (
    .clk_i,
    .rst_ni,
    .valid_i(enters),
    .ready_o(slim_room),
    .data_i ({s_time_i, s_csum.payload_sum, s_csum.frame_len, s_csum.l4, s_csum.ip,
              pack_hdr(s_hdr_i)}),
    .valid_o(slim_valid),
    .ready_i(to_dss & ~head_is_cmd),
    .data_o (slim)
  );

  // --- flow ----------------------------------------------------------------------------------------

  localparam int unsigned FOUND_W = 48 + 128 + 16 + mpnic_pkg::ACTION_W + 2 + 8 + 3;

  logic                           flow_valid, known, fresh, first, flow_marker;
  // verilator lint_off UNUSEDSIGNAL
  logic [mpnic_pkg::RESULT_W-1:0] flow_result;
  // verilator lint_on UNUSEDSIGNAL
  logic [mpnic_pkg::ACTION_W-1:0] action;
  logic [1:0]                     first_syn;
  logic [7:0]                     generation;
  mpnic_flow #(
    .FLOWS (FLOWS),
    .STASH (STASH),
    .CONNS (CONNS),
    .TOKENS(TOKENS),
    .PEERS (PEERS)
  ) u_flow (
    .clk_i,
    .rst_ni,
    .settings_i,
    .valid_i     (enters),
    .hdr_i       (s_hdr_i),
    .csum_i      (s_csum_i),
    .seen_i      (s_time_i[20+:32]),
    .cmd_i       (flow_cmd),
    .table_cmd_i (cmd_q),
    .rsp_valid_o (flow_rsp_valid),
    .rsp_o       (flow_rsp),
    .ready_o     (flow_ready),
    .valid_o     (flow_valid),
    .result_o    (flow_result),
    .known_o     (known),
    .fresh_o     (fresh),
    .first_o     (first),
    .action_o    (action),
    .first_syn_o (first_syn),
    .generation_o(generation)
  );

  // A command to dss keeps its place among the frames.
  logic [mpnic_rtl_pkg::FLOW_LATENCY-1:0] marker_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) marker_q <= '0;
    else marker_q <= {marker_q[mpnic_rtl_pkg::FLOW_LATENCY-2:0], dss_marker_in};
  end
  assign flow_marker = marker_q[mpnic_rtl_pkg::FLOW_LATENCY-1];

  logic               head_valid, head_is_cmd, found_room;
  logic [FOUND_W-1:0] head;
  mpnic_fifo #(
    .W(FOUND_W + 1),
    .DEPTH(FLOW_DEPTH)
  ) u_found (
    .clk_i,
    .rst_ni,
    .valid_i(flow_valid | flow_marker),
    .ready_o(found_room),
    .data_i ({flow_marker, first, fresh, known, generation, first_syn, action,
              flow_result[mpnic_pkg::RESULT_RX_QUEUE_LSB+:16],
              flow_result[mpnic_pkg::RESULT_FLOW_ID_LSB+:128], flow_result[47:0]}),
    .valid_o(head_valid),
    .ready_i(to_dss),
    .data_o ({head_is_cmd, head})
  );

  // --- dss -----------------------------------------------------------------------------------------

  logic                           dss_ready, dss_cmd_ready, dss_take, dss_valid;
  logic [mpnic_pkg::RESULT_W-1:0] found_result, dss_result;
  always_comb begin
    found_result = '0;
    found_result[47:0] = head[47:0];
    found_result[mpnic_pkg::RESULT_FLOW_ID_LSB+:128] = head[48+:128];
    found_result[mpnic_pkg::RESULT_RX_QUEUE_LSB+:16] = head[176+:16];
  end
  assign dss_take = head_valid & ~head_is_cmd & slim_valid;
  assign to_dss = (dss_take & dss_ready) | (head_valid & head_is_cmd & dss_cmd_ready);

  logic [mpnic_pkg::CSUM_W-1:0] slim_csum;
  always_comb begin
    slim_csum = '0;
    slim_csum[mpnic_pkg::CSUM_IP_LSB+:8] = slim[HDR_SLIM_W+:8];
    slim_csum[mpnic_pkg::CSUM_L4_LSB+:8] = slim[HDR_SLIM_W+8+:8];
    slim_csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:16] = slim[HDR_SLIM_W+16+:16];
    slim_csum[mpnic_pkg::CSUM_PAYLOAD_SUM_LSB+:16] = slim[HDR_SLIM_W+32+:16];
  end

  mpnic_dss #(
    .FLOWS(FLOWS),
    .CONNS(CONNS)
  ) u_dss (
    .clk_i,
    .rst_ni,
    .valid_i      (dss_take),
    .ready_o      (dss_ready),
    .hdr_i        (unpack_hdr(slim[HDR_SLIM_W-1:0])),
    .csum_i       (slim_csum),
    .result_i     (found_result),
    .known_i      (head[FOUND_W-3]),
    .fresh_i      (head[FOUND_W-2]),
    .first_i      (head[FOUND_W-1]),
    .valid_o      (dss_valid),
    .result_o     (dss_result),
    .cmd_valid_i  (head_valid & head_is_cmd),
    .cmd_ready_o  (dss_cmd_ready),
    .cmd_write_i  (cmd.op == mpnic_pkg::TABLE_OP_DSS_WRITE),
    .cmd_what_i   (cmd.which[1:0]),
    .cmd_id_i     (cmd.id),
    .cmd_data_i   (cmd.data[mpnic_pkg::DIR_W-1:0]),
    .rsp_valid_o  (dss_rsp_valid),
    .rsp_data_o   (dss_rsp),
    // verilator lint_off PINCONNECTEMPTY
    .commit_dir_o(),
    .commit_other_o(),
    .commit_zero_o(),
    .commit_next_o()
    // verilator lint_on PINCONNECTEMPTY
  );

  // --- act -----------------------------------------------------------------------------------------

  // What act needs waits while dss works: { time, frame_len, header, action, first_syn, generation }.
  localparam int unsigned OPT_ACT_W = 64 + 16 + 4 * 8;
  localparam int unsigned REST_W = HDR_SLIM_W - 4 * OPT_SLIM_W;
  localparam int unsigned SIDE_W = 64 + 16 + 4 * OPT_ACT_W + REST_W + mpnic_pkg::ACTION_W + 2 + 8;

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [OPT_ACT_W-1:0] act_opt(input logic [OPT_SLIM_W-1:0] opt);
    act_opt = {opt[88+:64], opt[40+:16], opt[32+:8], opt[16+:8], opt[8+:8], opt[0+:8]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  function automatic logic [OPT_SLIM_W-1:0] slim_opt(input logic [OPT_ACT_W-1:0] opt);
    slim_opt = '0;
    {slim_opt[88+:64], slim_opt[40+:16], slim_opt[32+:8], slim_opt[16+:8], slim_opt[8+:8],
     slim_opt[0+:8]} = opt;
  endfunction

  logic              side_valid, side_room;
  logic [SIDE_W-1:0] side;
  mpnic_fifo #(
    .W(SIDE_W),
    .DEPTH(32)
  ) u_side (
    .clk_i,
    .rst_ni,
    .valid_i(dss_take & dss_ready),
    .ready_o(side_room),
    .data_i ({slim[HDR_SLIM_W+48+:64], slim[HDR_SLIM_W+16+:16],
              act_opt(slim[REST_W+3*OPT_SLIM_W+:OPT_SLIM_W]),
              act_opt(slim[REST_W+2*OPT_SLIM_W+:OPT_SLIM_W]),
              act_opt(slim[REST_W+OPT_SLIM_W+:OPT_SLIM_W]),
              act_opt(slim[REST_W+:OPT_SLIM_W]), slim[REST_W-1:0],
              head[192+:mpnic_pkg::ACTION_W+10]}),
    .valid_o(side_valid),
    .ready_i(dss_valid),
    .data_o (side)
  );

  localparam int unsigned SIDE_HDR_LSB = mpnic_pkg::ACTION_W + 10;
  localparam int unsigned SIDE_LEN_LSB = SIDE_HDR_LSB + REST_W + 4 * OPT_ACT_W;
  logic [mpnic_pkg::HDR_W-1:0]  side_hdr;
  logic [mpnic_pkg::CSUM_W-1:0] side_csum;
  assign side_hdr = unpack_hdr(
      {slim_opt(side[SIDE_HDR_LSB+REST_W+3*OPT_ACT_W+:OPT_ACT_W]),
       slim_opt(side[SIDE_HDR_LSB+REST_W+2*OPT_ACT_W+:OPT_ACT_W]),
       slim_opt(side[SIDE_HDR_LSB+REST_W+OPT_ACT_W+:OPT_ACT_W]),
       slim_opt(side[SIDE_HDR_LSB+REST_W+:OPT_ACT_W]), side[SIDE_HDR_LSB+:REST_W]});
  always_comb begin
    side_csum = '0;
    side_csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:16] = side[SIDE_LEN_LSB+:16];
  end

  logic                           act_valid;
  logic [mpnic_pkg::RESULT_W-1:0] act_result;
  mpnic_act #(
    .EVENTS(EVENTS)
  ) u_act (
    .clk_i,
    .rst_ni,
    .ready_o      (act_ready),
    .settings_i,
    .valid_i      (dss_valid),
    .hdr_i        (side_hdr),
    .csum_i       (side_csum),
    .time_i       (side[SIDE_LEN_LSB+16+:64]),
    .result_i     (dss_result),
    .action_i     (side[0+:mpnic_pkg::ACTION_W]),
    .first_syn_i  (side[mpnic_pkg::ACTION_W+:2]),
    .generation_i (side[mpnic_pkg::ACTION_W+2+:8]),
    .valid_o      (act_valid),
    .result_o     (act_result),
    .lost_o       (commit_lost_o),
    .event_valid_o,
    .event_o,
    .event_ready_i,
    .cnt_read_i   (place & is_count),
    .cnt_source_i (cmd.which[5:0]),
    .cnt_number_i (cmd.id[6:0]),
    .cnt_valid_o  (cnt_valid),
    .cnt_o        (cnt)
  );
  assign commit_valid_o = act_valid;
  assign commit_result_o = act_result;
  mpnic_delay #(
    .W(64 + 8),
    .N(mpnic_rtl_pkg::ACT_LATENCY)
  ) u_commit (
    .clk_i,
    .rst_ni,
    .data_i({side_hdr[mpnic_pkg::HDR_SOURCE_LSB+:8], side[SIDE_LEN_LSB+16+:64]}),
    .data_o({commit_source_o, commit_time_o})
  );

  // --- out -----------------------------------------------------------------------------------------

  logic                           b_valid, b_ready, b_first, b_last;
  logic [BYTES_W-1:0]             b_bytes;
  logic [DATA_W-1:0]              b_data;
  mpnic_ram_fifo #(
    .W(DATA_W + BYTES_W + 2),
    .DEPTH(BEATS)
  ) u_frames (
    .clk_i,
    .rst_ni,
    .valid_i(takes),
    .ready_o(frames_room),
    .data_i ({s_first_i, s_last_i, s_bytes_i, s_data_i}),
    .valid_o(b_valid),
    .ready_i(b_ready),
    .data_o ({b_first, b_last, b_bytes, b_data})
  );

  logic                           h_valid, h_room, r_valid, r_room, r_ready;
  logic [mpnic_pkg::HDR_W-1:0]    h_hdr;
  logic [mpnic_pkg::CSUM_W-1:0]   h_csum;
  logic [mpnic_pkg::RESULT_W-1:0] r_result;
  mpnic_ram_fifo #(
    .W(mpnic_pkg::HDR_W + mpnic_pkg::CSUM_W),
    .DEPTH(FRAMES)
  ) u_hdrs (
    .clk_i,
    .rst_ni,
    .valid_i(enters),
    .ready_o(h_room),
    .data_i ({s_csum_i, s_hdr_i}),
    .valid_o(h_valid),
    .ready_i(taken),
    .data_o ({h_csum, h_hdr})
  );
  mpnic_ram_fifo #(
    .W(mpnic_pkg::RESULT_W),
    .DEPTH(FRAMES)
  ) u_results (
    .clk_i,
    .rst_ni,
    .valid_i(act_valid),
    .ready_o(r_room),
    .data_i (act_result),
    .valid_o(r_valid),
    .ready_i(taken),
    .data_o (r_result)
  );
  assign taken = r_valid & h_valid & r_ready;

  mpnic_deparse #(
    .DATA_W(DATA_W)
  ) u_deparse (
    .clk_i,
    .rst_ni,
    .s_valid_i (b_valid),
    .s_ready_o (b_ready),
    .s_first_i (b_first),
    .s_last_i  (b_last),
    .s_bytes_i (b_bytes),
    .s_data_i  (b_data),
    .r_valid_i (r_valid & h_valid),
    .r_ready_o (r_ready),
    .r_hdr_i   (h_hdr),
    .r_csum_i  (h_csum),
    .r_result_i(r_result),
    .m_valid_o,
    .m_ready_i,
    .m_first_o,
    .m_last_o,
    .m_bytes_o,
    .m_data_o,
    .m_hdr_o,
    .m_csum_o,
    .m_result_o
  );

`ifdef VERILATOR
  // What the counts promise.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert ((slim_room & h_room) | ~enters) else $fatal(1, "mpnic_stateful: record lost");
      assert (found_room | ~(flow_valid | flow_marker)) else $fatal(1, "mpnic_stateful: slot lost");
      assert (side_room | ~(dss_take & dss_ready)) else $fatal(1, "mpnic_stateful: side lost");
      assert (side_valid | ~dss_valid) else $fatal(1, "mpnic_stateful: side not there");
      assert (r_room | ~act_valid) else $fatal(1, "mpnic_stateful: result lost");
    end
  end
`endif
`ifdef FORMAL
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert ((slim_room & h_room) | ~enters);
      assert (found_room | ~(flow_valid | flow_marker));
      assert (side_room | ~(dss_take & dss_ready));
      assert (side_valid | ~dss_valid);
      assert (r_room | ~act_valid);
    end
  end
`endif

endmodule
