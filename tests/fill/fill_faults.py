# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_fill, as tests/rtl/twins.py takes them.

FAULTS = [
    # What is summed
    ("assign is_udp = @hdr.parse == mpnic_pkg::PARSE_UDP@;", "1'b0"),
    ("hdr.flags[mpnic_pkg::HDR_L3] & @~hdr.flags[mpnic_pkg::HDR_ROUTING]@ &", "1'b1"),
    ("(is_udp | @(hdr.parse == mpnic_pkg::PARSE_TCP)@);", "1'b1"),
    ("assign is_v4 = @hdr.ip_version == 8'd4@;", "1'b1"),
    ("assign base = s_first_i ? '0 : @base_q@;", "16'd64"),
    ("base_q <= base + @16'd64@;", "16'd32"),
    ("ahead = @rest[16]@ ? 7'd0", "1'b0"),
    ("(rest[15:6] != '0) ? @7'd64@ :", "7'd63"),
    ("ones(ip_hi1_q) & @~ones(ip_lo1_q)@ &", "'1"),
    ("ip_mask = @ones(ip_hi1_q)@ &", "'1"),
    ("l4_mask = @ones(l4_hi1_q)@ &", "'1"),
    ("ones(l4_hi1_q) & @~ones(l4_lo1_q)@ &", "'1"),
    ("~((@ip_at1_q < 16'd64@) ?", "1'b0"),
    ("~((@l4_at1_q < 16'd64@) ?", "1'b0"),
    # Sums
    ("ip_sum_q <= (@first5_q@ ? 32'd0", "1'b0"),
    ("l4_sum_q <= (@first5_q@ ? 32'd0", "1'b0"),
    ("fold = once[15:0] + @{15'd0, once[16]}@;", "16'd0"),
    ("hdr.l4_len[15:8]} + @{16'd0, hdr.ip_proto, 8'd0}@;", "32'd0"),
    ("32'(sum8(addrs[127:0])) + @32'(sum8(addrs[255:128]))@ +", "32'd0"),
    ("@{16'd0, hdr.l4_len[7:0], hdr.l4_len[15:8]}@ +", "32'(hdr.l4_len)"),
    ("(@is_udp_q@ && l4_inverse == '0)", "1'b0"),
    ("(is_udp_q && @l4_inverse == '0@)", "1'b1"),
    ("fills_l4_q <= head[24+17+1] & @(head[24+:17] <= {1'b0, len5_q})@;", "1'b1"),
    ("fills_l4_q <= head[24+17+1] & (@head[24+:17] <= {1'b0, len5_q}@);", "head[24+:17] < {1'b0, len5_q}"),
    ("fills_ip_q <= @head[24+17]@;", "1'b1"),
    ("is_v4 & (@{8'd0, hdr.l4_off} <= len@)", "1'b1"),
    # Out
    ("(l4_at[7:6] == out_base[1:0]) & @(out_base[7:2] == '0)@;", "1'b1"),
    ("job[JOB_W-1] & @(l4_at[7:6] == out_base[1:0])@ &", "1'b1"),
    ("job[JOB_W-2] & @(ip_at[7:6] == out_base[1:0])@ &", "1'b1"),
    ("job_valid & (@~out_valid_q | m_ready_i@);", "1'b1"),
    ("assign leaves = b_valid & @job_valid@ &", "1'b1"),
    ("assign job_done = leaves & @b_last@;", "b_first"),
    ("else if (@m_ready_i@) out_valid_q <= 1'b0;", "1'b1"),
    ("assign s_ready_o = @frames_room@ & jobs_room;", "1'b1"),
]
