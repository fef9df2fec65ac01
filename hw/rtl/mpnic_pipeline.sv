// SPDX-License-Identifier: BSD-3-Clause
// The pipeline: frames in; the same frames out, in their order, with their records and what was done
// to them, edited or dropped as the tables say (docs/pipeline.md, docs/state.md).
//
//   s_axis -> mpnic_stateless (window, parse, tcpopt, mptcp, csum)
//          -> mpnic_stateful (flow, dss, act, deparse) -> m_axis
//
// A frame that enters with tdivert leaves behind the stateless half, at d_*, and no table sees it.
// Outputs are stable while they wait. Records are valid with all beats of a frame.
module mpnic_pipeline #(
  parameter int unsigned DATA_W = 512,  // 128, 256 or 512
  parameter int unsigned FLOWS = 65536,
  parameter int unsigned STASH = 256,
  parameter int unsigned CONNS = 65536,
  parameter int unsigned TOKENS = 65536,
  parameter int unsigned PEERS = 4096,
  parameter int unsigned EVENTS = 64
) (
  input  logic                               clk_i,
  input  logic                               rst_ni,

  input  logic [mpnic_pkg::SETTINGS_W-1:0]   settings_i,

  input  logic [DATA_W-1:0]                  s_axis_tdata_i,
  input  logic [DATA_W/8-1:0]                s_axis_tkeep_i,  // ones from bit 0 on; all but in a last beat
  input  logic [7:0]                         s_axis_tuser_i,  // with a frame's first beat
  input  logic [63:0]                        s_axis_ttime_i,  // ns; with a frame's first beat
  input  logic                               s_axis_tdivert_i,  // with a frame's first beat
  input  logic                               s_axis_tlast_i,
  input  logic                               s_axis_tvalid_i,
  output logic                               s_axis_tready_o,

  output logic [DATA_W-1:0]                  m_axis_tdata_o,
  output logic [DATA_W/8-1:0]                m_axis_tkeep_o,
  output logic [$clog2(DATA_W/8):0]          m_axis_bytes_o,  // how many of it are ones
  output logic                               m_axis_tlast_o,
  output logic                               m_axis_tfirst_o,
  output logic                               m_axis_tvalid_o,
  input  logic                               m_axis_tready_i,
  output logic [mpnic_pkg::HDR_W-1:0]        m_axis_hdr_o,
  output logic [mpnic_pkg::CSUM_W-1:0]       m_axis_csum_o,
  output logic [mpnic_pkg::RESULT_W-1:0]     m_axis_result_o,

  output logic                               d_valid_o,
  input  logic                               d_ready_i,
  output logic                               d_first_o,
  output logic                               d_last_o,
  output logic [$clog2(DATA_W/8):0]          d_bytes_o,
  output logic [DATA_W-1:0]                  d_data_o,
  output logic [mpnic_pkg::HDR_W-1:0]        d_hdr_o,

  // As in mpnic_stateful.
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
  output logic [mpnic_pkg::RESULT_W-1:0]     commit_result_o,
  output logic [63:0]                        commit_time_o,
  output logic [7:0]                         commit_source_o,
  output logic                               commit_lost_o
);

  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned BYTES_W = $clog2(BYTES) + 1;

  logic                         valid, ready, first, last, diverted, to_tables;
  logic [BYTES_W-1:0]           bytes;
  logic [DATA_W-1:0]            data;
  logic [mpnic_pkg::HDR_W-1:0]  hdr;
  logic [mpnic_pkg::CSUM_W-1:0] csum;
  mpnic_stateless #(
    .DATA_W(DATA_W)
  ) u_stateless (
    .clk_i,
    .rst_ni,
    .s_axis_tdata_i,
    .s_axis_tkeep_i,
    .s_axis_tuser_i,
    .s_axis_tlast_i,
    .s_axis_tvalid_i,
    .s_axis_tready_o,
    .m_axis_tdata_o (data),
    // verilator lint_off PINCONNECTEMPTY
    .m_axis_tkeep_o (),
    // verilator lint_on PINCONNECTEMPTY
    .m_axis_bytes_o (bytes),
    .m_axis_tlast_o (last),
    .m_axis_tfirst_o(first),
    .m_axis_tvalid_o(valid),
    .m_axis_tready_i(ready),
    .m_axis_hdr_o   (hdr),
    .m_axis_csum_o  (csum)
  );

  // The time of a frame, which never goes back, and whether it is diverted wait beside the stateless
  // half: there is room for as many frames as are under way there.
  localparam int unsigned TIMES = 64;
  logic        takes, first_q, time_valid_q, later, divert_q, now_divert_q;
  logic [63:0] time_q, last_time_q, now, frame_time;
  assign takes = s_axis_tvalid_i & s_axis_tready_o;
  assign now = later ? time_q : last_time_q;
  logic        time_there, times_room, push_q;
  logic [63:0] now_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      first_q <= 1'b1;
      time_valid_q <= 1'b0;
      push_q <= 1'b0;
    end else begin
      if (takes) first_q <= s_axis_tlast_i;
      time_valid_q <= takes & first_q;
      push_q <= time_valid_q;
    end
  end
  assign later = time_q > last_time_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) last_time_q <= '0;
    else if (time_valid_q) last_time_q <= now;
  end
  always_ff @(posedge clk_i) begin
    if (takes && first_q) begin
      time_q <= s_axis_ttime_i;
      divert_q <= s_axis_tdivert_i;
    end
    if (time_valid_q) begin
      now_q <= now;
      now_divert_q <= divert_q;
    end
  end
  mpnic_fifo #(
    .W(65),
    .DEPTH(TIMES)
  ) u_times (
    .clk_i,
    .rst_ni,
    .valid_i(push_q),
    .ready_o(times_room),
    .data_i ({now_divert_q, now_q}),
    .valid_o(time_there),
    .ready_i(valid & ready & last),
    .data_o ({diverted, frame_time})
  );

  logic stateful_ready;
  assign to_tables = valid & ~diverted;
  assign ready = diverted ? d_ready_i : stateful_ready;
  assign d_valid_o = valid & diverted;
  assign d_first_o = first;
  assign d_last_o = last;
  assign d_bytes_o = bytes;
  assign d_data_o = data;
  assign d_hdr_o = hdr;

  mpnic_stateful #(
    .DATA_W(DATA_W),
    .FLOWS (FLOWS),
    .STASH (STASH),
    .CONNS (CONNS),
    .TOKENS(TOKENS),
    .PEERS (PEERS),
    .EVENTS(EVENTS)
  ) u_stateful (
    .clk_i,
    .rst_ni,
    .settings_i,
    .s_valid_i (to_tables),
    .s_ready_o (stateful_ready),
    .s_first_i (first),
    .s_last_i  (last),
    .s_bytes_i (bytes),
    .s_data_i  (data),
    .s_hdr_i   (hdr),
    .s_csum_i  (csum),
    .s_time_i  (frame_time),
    .m_valid_o (m_axis_tvalid_o),
    .m_ready_i (m_axis_tready_i),
    .m_first_o (m_axis_tfirst_o),
    .m_last_o  (m_axis_tlast_o),
    .m_bytes_o (m_axis_bytes_o),
    .m_data_o  (m_axis_tdata_o),
    .m_hdr_o   (m_axis_hdr_o),
    .m_csum_o  (m_axis_csum_o),
    .m_result_o(m_axis_result_o),
    .cmd_valid_i,
    .cmd_ready_o,
    .cmd_i,
    .rsp_valid_o,
    .rsp_o,
    .event_valid_o,
    .event_ready_i,
    .event_o,
    .slot_o,
    .cmd_slot_o,
    .commit_valid_o,
    .commit_result_o,
    .commit_time_o,
    .commit_source_o,
    .commit_lost_o
  );
  always_comb begin
    for (int unsigned i = 0; i < BYTES; i++) m_axis_tkeep_o[i] = BYTES_W'(i) < m_axis_bytes_o;
  end

`ifdef VERILATOR
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (times_room | ~push_q) else $fatal(1, "mpnic_pipeline: time lost");
      assert (time_there | ~valid) else $fatal(1, "mpnic_pipeline: time not there");
    end
  end
`endif

endmodule
