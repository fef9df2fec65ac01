// SPDX-License-Identifier: BSD-3-Clause
// Fills checksums in: IPv4 header, TCP and UDP, of frames from the host (docs/device.md, "Tx"). What
// cannot be summed, a fragment's or a cut frame's, is left as it is.
//
//   beats -+-> frame RAM --------------------------+-> patch -> m
//          +-> sums -> jobs, one a frame ----------+
//
// A frame leaves once all of it is there and summed; the next one may come in meanwhile. One beat a
// clock, all outputs are stable while they wait. A frame has at most BEATS beats.
module mpnic_fill #(
  parameter int unsigned BEATS = 512  // a power of two
) (
  input  logic                        clk_i,
  input  logic                        rst_ni,

  input  logic                        s_valid_i,
  output logic                        s_ready_o,
  input  logic                        s_first_i,
  input  logic                        s_last_i,
  input  logic [6:0]                  s_bytes_i,
  input  logic [511:0]                s_data_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::HDR_W-1:0] s_hdr_i,  // with all beats
  // verilator lint_on UNUSEDSIGNAL
  input  logic [7:0]                  s_side_i,

  output logic                        m_valid_o,
  input  logic                        m_ready_i,
  output logic                        m_first_o,
  output logic                        m_last_o,
  output logic [6:0]                  m_bytes_o,
  output logic [511:0]                m_data_o,
  output logic [7:0]                  m_side_o
);

  localparam int unsigned JOBS = 512;  // frames inside, a power of two
  localparam logic [7:0]  UDP_CSUM_AT = 8'd6;
  localparam logic [7:0]  TCP_CSUM_AT = 8'd16;
  localparam logic [7:0]  IP4_CSUM_AT = 8'd10;

