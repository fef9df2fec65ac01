// SPDX-License-Identifier: BSD-3-Clause
// mpnic_stateful around its stages (stateful_standins.sv). Conservation: each frame that enters has
// its result at commit_o once, in order; of one that is not dropped all beats leave once, in order,
// with the frame's own records, stable while they wait; of one that is dropped nothing leaves. At
// every stage the records that meet are of the same frame (asserted in the stand-ins). A command has
// one response, its own; no slot is a frame's and a command's. That everything leaves in the end is
// not proved here: the bound is too short (docs/formal.md).
`include "formal.svh"
module stateful_props #(
  parameter int unsigned DATA_W = 128,
  parameter int unsigned BEATS = 8,
  parameter int unsigned FRAMES = 8
) (
  input logic        clk_i,
  input logic [15:0] drops_i,  // by frame: chosen at reset
  input logic        s_valid_i,
  input logic        s_last_i,
  input logic        m_ready_i,
  input logic        cmd_valid_i,
  input logic [1:0]  cmd_op_i
);
  localparam int unsigned BYTES_W = $clog2(DATA_W / 8) + 1;

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  // Frames as they come; beats of frames that are kept are numbered.
  logic [15:0]       drops_q = '0;
  logic [5:0]        frames_in_q = '0, beats_in_q = '0;
  logic [1:0]        at_q = '0;  // the beat in its frame: at most BEATS / 2 in one
  logic              s_ready, s_last, s_take, s_drop;
  logic [DATA_W-1:0] s_data, m_data;
  assign s_drop = drops_q[frames_in_q[3:0]];
  assign s_last = s_last_i | (32'(at_q) == BEATS / 2 - 1);
  assign s_take = s_valid_i & s_ready & rst_n_q;
  assign s_data = DATA_W'({s_drop, s_last, frames_in_q, beats_in_q});

  logic [mpnic_pkg::HDR_W-1:0]       s_hdr, m_hdr;
  logic [mpnic_pkg::CSUM_W-1:0]      s_csum, m_csum;
  logic [mpnic_pkg::RESULT_W-1:0]    m_result, commit;
  logic [mpnic_pkg::TABLE_CMD_W-1:0] cmd;
  logic [mpnic_pkg::TABLE_RSP_W-1:0] rsp;
  logic                              m_valid, m_first, m_last, cmd_ready, rsp_valid;
  logic                              slot, cmd_slot, commit_valid;
  logic [BYTES_W-1:0]                m_bytes;
  logic [5:0]                        cmds_q = '0;
  assign s_hdr = mpnic_pkg::HDR_W'({s_drop, 1'b0, frames_in_q}) << mpnic_pkg::HDR_SOURCE_LSB;
  assign s_csum = mpnic_pkg::CSUM_W'(frames_in_q) << mpnic_pkg::CSUM_FRAME_LEN_LSB;
  always_comb begin
    cmd = mpnic_pkg::TABLE_CMD_W'(cmds_q) << mpnic_pkg::TABLE_CMD_ID_LSB;
    cmd[7:0] = cmd_op_i == 2'd0 ? mpnic_pkg::TABLE_OP_DSS_READ :
               cmd_op_i == 2'd1 ? mpnic_pkg::TABLE_OP_DSS_WRITE :
               cmd_op_i == 2'd2 ? mpnic_pkg::TABLE_OP_COUNT : mpnic_pkg::TABLE_OP_WRITE;
  end
  mpnic_stateful #(.DATA_W(DATA_W), .BEATS(BEATS), .FRAMES(FRAMES)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .settings_i('0), .s_valid_i, .s_ready_o(s_ready),
    .s_first_i(at_q == '0), .s_last_i(s_last), .s_bytes_i(BYTES_W'(beats_in_q)), .s_data_i(s_data),
    .s_hdr_i(s_hdr), .s_csum_i(s_csum), .s_time_i(64'(frames_in_q)),
    .m_valid_o(m_valid), .m_ready_i, .m_first_o(m_first), .m_last_o(m_last), .m_bytes_o(m_bytes),
    .m_data_o(m_data), .m_hdr_o(m_hdr), .m_csum_o(m_csum), .m_result_o(m_result),
    .cmd_valid_i, .cmd_ready_o(cmd_ready), .cmd_i(cmd), .rsp_valid_o(rsp_valid), .rsp_o(rsp),
    .event_valid_o(), .event_ready_i(1'b0), .event_o(), .slot_o(slot), .cmd_slot_o(cmd_slot),
    .commit_valid_o(commit_valid), .commit_result_o(commit), .commit_time_o(),
    .commit_source_o(), .commit_lost_o()
  );
  always_ff @(posedge clk_i) begin
    if (!rst_n_q) drops_q <= drops_i;
    if (s_take) begin
      frames_in_q <= frames_in_q + 6'(s_last);
      beats_in_q <= beats_in_q + 6'(!s_drop);
      at_q <= s_last ? '0 : at_q + 2'd1;
    end
  end

  // What leaves.
  localparam int unsigned SEEN_W = 14 + 6 + 6 + 6 + BYTES_W + 2;
  logic [5:0]        beats_out_q = '0, commits_q = '0, answers_q = '0;
  logic              m_first_q = 1'b1, waits_q = 1'b0, leaves, cmd_take;
  logic [SEEN_W-1:0] seen, seen_q = '0;
  logic              asked;  // a command is not answered
  assign leaves = m_valid & m_ready_i & rst_n_q;
  assign cmd_take = cmd_valid_i & cmd_ready & rst_n_q;
  assign asked = cmds_q != answers_q;
  assign seen = {m_data[13:0], m_hdr[mpnic_pkg::HDR_SOURCE_LSB+:6],
                 m_csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:6], m_result[mpnic_pkg::RESULT_DSN_LSB+:6],
                 m_bytes, m_first, m_last};
  always_ff @(posedge clk_i) begin
    if (leaves) begin
      beats_out_q <= beats_out_q + 6'd1;
      m_first_q <= m_last;
    end
    if (rst_n_q) begin
      commits_q <= commits_q + 6'(commit_valid);
      answers_q <= answers_q + 6'(rsp_valid);
      cmds_q <= cmds_q + 6'(cmd_take);
    end
    waits_q <= rst_n_q & m_valid & ~m_ready_i;
    seen_q <= seen;
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      `PROVE(!(slot && cmd_slot));
      `PROVE(slot == (s_take && s_last));
      if (m_valid) begin
        `PROVE(beats_out_q != beats_in_q);
        `PROVE(m_data[5:0] == beats_out_q);
        `PROVE(m_data[12] == m_last);
        `PROVE(!m_data[13]);
        `PROVE(m_first == m_first_q);
        `PROVE(m_bytes == BYTES_W'(beats_out_q));
        `PROVE(m_hdr[mpnic_pkg::HDR_SOURCE_LSB+:6] == m_data[11:6]);
        `PROVE(m_csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:6] == m_data[11:6]);
        `PROVE(m_result[mpnic_pkg::RESULT_DSN_LSB+:6] == m_data[11:6]);
      end
      if (waits_q) `PROVE(m_valid && seen == seen_q);
      if (commit_valid) begin
        `PROVE(commits_q != frames_in_q);
        `PROVE(commit[mpnic_pkg::RESULT_DSN_LSB+:6] == commits_q);
        `PROVE(commit[mpnic_pkg::RESULT_DROP_LSB] == drops_q[commits_q[3:0]]);
      end
      if (rsp_valid) begin
        `PROVE(asked);
        `PROVE(rsp[5:0] == answers_q);
      end
      `COVER(leaves && m_last && m_data[11:6] == 6'd3 && drops_q[3:0] == 4'b0010);
      `COVER(waits_q && !s_ready && at_q == 2'd2);
      `COVER(waits_q && !s_ready && at_q == 2'd0 && frames_in_q == 6'd5);
      `COVER(rsp_valid && answers_q == 6'd1 && commits_q == 6'd3);
      `COVER(beats_out_q == beats_in_q && beats_out_q == 6'd2 && commits_q == 6'd3);
    end
  end
endmodule
