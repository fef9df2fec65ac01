// SPDX-License-Identifier: BSD-3-Clause
// What stage flow looks up (docs/state.md, "flow"): of a frame's records the data of the RSS hash, the
// rules' key, the token of an MP_JOIN, the keys under the exact and the settable mask, and what the
// peers' key is made of. Numbers in names are clocks behind valid_i. One frame a clock.
module mpnic_flow_keys (
  input  logic                             clk_i,
  input  logic                             rst_ni,
  // verilator lint_off UNUSEDSIGNAL
  input  logic [mpnic_pkg::SETTINGS_W-1:0] settings_i,

  input  logic                             valid_i,
  input  logic [mpnic_pkg::HDR_W-1:0]      hdr_i,
  input  logic [mpnic_pkg::CSUM_W-1:0]     csum_i,
  // verilator lint_on UNUSEDSIGNAL

  output logic [287:0]                      rss1_o,
  output logic [31:0]                       rss_skip1_o,  // tables of its hash that do not count
  output logic                              l3_1_o,
  output logic                              v4_1_o,
  output logic [5:0]                        source1_o,
  output logic [6:0]                        where1_o,  // bits except, but for the ends
  output logic                              capable1_o,  // a first SYN with MP_CAPABLE
  output logic                              join2_o,  // an MP_JOIN that may be looked up
  output logic [31:0]                       token2_o,
  output logic [mpnic_pkg::RULE_KEY_W-1:0]  rule2_o,
  output logic                              exact_valid3_o,
  output logic [mpnic_pkg::KEY_W-1:0]       exact3_o,
  output logic                              flip3_o,
  output logic                              masked_valid3_o,
  output logic [mpnic_pkg::KEY_W-1:0]       masked3_o,
  output logic [127:0]                      dst3_o,
  output logic [15:0]                       dport3_o,
  output logic [7:0]                        ip_version3_o
);

  localparam int unsigned OPTS = mpnic_pkg::MPTCP_OPTS;
  localparam int unsigned ENDS = 18;  // bytes of an end: address, port

