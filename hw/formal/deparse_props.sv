// SPDX-License-Identifier: BSD-3-Clause
// mpnic_deparse: every beat of a frame that is not dropped leaves exactly once, in order, first and
// last marked, beside its own records; of one that is dropped nothing leaves. What leaves is stable
// while it waits. The edit is the frame's own: NOPs in the beat where its option stands, if it is to
// be stripped, and nowhere else. What came leaves, if the sink is ready long enough.
`include "formal.svh"
module deparse_props #(
  parameter int unsigned DATA_W = 128,
  parameter int unsigned FRAMES = 4
) (
  input logic                      clk_i,
  input logic [15:0]               drops_i,  // by frame: chosen at reset
  input logic [15:0]               strips_i,
  input logic                      s_valid_i,
  input logic                      s_last_i,
  input logic [$clog2(DATA_W/8):0] s_bytes_i,
  input logic                      r_valid_i,
  input logic                      m_ready_i
);
  localparam int unsigned BYTES_W = $clog2(DATA_W / 8) + 1;
  localparam int unsigned BEAT = 3;  // where the option stands: l4_off is 34
  localparam int unsigned TAG = 8 * 4;  // bits of each beat that no edit touches
  localparam int unsigned NOPS = 8 * 6;  // the option's first byte

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  // Frames as they come, on both sides; those that are kept, and their beats, are numbered.
  logic [15:0] drops_q = '0, strips_q = '0;
  logic [3:0]  s_frame_q = '0, r_frame_q = '0;
  logic [5:0]  s_beats_q = '0, r_kept_q = '0;
  logic [2:0]  s_beat_q = '0;  // in the frame, at most 7
  logic        s_first_q = 1'b1, s_ready, r_ready, s_take, r_take, s_drop, r_drop, s_strip;
  assign s_drop = drops_q[s_frame_q];
  assign r_drop = drops_q[r_frame_q];
  assign s_strip = strips_q[s_frame_q];
  assign s_take = s_valid_i & s_ready & rst_n_q;
  assign r_take = r_valid_i & r_ready & rst_n_q;

  logic [DATA_W-1:0]              s_data, m_data;
  logic [mpnic_pkg::HDR_W-1:0]    r_hdr, m_hdr;
  logic [mpnic_pkg::CSUM_W-1:0]   r_csum, m_csum;
  logic [mpnic_pkg::RESULT_W-1:0] r_result, m_result;
  logic                           m_valid, m_first, m_last;
  logic [BYTES_W-1:0]             m_bytes;
  always_comb begin
    s_data = '0;
    s_data[TAG+:8] = {s_drop, s_last_i, s_beats_q};
    s_data[TAG+8+:8] = {s_strip & (s_beat_q == 3'(BEAT)), 7'(s_bytes_i)};
    r_hdr = '0;
    r_hdr[mpnic_pkg::HDR_SOURCE_LSB+:6] = r_kept_q;
    r_hdr[mpnic_pkg::HDR_L4_OFF_LSB+:8] = 8'd34;
    r_hdr[mpnic_pkg::HDR_OPT_LEN_LSB+:8] = 8'd4;
    r_hdr[mpnic_pkg::HDR_OPT_STARTS_LSB] = 1'b1;
    r_hdr[mpnic_pkg::HDR_OPTS_LSB+:32] = 32'h0050041e;
    r_csum = '0;
    r_csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:6] = r_kept_q;
    r_result = '0;
    r_result[mpnic_pkg::RESULT_DSN_LSB+:6] = r_kept_q;
    r_result[mpnic_pkg::RESULT_STRIP_LSB+5] = strips_q[r_frame_q];
    r_result[mpnic_pkg::RESULT_DROP_LSB] = r_drop;
  end
  mpnic_deparse #(.DATA_W(DATA_W), .FRAMES(FRAMES)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .s_valid_i, .s_ready_o(s_ready), .s_first_i(s_first_q), .s_last_i,
    .s_bytes_i, .s_data_i(s_data), .r_valid_i, .r_ready_o(r_ready), .r_hdr_i(r_hdr),
    .r_csum_i(r_csum), .r_result_i(r_result), .m_valid_o(m_valid), .m_ready_i, .m_first_o(m_first),
    .m_last_o(m_last), .m_bytes_o(m_bytes), .m_data_o(m_data), .m_hdr_o(m_hdr), .m_csum_o(m_csum),
    .m_result_o(m_result)
  );

  always_ff @(posedge clk_i) begin
    if (!rst_n_q) begin
      drops_q <= drops_i;
      strips_q <= strips_i;
    end
    if (r_take) begin
      r_frame_q <= r_frame_q + 4'd1;
      r_kept_q <= r_kept_q + 6'(!r_drop);
    end
    if (s_take) begin
      s_first_q <= s_last_i;
      s_frame_q <= s_frame_q + 4'(s_last_i);
      s_beats_q <= s_beats_q + 6'(!s_drop);
      s_beat_q <= s_last_i ? '0 : (&s_beat_q) ? s_beat_q : s_beat_q + 3'd1;
    end
  end

  // What leaves.
  localparam int unsigned FLAG = mpnic_pkg::RESULT_FLAGS_LSB + mpnic_pkg::RESULT_STRIPPED;
  localparam int unsigned SEEN_W = 32 + BYTES_W + 6 + 3;
  logic              leaves, m_first_q = 1'b1, waits_q = 1'b0;
  logic [5:0]        m_beats_q = '0, m_frames_q = '0;
  logic [3:0]        ready_q = '0;  // clocks in which the sink was ready and nothing came
  logic [SEEN_W-1:0] seen, seen_q = '0;
  assign leaves = m_valid & m_ready_i & rst_n_q;
  assign seen = {m_data[TAG+:32], m_bytes, m_hdr[mpnic_pkg::HDR_SOURCE_LSB+:6], m_first, m_last,
                 m_result[FLAG]};
  always_ff @(posedge clk_i) begin
    if (leaves) begin
      m_first_q <= m_last;
      m_beats_q <= m_beats_q + 6'd1;
      m_frames_q <= m_frames_q + 6'(m_last);
    end
    waits_q <= rst_n_q & m_valid & ~m_ready_i;
    seen_q <= seen;
    ready_q <= (!m_ready_i || s_take) ? '0 : (&ready_q) ? ready_q : ready_q + 4'd1;
  end

  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (m_valid) begin
        `PROVE(m_beats_q != s_beats_q);
        `PROVE(m_data[TAG+:6] == m_beats_q);
        `PROVE(m_data[TAG+6] == m_last);
        `PROVE(!m_data[TAG+7]);
        `PROVE(m_data[TAG+8+:7] == 7'(m_bytes));
        `PROVE(m_first == m_first_q);
        `PROVE(m_data[NOPS+:8] == (m_data[TAG+15] ? 8'd1 : 8'd0));
        `PROVE(m_hdr[mpnic_pkg::HDR_SOURCE_LSB+:6] == m_frames_q);
        `PROVE(m_csum[mpnic_pkg::CSUM_FRAME_LEN_LSB+:6] == m_frames_q);
        `PROVE(m_result[mpnic_pkg::RESULT_DSN_LSB+:6] == m_frames_q);
        `PROVE(m_result[FLAG] == m_result[mpnic_pkg::RESULT_STRIP_LSB+5]);
      end
      if (waits_q) `PROVE(m_valid && seen == seen_q);
      if (ready_q >= 4'd8) `PROVE(m_beats_q == s_beats_q);
      `COVER(leaves && m_last && m_frames_q == 6'd2 && drops_q[2:0] == 3'b010);
      `COVER(leaves && m_data[TAG+15] && m_last);
      `COVER(waits_q && !s_ready && m_beats_q == 6'd1);
      `COVER(!r_ready);
    end
  end
endmodule
