# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of stage flow, as tests/rtl/twins.py takes them.

FAULTS = [
    # Order: a memory is read or written a slot early or late.
    ("(@c_q[8]@ & which_q[mpnic_pkg::TABLE_FLOW[2:0]])", "c_q[6]"),
    ("(@c_q[8]@ & which_q[mpnic_pkg::TABLE_MASKED[2:0]])", "c_q[9]"),
    ("(@c_q[13]@ & which_q[mpnic_pkg::TABLE_STASH[2:0]])", "c_q[14]"),
    ("(@c_q[7]@ & which_q[mpnic_pkg::TABLE_TOKEN[2:0]])", "c_q[8]"),
    ("(@c_q[8]@ & which_q[mpnic_pkg::TABLE_PEER[2:0]])", "c_q[9]"),
    ("(@c_q[13]@ & (op_q[mpnic_pkg::TABLE_OP_TOKEN[4:0]]", "c_q[14]"),
    ("(@c_q[15]@ & op_q[mpnic_pkg::TABLE_OP_CONN[4:0]])", "c_q[16]"),
    ("(@c_q[19]@ & op_q[mpnic_pkg::TABLE_OP_GIVE[4:0]])", "c_q[21]"),
    ("(@c_q[2]@ & op_q[mpnic_pkg::TABLE_OP_RULE_OFF[4:0]])", "c_q[4]"),
    ("(@c_q[23]@ & op_q[mpnic_pkg::TABLE_OP_CONN[4:0]])", "c_q[25]"),
    ("(@c_q[14]@ & op_q[mpnic_pkg::TABLE_OP_FIRST_SYN[4:0]])", "c_q[16]"),
    ("writes_flow = @c_q[20]@ &", "c_q[21]"),
    # What a look-up in the stash takes over from those before it.
    ("in_rows(clears_q[8*6+:8], beside2_q[8+:2])", "8'd0"),
    ("(taken4_q | in_rows(puts6, beside4_q[2+:2]))", "taken4_q"),
    ("(taken3_q | in_rows(puts6, beside3_q[4+:2]))", "taken3_q"),
    ("(again4_q | (puts6 & {8{same4_q[1]}}))", "again4_q"),
    ("(puts6 & {8{same3_q[2]}})", "8'd0"),
    ("again1 = @put6_q & same5_q@;", "1'b0"),
    ("free_q & ~in_rows(puts6, beside5_q)", "free_q"),
    ("valid4_q & ~cleared4[p] & same4_q", "valid4_q & same4_q"),
    ("clear_i | (clearing_q & ~&clear_row_q)", "clearing_q & ~&clear_row_q"),
    # What an MP_JOIN takes over.
    ("(same18_q & put19_i) ? room_then18_q : (same18_q & write19_q) ? room19_q : room_now18_q",
     "(same18_q & write19_q) ? room19_q : room_now18_q"),
    ("(same18_q & write19) ? count19_q : count18_q", "count18_q"),
    ("same17_q[1] & write19", "1'b0"),
    ("(same16_q[2] & write19) ? count19_q : count16_q", "count16_q"),
    ("(same15_q[3] & write19) ? count19_q : over15_q ? over15_count_q : count15_q",
     "over15_q ? over15_count_q : count15_q"),
    ("(same14_q[4] & write19) | (same14_q[5] & write20_q)", "same14_q[4] & write19"),
    ("(cmd_q[18] & token_write_i) ? given.provisional < given.cap : room18", "room18"),
    ("put19_i ? two_q : some_q", "some_q"),
    ("(known19_q | hit19_i)", "known19_q"),
    # Entries and counters.
    ("fresh20_i & (id20_i == masked_id20_i)", "1'b0"),
    (".fresh_i    (@fresh20_q@)", "1'b0"),
    ("masked23_q[PRIO_LSB+:8] < exact23_q[PRIO_LSB+:8]",
     "masked23_q[PRIO_LSB+:8] <= exact23_q[PRIO_LSB+:8]"),
    ("rule_action23_i[mpnic_pkg::ACTION_PRIO_LSB+:8] <= masked23_q[PRIO_LSB+:8]",
     "rule_action23_i[mpnic_pkg::ACTION_PRIO_LSB+:8] < masked23_q[PRIO_LSB+:8]"),
    ("(@conn26_q & queue26_q[16]@)", "queue26_q[16]"),
    # Keys.
    ("above2_q > (differs2_q & ~above2_q)", "|above2_q"),
    ("@|(first & good1_q)@;", "|(join1_q & good1_q)"),
    ("vlan3 & {16{settings.exact_vlan[0]}}", "vlan3"),
    ("{8{whole3_q[i]}} | ({8{last3_q[i]}} & part3_q)", "{8{whole3_q[i]}}"),
    ("hit ? value[1:0] : value_any[1:0] & {2{hit_any}}", "value[1:0] | value_any[1:0]"),
]
