// SPDX-License-Identifier: BSD-3-Clause
// mpnic_csum on any stream of frames, whatever headers and beats hold: a record exactly LATENCY clocks
// after a frame's last beat and never else. With it, the RTL's own assertions on its FIFOs.
`include "formal.svh"
module csum_props #(
  parameter int unsigned DATA_W = 128,
  parameter int unsigned DEPTH = 4  // frames under way
) (
  input logic                      clk_i,
  input logic                      hdr_valid_i,
  input logic [7:0]                parse_i,
  input logic [15:0]               flags_i,
  input logic [7:0]                ip_version_i,
  input logic [7:0]                payload_off_i,
  input logic [7:0]                l4_off_i,
  input logic [15:0]               payload_len_i,
  input logic [479:0]              l3_hdr_i,
  input logic [479:0]              l4_hdr_i,
  input logic                      beat_valid_i,
  input logic                      beat_last_i,
  input logic [DATA_W-1:0]         beat_data_i,
  input logic [$clog2(DATA_W/8):0] beat_bytes_i
);
  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned LATENCY = 8;
`include "mpnic_records.svh"

  logic rst_n_q = 1'b0;
  always_ff @(posedge clk_i) rst_n_q <= 1'b1;

  mpnic_hdr_t  hdr;
  logic        beat_first, frame_ready, csum_valid;
  always_comb begin
    hdr = '0;
    hdr.parse = parse_i;
    hdr.flags = flags_i;
    hdr.ip_version = ip_version_i;
    hdr.payload_off = payload_off_i;
    hdr.l4_off = l4_off_i;
    hdr.payload_len = payload_len_i;
  end
  mpnic_csum #(.DATA_W(DATA_W), .DEPTH(DEPTH)) u_dut (
    .clk_i, .rst_ni(rst_n_q), .hdr_valid_i, .hdr_i(hdr), .l3_hdr_i, .l4_hdr_i,
    .frame_ready_o(frame_ready), .beat_valid_i, .beat_first_i(beat_first), .beat_last_i,
    .beat_data_i, .beat_bytes_i, .csum_valid_o(csum_valid)
  );

  // --- the frames --------------------------------------------------------------------------------

  logic        inside_q = 1'b0;  // between a frame's first and last beat
  logic [$clog2(DEPTH):0] under_way_q = '0;
  logic [15:0] before_q = '0;  // bytes of this frame in the beats before
  logic [15:0] length;
  assign beat_first = ~inside_q;
  assign length = before_q + 16'(beat_bytes_i);
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (hdr_valid_i & ~csum_valid) under_way_q <= under_way_q + 1'b1;
      if (~hdr_valid_i & csum_valid) under_way_q <= under_way_q - 1'b1;
      if (beat_valid_i) begin
        inside_q <= ~beat_last_i;
        before_q <= beat_last_i ? '0 : length;
      end
    end
  end

  // --- what is given -----------------------------------------------------------------------------

  always_comb begin
    if (!rst_n_q) assume (!hdr_valid_i && !beat_valid_i);
    assume (!hdr_valid_i || 32'(under_way_q) < DEPTH);
    assume (parse_i <= mpnic_pkg::PARSE_UDP_LEN && !payload_off_i[0]);
    if (beat_valid_i) begin
      assume (!beat_first || frame_ready);
      assume (beat_bytes_i != '0 && 32'(beat_bytes_i) <= BYTES);
      assume (beat_last_i || 32'(beat_bytes_i) == BYTES);
    end
    // Frames are no longer than a record can tell.
    assume (!beat_valid_i || {1'b0, before_q} + 17'(beat_bytes_i) < 17'h10000);
  end

  // --- what is proved ----------------------------------------------------------------------------

  logic [LATENCY-1:0] ended_q = '0;
  always_ff @(posedge clk_i) begin
    ended_q <= {ended_q[LATENCY-2:0], beat_valid_i & beat_last_i & rst_n_q};
    if (rst_n_q) begin
      `PROVE(csum_valid == ended_q[LATENCY-1]);
    end
  end
endmodule
