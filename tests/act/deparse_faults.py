# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of stage deparse, as tests/rtl/twins.py takes them.

FAULTS = [
    ("starts_i[i] & ~starts_i[i+2]", "starts_i[i]"),
    ("last_len2_q == 8'(rest2_q) && rest2_q != 6'd2", "1'b1"),
    ("rest2_q != 6'd2", "1'b1"),
    ("~x[5] & ~x[4] & (x[3] | x[2])", "~x[5] & (x[3] | x[2])"),
    ("chosen1_q | ~starts1_q", "chosen1_q | ~(starts1_q & ~40'h400)"),
    ("words4[319:288]", "{words4[319:304], 16'd0}"),
    ("{16'd0, head_delta_q[16]}", "17'd0"),
    ("{15'd0, sum1_q[16]}", "16'd0"),
    ("~waits_keeps", "1'b1"),
    ("hdr.l4_off[7:2] + 6'd4", "hdr.l4_off[7:2] + 6'd5"),
    ("csum.l4 == mpnic_pkg::CSUM_PARTIAL", "csum.l4 == mpnic_pkg::CSUM_BAD"),
    ("mpnic_rtl_pkg::be16(fixed)", "fixed"),
    ("head_dropped_q | beat_room", "beat_room"),
    ("take & ~head_dropped_q", "take"),
    ("r_take & ~dropped", "r_take"),
    ("(&beat_q) ? beat_q : beat_q + BEAT_W'(1)", "beat_q + BEAT_W'(1)"),
    ("~beats_q[BEATS-1]", "1'b1"),
    ("edit_behind_q == edit_free_q", "1'b0"),
    ("m_pop & m_last_o", "m_pop & m_first_o"),
    ("{strips1_q, first1_q, last1_q, bytes1_q}", "{1'b0, first1_q, last1_q, bytes1_q}"),
    ("waits_q & (~valid_q | ready_i)", "waits_q & ~valid_q"),
]
