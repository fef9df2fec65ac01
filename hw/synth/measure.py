#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
measure.py xcup BLOCK DIR FILE.sv...   area and LUT levels for UltraScale+, with Yosys, in two flows
measure.py abc BLOCK DIR FILE.sv...    the same in the first flow alone
measure.py parts BLOCK DIR FILE.sv...  area of the block's instances, for UltraScale+
measure.py state BLOCK DIR FILE.sv...  bits of memory for each entry more of the tables
measure.py ecp5 BLOCK DIR FILE.sv...   placed and routed clock on an ECP5, with nextpnr

Scratch and logs go to DIR/<what>-BLOCK/, the result to DIR/<what>-BLOCK.json; a result that was made
of the same sources, comments aside, stays. The files are RTL sources, packages first; folders of
included files stand between them as -IFOLDER, parameters of the block as -PNAME=VALUE.
"""

from collections import Counter
import hashlib
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import time

import netlist

HERE = os.path.dirname(os.path.abspath(__file__))
SEEDS = (1, 2, 3)
READ = "read_verilog -sv -noassert"
TIMEOUT = 4 * 3600  # seconds for one run of a tool
DEEP = 1024  # words from which on a memory is counted, not mapped
FRAMES = ("mpnic_stateful",)  # modules that are shown by their parts
TABLES = ("FLOWS", "CONNS", "TOKENS")  # their sizes
DEVICE = ["--um5g-85k", "--package", "CABGA756", "--freq", "250"]


def say(text):
    print(f"{time.strftime('%H:%M:%S')} {text}", flush=True)


def tool(command, log):
    """Run a tool with its output in a log; its end is shown if it fails."""
    start = time.monotonic()
    with open(log, "w", encoding="utf-8") as file:
        try:
            code = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=file,
                                  stderr=subprocess.STDOUT, timeout=TIMEOUT, check=False).returncode
        except subprocess.TimeoutExpired:
            raise SystemExit(f"measure.py: more than {TIMEOUT} s: {' '.join(command)}") from None
    if code:
        with open(log, encoding="utf-8", errors="replace") as file:
            print("".join(file.readlines()[-15:]), file=sys.stderr)
        raise SystemExit(f"measure.py: exit code {code}: {' '.join(command)} (log: {log})")
    return round(time.monotonic() - start)


def load(path):
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def version(command):
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.split("(")[0]


def abc_levels(log):
    """`lev` of the mapping that abc9 reports: LUT levels, carry chains and memories aside."""
    with open(log, encoding="utf-8") as file:
        return int(re.search(r"Mapping \(K=\d\) .*?lev = +(\d+)", file.read())[1])


def read(sources):
    return f"{READ} {' '.join(path for path in sources if not path.startswith('-P'))}"


def parameters(sources):
    return dict(path[2:].split("=") for path in sources if path.startswith("-P"))


def synthesis(block, sources, options):
    """
    The script of synth_xilinx, with two steps of its own.

    Deep memories are boxed before they are mapped: mapped, a table of 65,536 entries is thousands
    of cells of no interest.

    Shift registers: xilinx_srl makes an SRL16E of a chain of FDRE and drops the clock enable of the
    chain (Yosys issue 6058, all versions up to 0.67): ENPOL 2 in its cell stands for "none". So it runs
    here, not within synth_xilinx, and ENPOL is put right before cells_map.v reads it, as in the pull
    request 6059. A chain without an enable has a constant 1 there.
    """
    synth = f"synth_xilinx -family xcup -noiopad -noclkbuf -top {block} {options}"
    sizes = "".join(f" -set {name} {value}" for name, value in parameters(sources).items())
    return "; ".join([
        read(sources), *([f"chparam{sizes} {block}"] if sizes else []),
        f"{synth} -run begin:map_memory",
        f"read_verilog -lib {HERE}/box.v",
        f"chtype -set mpnic_box t:$mem_v2 r:SIZE>={DEEP} %i",
        "setparam -set INIT 1'bx t:mpnic_box",
        f"{synth} -run map_memory:map_luts",
        f"{synth} -nosrl -run map_luts:finalize",
        "xilinx_srl -fixed -minlen 3", "setparam -set ENPOL 1 t:$__XILINX_SHREG_",
        "techmap -map +/xilinx/cells_map.v -D LUT_WIDTH=6",
        # Each flip-flop has an inverter of its own for the same reset; all but one go.
        "opt_merge -share_all t:INV", "clean",
        f"{synth} -run finalize:"])


def map_with(flow, block, work, sources):
    """One flow: abc without wide multiplexers, whose netlist the figures are of, or abc9."""
    options = {"abc": "-nowidelut", "abc9": "-abc9"}[flow]
    seconds = tool(["yosys", "-p", f"{synthesis(block, sources, f'-flatten {options}')}; "
                    f"write_json {work}/{flow}.json; write_verilog -noattr {work}/{flow}.v"],
                   f"{work}/{flow}.log")
    module = load(f"{work}/{flow}.json")["modules"][block]
    result = {**netlist.area(module), "boxes": netlist.boxes(module), "depth": netlist.depth(module),
              "seconds": seconds}
    levels = ", ".join(f"{name} {path['levels']}" for name, path in result["depth"]["classes"].items())
    say(f"xcup {block} {flow}: {result['lut']} LUT, {result['ff']} FF, levels {levels} ({seconds} s)")
    return result


def abc(block, work, sources):
    return {"tool": version(["yosys", "-V"]).strip(), "abc": map_with("abc", block, work, sources)}


def xcup(block, work, sources):
    """abc9 is timing-driven: a second opinion."""
    return {**abc(block, work, sources), "abc9": map_with("abc9", block, work, sources),
            "lev": abc_levels(f"{work}/abc9.log")}


def state(block, work, sources):
    """Memory at full size, and with one of the tables half as large: what is between is that table's."""
    with open(next(path for path in sources if path.endswith(f"/{block}.sv")),
              encoding="utf-8") as file:
        text = file.read()
    full = {name: int(re.search(rf"parameter int unsigned {name} = (\d+)", text)[1]) for name in TABLES}
    bits, seconds = {}, 0
    for half in (None, *TABLES):
        chparam = "".join(f" -chparam {table} {size // 2 if table == half else size}"
                          for table, size in full.items())
        name = half or "full"
        seconds += tool(["yosys", "-p", f"{read(sources)}; hierarchy -top {block}{chparam}; proc; opt_clean; "
                         f"memory_collect; setparam -set INIT 1'bx t:$mem_v2; write_json {work}/{name}.json"],
                        f"{work}/{name}.log")
        bits[name] = netlist.memory_bits(load(f"{work}/{name}.json")["modules"])
    growth = {table: {name: (n - bits[table][name]) / (size - size // 2)
                      for name, n in bits["full"].items() if n != bits[table][name]}
              for table, size in full.items()}
    total = sum(bits["full"].values())
    say(f"state {block}: {total} bits ({seconds} s)")
    return {"tables": full, "bits": total, "growth": growth, "seconds": seconds}


def parts(block, work, sources):
    log = f"{work}/yosys.log"
    seconds = tool(["yosys", "-p", f"{synthesis(block, sources, '-nowidelut')}; "
                    f"write_json {work}/netlist.json"], log)
    modules = load(f"{work}/netlist.json")["modules"]

    def total(name):
        """A module with all that it holds."""
        areas = [netlist.area(modules[name])]
        areas += [total(cell["type"]) for cell in inside(name).values()]
        return {kind: sum(a[kind] for a in areas) for kind in areas[0]}

    def inside(name):
        return {instance: cell for instance, cell in modules[name]["cells"].items()
                if cell["type"] in modules and "blackbox" not in modules[cell["type"]]["attributes"]}

    def short(name):
        return name.split("\\")[1] if "\\" in name else name

    def list_parts(name, prefix=""):
        """The instances of a module; in the place of one that is but a frame, its own."""
        found = {}
        for instance, cell in inside(name).items():
            if short(cell["type"]) in FRAMES:
                found.update(list_parts(cell["type"], f"{prefix}{instance}."))
            else:
                found[prefix + instance] = {"module": short(cell["type"]), **total(cell["type"])}
        found[f"{prefix}rest"] = {"module": short(name), **netlist.area(modules[name])}
        return found

    say(f"parts {block}: synthesized ({seconds} s)")
    return {"parts": list_parts(block), "seconds": seconds}


def describe(report, register):
    """Clock and critical path of one run of nextpnr; `register` names what a flip-flop holds."""
    (clock,) = report["fmax"].values()
    path = next(p["path"] for p in report["critical_paths"]
                if p["from"] == p["to"] and p["from"].startswith("posedge"))
    hops = [p for p in path if p["type"] == "routing"]
    logic = [p for p in path if p["type"] == "logic"]
    return {
        "mhz": round(clock["achieved"], 2),
        "from": register.get(path[0]["to"]["cell"], path[0]["to"]["cell"]),
        "to": register.get(path[-1]["to"]["cell"], path[-1]["to"]["cell"]),
        "levels": len(logic),
        "logic_ns": round(sum(p["delay"] for p in path if p["type"] != "routing"), 2),
        "route_ns": round(sum(p["delay"] for p in hops), 2),
        "nets": [f"{p['net']} {p['delay']:.2f}" for p in hops],
        "used": {kind: n["used"] for kind, n in report["utilization"].items() if n["used"]},
    }


def ecp5(block, work, sources):
    sizes = parameters(sources)
    inside = [os.path.basename(path) for path in sources if not path.startswith(("-I", "-P"))]
    for path in sources:
        if path.startswith("-P"):
            continue
        if path.startswith("-I"):
            for name in os.listdir(path[2:]):
                if name.endswith(".svh"):
                    shutil.copy(f"{path[2:]}/{name}", work)
        else:
            shutil.copy(path, work)
    chparam = "".join(f" -chparam {name} {value}" for name, value in sizes.items())
    tool(["yosys", "-p", f"{read(sources)}; hierarchy -top {block}{chparam}; proc; "
          f"write_json {work}/ports.json"], f"{work}/ports.log")
    with open(f"{work}/wrap.sv", "w", encoding="utf-8") as file:
        subprocess.run([f"{HERE}/wrap.py", f"{work}/ports.json", block,
                        *(f"{name}={value}" for name, value in sizes.items())], stdout=file, check=True)
    inner = [f"{HERE}/ecp5-root.sh", work]
    seconds = tool(inner + ["yosys", "-p", f"{READ} -I. {' '.join(inside)} wrap.sv; "
                            "synth_ecp5 -abc9 -top wrap -json wrap.json"], f"{work}/yosys.log")
    say(f"ecp5 {block}: synthesized ({seconds} s)")
    module = load(f"{work}/wrap.json")["modules"]["wrap"]
    label = netlist.names(module)
    register = {name: label[cell["connections"]["Q"][0]] for name, cell in module["cells"].items()
                if cell["type"] == "TRELLIS_FF"}
    result = {"tool": [version(inner + ["yosys", "-V"]).strip(), nextpnr_version(inner)],
              "device": " ".join(DEVICE), "parameters": sizes, "seconds": {"yosys": seconds},
              "cells": Counter(cell["type"] for cell in module["cells"].values()), "runs": []}
    for seed in SEEDS:
        run = place(block, work, inner, seed, register)
        result["seconds"][f"seed {seed}"] = run.pop("seconds")
        if "failed" in run:
            return {**result, **run}
        result["used"] = run.pop("used")
        result["runs"].append(run)
    result["mhz"] = statistics.median(run["mhz"] for run in result["runs"])
    return result


def place(block, work, inner, seed, register):
    """One run of nextpnr; a finished one of the same netlist stays, so that a stopped measurement goes on."""
    with open(f"{work}/wrap.json", "rb") as file:
        state = hashlib.sha256(file.read()).hexdigest()
    done = f"{work}/seed{seed}.done"
    if os.path.exists(done) and load(done)["netlist"] == state:
        seconds = load(done)["seconds"]
    else:
        try:
            seconds = tool(inner + ["nextpnr-ecp5"] + DEVICE +
                           ["--json", "wrap.json", "--timing-allow-fail", "--seed", str(seed),
                            "--report", f"seed{seed}.json", "--quiet"], f"{work}/seed{seed}.log")
        except SystemExit as error:
            with open(f"{work}/seed{seed}.log", encoding="utf-8") as file:
                why = re.findall(r"ERROR: (.*)", file.read())
            if not why:
                raise
            say(f"ecp5 {block} seed {seed}: {error}")
            return {"failed": why[0], "seconds": None}
        with open(done, "w", encoding="utf-8") as file:
            json.dump({"netlist": state, "seconds": seconds}, file)
    run = {"seed": seed, "seconds": seconds, **describe(load(f"{work}/seed{seed}.json"), register)}
    say(f"ecp5 {block} seed {seed}: {run['mhz']} MHz ({seconds} s); {run['from']} -> {run['to']}")
    return run


def nextpnr_version(inner):
    line = subprocess.run(inner + ["nextpnr-ecp5", "--version"], capture_output=True, text=True,
                          check=True)
    return "nextpnr-ecp5 " + re.search(r"Version (\S+)\)", line.stdout + line.stderr).group(1)


def needed(block, sources):
    """Of the sources those that the block is made of: folders, packages, and what it instantiates."""
    path_of = {os.path.basename(path)[:-3]: path for path in sources if path.endswith(".sv")}
    wanted, waiting = [], [block]
    while waiting:
        name = waiting.pop()
        if name in wanted or name not in path_of:
            continue
        wanted.append(name)
        waiting += re.findall(r"^\s*(\w+)\s*(?:#\s*\(|u_\w+\s*\()", bare(path_of[name]), re.M)
    return [path for path in sources if path.startswith(("-I", "-P")) or path.endswith("_pkg.sv") or
            os.path.basename(path)[:-3] in wanted]


def bare(path):
    """A source without its comments."""
    with open(path, encoding="utf-8") as file:
        return re.sub(r"//.*", "", file.read())


def digest(name, sources):
    """Changes with all that a result depends on, but for the tools."""
    state = hashlib.sha256(name.encode())
    scripts = [f"{HERE}/{script}" for script in ("measure.py", "netlist.py", "wrap.py", "box.v")]
    state.update(json.dumps(parameters(sources)).encode())
    included = [f"{path[2:]}/{file}" for path in sources if path.startswith("-I")
                for file in sorted(os.listdir(path[2:])) if file.endswith(".svh")]
    for path in [path for path in sources if not path.startswith(("-I", "-P"))] + included + scripts:
        state.update(bare(path).encode())
    return state.hexdigest()[:16]


def main():
    what = {"xcup": xcup, "abc": abc, "parts": parts, "state": state, "ecp5": ecp5}
    if len(sys.argv) < 5 or sys.argv[1] not in what:
        raise SystemExit(__doc__.strip())
    name, block, folder = sys.argv[1:4]
    work = f"{folder}/{name}-{block}"
    sources = needed(block, sys.argv[4:])
    made_of = digest(name, sources)
    if os.path.exists(f"{work}.json") and load(f"{work}.json")["sources"] == made_of:
        say(f"{name} {block}: unchanged")
        os.utime(f"{work}.json")
        return
    os.makedirs(work, exist_ok=True)
    result = {"block": block, "sources": made_of, **what[name](block, work, sources)}
    with open(f"{work}.json.new", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    os.rename(f"{work}.json.new", f"{work}.json")


if __name__ == "__main__":
    main()
