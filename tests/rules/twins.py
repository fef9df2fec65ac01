#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
twins.py make FILE.sv TWIN.sv   a copy of the RTL with all faults below that it has in it, of which
                                +fault=N switches number N on
twins.py run PROGRAM...         each program must fail with each fault of its module, and pass with
                                none; a program has the name of its module behind mpnic_

A fault whose place in the RTL is gone fails the run.
"""

import os
import subprocess
import sys

FAULTS = {  # an expression that stands there once, what the twin has instead
    "rules": [
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
        ("if (done) actions[id_q]", "if (store_q) actions[id_q]"),
        ("BYTES'(1) << id_q[5:3]", "'1"),
        ("some4_q & |step3_q[2:0]", "some4_q"),
        ("better | ~|step3_q[2:0]", "better"),
        ("(step3_q[STEP_W-1:3] ^ value3[CHUNK*c+:CHUNK]) & mask3[CHUNK*c+:CHUNK]",
         "step3_q[STEP_W-1:3] ^ value3[CHUNK*c+:CHUNK]"),
        ("rows[{id_q[5:3], step1_q[2:0]}]", "rows[id_q]"),
        ("run3_q & (&step3_q[2:0])", "run3_q & (&step3_q[2:0]) & ~&step3_q[STEP_W-1:3]"),
        ("{{RULES * (PARTS * 6 - CHUNKS) {1'b1}}, match3_q}",
         "{{RULES * (PARTS * 6 - CHUNKS + 1) {1'b1}}, match3_q[RULES*(CHUNKS-1)-1:0]}"),
    ],
    "count": [
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
        ("if (packet_q[1] | write_q[1]) seen_mem", "if (packet_q[1]) seen_mem"),
        ("if (packet_q[6] | write_q[6]) high_mem", "if (packet_q[6]) high_mem"),
        ("if (packet_q[2] | cmd_q[2]) low4_q", "if (packet_q[2]) low4_q"),
        ("high6_q & {64{~zero6_q}}", "high6_q"),
        ("valid_i ? id_i : cmd_id_i", "id_i"),
    ],
    "counters": [
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
        ("if (!is_bytes_q) grown_q", "if (1'b0) grown_q"),
        ("32'(grown_q[BYTES_W-1:32])", "32'd0"),
        ("32'(low_q[32])", "32'd0"),
        ("clearing_q | (step & last_q)", "step & last_q"),
        ("(small4_q + SMALL_W'(adds4_q)) & {SMALL_W{~clearing_q}}",
         "small4_q + SMALL_W'(adds4_q)"),
        ("wait_q[5]", "read_i"),
        ("result_i[mpnic_pkg::RESULT_DROP_LSB+:3]", "result_i[mpnic_pkg::RESULT_PUNT_LSB+:3]"),
        ("(at_q[3:0] & mask_q) == match_q", "(at_q[3:0] & mask_q & 4'h7) == match_q"),
    ],
}


def module_of(path):
    return os.path.splitext(os.path.basename(path))[0].removeprefix("mpnic_")


def twin(text, number, right, wrong):
    """The fault's expression, or what stands in the brackets of an `if`, chosen at run time."""
    start, end = text.index(right), text.index(right) + len(right)
    if right.startswith("if ("):
        end = start + right.rindex(")")
        start += 4
        right, wrong = right[4:right.rindex(")")], wrong[4:wrong.rindex(")")]
    return text[:start] + f"((fault == {number}) ? ({wrong}) : ({right}))" + text[end:]


def make(file, copy):
    with open(file, encoding="utf-8") as stream:
        text = stream.read()
    for right, _ in FAULTS[module_of(file)]:
        if text.count(right) != 1:
            raise SystemExit(f"twins.py: not once in {file}: {right}")
    for number, (right, wrong) in enumerate(FAULTS[module_of(file)], 1):
        text = twin(text, number, right, wrong)
    text = text.replace(");\n\n", ");\n\n  int unsigned fault;\n"
                        '  initial if (!$value$plusargs("fault=%d", fault)) fault = 0;\n\n', 1)
    with open(copy, "w", encoding="utf-8") as stream:
        stream.write(text)


def run(programs):
    missed, total = 0, 0
    for program in programs:
        faults = FAULTS[module_of(program)]
        total += len(faults)
        for number in range(len(faults) + 1):
            code = subprocess.run([program, "--count", "3000000", f"+fault={number}"],
                                  stdout=subprocess.DEVNULL, check=False).returncode
            if code != (1 if number else 0):
                missed += 1
                name = faults[number - 1][0] if number else "none"
                print(f"{module_of(program)}: fault {number}: exit code {code}: {name}")
    print(f"{total} faults, {missed} missed")
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(sys.argv[2], sys.argv[3])
    else:
        run(sys.argv[2:])
