// SPDX-License-Identifier: BSD-3-Clause
// mpnic_csum on any stream of frames: a record exactly LATENCY clocks after a frame's last beat and
// never else, in order. Of frame CHOSEN, amid others: its length, what of its payload is there,
// the verdicts that do not depend on sums, and that the sum takes in exactly the payload's bytes (one
// of them, chosen at will, holds any value, the payload's others are zero, all else is arbitrary).
`include "formal.svh"
module csum_props #(
  parameter int unsigned DATA_W = 128,
  parameter int unsigned DEPTH = 4,  // frames under way
  parameter int unsigned CHOSEN = 1  // number of the frame that is looked at
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

  (* anyconst *) logic [15:0] place;  // of the byte

  mpnic_hdr_t  hdr;
  mpnic_csum_t csum;
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
    .beat_data_i, .beat_bytes_i, .csum_valid_o(csum_valid), .csum_o(csum)
  );

  // --- the frames --------------------------------------------------------------------------------

  logic        inside_q = 1'b0;  // between a frame's first and last beat
  logic [5:0]  headers_q = '0, frames_q = '0, records_q = '0;
  logic [$clog2(DEPTH):0] under_way_q = '0;
  logic [15:0] before_q = '0;  // bytes of this frame in the beats before
  logic [15:0] length;
  assign beat_first = ~inside_q;
  assign length = before_q + 16'(beat_bytes_i);
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      headers_q <= headers_q + 6'(hdr_valid_i);
      records_q <= records_q + 6'(csum_valid);
      if (hdr_valid_i & ~csum_valid) under_way_q <= under_way_q + 1'b1;
      if (~hdr_valid_i & csum_valid) under_way_q <= under_way_q - 1'b1;
      if (beat_valid_i) begin
        inside_q <= ~beat_last_i;
        before_q <= beat_last_i ? '0 : length;
        frames_q <= frames_q + 6'(beat_last_i);
      end
    end
  end

  // What the chosen one is.
  logic        its_header, its_beats, its_record, judged;
  logic        summed_q = 1'b0, ipv4_q = 1'b0, routing_q = 1'b0;
  logic [7:0]  parse_q = '0, off_q = '0, l4_off_q = '0, value_q = '0;
  logic [16:0] end_q = '0;
  logic [15:0] length_q = '0;
  assign its_header = hdr_valid_i & (headers_q == 6'(CHOSEN));
  assign its_beats = beat_valid_i & (frames_q == 6'(CHOSEN));
  assign its_record = csum_valid & (records_q == 6'(CHOSEN));
  assign judged = (parse_i == mpnic_pkg::PARSE_TCP) | (parse_i == mpnic_pkg::PARSE_UDP);
  always_ff @(posedge clk_i) begin
    if (rst_n_q) begin
      if (its_header) begin
        summed_q <= judged;
        ipv4_q <= flags_i[mpnic_pkg::HDR_L3] & (ip_version_i == 8'd4);
        routing_q <= flags_i[mpnic_pkg::HDR_ROUTING];
        parse_q <= parse_i;
        off_q <= payload_off_i;
        l4_off_q <= l4_off_i;
        end_q <= 17'(payload_off_i) + 17'(payload_len_i);
      end
      if (its_beats) length_q <= length;
    end
  end

  logic [BYTES-1:0] paid, here;
  always_comb begin
    for (int unsigned i = 0; i < BYTES; i++) begin
      paid[i] = summed_q & (before_q + 16'(i) >= 16'(off_q)) &
                (17'(before_q) + 17'(i) < end_q) & (i < 32'(beat_bytes_i));
      here[i] = before_q + 16'(i) == place;
    end
  end
  always_ff @(posedge clk_i) begin
    for (int unsigned i = 0; i < BYTES; i++) begin
      if (its_beats && paid[i] && here[i]) value_q <= beat_data_i[8*i+:8];
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
    // The headers are in the frame; frames are no longer than a record can tell.
    if (its_beats && beat_last_i && summed_q) assume (length >= 16'(off_q));
    assume (!beat_valid_i || {1'b0, before_q} + 17'(beat_bytes_i) < 17'h10000);
    for (int unsigned i = 0; i < BYTES; i++) begin
      if (its_beats && paid[i] && !here[i]) assume (beat_data_i[8*i+:8] == '0);
    end
  end

  // --- what is proved ----------------------------------------------------------------------------

  logic [LATENCY-1:0] ended_q = '0;
  logic               cut, ruled_out;
  logic [16:0]        seen_end;
  assign cut = summed_q & (end_q > 17'(length_q));
  assign seen_end = cut ? 17'(length_q) : end_q;
  assign ruled_out = (parse_q == mpnic_pkg::PARSE_FRAGMENT) |
                     (parse_q == mpnic_pkg::PARSE_TRUNCATED) |
                     (parse_q == mpnic_pkg::PARSE_TOO_DEEP) | (parse_q == mpnic_pkg::PARSE_L4_LEN) |
                     (parse_q == mpnic_pkg::PARSE_TCP_DOFF) |
                     (parse_q == mpnic_pkg::PARSE_UDP_LEN) | (summed_q & (cut | routing_q));
  always_ff @(posedge clk_i) begin
    ended_q <= {ended_q[LATENCY-2:0], beat_valid_i & beat_last_i & rst_n_q};
    if (rst_n_q) begin
      `PROVE(csum_valid == ended_q[LATENCY-1]);
`ifndef CONTROL
      if (its_record) begin
        `PROVE(csum.frame_len == length_q);
        `PROVE(csum.truncated == 8'(cut));
        `PROVE(csum.payload_seen == (summed_q ? 16'(seen_end - 17'(off_q)) : 16'd0));
        `PROVE(csum.payload_sum == (place[0] ? {8'd0, value_q} : {value_q, 8'd0}));
        `PROVE(csum.reserved == '0);
        `PROVE((csum.ip == mpnic_pkg::CSUM_NONE) == !ipv4_q);
        `PROVE((csum.ip == mpnic_pkg::CSUM_NOT_JUDGED) == (ipv4_q && 16'(l4_off_q) > length_q));
        `PROVE((csum.l4 == mpnic_pkg::CSUM_NONE) == (!summed_q && !ruled_out));
        `PROVE((csum.l4 == mpnic_pkg::CSUM_NOT_JUDGED) == ruled_out);
        `COVER(cut && value_q == 8'hff && place > 16'd16);
        `COVER(!cut && csum.l4 == mpnic_pkg::CSUM_GOOD && value_q != '0);
        `COVER(csum.l4 == mpnic_pkg::CSUM_PARTIAL && csum.ip == mpnic_pkg::CSUM_GOOD);
      end
`endif
    end
  end
endmodule
