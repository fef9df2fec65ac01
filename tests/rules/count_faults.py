# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_count, as tests/rtl/twins.py takes them.

FAULTS = [
    ("(packet_q[d+1] | write_q[d+1])", "packet_q[d+1]"),
    ("same2_q & cut_q[2+:BEFORE]", "{same2_q[2:1] & cut_q[4:3], 1'b0}"),
    ("~{cuts[1] | cuts[0], cuts[0], 1'b0}", "~{cuts[0], cuts[0], 1'b0}"),
    ("~{BEFORE{cut_q[1]}}", "{BEFORE{1'b1}}"),
    ("cut_q[1] | (|cuts)", "cut_q[1]"),
    ("uses & write_q[2+:BEFORE]", "same2_q & write_q[2+:BEFORE]"),
    ("bytes_i & {16{valid_i}}", "bytes_i"),
    ("uses3_q[2] & packet_q[5]", "uses3_q[2]"),
    ("bytes_q[5*16+:16] & {16{uses3_q[2]}}", "bytes_q[5*16+:16] & {16{1'b0}}"),
    ("high6[31:0] + 32'(packets6_q[32])", "high6[31:0]"),
    ("high6[63:32] + 32'(bytes6_q[32])", "high6[63:32]"),
    ("if (@packet_q[1] | write_q[1]@) seen_mem", "packet_q[1]"),
    ("if (@packet_q[6] | write_q[6]@) high_mem", "packet_q[6]"),
    ("if (@packet_q[2] | cmd_q[2]@) low4_q", "packet_q[2]"),
    ("high6_q & {64{~zero6_q}}", "high6_q"),
    ("valid_i ? id_i : cmd_id_i", "id_i"),
]
