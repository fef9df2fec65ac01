// SPDX-License-Identifier: BSD-3-Clause
// Checksums of frames from the host: IPv4 header, TCP and UDP, as fill_checksums() in device_tx.c.
//
// Frames leave as they came, in their order, but for the two bytes of each checksum that can be summed.
// s_hdr_i is the header record of the frame, valid with all its beats, s_side_i goes with the frame to
// m_side_o. A frame is stored until it is summed; the next one may come in while one leaves. One beat
// a clock; m_* is stable while it waits.
module mpnic_fill (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  input  logic                        s_valid_i,
  output logic                        s_ready_o,
  input  logic                        s_first_i,
  input  logic                        s_last_i,
  input  logic [6:0]                  s_bytes_i,
  input  logic [511:0]                s_data_i,
  input  logic [mpnic_pkg::HDR_W-1:0] s_hdr_i,
  input  logic [7:0]                  s_side_i,

  output logic                        m_valid_o,
  input  logic                        m_ready_i,
  output logic                        m_first_o,
  output logic                        m_last_o,
  output logic [6:0]                  m_bytes_o,
  output logic [511:0]                m_data_o,
  output logic [7:0]                  m_side_o
);

`include "mpnic_records.svh"

  localparam logic [6:0] IP4_CSUM_AT = 7'd5;  // in words, as all places of checksums
  localparam logic [6:0] TCP_CSUM_AT = 7'd8;
  localparam logic [6:0] UDP_CSUM_AT = 7'd3;
  localparam int unsigned FRAMES = 256;  // inside: short ones come in while the longest one leaves

  function automatic logic [63:0] below(input logic [6:0] n);
    for (int i = 0; i < 64; i++) below[i] = 7'(i) < n;
  endfunction

  // Where `at` is in the beat that starts at `start`: 0 before it, 64 behind it.
  function automatic logic [6:0] in_beat(input logic [16:0] at, input logic [16:0] start);
    logic [16:0] off;
    off = at - start;
    in_beat = (at <= start) ? 7'd0 : (off >= 17'd64) ? 7'd64 : off[6:0];
  endfunction

  // ---- in: the beat, and where the sums begin and end ----------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t hdr;  // some fields alone matter here
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = s_hdr_i;

  logic         room, take, ready_q;
  logic         is_ip, is_l4;
  assign is_ip = hdr.flags[mpnic_pkg::HDR_L3] & (hdr.ip_version == 8'd4);
  assign is_l4 = hdr.flags[mpnic_pkg::HDR_L3] & ~hdr.flags[mpnic_pkg::HDR_ROUTING]
                 & ((hdr.parse == mpnic_pkg::PARSE_TCP) | (hdr.parse == mpnic_pkg::PARSE_UDP));
  assign s_ready_o = ready_q;
  assign take = s_valid_i & ready_q;

  // 0
  logic         valid0_q, first0_q, last0_q, ip0_q, l40_q, udp0_q;
  logic [511:0] data0_q;
  logic [6:0]   bytes0_q;
  logic [7:0]   side0_q, l3_off0_q, l4_off0_q, proto0_q;
  logic [15:0]  l4_len0_q;
  logic [255:0] addrs0_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid0_q <= 1'b0;
    else valid0_q <= take;
  end
  always_ff @(posedge clk_i) begin
    if (take) begin
      first0_q <= s_first_i;
      last0_q <= s_last_i;
      bytes0_q <= s_bytes_i;
      data0_q <= s_data_i;
      side0_q <= s_side_i;
      ip0_q <= is_ip;
      l40_q <= is_l4;
      udp0_q <= hdr.parse == mpnic_pkg::PARSE_UDP;
      l3_off0_q <= hdr.l3_off;
      l4_off0_q <= hdr.l4_off;
      l4_len0_q <= hdr.l4_len;
      proto0_q <= hdr.ip_proto;
      addrs0_q <= {hdr.dst, hdr.src};
    end
  end

  // 1: places in this beat. The addresses are summed as a beat of their own, beside the first one.
  logic         valid1_q, first1_q, last1_q, ip1_q, l41_q, udp1_q;
  logic [511:0] data1_q;
  logic [6:0]   ip_from1_q, ip_to1_q, l4_from1_q, l4_to1_q;
  logic [7:0]   side1_q, proto1_q;
  logic [6:0]   ip_at1_q, l4_at1_q;  // in words
  logic [15:0]  l4_len1_q;
  logic [255:0] addrs1_q;
  logic [2:0]   beat1_q;  // which one this is, up to 7
  logic [16:0]  start, start_q, l4_end, l4_end1_q, len1_q, l4_off1_q;
  assign start = first0_q ? '0 : start_q;
  assign l4_end = 17'(l4_off0_q) + 17'(l4_len0_q);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid1_q <= 1'b0;
    else valid1_q <= valid0_q;
  end
  always_ff @(posedge clk_i) begin
    if (valid0_q) begin
      start_q <= start + 17'd64;
      if (first0_q) beat1_q <= '0;
      else if (beat1_q != '1) beat1_q <= beat1_q + 3'd1;
      first1_q <= first0_q;
      last1_q <= last0_q;
      ip1_q <= ip0_q;
      l41_q <= l40_q;
      udp1_q <= udp0_q;
      data1_q <= data0_q;
      side1_q <= side0_q;
      ip_from1_q <= in_beat(17'(l3_off0_q), start);
      ip_to1_q <= in_beat(17'(l4_off0_q), start);
      l4_from1_q <= in_beat(17'(l4_off0_q), start);
      l4_to1_q <= in_beat(l4_end, start);
      ip_at1_q <= l3_off0_q[7:1] + IP4_CSUM_AT;
      l4_at1_q <= l4_off0_q[7:1] + (udp0_q ? UDP_CSUM_AT : TCP_CSUM_AT);
      l4_len1_q <= l4_len0_q;
      proto1_q <= proto0_q;
      addrs1_q <= first0_q ? addrs0_q : '0;
      l4_end1_q <= l4_end;
      l4_off1_q <= 17'(l4_off0_q);
      len1_q <= start + 17'(bytes0_q);
    end
  end

  // 2: what each sum has of this beat, the checksums' own bytes as zeros.
  logic         valid2_q, first2_q, last2_q, udp2_q, ip_done2_q, l4_done2_q;
  logic [511:0] ip2_q, l42_q;
  logic [63:0]  ip_mask, l4_mask;
  logic [511:0] ip_bits, l4_bits;
  logic [7:0]   side2_q;
  logic [6:0]   ip_at2_q, l4_at2_q;
  logic [15:0]  l4_len2_q;
  logic [7:0]   proto2_q;
  logic [255:0] addrs2_q;
  always_comb begin
    ip_mask = below(ip_to1_q) & ~below(ip_from1_q);
    l4_mask = below(l4_to1_q) & ~below(l4_from1_q);
    for (int i = 0; i < 32; i++) begin
      if (beat1_q == 3'(ip_at1_q[6:5]) && ip_at1_q[4:0] == 5'(i)) ip_mask[2*i+:2] = '0;
      if (beat1_q == 3'(l4_at1_q[6:5]) && l4_at1_q[4:0] == 5'(i)) l4_mask[2*i+:2] = '0;
    end
    for (int i = 0; i < 64; i++) begin
      ip_bits[8*i+:8] = {8{ip_mask[i]}};
      l4_bits[8*i+:8] = {8{l4_mask[i]}};
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) valid2_q <= 1'b0;
    else valid2_q <= valid1_q;
  end
  always_ff @(posedge clk_i) begin
    if (valid1_q) begin
      first2_q <= first1_q;
      last2_q <= last1_q;
      udp2_q <= udp1_q;
      ip2_q <= data1_q & ip_bits;
      l42_q <= data1_q & l4_bits;
      // All of it is in the frame.
      ip_done2_q <= ip1_q & (l4_off1_q <= len1_q);
      l4_done2_q <= l41_q & (l4_end1_q <= len1_q);
      side2_q <= side1_q;
      ip_at2_q <= ip_at1_q;
      l4_at2_q <= l4_at1_q;
      l4_len2_q <= l4_len1_q;
      proto2_q <= proto1_q;
      addrs2_q <= addrs1_q;
    end
  end

  // 3: parts of the sums, 4: the sums of the beat, 5: those up to here, 6: their carries folded, 7: what
  // stands in the frame. Words are summed as they lie, low byte first.
  localparam int unsigned PARTS = 8;
  function automatic logic [17:0] part(input logic [63:0] x);
    part = 18'(x[15:0]) + 18'(x[31:16]) + 18'(x[47:32]) + 18'(x[63:48]);
  endfunction
  function automatic logic [16:0] fold(input logic [31:0] x);
    fold = 17'(x[15:0]) + 17'(x[31:16]);
  endfunction

  logic                valid3_q, valid4_q, valid5_q, valid6_q, valid7_q;
  logic                first3_q, first4_q, last3_q, last4_q;
  logic                udp3_q, udp4_q, udp5_q, udp6_q;
  logic [PARTS*18-1:0] ip3_q, l43_q;
  logic [5*18-1:0]     pseudo3_q;
  logic [20:0]         ip4_q, l44_q, pseudo4_q, ip_sum, l4_sum, pseudo_sum;
  logic [31:0]         ip5_q, l45_q;
  logic [16:0]         ip6_q, l46_q;
  logic [15:0]         ip_csum, l4_csum, ip7_q, l47_q;
  // What goes beside: { side, where, is it done } of a frame.
  localparam int unsigned HOW_W = 8 + 7 + 7 + 2;
  logic [HOW_W-1:0]    how3_q, how4_q, how5_q, how6_q, how7_q;
  always_comb begin
    ip_sum = '0;
    l4_sum = '0;
    pseudo_sum = '0;
    for (int i = 0; i < PARTS; i++) begin
      ip_sum += 21'(ip3_q[18*i+:18]);
      l4_sum += 21'(l43_q[18*i+:18]);
    end
    for (int i = 0; i < 5; i++) pseudo_sum += 21'(pseudo3_q[18*i+:18]);
  end
  assign ip_csum = ~(ip6_q[15:0] + 16'(ip6_q[16]));
  assign l4_csum = ~(l46_q[15:0] + 16'(l46_q[16]));
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid3_q <= 1'b0;
      valid4_q <= 1'b0;
      valid5_q <= 1'b0;
      valid6_q <= 1'b0;
      valid7_q <= 1'b0;
    end else begin
      valid3_q <= valid2_q;
      valid4_q <= valid3_q;
      valid5_q <= valid4_q & last4_q;
      valid6_q <= valid5_q;
      valid7_q <= valid6_q;
    end
  end
  always_ff @(posedge clk_i) begin
    first3_q <= first2_q;
    last3_q <= last2_q;
    udp3_q <= udp2_q;
    how3_q <= {side2_q, ip_at2_q, l4_at2_q, ip_done2_q, l4_done2_q};
    for (int i = 0; i < PARTS; i++) begin
      ip3_q[18*i+:18] <= part(ip2_q[64*i+:64]);
      l43_q[18*i+:18] <= part(l42_q[64*i+:64]);
    end
    // Length and protocol are numbers: the other way round.
    for (int i = 0; i < 4; i++) pseudo3_q[18*i+:18] <= part(addrs2_q[64*i+:64]);
    pseudo3_q[72+:18] <= first2_q ? 18'({l4_len2_q[7:0], l4_len2_q[15:8]}) + 18'({proto2_q, 8'd0})
                                  : '0;

    first4_q <= first3_q;
    last4_q <= last3_q;
    udp4_q <= udp3_q;
    how4_q <= how3_q;
    ip4_q <= ip_sum;
    l44_q <= l4_sum;
    pseudo4_q <= pseudo_sum;

    if (valid4_q) begin
      udp5_q <= udp4_q;
      how5_q <= how4_q;
      ip5_q <= (first4_q ? '0 : ip5_q) + 32'(ip4_q);
      l45_q <= (first4_q ? '0 : l45_q) + 32'(l44_q) + 32'(pseudo4_q);
    end

    udp6_q <= udp5_q;
    how6_q <= how5_q;
    ip6_q <= fold(ip5_q);
    l46_q <= fold(l45_q);

    how7_q <= how6_q;
    ip7_q <= ip_csum;
    l47_q <= (udp6_q && l4_csum == '0) ? '1 : l4_csum;
  end

  // ---- the frame, and what is patched in it --------------------------------------------------------

  logic         f_valid, f_ready, f_last, rec_valid, rec_pop, unused_ready;
  logic [6:0]   f_bytes;
  logic [511:0] f_data;
  mpnic_frame_fifo #(
    .W(520),
    .DEPTH(512)
  ) u_frames (
    .clk_i,
    .rst_ni,
    .room_o  (room),
    .push_i  (valid0_q),
    .data_i  ({last0_q, bytes0_q, data0_q}),
    .commit_i(valid0_q & last0_q),
    .drop_i  (1'b0),
    .valid_o (f_valid),
    .ready_i (f_ready),
    .data_o  ({f_last, f_bytes, f_data})
  );

  logic [7:0]  side;
  logic [6:0]  ip_at, l4_at;  // in words
  logic        ip_do, l4_do;
  logic [15:0] ip_value, l4_value;
  mpnic_ram_fifo #(
    .W(HOW_W + 32),
    .DEPTH(FRAMES)
  ) u_sums (
    .clk_i,
    .rst_ni,
    .valid_i(valid7_q),
    .ready_o(unused_ready),
    .data_i ({how7_q, ip7_q, l47_q}),
    .valid_o(rec_valid),
    .ready_i(rec_pop),
    .data_o ({side, ip_at, l4_at, ip_do, l4_do, ip_value, l4_value})
  );

  // No more frames than there are places for their sums.
  logic [8:0] frames_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      frames_q <= '0;
      ready_q <= 1'b0;
    end else begin
      frames_q <= frames_q + 9'(take && s_last_i) - 9'(rec_pop);
      ready_q <= room & (frames_q < 9'(FRAMES - 3));
    end
  end

  logic         valid_out_q, first_out_q, last_out_q, begins_q;
  logic [2:0]   beat_q;
  logic [6:0]   bytes_out_q;
  logic [7:0]   side_out_q;
  logic [511:0] patched, data_out_q;
  assign f_ready = rec_valid & (~valid_out_q | m_ready_i);
  assign rec_pop = f_valid & f_ready & f_last;
  always_comb begin
    patched = f_data;
    for (int i = 0; i < 32; i++) begin
      if (ip_do && beat_q == 3'(ip_at[6:5]) && ip_at[4:0] == 5'(i)) patched[16*i+:16] = ip_value;
      if (l4_do && beat_q == 3'(l4_at[6:5]) && l4_at[4:0] == 5'(i)) patched[16*i+:16] = l4_value;
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      valid_out_q <= 1'b0;
      begins_q <= 1'b1;
      beat_q <= '0;
    end else begin
      if (!valid_out_q || m_ready_i) valid_out_q <= f_valid & rec_valid;
      if (f_valid && f_ready) begin
        begins_q <= f_last;
        beat_q <= f_last ? '0 : (beat_q == '1) ? beat_q : beat_q + 3'd1;
      end
    end
  end
  always_ff @(posedge clk_i) begin
    if (!valid_out_q || m_ready_i) begin
      first_out_q <= begins_q;
      last_out_q <= f_last;
      bytes_out_q <= f_bytes;
      data_out_q <= patched;
      side_out_q <= side;
    end
  end
  assign m_valid_o = valid_out_q;
  assign m_first_o = first_out_q;
  assign m_last_o = last_out_q;
  assign m_bytes_o = bytes_out_q;
  assign m_data_o = data_out_q;
  assign m_side_o = side_out_q;

endmodule