`include "mpnic_records.svh"

  // verilator lint_off UNUSEDSIGNAL
  mpnic_hdr_t      hdr;
  mpnic_csum_t     csum;
  mpnic_settings_t settings;
  // verilator lint_on UNUSEDSIGNAL
  assign hdr = hdr_i;
  assign csum = csum_i;
  assign settings = settings_i;

  // --- 1: what is looked at ------------------------------------------------------------------------

  logic         v1_q, v2_q, v3_q;
  logic [127:0] src1_q, src2_q, src3_q, dst1_q, dst2_q, dst3_q;
  logic [15:0]  sport1_q, sport2_q, sport3_q, dport1_q, dport2_q, dport3_q;
  logic [7:0]   version1_q, version2_q, version3_q, proto1_q, proto2_q, proto3_q;
  logic         l3_1_q, l3_2_q, l3_3_q, ports1_q, ports2_q, ports3_q, v4_1_q;
  logic         tagged1_q;
  logic [11:0]  vlan1_q;
  logic [12:0]  vlan2_q, vlan3_q;
  always_ff @(posedge clk_i or negedge rst_ni) begin
    if (!rst_ni) {v3_q, v2_q, v1_q} <= '0;
    else {v3_q, v2_q, v1_q} <= {v2_q, v1_q, valid_i};
  end
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      src1_q <= hdr.src;
      dst1_q <= hdr.dst;
      sport1_q <= hdr.sport;
      dport1_q <= hdr.dport;
      version1_q <= hdr.ip_version;
      proto1_q <= hdr.ip_proto;
      v4_1_q <= hdr.ip_version == 8'd4;
      l3_1_q <= hdr.flags[mpnic_pkg::HDR_L3];
      ports1_q <= hdr.flags[mpnic_pkg::HDR_L4] &
                  ((hdr.parse == mpnic_pkg::PARSE_TCP) | (hdr.parse == mpnic_pkg::PARSE_UDP));
      tagged1_q <= |hdr.vlan_count;
      vlan1_q <= hdr.vlan_outer[11:0];
    end
    if (v1_q) begin
      src2_q <= src1_q;
      dst2_q <= dst1_q;
      {sport2_q, dport2_q} <= {sport1_q, dport1_q};
      {version2_q, proto2_q} <= {version1_q, proto1_q};
      {l3_2_q, ports2_q} <= {l3_1_q, ports1_q};
      vlan2_q <= tagged1_q ? 13'(vlan1_q) + 13'd1 : 13'd0;
    end
    if (v2_q) begin
      src3_q <= src2_q;
      dst3_q <= dst2_q;
      {sport3_q, dport3_q} <= {sport2_q, dport2_q};
      {version3_q, proto3_q} <= {version2_q, proto2_q};
      {l3_3_q, ports3_q} <= {l3_2_q, ports2_q};
      vlan3_q <= vlan2_q;
    end
  end

  // --- options: 1, each, 2, the first MP_JOIN ------------------------------------------------------

  logic [OPTS-1:0]    there, join1_q, capable1_q, good1_q, known1_q, first;
  logic [4*OPTS-1:0]  subtype1_q;
  logic [32*OPTS-1:0] token1_q;
  logic               syn1_q, sound1_q, join2_q;
  logic [31:0]        token, token2_q;
  logic [15:0]        subtypes, subtypes2_q;
  assign there = {hdr.mptcp_count[2], hdr.mptcp_count[2] | (&hdr.mptcp_count[1:0]),
                  |hdr.mptcp_count[2:1], |hdr.mptcp_count[2:0]};
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      for (int unsigned k = 0; k < OPTS; k++) begin
        join1_q[k] <= there[k] & (hdr.opt[mpnic_pkg::OPT_W*k+:8] == mpnic_pkg::SUBTYPE_MP_JOIN);
        capable1_q[k] <= there[k] &
                         (hdr.opt[mpnic_pkg::OPT_W*k+:8] == mpnic_pkg::SUBTYPE_MP_CAPABLE);
        good1_q[k] <= ~|hdr.opt[mpnic_pkg::OPT_W*k+mpnic_pkg::OPT_ERROR_LSB+:8];
        known1_q[k] <= there[k] & ~|hdr.opt[mpnic_pkg::OPT_W*k+4+:4];
        subtype1_q[4*k+:4] <= hdr.opt[mpnic_pkg::OPT_W*k+:4];
        token1_q[32*k+:32] <=
            hdr.opt[mpnic_pkg::OPT_W*k+mpnic_pkg::OPT_JOIN_SYN_TOKEN_LSB+:32];
      end
      syn1_q <= {hdr.tcp_flags[4], hdr.tcp_flags[2:0]} == 4'b0010;
      sound1_q <= (hdr.parse == mpnic_pkg::PARSE_TCP) & (csum.ip != mpnic_pkg::CSUM_BAD) &
                  (csum.ip != mpnic_pkg::CSUM_NOT_JUDGED) &
                  ((csum.l4 == mpnic_pkg::CSUM_GOOD) | (csum.l4 == mpnic_pkg::CSUM_PARTIAL));
    end
  end
  assign first = join1_q & ~{|join1_q[2:0], |join1_q[1:0], join1_q[0], 1'b0};
  always_comb begin
    token = '0;
    subtypes = '0;
    for (int unsigned k = 0; k < OPTS; k++) begin
      token = token | (token1_q[32*k+:32] & {32{first[k]}});
      subtypes = subtypes | ({15'd0, known1_q[k] & good1_q[k]} << subtype1_q[4*k+:4]);
    end
  end
  always_ff @(posedge clk_i) begin
    if (v1_q) begin
      join2_q <= syn1_q & sound1_q & |(first & good1_q);
      token2_q <= token;
      subtypes2_q <= subtypes;
    end
  end
  assign capable1_o = v1_q & syn1_q & sound1_q & |(capable1_q & good1_q);
  assign join2_o = v2_q & join2_q;
  assign token2_o = token2_q;

  // --- rules ---------------------------------------------------------------------------------------

  logic [15:0]         ethertype1_q;
  logic [7:0]          source1_q, parse1_q, tcp_flags1_q, mptcp1_q;
  logic [47:0]         rest2_q;
  mpnic_rule_key_t     rule;
  always_ff @(posedge clk_i) begin
    if (valid_i) begin
      ethertype1_q <= hdr.ethertype;
      {source1_q, parse1_q} <= {hdr.source, hdr.parse};
      {tcp_flags1_q, mptcp1_q} <= {hdr.tcp_flags, hdr.mptcp};
    end
    if (v1_q) rest2_q <= {ethertype1_q, source1_q, parse1_q, tcp_flags1_q, mptcp1_q};
  end
  always_comb begin
    rule = '0;
    rule.src = src2_q;
    rule.dst = dst2_q;
    rule.sport = sport2_q;
    rule.dport = dport2_q;
    rule.vlan = 16'(vlan2_q);
    rule.subtypes = subtypes2_q;
    {rule.ethertype, rule.source, rule.parse, rule.tcp_flags, rule.mptcp} = rest2_q;
    rule.ip_version = version2_q;
    rule.ip_proto = proto2_q;
  end
  assign rule2_o = rule;

  // --- RSS -----------------------------------------------------------------------------------------

  logic [31:0]  ports;
  assign ports = {mpnic_rtl_pkg::be16(dport1_q), mpnic_rtl_pkg::be16(sport1_q)} & {32{ports1_q}};
  // IPv4 has 12 bytes, and leaves out the tables of what is behind: from bit 99 on, with nine bits each.
  assign rss1_o = {ports, dst1_q, src1_q[127:104], src1_q[103:96] & {8{~v4_1_q}},
                   v4_1_q ? {ports, dst1_q[31:0]} : src1_q[95:32], src1_q[31:0]};
  assign rss_skip1_o = {{21{v4_1_q | ~l3_1_q}}, {11{~l3_1_q}}};
  assign l3_1_o = l3_1_q;
  assign v4_1_o = v4_1_q;
  assign source1_o = source1_q[5:0];
  always_comb begin
    where1_o = '0;
    where1_o[mpnic_pkg::EXCEPT_TAGGED] = tagged1_q;
    where1_o[mpnic_pkg::EXCEPT_PORT0] = source1_q == 8'd0;
    where1_o[mpnic_pkg::EXCEPT_PORT1] = source1_q == 8'd1;
    where1_o[mpnic_pkg::EXCEPT_OTHERS] = |source1_q[7:1];
  end

  // --- exact: the lower end first. 2: byte by byte, 3: the first that differs ----------------------

  logic [ENDS*8-1:0] end_a, end_b;  // numbers, the first byte highest
  logic [ENDS-1:0]   above2_q, differs2_q;
  logic              flip3_q;
  always_comb begin
    end_a[15:0] = sport1_q;
    end_b[15:0] = dport1_q;
    for (int unsigned i = 0; i < 16; i++) begin
      end_a[8*(17-i)+:8] = src1_q[8*i+:8];
      end_b[8*(17-i)+:8] = dst1_q[8*i+:8];
    end
  end
  always_ff @(posedge clk_i) begin
    if (v1_q) begin
      for (int unsigned i = 0; i < ENDS; i++) begin
        above2_q[i] <= end_a[8*i+:8] > end_b[8*i+:8];
        differs2_q[i] <= end_a[8*i+:8] != end_b[8*i+:8];
      end
    end
    // As numbers: above where the highest that differs is above.
    if (v2_q) flip3_q <= above2_q > (differs2_q & ~above2_q);
  end

  logic [15:0]     vlan3;
  mpnic_key_t      exact, masked, mask;
  assign vlan3 = 16'(vlan3_q);
  always_comb begin
    exact.lo_addr = flip3_q ? dst3_q : src3_q;
    exact.hi_addr = flip3_q ? src3_q : dst3_q;
    exact.lo_port = flip3_q ? dport3_q : sport3_q;
    exact.hi_port = flip3_q ? sport3_q : dport3_q;
    exact.vlan = vlan3 & {16{settings.exact_vlan[0]}};
    exact.proto = proto3_q;
    exact.kind = version3_q;
    mask = settings.mask;
    mask.kind = '1;
    masked = {version3_q | 8'h80, proto3_q, vlan3, dport3_q, sport3_q, dst3_q, src3_q} & mask;
  end
  assign exact_valid3_o = v3_q & ports3_q;
  assign exact3_o = exact;
  assign flip3_o = flip3_q;
  assign masked_valid3_o = v3_q & l3_3_q;
  assign masked3_o = masked;
  assign dst3_o = dst3_q;
  assign dport3_o = dport3_q;
  assign ip_version3_o = version3_q;

endmodule
