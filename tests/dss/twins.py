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

FAULTS = [  # an expression that stands there once, what the twin has instead
    ("flow_3to6_q ? d0_6_q : d0_3_q", "d0_3_q"),
    ("flow_3to6_q ? d1_6_q : d1_3_q", "d1_3_q"),
    ("same_flow6_q ? d0_6_q : same_flow7_q ? d0_7_q : d0_2_q", "same_flow6_q ? d0_6_q : d0_2_q"),
    ("same_flow6_q ? d1_6_q : same_flow7_q ? d1_7_q : d1_2_q",
     "same_flow6_q ? d1_6_q : d1_2_q"),
    ("conn_3to6_q ? n0_6_q : n0_3_q", "n0_3_q"),
    ("same_conn6_q ? n1_6_q : same_conn7_q ? n1_7_q : n1_2_q", "same_conn6_q ? n1_6_q : n1_2_q"),
    ("flow_3to5_q & ~fresh3_q", "flow_3to5_q"),
    ("dir3_q ^ dir5_q", "1'b0"),
    ("side3_q ^ side5_q", "1'b0"),
    ("cmd1_q | (flow1_q == flow2_q) | (conn1_q == conn2_q)", "cmd1_q | (flow1_q == flow2_q)"),
    ("(v2_q & cmd2_q) | (v3_q & cmd3_q)", "1'b0"),
    ("touches1 = cmd1_q | (known1_q & sound1)", "touches1 = cmd1_q | known1_q"),
    ("own_dsn[63:32] == near_tk_hi5_q", "own_dsn[63:32] == near_hi5_q"),
    ("~take & map_behind5_q", "map_behind5_q"),
    ("by_own | (by_map ? fin_beyond_map : fin_beyond_prev)", "1'b1"),
    ("passes6_q ? map_good6_q : map_good_still6_q", "map_good6_q"),
    ("(below & ~back) ? around + 32'd1 : (~below & back) ? around - 32'd1 : around",
     "(below & ~back) ? around + 32'd1 : around"),
    ("map & in_map & (~take | pushes)", "map & in_map"),
    ("~isn | ~third_there |", "~isn |"),
    ("passes && m_judge == 4'(mpnic_pkg::MAP_CSUM_NONE)", "passes"),
    ("(~prev | prev_older5_q)", "1'b1"),
    ("next_e[31] & ~own_min", "next_e[31]"),
    ("d[63] & ~((next[63:16] == 48'h8000_0000_0000) & (next[15:0] == cut))", "d[63]"),
    ("(own_check == 18'h0ffff) | (own_check == 18'h1fffe) | (own_check == 18'h2fffd)",
     "(own_check == 18'h0ffff) | (own_check == 18'h1fffe)"),
    ("passes_old ? reach_map5_q : still5_q", "passes_old & reach_map5_q"),
    ("take ? own_neg5_q : (map & map_neg5_q)", "map & map_neg5_q"),
]


def twin(text, number, right, wrong):
    """The fault's expression chosen at run time; a fragment is one side of its statement's end."""
    start = text.index(right)
    if " = " in right:  # an assignment: what is behind the sign
        name, right = right.split(" = ", 1)
        wrong = wrong.split(" = ", 1)[1]
        start += len(name) + 3
    if right.endswith("|"):  # the rest of the statement is in both
        end = text.index(";", start)
        rest = text[start + len(right):end]
        right, wrong = right + rest, wrong + rest
    return (text[:start] + f"((fault == {number}) ? ({wrong}) : ({right}))" +
            text[start + len(right):])


def make(folder, files):
    texts = {}
    for file in files:
        with open(file, encoding="utf-8") as stream:
            texts[file] = stream.read()
    for number, (right, wrong) in enumerate(FAULTS, 1):
        places = [file for file, text in texts.items() if right in text]
        if len(places) != 1 or texts[places[0]].count(right) != 1:
            raise SystemExit(f"twins.py: not once in the RTL: {right}")
        texts[places[0]] = twin(texts[places[0]], number, right, wrong)
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
