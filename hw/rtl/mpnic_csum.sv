// SPDX-License-Identifier: BSD-3-Clause
// Stage csum: checks the IPv4 header, TCP and UDP checksums and sums the payload, by docs/pipeline.md.
//
// Headers and beats come on two sides. A header (one pulse a frame, in order, no stall) leaves the
// range of its payload for the frame's first beat, which may be transferred once frame_ready_o is
// high, and a few clocks later what the checksums of its bytes need. csum_valid_o pulses once a
// frame, in order, LATENCY clocks after the frame's last beat. At most DEPTH frames may be between
// their header and their record; nothing stalls.
//
// Ones' complement sums are kept as two words, by carry-save adders whose carry goes around the end:
// no carry chain is needed but for the record's payload sum. Words are summed as they lie in the
// vectors, low byte first; the sum of swapped words is the swapped sum. A payload starts at an even
// offset, so a word never straddles two beats. Adding never yields zero from a word that is not zero.
module mpnic_csum #(
  parameter int unsigned DATA_W = 512,
  parameter int unsigned DEPTH = 32  // a power of two
) (
  input  logic                         clk_i,
  input  logic                         rst_ni,

  input  logic                         hdr_valid_i,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::HDR_W-1:0]  hdr_i,  // as parse left it
  // verilator lint_on UNUSEDSIGNAL
  input  logic [479:0]                 l3_hdr_i,  // the bytes from l3_off
  input  logic [479:0]                 l4_hdr_i,  // the bytes from l4_off

  output logic                         frame_ready_o,
  input  logic                         beat_valid_i,
  input  logic                         beat_first_i,
  input  logic                         beat_last_i,
  input  logic [DATA_W-1:0]            beat_data_i,
  input  logic [$clog2(DATA_W/8):0]    beat_bytes_i,

  output logic                         csum_valid_o,
  output logic [mpnic_pkg::CSUM_W-1:0] csum_o
);

  localparam int unsigned LATENCY = 8;
  localparam int unsigned BYTES = DATA_W / 8;
  localparam int unsigned BYTE_W = $clog2(BYTES);
  localparam int unsigned BEAT_W = 16 - BYTE_W;  // number of a beat in its frame
  localparam int unsigned LANES = (DATA_W / 16 + 2) / 3;  // a third of a beat, words

