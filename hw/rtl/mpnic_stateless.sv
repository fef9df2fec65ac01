// SPDX-License-Identifier: BSD-3-Clause
// The stateless pipeline: a stream of frames in, the same frames out with their records.
//
// m_axis_hdr_o is valid with all beats of a frame, m_axis_csum_o with its last. Frames are neither
// changed nor reordered; outputs are stable while they wait. s_axis_tready_o is a register, and never
// low while m_axis_tready_i is high: whatever the frames hold, each stage takes one a clock.
//
//   s_axis -+-> window -> parse -+-> tcpopt -> mptcp -> header FIFO ---+
//           |                    +-> csum ------------> checksum FIFO -+-> m_axis
//           +-> beat FIFO A --------/\----------------> beat FIFO B ---+
//
// Stages do not stall. A beat waits in FIFO A until csum has its frame's headers, passes csum on its
// way to FIFO B, and waits there for its records.
module mpnic_stateless #(
  parameter int unsigned DATA_W = 512,  // 128, 256 or 512
  // Depths of FIFOs A and B, frames under way. Less costs speed, nothing else, as long as A holds a
  // window: proofs fill them sooner. A first beat waits in FIFO A for the rest of its window, the
  // window's register, parse, and csum's register; two more beats may come until tready is seen low.
  parameter int unsigned A_DEPTH =
      (8 * mpnic_pkg::PARSE_WINDOW / DATA_W + mpnic_rtl_pkg::PARSE_LATENCY + 4 <= 16) ? 16 : 32,
  parameter int unsigned B_DEPTH = 32,
  parameter int unsigned FRAMES = 32
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic [DATA_W-1:0]            s_axis_tdata_i,
  input  logic [DATA_W/8-1:0]          s_axis_tkeep_i,  // ones from bit 0 on; all but in a last beat
  input  logic [7:0]                   s_axis_tuser_i,  // with a frame's first beat
  input  logic                         s_axis_tlast_i,
  input  logic                         s_axis_tvalid_i,
  output logic                         s_axis_tready_o,

  output logic [DATA_W-1:0]            m_axis_tdata_o,
  output logic [DATA_W/8-1:0]          m_axis_tkeep_o,
  output logic [$clog2(DATA_W/8):0]    m_axis_bytes_o,  // ones in tkeep
  output logic                         m_axis_tlast_o,
  output logic                         m_axis_tfirst_o,
  output logic                         m_axis_tvalid_o,
  input  logic                         m_axis_tready_i,
  output logic [mpnic_pkg::HDR_W-1:0]  m_axis_hdr_o,
  output logic [mpnic_pkg::CSUM_W-1:0] m_axis_csum_o
);

  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned BYTES_W = $clog2(BYTES) + 1;
  localparam int unsigned BEAT_W = DATA_W + BYTES_W + 2;

  // --- input -------------------------------------------------------------------------------------

  // The number of a beat's bytes is one more than the position of the highest one in tkeep.
  logic [BYTES-1:0]   keep_end;
  logic [BYTES_W-1:0] bytes;
  assign keep_end = s_axis_tkeep_i & ~(s_axis_tkeep_i >> 1);
  generate
    for (genvar b = 0; b < BYTES_W; b++) begin : gen_bytes
      logic [BYTES-1:0] select;  // positions whose successor has bit b
      always_comb begin
        for (int unsigned i = 0; i < BYTES; i++) select[i] = 1'((i + 1) >> b);
      end
      assign bytes[b] = |(keep_end & select);
    end
  endgenerate

  logic in_valid, in_first_q, in_ready_q;
  assign in_valid = s_axis_tvalid_i & in_ready_q;
  assign s_axis_tready_o = in_ready_q;

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) in_first_q <= 1'b1;
    else if (in_valid) in_first_q <= s_axis_tlast_i;
  end

  // --- headers -----------------------------------------------------------------------------------

  logic                                   win_valid, win_more;
  logic [8*mpnic_pkg::PARSE_WINDOW-1:0]   win;
  logic [7:0]                             win_len, win_user;
  logic                                   win_tag_cut, win_tag_depth, win_ipv4, win_ipv6;
  logic [31:0]                            win_tagged, win_two_tags;
  logic [mpnic_rtl_pkg::MARKS*mpnic_rtl_pkg::MARK_W-1:0] win_marks;
  mpnic_window #(
    .DATA_W(DATA_W)
  ) u_window (
    .clk_i,
    .rst_ni,
    .beat_valid_i   (in_valid),
    .beat_data_i    (s_axis_tdata_i),
    .beat_keep_i    (s_axis_tkeep_i),
    .beat_bytes_i   (bytes),
    .beat_last_i    (s_axis_tlast_i),
    .beat_user_i    (s_axis_tuser_i),
    .win_valid_o    (win_valid),
    .win_o          (win),
    .win_len_o      (win_len),
    .win_more_o     (win_more),
    .win_user_o     (win_user),
    .win_tag_cut_o  (win_tag_cut),
    .win_tag_depth_o(win_tag_depth),
    .win_ipv4_o     (win_ipv4),
    .win_ipv6_o     (win_ipv6),
    .win_tagged_o   (win_tagged),
    .win_two_tags_o (win_two_tags),
    .win_marks_o    (win_marks)
  );

  logic                        parse_valid;
  logic [mpnic_pkg::HDR_W-1:0] parse_hdr;
  logic [1:0]                  parse_given;
  logic [479:0]                l3_hdr, l4_hdr;
  mpnic_parse u_parse (
    .clk_i,
    .rst_ni,
    .valid_i    (win_valid),
    .win_i      (win),
    .len_i      (win_len),
    .more_i     (win_more),
    .user_i     (win_user),
    .tag_cut_i  (win_tag_cut),
    .tag_depth_i(win_tag_depth),
    .ipv4_i     (win_ipv4),
    .ipv6_i     (win_ipv6),
    .tagged_i   (win_tagged),
    .two_tags_i (win_two_tags),
    .marks_i    (win_marks),
    .valid_o    (parse_valid),
    .hdr_o      (parse_hdr),
    .given_o    (parse_given),
    .l3_hdr_o   (l3_hdr),
    .l4_hdr_o   (l4_hdr)
  );

  logic                            opt_valid;
  logic [mpnic_pkg::HDR_W-1:0]     opt_hdr;
  logic [1:0]                      opt_given;
  logic [mpnic_rtl_pkg::LOC_W-1:0] opt_loc;
  mpnic_tcpopt u_tcpopt (
    .clk_i,
    .rst_ni,
    .valid_i(parse_valid),
    .hdr_i  (parse_hdr),
    .given_i(parse_given),
    .valid_o(opt_valid),
    .hdr_o  (opt_hdr),
    .given_o(opt_given),
    .loc_o  (opt_loc)
  );

  logic                        mptcp_valid;
  logic [mpnic_pkg::HDR_W-1:0] mptcp_hdr;
  mpnic_mptcp u_mptcp (
    .clk_i,
    .rst_ni,
    .valid_i(opt_valid),
    .hdr_i  (opt_hdr),
    .given_i(opt_given),
    .loc_i  (opt_loc),
    .valid_o(mptcp_valid),
    .hdr_o  (mptcp_hdr)
  );

  // --- beats and checksums -----------------------------------------------------------------------

  logic               a_valid, a_first, a_last, a_ready, b_room, frame_ready;
  logic [DATA_W-1:0]  a_data;
  logic [BYTES_W-1:0] a_bytes;
  logic               a_room;
  mpnic_fifo #(
    .W(BEAT_W),
    .DEPTH(A_DEPTH)
  ) u_beats_a (
    .clk_i,
    .rst_ni,
    .valid_i(in_valid),
    .ready_o(a_room),
    .data_i ({in_first_q, s_axis_tlast_i, bytes, s_axis_tdata_i}),
    .valid_o(a_valid),
    .ready_i(a_ready),
    .data_o ({a_first, a_last, a_bytes, a_data})
  );

  logic move;
  assign a_ready = b_room & (~a_first | frame_ready);
  assign move = a_valid & a_ready;

  logic                         csum_valid;
  logic [mpnic_pkg::CSUM_W-1:0] csum;
  mpnic_csum #(
    .DATA_W(DATA_W),
    .DEPTH(FRAMES)
  ) u_csum (
    .clk_i,
    .rst_ni,
    .hdr_valid_i  (parse_valid),
    .hdr_i        (parse_hdr),
    .l3_hdr_i     (l3_hdr),
    .l4_hdr_i     (l4_hdr),
    .frame_ready_o(frame_ready),
    .beat_valid_i (move),
    .beat_first_i (a_first),
    .beat_last_i  (a_last),
    .beat_data_i  (a_data),
    .beat_bytes_i (a_bytes),
    .csum_valid_o (csum_valid),
    .csum_o       (csum)
  );

  // --- output ------------------------------------------------------------------------------------

  logic               b_valid, b_first, b_last, b_ready;
  logic [BYTES_W-1:0] b_bytes;
  mpnic_fifo #(
    .W(BEAT_W),
    .DEPTH(B_DEPTH)
  ) u_beats_b (
    .clk_i,
    .rst_ni,
    .valid_i(move),
    .ready_o(b_room),
    .data_i ({a_first, a_last, a_bytes, a_data}),
    .valid_o(b_valid),
    .ready_i(b_ready),
    .data_o ({b_first, b_last, b_bytes, m_axis_tdata_o})
  );

  // Frames under way are at most FRAMES, so these never fill.
  logic hdr_valid, hdr_room, csum_there, csum_room, leaves;
  mpnic_fifo #(
    .W(mpnic_pkg::HDR_W),
    .DEPTH(FRAMES)
  ) u_hdrs (
    .clk_i,
    .rst_ni,
    .valid_i(mptcp_valid),
    .ready_o(hdr_room),
    .data_i (mptcp_hdr),
    .valid_o(hdr_valid),
    .ready_i(leaves & b_last),
    .data_o (m_axis_hdr_o)
  );

  mpnic_fifo #(
    .W(mpnic_pkg::CSUM_W),
    .DEPTH(FRAMES)
  ) u_csums (
    .clk_i,
    .rst_ni,
    .valid_i(csum_valid),
    .ready_o(csum_room),
    .data_i (csum),
    .valid_o(csum_there),
    .ready_i(leaves & b_last),
    .data_o (m_axis_csum_o)
  );

  assign m_axis_tvalid_o = b_valid & (~b_first | hdr_valid) & (~b_last | csum_there);
  assign b_ready = m_axis_tready_i & (~b_first | hdr_valid) & (~b_last | csum_there);
  assign leaves = b_valid & b_ready;
  assign m_axis_tfirst_o = b_first;
  assign m_axis_tlast_o = b_last;
  assign m_axis_bytes_o = b_bytes;
  always_comb begin
    for (int unsigned i = 0; i < BYTES; i++) m_axis_tkeep_o[i] = BYTES_W'(i) < b_bytes;
  end

  // --- room --------------------------------------------------------------------------------------

  // The counts lag behind tready by the beat or frame of this clock and that of the next.
  logic [$clog2(A_DEPTH+1)-1:0] beats_q;  // in FIFO A
  logic [$clog2(FRAMES+1)-1:0]  frames_q;  // whose first beat was taken, and whose last has not left
  logic                         enters, ends;
  assign enters = in_valid & in_first_q;
  assign ends = leaves & b_last;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      beats_q <= '0;
      frames_q <= '0;
      in_ready_q <= 1'b0;
    end else begin
      if (in_valid & ~move) beats_q <= beats_q + 1'b1;
      if (~in_valid & move) beats_q <= beats_q - 1'b1;
      if (enters & ~ends) frames_q <= frames_q + 1'b1;
      if (~enters & ends) frames_q <= frames_q - 1'b1;
      in_ready_q <= (32'(beats_q) <= A_DEPTH - 2) & (32'(frames_q) <= FRAMES - 2);
    end
  end

`ifdef VERILATOR
  // What the counts promise.
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (a_room | ~in_valid) else $fatal(1, "mpnic_stateless: beat lost");
      assert (hdr_room | ~mptcp_valid) else $fatal(1, "mpnic_stateless: header record lost");
      assert (csum_room | ~csum_valid) else $fatal(1, "mpnic_stateless: checksum record lost");
    end
  end
`endif

endmodule
