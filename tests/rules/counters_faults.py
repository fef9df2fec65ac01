# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_counters, as tests/rtl/twins.py takes them.

FAULTS = [
    ("valid_q[d+1] & (source_q[0+:6] == source_q[6*(d+1)+:6])",
     "source_q[0+:6] == source_q[6*(d+1)+:6]"),
    ("{key2 == key5, key2 == key4, key2 == key3}", "{1'b1, key2 == key4, key2 == key3}"),
    ("3'd1 + 3'(uses3_q[0]) + 3'(uses3_q[1]) + 3'(uses3_q[2])",
     "3'd1 + 3'(uses3_q[0]) + 3'(uses3_q[1])"),
    ("len_q[80+:16] & {16{same3_q[2]}}", "len_q[80+:16] & {16{1'b0}}"),
    ("due_q & (&turns_q)", "due_q"),
    ("valid_q[0] | wanted_q | clearing_q", "wanted_q | clearing_q"),
    ("turn_q == {NUMBERS - 7'd1, 6'd63}", "turn_q == {NUMBERS - 7'd2, 6'd63}"),
    ("(number[1:0] ^ 2'd2)", "number[1:0]"),
    ("{1'b0, ~number[4], number[3:2]} + 4'd7", "{1'b0, number[4], number[3:2]} + 4'd7"),
    ("if (@!is_bytes_q@) grown_q", "1'b0"),
    ("32'(grown_q[BYTES_W-1:32])", "32'd0"),
    ("32'(low_q[32])", "32'd0"),
    ("clearing_q | (step & last_q)", "step & last_q"),
    ("(small4_q + SMALL_W'(adds4_q)) & {SMALL_W{~clearing_q}}", "small4_q + SMALL_W'(adds4_q)"),
    ("wait_q[5]", "read_i"),
    ("result_i[mpnic_pkg::RESULT_DROP_LSB+:3]", "result_i[mpnic_pkg::RESULT_PUNT_LSB+:3]"),
    ("(at_q[3:0] & mask_q) == match_q", "(at_q[3:0] & mask_q & 4'h7) == match_q"),
]
