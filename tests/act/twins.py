#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
twins.py make STAGE DIR FILE.sv...       copies of the RTL of a stage (act, deparse) in DIR, with all
                                         faults below in it, of which +fault=N switches number N on
twins.py run STAGE PROGRAM COUNT         the program must fail with each, and pass with none

A fault whose place in the RTL is gone fails the run.
"""

import os
import subprocess
import sys

FAULTS = {  # an expression that stands there once, what the twin has instead
    "act": [
        ("ahead ? next_sum : now_2_2_q", "next_sum"),
        ("ahead ? next_1_q : now_1_2_q", "next_1_q"),
        ("bucket2_q ? next_1_q : next_q", "next_1_q"),
        ("{1'b0, next_q} < limit2_q", "next_q < limit2_q[63:0]"),
        ("{1'b0, time1_q} + {1'b0, set.join_slack} + 65'd1",
         "{1'b0, time1_q} + {1'b0, set.join_slack}"),
        ("|set.join_interval", "1'b1"),
        ("~drop1_q & ~punt1_q", "~drop1_q"),
        ("punt1 & {3{drop1 == 2'd0}}", "punt1"),
        ("!limited1 && drop1 == 2'd0 && punt1 == 3'd0", "drop1 == 2'd0 && punt1 == 3'd0"),
        ("full1 & set.join_policy[2]", "full1"),
        ("limited2_q ? pass : |punt2_q", "|punt2_q"),
        ("limited2_q ? ~pass : |drop2_q", "|drop2_q"),
        ("x[0] ? 2'd0 : x[1] ? 2'd1 : x[2] ? 2'd2 : 2'd3",
         "x[1] ? 2'd1 : x[0] ? 2'd0 : x[2] ? 2'd2 : 2'd3"),
        ("(hdr_i[LSB+mpnic_pkg::OPT_ERROR_LSB+:8] == '0)", "1'b1"),
        ("hdr.mptcp_count[2:0] > 3'(k)", "1'b1"),
        ("|fail1_q", "1'b1"),
        ("(hdr.vlan_count == '0)", "(hdr.vlan_outer == '0)"),
        ("event_seq_q + 32'd1", "event_seq_q + {31'd0, room}"),
        ("due2 & ~room", "1'b0"),
        ("due2 & room", "due2"),
        ("~is_token(token_in, mpnic_pkg::TOKEN_UNKNOWN)", "1'b1"),
        ("waits_q & (~valid_q | ready_i)", "waits_q & ~valid_q"),
        ("wr_behind_q == free_q", "1'b0"),
        ("rd_behind_q == wr_q", "1'b1"),
        ("csum.frame_len", "{1'b0, csum.frame_len[14:0]}"),
        ("hdr.source[5:0]", "{1'b0, hdr.source[4:0]}"),
    ],
    "deparse": [
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
    ],
}


def make(faults, folder, files):
    texts = {}
    for file in files:
        with open(file, encoding="utf-8") as stream:
            texts[file] = stream.read()
    for number, (right, wrong) in enumerate(faults, 1):
        places = [file for file, text in texts.items() if right in text]
        if len(places) != 1 or texts[places[0]].count(right) != 1:
            raise SystemExit(f"twins.py: not once in the RTL: {right}")
        texts[places[0]] = texts[places[0]].replace(
            right, f"((fault == {number}) ? ({wrong}) : ({right}))")
    for file, text in texts.items():
        text = text.replace(");\n\n", ");\n\n  int unsigned fault;\n"
                            '  initial if (!$value$plusargs("fault=%d", fault)) fault = 0;\n\n', 1)
        with open(os.path.join(folder, os.path.basename(file)), "w", encoding="utf-8") as stream:
            stream.write(text)


def run(faults, program, count):
    missed = []
    for number in range(len(faults) + 1):
        code = subprocess.run([program, "--count", count, f"+fault={number}"],
                              stdout=subprocess.DEVNULL, check=False).returncode
        if code != (1 if number else 0):
            missed.append(number)
            print(f"fault {number}: exit code {code}: {faults[number - 1] if number else 'none'}")
    print(f"{len(faults)} faults, {len(missed)} missed")
    sys.exit(1 if missed else 0)


if sys.argv[1] == "make":
    make(FAULTS[sys.argv[2]], sys.argv[3], sys.argv[4:])
else:
    run(FAULTS[sys.argv[2]], sys.argv[3], sys.argv[4])
