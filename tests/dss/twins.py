#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
twins.py make DIR FILE.sv...  copies of the RTL of stage dss in DIR, with all faults below in it, of
                              which +fault=N switches number N on
twins.py run PROGRAM COUNT    the program must fail with each, and pass with none

A fault whose place in the RTL is gone fails the run.
"""

import os
import subprocess
import sys

FAULTS = [  # what stands before an expression (both together once), it, what the twin has instead
    # Who is held.
    ("(touches1 & (", "same_flow1_q", "1'b0"),
    ("(same_flow1_q | ", "same_conn1_q", "1'b0"),
    ("hold1 = before1_q & (", "cmd1_q", "1'b0"),
    ("touches1 = ", "known1_q & sound1", "known1_q"),
    # Packets ahead, by distance, whatever the key.
    ("near_o <= ", "touch_q[6]", "1'b1"),
    ("near6_q & ", "~alone4_q", "1'b1"),
    ("far_o <= ", "touch_q[7]", "1'b1"),
    ("sel_o <= (", "touch_q[7] && same7_q", "same7_q"),
    ("2'd1 : (", "touch_q[8] && same8_q", "same8_q"),
    ("2'd2 :\n             (", "touch_q[9] && same9_q", "1'b0"),
    # A flow's heads.
    ("head6_q <= ", "flow_near5", "1'b0"),
    ("old_self5 = ", "flow_far5", "1'b0"),
    ("old_other5 = ", "flow_far5", "1'b0"),
    ("2'd1: head5_q <= ", "head8_q", "head4_q"),
    ("2'd2: head5_q <= ", "head9_q", "head4_q"),
    ("2'd3: head5_q <= ", "head10_q", "head4_q"),
    ("turn5_q <= ", "dir_q[4] ^ dir_q[6]", "1'b0"),
    ("left_self = ", "dir_q[5]", "1'b0"),
    # rel beside a packet that changes isn.
    ("isn_changes = turn5_i ? (", "zero_other7_q | skip7_q", "zero_other7_q"),
    ("(zero_other7_q | skip7_q) : ", "anew7_q", "1'b0"),
    ("rel_end6_q <= ", "!near5_i", "1'b1"),
    ("head6.syn_data & (&rel6_q[31:16]) & ", "(|rel6_q[15:0])", "1'b1"),
    # A direction's mappings.
    (".mem_i(maps4), .sel_i(", "dir_sel4", "2'd0"),
    (".sel_i(dir_sel4), .near_i(", "dir_near5", "1'b0"),
    (".near_i(dir_near5), .far_i(", "dir_far5", "1'b0"),
    (".key_i({", "dir_q[2]", "1'b0"),
    # All but the head is zero.
    ("clear5 = ", "fresh5_q", "1'b0"),
    ("clear5 = fresh5_q | (flow_near5 ? (", "turn5_q & other7[ZERO]", "1'b0"),
    ("(turn5_q & other7[ZERO]) : ", "old_self5[ZERO]", "1'b0"),
    ("other7 = {", "zero7_q | zero_other7", "zero_other7"),
    ("(old_other5[ZERO] | ", "fresh5_q", "1'b0"),
    # What has passed of map, Data ACKs.
    (".mem_i(pass8_q), .sel_i(", "dir_sel8_q", "2'd0"),
    (".near_i(", "from9_q[2]", "1'b0"),
    (".far_i(", "from9_q[1]", "1'b0"),
    (".clear_i(", "zero9_q", "1'b0"),
    ("2'd1: acks9_q <= ", "acks12_q", "acks8_q"),
    ("old_acks9 = ", "from9_q[0]", "1'b0"),
    ("turn9_q <= ", "from8_q[1] & (dir_q[8] != dir_q[10])", "1'b0"),
    ("acks11_q[1] & ", "~late11_q.zero_other", "1'b1"),
    # dsn_next of a connection.
    (".mem_i(next4_q), .sel_i(", "next_sel4", "2'd0"),
    (".sel_i(next_sel4), .near_i(", "next_near5", "1'b0"),
    (".near_i(next_near5), .far_i(", "next_far5", "1'b0"),
    (".key_i({", "side2_q", "1'b0"),
    ("mem_ack[{conn8, ", "~side8", "side8"),
    # Commands between packets.
    ("self7 = ", "cmd_dir7", "1'b0"),
    ("maps8_d = ", "put_dir_q[8]", "1'b0"),
    ("pass12_d = ", "put_dir_q[12]", "1'b0"),
    ("next_place = ", "write_next9", "1'b0"),
    ("busy_q & ~", "cmd_valid_i", "1'b0"),
    # Numbers of 32 bits become 64.
    ("{(", "prev_d4[32] & ~prev_d4[31]", "1'b0"),
    ("own_hi7_q <= (", "own_below & ~own_d[31]", "1'b0"),
    ("(", "~own_below & own_d[31]", "1'b0"),
    ("ack_hi = (", "ack_below11_q & ~ack_sign11_q", "1'b0"),
    ("far7_q <= may_far6_q & ~ones({3'h7, ~own_d[63:31]}) & ", "~ones({3'h7, own_d[63:31]})",
     "1'b1"),
    ("reach_o = {(", "dsn_31_q & ~reach_q[31]", "1'b0"),
    # The own mapping beside map and prev.
    ("hit_o = there_i & ", "~equal_shift", "1'b1"),
    ("same_o = there_i & equal_ssn & ", "equal({len_i, shift_i}, {own_len_i, own_shift_i})",
     "equal({32'd0, len_i}, {32'd0, own_len_i})"),
    ("equal_ssn = ~own_d[32] & ", "~start_d[32]", "1'b1"),
    ("zero = borrow ? ", "hi_1", "hi_0"),
    ("(next_before_i & ~x[31]) ? ", "hi_1", "zero"),
    ("less = borrow ? hi_0 : ", "hi_less", "1'b1"),
    ("(equal_ssn & ", "~own_0_i", "1'b1"),
    ("(own_d[31] ? ", "back_d[31]", "1'b0"),
    ("maps7_d.map_shift = ", "shift7_q", "own_end7_q"),
    ("maps7_d.prev_shift = ", "maps7_q.map_shift", "shift7_q"),
    ("pushes = take & maps7_q.map_there & ", "near_own7", "1'b1"),
    ("keeps = keep7_q & ~far & ", "near7", "1'b1"),
    ("near_own_q <= ", "y_min", "1'b0"),
    ("older6 = maps6.map_there & ~map_before6 & (~maps6.prev_there | ", "prev_start_before6",
     "1'b1"),
    ("by_prev = prev_covers7_q & (far | (", "~take7_q & ~own7_q", "~own7_q"),
    # dsn_next moves.
    ("beyond_q <= x[63] ^ (zero & ~x[31] & ", "~v", "1'b1"),
    ("(w_q & v_q & ", "x_min_q", "1'b0"),
    ("to_prev ? (fin_alone7_q & ~far & ", "prev_fin7", "map_fin7"),
    ("fin_counts = p6_q.bytes_0 | (p6_q.own_fin & ", "reach_own", "1'b1"),
    # The checksum over a mapping.
    ("psum9_q <= (", "rel8_q[0] ^ map_ssn8_q[0]", "1'b0"),
    ("fold2 = y[16] ? ", "z", "y[15:0]"),
    ("fold16((", "late10_q.in_map & off_0_10_q & ~over10_q", "late10_q.in_map & off_0_10_q"),
    ("adds = passes_old & at11_q & ", "~over11_q", "1'b1"),
    ("passes_old ? reach11_q : ", "still11_q", "1'b0"),
    ("map_xor13_q | ", "map_and13_q", "1'b0"),
    # The judge.
    ("before11_q & ", "upto11_q", "1'b0"),
    ("(passes & ", "none11_q", "1'b1"),
    ("repeat_bad = repeat_other11_q | (", "repeat_like11_q & csum_differs11_q",
     "csum_differs11_q"),
    ("~pass11_q.done & ", "some11_q", "1'b1"),
    ("(p11_q.n_is_bytes & ~", "alone_out11_q", "1'b0"),
    # Signs.
    ("may_anew6 = ~head6.isn_there | ", "~(p6_q.dir ? other6.third : head6.third)",
     "~head6.third"),
    ("late11_q.may_lack_ack & ", "~acks11_q[0]", "1'b1"),
    ("SIGN_UNMAPPED] = late11_q.bare & ", "acks11_q[1]", "1'b1"),
    ("ack_before8_q <= ", "ack_d[31]", "1'b1"),
    ("SIGN_THIRD_ABSENT] = third8_q & ", "p8_q.first", "1'b1"),
    ("again12_q <= p11_q.go & p11_q.data & ", "behind11_q", "before11_q"),
]


def make(folder, files):
    texts = {}
    for file in files:
        with open(file, encoding="utf-8") as stream:
            texts[file] = stream.read()
    places = []  # in the right RTL: one fault's text may be another's surroundings
    for number, (before, right, wrong) in enumerate(FAULTS, 1):
        found = [file for file, text in texts.items() if before + right in text]
        if len(found) != 1 or texts[found[0]].count(before + right) != 1:
            raise SystemExit(f"twins.py: not once in the RTL: {before + right}")
        start = texts[found[0]].index(before + right) + len(before)
        places.append((found[0], start, start + len(right), number, wrong))
    for file, start, end, number, wrong in sorted(places, reverse=True):
        text = texts[file]
        texts[file] = (f"{text[:start]}((fault == {number}) ? ({wrong}) : ({text[start:end]}))"
                       f"{text[end:]}")
    for file, text in texts.items():
        text = text.replace(");\n\n", ");\n\n  int unsigned fault;\n"
                            '  initial if (!$value$plusargs("fault=%d", fault)) fault = 0;\n\n', 1)
        with open(os.path.join(folder, os.path.basename(file)), "w", encoding="utf-8") as stream:
            stream.write(text)


def run(program, count):
    missed = []
    for number in range(len(FAULTS) + 1):
        code = subprocess.run([program, "--count", count, f"+fault={number}"],
                              stdout=subprocess.DEVNULL, check=False).returncode
        if code != (1 if number else 0):
            missed.append(number)
            print(f"fault {number}: exit code {code}: {FAULTS[number - 1] if number else 'none'}")
    print(f"{len(FAULTS)} faults, {len(missed)} missed")
    sys.exit(1 if missed else 0)


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3:])
else:
    run(sys.argv[2], sys.argv[3])
