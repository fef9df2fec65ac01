#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
twins.py make DIR FILE.sv...  copies of the RTL of stage flow in DIR, with all faults below in it, of
                              which flow_fault() says which is on
twins.py run PROGRAM COUNT    the program must notice each, and nothing without

A fault whose place in the RTL is gone fails the run.
"""

import os
import subprocess
import sys

FAULTS = [  # text that stands there once, what the twin has instead of what stands in @ @, or of all
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
    ("valid4_q & ~cleared4[p] & ~|differs4_q", "valid4_q & ~|differs4_q"),
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


FAULT = """\
  import "DPI-C" function int unsigned flow_fault();
  int unsigned fault;
  always_ff @(posedge clk_i) fault <= flow_fault();

"""


def twin(text, number, where, wrong):
    """The fault's expression chosen at run time."""
    before, right = where.split("@")[:2] if "@" in where else ("", where)
    start = text.index(where.replace("@", "")) + len(before)
    return (text[:start] + f"((fault == {number}) ? ({wrong}) : ({right}))" +
            text[start + len(right):])


def make(folder, files):
    texts = {}
    for file in files:
        with open(file, encoding="utf-8") as stream:
            texts[file] = stream.read()
    for number, (where, wrong) in enumerate(FAULTS, 1):
        there = where.replace("@", "")
        places = [file for file, text in texts.items() if there in text]
        if len(places) != 1 or texts[places[0]].count(there) != 1:
            raise SystemExit(f"twins.py: not once in the RTL: {there}")
        texts[places[0]] = twin(texts[places[0]], number, where, wrong)
    for file, text in texts.items():
        text = text.replace(");\n\n", ");\n\n" + FAULT, 1)
        with open(os.path.join(folder, os.path.basename(file)), "w", encoding="utf-8") as stream:
            stream.write(text)


def run(program, count):
    result = subprocess.run([program, "--count", count, "--faults", str(len(FAULTS))],
                            stdout=subprocess.PIPE, text=True, check=False)
    missed = [int(line.split()[1]) for line in result.stdout.splitlines()
              if line.startswith("missed ")]
    for number in missed:
        print(f"fault {number}: {FAULTS[number - 1] if number else None}")
    print(f"{len(FAULTS)} faults, {len(missed)} missed, exit code {result.returncode}")
    sys.exit(1 if missed or result.returncode else 0)


if sys.argv[1] == "make":
    make(sys.argv[2], sys.argv[3:])
else:
    run(sys.argv[2], sys.argv[3])