`include "mpnic_records.svh"

  // --- carry-save adders -------------------------------------------------------------------------

  // Each word one or two bits to the left, around its end: twice, four times its value.
  function automatic logic [63:0] double4(input logic [63:0] x);
    double4 = ((x << 1) & 64'hfffefffefffefffe) | ((x >> 15) & 64'h0001000100010001);
  endfunction

  function automatic logic [175:0] double11(input logic [175:0] x);
    double11 = ((x << 1) & {11{16'hfffe}}) | ((x >> 15) & {11{16'h0001}});
  endfunction

  // Three words to two, {carries, sums}, in 4 or 11 lanes.
  function automatic logic [127:0] add3(input logic [63:0] a, input logic [63:0] b,
                                        input logic [63:0] c);
    add3 = {double4((a & b) | (c & (a ^ b))), a ^ b ^ c};
  endfunction

  function automatic logic [351:0] add3x11(input logic [175:0] a, input logic [175:0] b,
                                           input logic [175:0] c);
    add3x11 = {double11((a & b) | (c & (a ^ b))), a ^ b ^ c};
  endfunction

  // Six words to three in 4 lanes: each sum bit has six inputs, one LUT.
  function automatic logic [191:0] add6(input logic [63:0] a, input logic [63:0] b,
                                        input logic [63:0] c, input logic [63:0] d,
                                        input logic [63:0] e, input logic [63:0] f);
    logic [63:0] s0, s1, c0, c1, c2;
    s0 = a ^ b ^ c;
    c0 = (a & b) | (c & (a ^ b));
    s1 = d ^ e ^ f;
    c1 = (d & e) | (f & (d ^ e));
    c2 = s0 & s1;
    add6 = {double4(double4((c0 & c1) | (c2 & (c0 ^ c1)))), double4(c0 ^ c1 ^ c2), s0 ^ s1};
  endfunction

  // 24, 12 and 6 words to half as many.
  function automatic logic [191:0] add24(input logic [383:0] x);
    add24 = add6(x[63:0], x[127:64], x[191:128], x[255:192], x[319:256], x[383:320]);
  endfunction

  // verilator lint_off UNUSEDSIGNAL
  function automatic logic [95:0] add12(input logic [191:0] x);
    logic [191:0] y;
    y = add6(64'(x[31:0]), 64'(x[63:32]), 64'(x[95:64]), 64'(x[127:96]), 64'(x[159:128]),
             64'(x[191:160]));
    add12 = {y[159:128], y[95:64], y[31:0]};
  endfunction

  function automatic logic [47:0] add6to3(input logic [95:0] x);
    logic [191:0] y;
    y = add6(64'(x[15:0]), 64'(x[31:16]), 64'(x[47:32]), 64'(x[63:48]), 64'(x[79:64]),
             64'(x[95:80]));
    add6to3 = {y[143:128], y[79:64], y[15:0]};
  endfunction

  function automatic logic [31:0] add3to2(input logic [47:0] x);
    logic [127:0] y;
    y = add3(64'(x[15:0]), 64'(x[31:16]), 64'(x[47:32]));
    add3to2 = {y[79:64], y[15:0]};
  endfunction
  // verilator lint_on UNUSEDSIGNAL

  function automatic logic [31:0] add4to2(input logic [31:0] x, input logic [31:0] y);
    add4to2 = add3to2({x[31:16], add3to2({x[15:0], y})});
  endfunction

  // Two words, not both zero, fold to 0xffff.
  function automatic logic all_ones(input logic [31:0] x);
    all_ones = (&(x[31:16] ^ x[15:0])) | (&x);
  endfunction

  function automatic logic [15:0] swap(input logic [15:0] x);
    swap = {x[7:0], x[15:8]};
  endfunction

  // --- headers: the range of the payload, at once ------------------------------------------------

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t hdr;
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = hdr_i;

  logic        is_tcp_udp, is_udp, is_ipv4;
  logic [16:0] range_end;
  assign is_tcp_udp = hdr.parse[7:1] == mpnic_pkg::PARSE_TCP[7:1];
  assign is_udp = hdr.parse[0] == mpnic_pkg::PARSE_UDP[0];  // if it is one of them
  assign is_ipv4 = hdr.flags[mpnic_pkg::HDR_L3] & (hdr.ip_version == 8'd4);
  assign range_end = 17'(hdr.payload_off) + 17'(hdr.payload_len);

  logic [7:0]  off, ip_end;
  logic [16:0] pay_end;
  logic        summed;  // the range counts
  logic        ranges_ready, sums_ready, sums_valid;
  mpnic_fifo #(
    .W(34),
    .DEPTH(DEPTH)
  ) u_ranges (
    .clk_i,
    .rst_ni,
    .valid_i(hdr_valid_i),
    .ready_o(ranges_ready),
    .data_i ({is_tcp_udp, hdr.l4_off, range_end, hdr.payload_off}),
    .valid_o(frame_ready_o),
    .ready_i(beat_valid_i & beat_first_i),
    .data_o ({summed, ip_end, pay_end, off})
  );

  // --- headers: their sums, in four clocks -------------------------------------------------------

  // Which 4-byte units of each header count: of IPv4 at least 5, of UDP 2, of TCP at least 5.
  logic [3:0]   ihl, doff;
  logic [14:0]  ip_on, l4_on;
  logic [479:0] ip_words, l4_words;
  assign ihl = l3_hdr_i[3:0];
  assign doff = hdr.doff[3:0];
  always_comb begin
    for (int unsigned i = 0; i < 15; i++) begin
      ip_on[i] = (i < 5) | (4'(i) < ihl);
      l4_on[i] = (i < 2) | (~is_udp & ((i < 5) | (4'(i) < doff)));
      ip_words[32*i+:32] = l3_hdr_i[32*i+:32] & {32{ip_on[i]}};
      l4_words[32*i+:32] = l4_hdr_i[32*i+:32] & {32{l4_on[i]}};
    end
  end

  // verilator lint_off UNUSEDSIGNAL
  logic [351:0] ip_3to2, l4_3to2;
  logic [191:0] pseudo_18to9;
  // verilator lint_on UNUSEDSIGNAL
  assign ip_3to2 = add3x11(176'(ip_words[159:0]), 176'(ip_words[319:160]),
                           176'(ip_words[479:320]));
  assign l4_3to2 = add3x11(176'(l4_words[159:0]), 176'(l4_words[319:160]),
                           176'(l4_words[479:320]));
  // Addresses, protocol and length: 18 words. IPv4 leaves the rest of src and dst zero.
  assign pseudo_18to9 = add6(64'(hdr.src[47:0]), 64'(hdr.src[95:48]),
                             64'({hdr.dst[15:0], hdr.src[127:96]}), 64'(hdr.dst[63:16]),
                             64'(hdr.dst[111:64]),
                             64'({is_udp ? l4_hdr_i[47:32] : swap(hdr.l4_len),
                                  hdr.ip_proto, 8'd0, hdr.dst[127:112]}));

  // What becomes of the TCP or UDP checksum: the sum decides it or, for these, the header alone.
  logic not_judged;
  always_comb begin
    case (hdr.parse)
      mpnic_pkg::PARSE_TCP, mpnic_pkg::PARSE_UDP: not_judged = hdr.flags[mpnic_pkg::HDR_ROUTING];
      mpnic_pkg::PARSE_FRAGMENT, mpnic_pkg::PARSE_TRUNCATED, mpnic_pkg::PARSE_TOO_DEEP,
      mpnic_pkg::PARSE_L4_LEN, mpnic_pkg::PARSE_TCP_DOFF, mpnic_pkg::PARSE_UDP_LEN:
        not_judged = 1'b1;
      default: not_judged = 1'b0;
    endcase
  end

  logic [3:0]   hdr_valid_q;
  logic [319:0] ip1_q, l41_q;
  logic [143:0] pseudo1_q;
  logic         ipv4_1_q, ipv4_2_q, ipv4_3_q;
  logic         judge1_q, judge2_q, judge3_q;  // the sum decides
  logic         udp1_q, not_judged1_q;
  logic [15:0]  field1_q, field2_q, field3_q;  // the header's checksum field
  always_ff @(posedge clk_i) begin
    if (hdr_valid_i) begin
      ip1_q <= {ip_3to2[335:176], ip_3to2[159:0]};
      l41_q <= {l4_3to2[335:176], l4_3to2[159:0]};
      pseudo1_q <= {pseudo_18to9[175:128], pseudo_18to9[111:64], pseudo_18to9[47:0]};
      ipv4_1_q <= is_ipv4;
      udp1_q <= is_udp;
      judge1_q <= is_tcp_udp & ~not_judged;
      not_judged1_q <= not_judged;
      field1_q <= is_udp ? l4_hdr_i[63:48] : l4_hdr_i[143:128];
    end
  end

  logic [95:0] ip2_q, l42_q, pseudo2_q;
  logic [2:0]  other2_q, other3_q;  // the verdict where the sum does not decide
  logic        udp_zero;
  assign udp_zero = udp1_q & ~|field1_q;
  always_ff @(posedge clk_i) begin
    if (hdr_valid_q[0]) begin
      ip2_q <= add12(add24(384'(ip1_q)));
      l42_q <= add12(add24(384'(l41_q)));
      pseudo2_q <= add12(192'(pseudo1_q));
      ipv4_2_q <= ipv4_1_q;
      judge2_q <= judge1_q & ~udp_zero;
      field2_q <= field1_q;
      other2_q <= 3'(mpnic_pkg::CSUM_NONE);
      if (not_judged1_q) other2_q <= 3'(mpnic_pkg::CSUM_NOT_JUDGED);
      if (judge1_q) other2_q <= ipv4_1_q ? 3'(mpnic_pkg::CSUM_ZERO) : 3'(mpnic_pkg::CSUM_BAD);
    end
  end

  logic [31:0] ip3_q, l43_q, pseudo3_q;
  always_ff @(posedge clk_i) begin
    if (hdr_valid_q[1]) begin
      ip3_q <= add3to2(add6to3(ip2_q));
      l43_q <= add3to2(add6to3(l42_q));
      pseudo3_q <= add3to2(add6to3(pseudo2_q));
      ipv4_3_q <= ipv4_2_q;
      judge3_q <= judge2_q;
      field3_q <= field2_q;
      other3_q <= other2_q;
    end
  end

  // The field equals the folded pseudo header: their difference is zero, and the field is not.
  logic partial;
  assign partial = (|field3_q) & all_ones(add3to2({pseudo3_q, ~field3_q}));

  // Sums of headers and pseudo header, and verdicts: on the IPv4 header, and where the sum does not
  // decide, or is not right.
  logic [31:0] base4_q;
  logic        judge4_q;
  logic [1:0]  ip4_q;
  logic [2:0]  other4_q;
  always_ff @(posedge clk_i) begin
    if (hdr_valid_q[2]) begin
      base4_q <= add4to2(pseudo3_q, l43_q);
      judge4_q <= judge3_q;
      ip4_q <= 2'(mpnic_pkg::CSUM_NONE);
      if (ipv4_3_q) begin
        ip4_q <= all_ones(ip3_q) ? 2'(mpnic_pkg::CSUM_GOOD) : 2'(mpnic_pkg::CSUM_BAD);
      end
      other4_q <= other3_q;
      if (judge3_q) begin
        other4_q <= partial ? 3'(mpnic_pkg::CSUM_PARTIAL) : 3'(mpnic_pkg::CSUM_BAD);
      end
    end
  end

  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) hdr_valid_q <= '0;
    else hdr_valid_q <= {hdr_valid_q[2:0], hdr_valid_i};
  end

  // --- beats -------------------------------------------------------------------------------------

  logic [LATENCY-1:0] last_q;  // bit i: a frame's last beat is i + 1 clocks in
  logic [4:0]         beat_q;  // likewise any beat
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) begin
      last_q <= '0;
      beat_q <= '0;
    end else begin
      last_q <= {last_q[LATENCY-2:0], beat_valid_i & beat_last_i};
      beat_q <= {beat_q[3:0], beat_valid_i};
    end
  end

  // 1: the beat, its number, its frame's range.
  logic [DATA_W-1:0] data1_q;
  logic [BYTE_W:0]   bytes1_q;
  logic [BEAT_W-1:0] number1_q;
  logic [4:0]        first_q;
  logic [7:0]        off1_q, ip_end1_q;
  logic [16:0]       pay_end1_q;
  logic              summed1_q;
  always_ff @(posedge clk_i) begin
    first_q <= {first_q[3:0], beat_first_i};
    if (beat_valid_i) begin
      data1_q <= beat_data_i;
      bytes1_q <= beat_bytes_i;
      number1_q <= beat_first_i ? '0 : number1_q + BEAT_W'(1);
      if (beat_first_i) begin
        off1_q <= off;
        pay_end1_q <= pay_end;
        summed1_q <= summed;
        ip_end1_q <= ip_end;
      end
    end
  end

  // 2: where the beat lies relative to the payload's start and end; the length of the frame up to
  // here.
  logic [DATA_W-1:0] data2_q;
  logic [BYTE_W:0]   bytes2_q;
  logic              starts2_q, started2_q, ends2_q, before_end2_q, summed2_q;
  logic [7:0]        off2_q, ip_end2_q;
  logic [16:0]       pay_end2_q;
  logic [15:0]       len2_q;
  always_ff @(posedge clk_i) begin
    if (beat_q[0]) begin
      data2_q <= data1_q;
      bytes2_q <= bytes1_q;
      starts2_q <= summed1_q & (number1_q == BEAT_W'(off1_q[7:BYTE_W]));
      started2_q <= summed1_q & (number1_q > BEAT_W'(off1_q[7:BYTE_W]));
      summed2_q <= summed1_q;
      ends2_q <= {1'b0, number1_q} == pay_end1_q[16:BYTE_W];
      before_end2_q <= {1'b0, number1_q} < pay_end1_q[16:BYTE_W];
      off2_q <= off1_q;
      pay_end2_q <= pay_end1_q;
      ip_end2_q <= ip_end1_q;
      len2_q <= {number1_q, BYTE_W'(0)} + 16'(bytes1_q);
    end
  end

  // 3: which bytes are payload; whether the payload is cut.
  logic [BYTES-1:0]  mask, mask3_q;
  always_comb begin
    for (int unsigned i = 0; i < BYTES; i++) begin
      mask[i] = (started2_q | (starts2_q & (BYTE_W'(i) >= off2_q[BYTE_W-1:0]))) &
                (before_end2_q | (ends2_q & (BYTE_W'(i) < pay_end2_q[BYTE_W-1:0]))) &
                ((BYTE_W + 1)'(i) < bytes2_q);
    end
  end
  logic [DATA_W-1:0] data3_q;
  logic              cut3_q, ip_cut3_q, summed3_q;
  logic [15:0]       len3_q, pay_end3_q;
  logic [7:0]        off3_q;
  always_ff @(posedge clk_i) begin
    if (beat_q[1]) begin
      data3_q <= data2_q;
      mask3_q <= mask;
      summed3_q <= summed2_q;
      cut3_q <= summed2_q & (pay_end2_q > {1'b0, len2_q});
      ip_cut3_q <= {8'd0, ip_end2_q} > len2_q;
      len3_q <= len2_q;
      pay_end3_q <= pay_end2_q[15:0];
      off3_q <= off2_q;
    end
  end

  // 4: the masked words' thirds to two.
  logic [3*16*LANES-1:0] masked;
  always_comb begin
    masked = '0;
    for (int unsigned i = 0; i < BYTES; i++) begin
      masked[8*i+:8] = data3_q[8*i+:8] & {8{mask3_q[i]}};
    end
  end
  // verilator lint_off UNUSEDSIGNAL
  logic [351:0]         thirds_3to2;
  // verilator lint_on UNUSEDSIGNAL
  logic [32*LANES-1:0]  thirds4_q;
  assign thirds_3to2 = add3x11(176'(masked[0+:16*LANES]), 176'(masked[16*LANES+:16*LANES]),
                               176'(masked[32*LANES+:16*LANES]));
  logic                 cut4_q, ip_cut4_q, summed4_q;
  logic [15:0]          len4_q, seen_end4_q;
  logic [7:0]           off4_q;
  always_ff @(posedge clk_i) begin
    if (beat_q[2]) begin
      thirds4_q <= {thirds_3to2[176+:16*LANES], thirds_3to2[0+:16*LANES]};
    end
    if (last_q[2]) begin
      cut4_q <= cut3_q;
      summed4_q <= summed3_q;
      ip_cut4_q <= ip_cut3_q;
      len4_q <= len3_q;
      seen_end4_q <= cut3_q ? len3_q : pay_end3_q;
      off4_q <= off3_q;
    end
  end

  // 5: down to six.
  logic [95:0] six;
  generate
    if (DATA_W == 512) begin : gen_512
      assign six = add12(add24(384'(thirds4_q)));
    end else if (DATA_W == 256) begin : gen_256
      assign six = add12(thirds4_q);
    end else begin : gen_128
      assign six = thirds4_q;
    end
  endgenerate
  logic [95:0] six5_q;
  logic        cut5_q, ip_cut5_q;
  logic [15:0] len5_q, seen5_q;
  always_ff @(posedge clk_i) begin
    if (beat_q[3]) six5_q <= six;
    if (last_q[3]) begin
      cut5_q <= cut4_q;
      ip_cut5_q <= ip_cut4_q;
      len5_q <= len4_q;
      seen5_q <= (seen_end4_q - 16'(off4_q)) & {16{summed4_q}};
    end
  end

  // 6: down to three, and with the beats before to two.
  logic [31:0] acc_q;
  logic [47:0] three;
  logic [95:0] with_acc;
  assign three = add6to3(six5_q);
  assign with_acc = {16'd0, acc_q & {32{~first_q[4]}}, three};
  always_ff @(posedge clk_i) begin
    if (beat_q[4]) acc_q <= add3to2(add6to3(with_acc));
  end

  // 6: what the header side left.
  logic [31:0] base, base6_q;
  logic        judge, judge6_q, judge7_q;
  logic        cut6_q, cut7_q, ip_cut6_q, ip_cut7_q;
  logic [15:0] len6_q, len7_q, seen6_q, seen7_q;
  logic [1:0]  ip, ip6_q, ip7_q;
  logic [2:0]  other, other6_q, other7_q;
  mpnic_fifo #(
    .W(38),
    .DEPTH(DEPTH)
  ) u_sums (
    .clk_i,
    .rst_ni,
    .valid_i(hdr_valid_q[3]),
    .ready_o(sums_ready),
    .data_i ({base4_q, judge4_q, ip4_q, other4_q}),
    .valid_o(sums_valid),
    .ready_i(last_q[4]),
    .data_o ({base, judge, ip, other})
  );
  always_ff @(posedge clk_i) begin
    if (last_q[4]) begin
      base6_q <= base;
      judge6_q <= judge;
      ip6_q <= ip;
      other6_q <= other;
      cut6_q <= cut5_q;
      ip_cut6_q <= ip_cut5_q;
      len6_q <= len5_q;
      seen6_q <= seen5_q;
    end
  end

  // 7: the payload's sum, but for its carry, and the sum of everything. 8: the record.
  logic [16:0] pay7_q;
  logic [31:0] all7_q;
  mpnic_csum_t csum, csum_q;
  always_comb begin
    csum = '0;
    csum.ip = 8'(ip7_q);
    if (ip7_q != 2'(mpnic_pkg::CSUM_NONE) && ip_cut7_q) csum.ip = mpnic_pkg::CSUM_NOT_JUDGED;
    csum.l4 = 8'(other7_q);
    if (judge7_q && all_ones(all7_q)) csum.l4 = mpnic_pkg::CSUM_GOOD;
    if (cut7_q) csum.l4 = mpnic_pkg::CSUM_NOT_JUDGED;
    csum.frame_len = len7_q;
    csum.payload_sum = swap(pay7_q[15:0] + 16'(pay7_q[16]));
    csum.payload_seen = seen7_q;
    csum.truncated = 8'(cut7_q);
  end
  always_ff @(posedge clk_i) begin
    if (last_q[5]) begin
      pay7_q <= 17'(acc_q[15:0]) + 17'(acc_q[31:16]);
      all7_q <= add4to2(acc_q, base6_q);
      judge7_q <= judge6_q;
      ip7_q <= ip6_q;
      other7_q <= other6_q;
      cut7_q <= cut6_q;
      ip_cut7_q <= ip_cut6_q;
      len7_q <= len6_q;
      seen7_q <= seen6_q;
    end
    if (last_q[6]) csum_q <= csum;
  end
  assign csum_valid_o = last_q[LATENCY-1];
  assign csum_o = csum_q;

`ifdef FORMAL_ADDERS
`include "csum_adders.svh"
`else
  // The header side is done in time, and DEPTH is not exceeded.
  // verilator lint_off SYNCASYNCNET
  always @(posedge clk_i) begin
    if (rst_ni) begin
      assert (!hdr_valid_i || ranges_ready);
      assert (!hdr_valid_q[3] || sums_ready);
      assert (!last_q[4] || sums_valid);
    end
  end
  // verilator lint_on SYNCASYNCNET
`endif

endmodule
