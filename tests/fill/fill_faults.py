# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_fill, as tests/rtl/twins.py takes them.

FAULTS = [
    # What is filled in
    ("hdr.flags[mpnic_pkg::HDR_L3] & (@hdr.ip_version == 8'd4@)", "1'b1"),
    ("& @~hdr.flags[mpnic_pkg::HDR_ROUTING]@", "1'b1"),
    ("(@hdr.parse == mpnic_pkg::PARSE_TCP@)", "1'b1"),
    ("| (@hdr.parse == mpnic_pkg::PARSE_UDP@)", "1'b0"),
    ("ip1_q & (@l4_off1_q <= len1_q@)", "1'b1"),
    ("l41_q & (@l4_end1_q <= len1_q@)", "1'b1"),
    ("l41_q & (l4_end1_q <= len1_q)", "l41_q & (l4_end1_q < len1_q)"),
    ("udp6_q && @l4_csum == '0@", "1'b0"),
    ("@udp6_q@ && l4_csum", "1'b1"),
    # Where
    ("start = first0_q ? @'0@ : start_q", "start_q"),
    ("(off >= 17'd64) ? @7'd64@ :", "7'd63"),
    ("len1_q <= @start + 17'(bytes0_q)@", "start + 17'd64"),
    ("beat1_q == 3'(ip_at1_q[6:5]) && @ip_at1_q[4:0] == 5'(i)@", "1'b0"),
    ("beat1_q == 3'(l4_at1_q[6:5]) && @l4_at1_q[4:0] == 5'(i)@", "1'b0"),
    ("if (@beat1_q == 3'(l4_at1_q[6:5])@", "1'b1"),
    ("if (l4_do && @beat_q == 3'(l4_at[6:5])@", "beat_q == 3'd0"),
    ("beat_q <= @f_last@ ? '0", "1'b0"),
    ("(@beat_q == '1@) ? beat_q", "1'b0"),
    # Sums
    ("ip_mask = below(ip_to1_q) & @~below(ip_from1_q)@", "'1"),
    ("l4_mask = @below(l4_to1_q)@", "'1"),
    ("addrs1_q <= @first0_q@ ?", "1'b1"),
    ("pseudo3_q[72+:18] <= @first2_q@", "1'b1"),
    ("@18'({l4_len2_q[7:0], l4_len2_q[15:8]})@", "18'(l4_len2_q)"),
    ("18'({proto2_q, 8'd0})", "18'(proto2_q)"),
    ("ip5_q <= (@first4_q@ ?", "1'b0"),
    ("fold = 17'(x[15:0]) + @17'(x[31:16])@", "17'(x[16])"),
    ("l46_q[15:0] + @16'(l46_q[16])@", "16'd0"),
    ("ip6_q[15:0] + @16'(ip6_q[16])@", "16'd0"),
    ("valid5_q <= valid4_q & @last4_q@", "1'b1"),
    # The flow of frames
    ("@frames_q < 9'(FRAMES - 3)@", "1'b1"),
    ("ready_q <= @room@ &", "1'b1"),
    ("f_ready = @rec_valid@ &", "1'b1"),
    ("begins_q <= @f_last@;", "1'b1"),
]