`include "mpnic_records.svh"

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t hdr;
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = s_hdr_i;

  // --- in ------------------------------------------------------------------------------------------

  logic takes, frames_room, jobs_room;
  assign s_ready_o = frames_room & jobs_room;
  assign takes = s_valid_i & s_ready_o;

  // Of the beat that comes: what offset in the frame its first byte has; of its bytes, from where and to
  // where they belong to a region, 0 to 64.
  logic [15:0] base_q, base, len, l4_end;
  logic [7:0]  field;
  logic        is_udp, is_l4, is_v4;
  assign base = s_first_i ? '0 : base_q;
  assign is_udp = hdr.parse == mpnic_pkg::PARSE_UDP;
  assign is_l4 = hdr.flags[mpnic_pkg::HDR_L3] & ~hdr.flags[mpnic_pkg::HDR_ROUTING] &
                 (is_udp | (hdr.parse == mpnic_pkg::PARSE_TCP));
  assign is_v4 = hdr.ip_version == 8'd4;  // 0 without a header that is understood
  assign len = base + 16'(s_bytes_i);
  assign field = hdr.l4_off + (is_udp ? UDP_CSUM_AT : TCP_CSUM_AT);
  always_ff @(posedge clk_i) if (takes) base_q <= base + 16'd64;

  // How many bytes of a beat at @base are in front of offset @at.
  function automatic logic [6:0] ahead(input logic [15:0] at, input logic [15:0] from);
    logic [16:0] rest;
    rest = {1'b0, at} - {1'b0, from};
    ahead = rest[16] ? 7'd0 : (rest[15:6] != '0) ? 7'd64 : {1'b0, rest[5:0]};
  endfunction

  function automatic logic [63:0] ones(input logic [6:0] n);
    ones = ~(64'hffff_ffff_ffff_ffff << n);
  endfunction

  // A 17-bit sum: the offset behind the segment may be beyond 65,535.
  logic [16:0] l4_behind;
  assign l4_behind = {9'd0, hdr.l4_off} + {1'b0, hdr.l4_len};
  assign l4_end = l4_behind[16] ? 16'hffff : l4_behind[15:0];

  // 1: bounds
  logic         v1_q, last1_q;
  logic [6:0]   ip_lo1_q, ip_hi1_q, l4_lo1_q, l4_hi1_q;
  logic [15:0]  ip_at1_q, l4_at1_q;  // of the fields, in this beat if below 64
  logic [511:0] data1_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) v1_q <= 1'b0;
    else v1_q <= takes;
  end
  always_ff @(posedge clk_i) begin
    last1_q <= s_last_i;
    data1_q <= s_data_i;
    ip_lo1_q <= ahead({8'd0, hdr.l3_off}, base);
    ip_hi1_q <= is_v4 ? ahead({8'd0, hdr.l4_off}, base) : 7'd0;
    l4_lo1_q <= ahead({8'd0, hdr.l4_off}, base);
    l4_hi1_q <= is_l4 ? ahead(l4_end, base) : 7'd0;
    ip_at1_q <= {8'd0, hdr.l3_off + IP4_CSUM_AT} - base;
    l4_at1_q <= {8'd0, field} - base;
  end

  // 2: the bytes of both regions, without their fields
  logic         v2_q, last2_q;
  logic [511:0] ip2_q, l42_q;
  logic [63:0]  ip_mask, l4_mask;
  assign ip_mask = ones(ip_hi1_q) & ~ones(ip_lo1_q) &
                   ~((ip_at1_q < 16'd64) ? 64'd3 << ip_at1_q[5:0] : 64'd0);
  assign l4_mask = ones(l4_hi1_q) & ~ones(l4_lo1_q) &
                   ~((l4_at1_q < 16'd64) ? 64'd3 << l4_at1_q[5:0] : 64'd0);
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) v2_q <= 1'b0;
    else v2_q <= v1_q;
  end
  always_ff @(posedge clk_i) begin
    last2_q <= last1_q;
    for (int unsigned i = 0; i < 64; i++) begin
      ip2_q[8*i+:8] <= data1_q[8*i+:8] & {8{ip_mask[i]}};
      l42_q[8*i+:8] <= data1_q[8*i+:8] & {8{l4_mask[i]}};
    end
  end

  // 3, 4: sums of words as they lie, low byte first; a swapped sum is the sum of swapped words
  function automatic logic [18:0] sum8(input logic [127:0] x);
    sum8 = ((19'(x[15:0]) + 19'(x[31:16])) + (19'(x[47:32]) + 19'(x[63:48]))) +
           ((19'(x[79:64]) + 19'(x[95:80])) + (19'(x[111:96]) + 19'(x[127:112])));
  endfunction

  function automatic logic [20:0] sum4(input logic [75:0] x);
    sum4 = (21'(x[18:0]) + 21'(x[37:19])) + (21'(x[56:38]) + 21'(x[75:57]));
  endfunction

  function automatic logic [15:0] fold(input logic [31:0] x);
    logic [16:0] once;
    once = {1'b0, x[15:0]} + {1'b0, x[31:16]};
    fold = once[15:0] + {15'd0, once[16]};
  endfunction

  logic        v3_q, v4_q, last3_q, last4_q, first5_q;
  logic [75:0] ip3_q, l43_q;
  logic [20:0] ip4_q, l44_q;
  logic [31:0] ip_sum_q, l4_sum_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      v3_q <= 1'b0;
      v4_q <= 1'b0;
      first5_q <= 1'b1;
    end else begin
      v3_q <= v2_q;
      v4_q <= v3_q;
      if (v4_q) first5_q <= last4_q;
    end
  end
  always_ff @(posedge clk_i) begin
    last3_q <= last2_q;
    last4_q <= last3_q;
    for (int unsigned i = 0; i < 4; i++) begin
      ip3_q[19*i+:19] <= sum8(ip2_q[128*i+:128]);
      l43_q[19*i+:19] <= sum8(l42_q[128*i+:128]);
    end
    ip4_q <= sum4(ip3_q);
    l44_q <= sum4(l43_q);
    if (v4_q) begin
      ip_sum_q <= (first5_q ? 32'd0 : ip_sum_q) + 32'(ip4_q);
      l4_sum_q <= (first5_q ? 32'd0 : l4_sum_q) + 32'(l44_q);
    end
  end

  // --- a frame's job -------------------------------------------------------------------------------

  // What its header says waits for its sums: { pseudo header, UDP, TCP or UDP, IPv4, end, field's and
  // IPv4's offset, side }.
  localparam int unsigned HEAD_W = 32 + 3 + 17 + 8 + 8 + 8;
  logic              head_room, head_valid, ends;
  logic [HEAD_W-1:0] head;
  logic [31:0]       pseudo;
  logic [255:0]      addrs;
  assign addrs = {hdr.dst, hdr.src};
  // Addresses as they lie; length and protocol, which are numbers, swapped.
  assign pseudo = 32'(sum8(addrs[127:0])) + 32'(sum8(addrs[255:128])) +
                  {16'd0, hdr.l4_len[7:0], hdr.l4_len[15:8]} + {16'd0, hdr.ip_proto, 8'd0};
  mpnic_fifo #(
    .W(HEAD_W),
    .DEPTH(8)
  ) u_heads (
    .clk_i,
    .rst_ni,
    .valid_i(takes & s_last_i),
    .ready_o(head_room),
    .data_i ({pseudo, is_udp, is_l4, is_v4 & ({8'd0, hdr.l4_off} <= len), l4_behind, field, hdr.l3_off + IP4_CSUM_AT, s_side_i}),
    .valid_o(head_valid),
    .ready_i(ends),
    .data_o (head)
  );
  // Lengths go the same way as the sums: bytes of the frame, up to 16 bits.
  logic [15:0] len1_q, len2_q, len3_q, len4_q, len5_q;
  logic        ends_q, behind_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      ends_q <= 1'b0;
      behind_q <= 1'b0;
    end else begin
      ends_q <= v4_q & last4_q;
      behind_q <= ends_q;
    end
  end
  assign ends = ends_q;
  logic [31:0]       l4_total_q;
  logic [15:0]       ip_fold_q;
  logic [23:0]       places_q;  // the fields' offsets, side
  logic              is_udp_q, fills_l4_q, fills_ip_q;
  always_ff @(posedge clk_i) begin
    len1_q <= len;
    len2_q <= len1_q;
    len3_q <= len2_q;
    len4_q <= len3_q;
    len5_q <= len4_q;
    // The sums are there in the clock in which ends_q is high.
    l4_total_q <= l4_sum_q + head[HEAD_W-1-:32];
    ip_fold_q <= ~fold(ip_sum_q);
    places_q <= head[23:0];
    is_udp_q <= head[24+17+2];
    fills_l4_q <= head[24+17+1] & (head[24+:17] <= {1'b0, len5_q});
    fills_ip_q <= head[24+17];
  end
  logic [15:0] l4_csum, l4_inverse;
  assign l4_inverse = ~fold(l4_total_q);
  assign l4_csum = (is_udp_q && l4_inverse == '0) ? 16'hffff : l4_inverse;

  // { fill TCP or UDP, fill IPv4, checksums, offsets of the fields, side }
  localparam int unsigned JOB_W = 2 + 32 + 16 + 8;
  logic             job_valid, job_done, pushes_room;
  logic [JOB_W-1:0] job;
  mpnic_fifo #(
    .W(JOB_W),
    .DEPTH(JOBS)
  ) u_jobs (
    .clk_i,
    .rst_ni,
    .valid_i(behind_q),
    .ready_o(pushes_room),
    .data_i ({fills_l4_q, fills_ip_q, l4_csum, ip_fold_q, places_q}),
    .valid_o(job_valid),
    .ready_i(job_done),
    .data_o (job)
  );
  // Frames that have no job yet, and those that have: there is room for all of them.
  logic [9:0] inside_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      inside_q <= '0;
      jobs_room <= 1'b0;
    end else begin
      if ((takes & s_last_i) != job_done) begin
        inside_q <= (takes & s_last_i) ? inside_q + 10'd1 : inside_q - 10'd1;
      end
      jobs_room <= 32'(inside_q) < JOBS - 2;
    end
  end

  // --- out -----------------------------------------------------------------------------------------

  logic         b_valid, b_first, b_last;
  logic [6:0]   b_bytes;
  logic [511:0] b_data;
  mpnic_ram_fifo #(
    .W(512 + 7 + 2),
    .DEPTH(BEATS)
  ) u_frames (
    .clk_i,
    .rst_ni,
    .valid_i(takes),
    .ready_o(frames_room),
    .data_i ({s_first_i, s_last_i, s_bytes_i, s_data_i}),
    .valid_o(b_valid),
    .ready_i(leaves),
    .data_o ({b_first, b_last, b_bytes, b_data})
  );

  logic        leaves, out_valid_q;
  logic [7:0]  out_at_q;  // number of the beat, as far as fields can be
  logic [7:0]  out_base;
  // verilator lint_off UNUSEDSIGNAL
  logic [7:0]  l4_at, ip_at;  // even
  // verilator lint_on UNUSEDSIGNAL
  logic        has_l4, has_ip;
  assign leaves = b_valid & job_valid & (~out_valid_q | m_ready_i);
  assign job_done = leaves & b_last;
  assign out_base = b_first ? 8'd0 : out_at_q;
  assign l4_at = job[23:16];
  assign ip_at = job[15:8];
  // Fields stand below 256.
  assign has_l4 = job[JOB_W-1] & (l4_at[7:6] == out_base[1:0]) & (out_base[7:2] == '0);
  assign has_ip = job[JOB_W-2] & (ip_at[7:6] == out_base[1:0]) & (out_base[7:2] == '0);
  logic [511:0] patched;
  always_comb begin
    for (int unsigned i = 0; i < 32; i++) begin
      patched[16*i+:16] = b_data[16*i+:16];
      if (has_l4 && l4_at[5:1] == 5'(i)) patched[16*i+:16] = job[24+16+:16];
      if (has_ip && ip_at[5:1] == 5'(i)) patched[16*i+:16] = job[24+:16];
    end
  end
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) out_valid_q <= 1'b0;
    else if (leaves) out_valid_q <= 1'b1;
    else if (m_ready_i) out_valid_q <= 1'b0;
  end
  always_ff @(posedge clk_i) begin
    if (leaves) begin
      out_at_q <= (out_base == 8'hff) ? out_base : out_base + 8'd1;
      m_data_o <= patched;
      m_first_o <= b_first;
      m_last_o <= b_last;
      m_bytes_o <= b_bytes;
      m_side_o <= job[7:0];
    end
  end
  assign m_valid_o = out_valid_q;

`ifdef VERILATOR
  always_ff @(posedge clk_i) begin
    if (rst_ni) begin
      assert (head_room | ~(takes & s_last_i)) else $fatal(1, "mpnic_fill: head lost");
      assert (head_valid | ~ends) else $fatal(1, "mpnic_fill: head not there");
      assert (pushes_room | ~behind_q) else $fatal(1, "mpnic_fill: job lost");
    end
  end
`endif

endmodule
