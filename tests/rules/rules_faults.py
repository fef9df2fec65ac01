# SPDX-License-Identifier: BSD-3-Clause
# Faults of the broken twins of mpnic_rules, as tests/rtl/twins.py takes them.

FAULTS = [
    ("set_q[2] | clear_q[2]", "set_q[1] | clear_q[1]"),
    ("(on_q & ~at) | (at & {RULES{set_q[2]}})", "on_q | (at & {RULES{set_q[2]}})"),
    ("rank7_q[RANK_W*(2*i+1)+:RANK_W] < rank7_q[RANK_W*2*i+:RANK_W]",
     "rank7_q[RANK_W*(2*i+1)+:RANK_W] <= rank7_q[RANK_W*2*i+:RANK_W]"),
    ("rank9_q[RANK_W*(2*i+1)+:RANK_W] < rank9_q[RANK_W*2*i+:RANK_W]",
     "rank9_q[RANK_W*(2*i+1)+:RANK_W] <= rank9_q[RANK_W*2*i+:RANK_W]"),
    ("rank11_q[RANK_W+:RANK_W] < rank11_q[0+:RANK_W]",
     "rank11_q[RANK_W+:RANK_W] <= rank11_q[0+:RANK_W]"),
    ("(prio3 < prio4_q)", "(prio3 <= prio4_q)"),
    ("some6_q[b] ? {1'b0, first6_q[3+:PRIO_W]} : '1", "{1'b0, first6_q[3+:PRIO_W]}"),
    ("hit14_q ? action14_q : '0", "action14_q"),
    ("~(rank12_q[2*RANK_W-1] & rank12_q[RANK_W-1])", "~rank12_q[RANK_W-1]"),
    ("if (@done@) actions[id_q]", "store_q"),
    ("BYTES'(1) << id_q[5:3]", "'1"),
    ("some4_q & |step3_q[2:0]", "some4_q"),
    ("better | ~|step3_q[2:0]", "better"),
    ("(step3_q[STEP_W-1:3] ^ value3[CHUNK*c+:CHUNK]) & mask3[CHUNK*c+:CHUNK]",
     "step3_q[STEP_W-1:3] ^ value3[CHUNK*c+:CHUNK]"),
    ("rows[{id_q[5:3], step1_q[2:0]}]", "rows[id_q]"),
    ("run3_q & (&step3_q[2:0])", "run3_q & (&step3_q[2:0]) & ~&step3_q[STEP_W-1:3]"),
    ("{{RULES * (PARTS * 6 - CHUNKS) {1'b1}}, match3_q}",
     "{{RULES * (PARTS * 6 - CHUNKS + 1) {1'b1}}, match3_q[RULES*(CHUNKS-1)-1:0]}"),
]
