#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
prove.py [--quick] [--only PATTERN] DIR: run the proofs of proofs.toml, one line each.

A proof is run on the RTL as it stands (PROVED or FAILED), on twins in which one line of it is
broken (which must fail, or the proof proves nothing), and its covers must be reached. Scratch files
and logs go to DIR. Exit code 0 if all went as it should.
"""

import argparse
import fnmatch
import os
import re
import subprocess
import sys
import time
import tomllib

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
PACKAGES = ["hw/regs/generated/mpnic_pkg.sv", "hw/rtl/mpnic_rtl_pkg.sv"]
# What the properties do not depend on goes first.
CONE = ("hierarchy -top {top}; proc; {first}flatten; setattr -unset keep; delete -output; opt_clean; "
        "memory_dff; memory_collect; opt_clean; setundef -undriven -anyseq; opt -fast; ")
# Of wide records (`wide`), bits that nothing depends on go before the rest is worked on.
BITS = "simplemap; opt_clean; "
# In a run for covers the RTL's own assertions are left out.
NO_RTL_ASSERTS = "chformal -assert -remove *mpnic_*; "
TO_AIGER = CONE + ("memory_map; async2sync; {bits}opt -fast; techmap; opt -fast; dffunmap; "
                   "abc -g AND -fast; opt_clean; write_aiger -I -B -zinit {out}")
TO_SMT2 = CONE + "async2sync; dffunmap; opt_clean; write_smt2 -wires {out}"


class Broken(Exception):
    """A tool did not do what it should; the text says which log tells more."""


def call(command, log, limit):
    with open(log, "w", encoding="utf-8") as file:
        try:
            code = subprocess.run(command, stdout=file, stderr=subprocess.STDOUT, cwd=ROOT,
                                  stdin=subprocess.DEVNULL, timeout=limit, check=False).returncode
        except subprocess.TimeoutExpired:
            code = -1
    with open(log, encoding="utf-8", errors="replace") as file:
        return code, file.read()


def translate(work, proof, sources, script, out, define=""):
    files = " ".join(sources)
    options = "".join(f"chparam -set {name} {value} {proof['top']}; "
                      for name, value in proof.get("parameters", {}).items())
    script = script.format(top=proof["top"], out=out, bits=BITS if proof.get("wide") else "",
                           first=NO_RTL_ASSERTS if define == "-DCOVERS" else "")
    macros = " ".join([define] + [f"-D{name}" for name in proof.get("macros", [])])
    read = f"read_verilog -sv -formal -DFORMAL {macros} -Ihw/regs/generated -Ihw/formal {files}"
    code, _ = call(["yosys", "-q", "-p", f"{read}; {options}{script}"], f"{work}/yosys.log", 300)
    if code:
        raise Broken(f"yosys: see {work}/yosys.log")


def check(work, proof, sources):
    """True: holds; False: does not."""
    os.makedirs(work, exist_ok=True)
    limit = proof.get("timeout", 600)
    log = f"{work}/engine.log"
    engine, depth = proof["engine"], str(proof.get("depth", 0))
    if engine in ("pdr", "bmc3", "ind"):
        translate(work, proof, sources, TO_AIGER, f"{work}/p.aig")
        goal = "pdr" if engine == "pdr" else f"bmc3 -F {depth}"
        read = f"read_aiger {work}/p.aig; fold; strash; orpos; scleanup"
        _, text = call(["yosys-abc", "-c", f"{read}; {goal}"], log, limit)
        if engine == "ind" and "No output asserted" in text:
            _, text = call(["yosys-abc", "-c", f"{read}; ind -F {depth}"], log, limit)
            if "Networks are equivalent" in text:
                return True
            raise Broken(f"no induction: see {log}")  # and no counterexample: a twin needs one
        if "Property proved" in text or (engine == "bmc3" and "No output asserted" in text):
            return True
        if "was asserted in frame" in text:
            return False
        raise Broken(f"no answer: see {log}")
    translate(work, proof, sources, TO_SMT2, f"{work}/p.smt2")
    modes = [["-t", depth]] + ([["-i", "-t", depth]] if engine == "induction" else [])
    for mode in modes:
        _, text = call(["yosys-smtbmc", "-s", "z3"] + mode + [f"{work}/p.smt2"], log, limit)
        if "Status: FAILED" in text or "Status: failed" in text:
            return False
        if "Status: PASSED" not in text and "Status: passed" not in text:
            raise Broken(f"no answer: see {log}")
    return True


def covers(work, proof, sources):
    """True if each cover is reached."""
    os.makedirs(work, exist_ok=True)
    translate(work, proof, sources, TO_AIGER, f"{work}/p.aig", "-DCOVERS")
    _, text = call(["yosys-abc", "-c", f"read_aiger {work}/p.aig; fold; strash; "
                    f"bmc3 -a -F {proof['cover']}"], f"{work}/engine.log",
                   proof.get("timeout", 600))
    with open(f"{work}/p.aig", "rb") as file:
        wanted = int(file.readline().split()[6])
    return wanted > 0 and len(set(re.findall(r"Output +(\d+) .*was asserted", text))) == wanted


def edited(work, edits, sources):
    """The sources with some texts replaced."""
    os.makedirs(work, exist_ok=True)
    changed = []
    for path in sources:
        mine = [edit for edit in edits if edit["file"] == path]
        if mine:
            with open(f"{ROOT}/{path}", encoding="utf-8") as file:
                text = file.read()
            for edit in mine:
                if text.count(edit["from"]) != 1:
                    raise Broken(f"{path} does not hold once: {edit['from']}")
                text = text.replace(edit["from"], edit["to"])
            path = f"{work}/{os.path.basename(path)}"
            with open(path, "w", encoding="utf-8") as file:
                file.write(text)
        changed.append(path)
    for edit in edits:
        if edit["file"] not in sources:
            raise Broken(f"{edit['file']} is not among the sources")
    return changed


def line(name, engine, depth, start, verdict):
    print(f"{name:<34} {engine:<10} {str(depth):>5} {time.monotonic() - start:7.1f} s  {verdict}",
          flush=True)


def run(directory, proof):
    """One proof with its twins and covers; True if all went as it should."""
    sources = PACKAGES + proof["sources"]
    name, engine = proof["name"], proof["engine"]
    depth = "-" if engine == "pdr" else proof["depth"]
    good = True
    sizes = proof.get("sizes", [])
    jobs = [(name, engine, depth, True, lambda w: check(w, proof, edited(w, sizes, sources)))]
    for i, twin in enumerate(proof.get("twins", [])):
        jobs.append((f"{name}, twin {i + 1}", engine, depth, False,
                     lambda w, t=twin: check(w, proof, edited(w, sizes + [t], sources))))
    if "cover" in proof:
        jobs.append((f"{name}, covers", "bmc3 cover", proof["cover"], True,
                     lambda w: covers(w, proof, edited(w, sizes, sources))))
    for label, tool, steps, wanted, job in jobs:
        start = time.monotonic()
        try:
            got = job(f"{directory}/{label.replace(', ', '-').replace(' ', '-')}")
        except Broken as problem:
            line(label, tool, steps, start, f"ERROR {problem}")
            good = False
            continue
        if "cover" in tool:
            verdict = "COVERED" if got else "NOT COVERED"
        elif wanted:
            verdict = "PROVED" if got else "FAILED"
        else:
            verdict = "PASSED, BUT IS BROKEN" if got else "fails, as it must"
        line(label, tool, steps, start, verdict)
        good = good and got == wanted
    return good


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1])
    parser.add_argument("--quick", action="store_true", help="only those marked quick")
    parser.add_argument("--only", default="*", help="only those whose name matches")
    parser.add_argument("directory")
    args = parser.parse_args()
    with open(f"{HERE}/proofs.toml", "rb") as file:
        proofs = tomllib.load(file)["proof"]
    chosen = [p for p in proofs if fnmatch.fnmatch(p["name"], args.only)
              and (p.get("quick") or not args.quick)]
    if not chosen:
        sys.exit("prove.py: no such proof")
    results = [run(os.path.abspath(args.directory), proof) for proof in chosen]
    print(f"{sum(results)} of {len(results)} proofs went as they should")
    sys.exit(0 if all(results) else 1)


if __name__ == "__main__":
    main()
