#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
twins.py make FAULTS.py DIR FILE.sv...  copies of the RTL in DIR, with all the faults in it, of which
                                        +fault=N switches number N on
twins.py run FAULTS.py COUNT PROGRAM    the program, built around the copies, must fail with each
                                        fault, and pass with none

FAULTS.py sets FAULTS, pairs of text: what stands once in these files, and what the twin has instead
of all of it, or of the expression between two @ in it. A fault whose place is gone fails the run.
"""

import os
import runpy
import subprocess
import sys

SWITCH = """\
  int unsigned fault;
  initial if (!$value$plusargs("fault=%d", fault)) fault = 0;

"""


def find(texts, where):
    """File, start and end of a fault's expression."""
    before, right, after = where.split("@") if "@" in where else ("", where, "")
    whole = before + right + after
    files = [file for file, text in texts.items() if whole in text]
    if len(files) != 1 or texts[files[0]].count(whole) != 1:
        raise SystemExit(f"twins.py: not once in the RTL: {whole}")
    start = texts[files[0]].index(whole) + len(before)
    return files[0], start, start + len(right)


def insertions(texts, faults):
    """For each file what is put where: an expression of one fault may stand inside another's."""
    put = {file: [] for file in texts}
    for number, (where, wrong) in enumerate(faults, 1):
        file, start, end = find(texts, where)
        put[file].append((start, 1, -end, f"((fault == {number}) ? ({wrong}) : ("))
        put[file].append((end, 0, -start, "))"))
    return {file: sorted(parts) for file, parts in put.items()}


def make(faults, folder, files):
    texts = {}
    for file in files:
        with open(file, encoding="utf-8") as stream:
            texts[file] = stream.read()
    for file, parts in insertions(texts, faults).items():
        text, at = "", 0
        for place, _, _, what in parts:
            text += texts[file][at:place] + what
            at = place
        text = (text + texts[file][at:]).replace(");\n\n", ");\n\n" + SWITCH, 1)
        with open(os.path.join(folder, os.path.basename(file)), "w", encoding="utf-8") as stream:
            stream.write(text)


def run(faults, count, program):
    missed = 0
    for number in range(len(faults) + 1):
        code = subprocess.run([program, "--count", count, f"+fault={number}"],
                              stdout=subprocess.DEVNULL, check=False).returncode
        if code != (1 if number else 0):
            missed += 1
            print(f"fault {number}: exit code {code}: {faults[number - 1] if number else 'none'}")
    print(f"{len(faults)} faults, {missed} missed")
    sys.exit(1 if missed else 0)


FAULTS = runpy.run_path(sys.argv[2])["FAULTS"]
if sys.argv[1] == "make":
    make(FAULTS, sys.argv[3], sys.argv[4:])
else:
    run(FAULTS, sys.argv[3], sys.argv[4])
