#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
measure.py xcup BLOCK DIR FILE.sv...   area and LUT levels for UltraScale+, with Yosys
measure.py parts BLOCK DIR FILE.sv...  area of the block's instances, for UltraScale+
measure.py ecp5 BLOCK DIR FILE.sv...   placed and routed clock on an ECP5, with nextpnr

Scratch and logs go to DIR/<what>-BLOCK/, the result to DIR/<what>-BLOCK.json; a result that was made
of the same sources, comments aside, stays. The files are RTL sources, packages first; folders of
included files stand between them as -IFOLDER.
"""

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
TIMEOUT = 3600  # seconds for one run of a tool
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


def xcup(block, work, sources):
    """
    Two flows: abc without wide multiplexers, whose netlist the figures are of, and abc9, which is
    timing-driven, as a second opinion.
    """
    read = f"{READ} {' '.join(sources)}"
    synth = f"synth_xilinx -family xcup -flatten -noiopad -noclkbuf -top {block}"
    result = {"tool": version(["yosys", "-V"]).strip()}
    for flow, option in (("abc", "-nowidelut"), ("abc9", "-abc9")):
        seconds = tool(["yosys", "-p", f"{read}; {synth} {option}; write_json {work}/{flow}.json; "
                        f"write_verilog -noattr {work}/{flow}.v"], f"{work}/{flow}.log")
        module = load(f"{work}/{flow}.json")["modules"][block]
        result[flow] = {**netlist.area(module), "depth": netlist.depth(module)}
        levels = ", ".join(f"{name} {path['levels']}"
                           for name, path in result[flow]["depth"]["classes"].items())
        say(f"xcup {block} {flow}: {result[flow]['lut']} LUT, {result[flow]['ff']} FF, "
            f"levels {levels} ({seconds} s)")
    result["lev"] = abc_levels(f"{work}/abc9.log")
    return result


def parts(block, work, sources):
    log = f"{work}/yosys.log"
    seconds = tool(["yosys", "-p", f"{READ} {' '.join(sources)}; synth_xilinx -family xcup "
                    f"-noiopad -noclkbuf -nowidelut -top {block}; write_json {work}/netlist.json"], log)
    modules = load(f"{work}/netlist.json")["modules"]

    def total(name):
        """A module with all that it holds."""
        areas = [netlist.area(modules[name])]
        areas += [total(cell["type"]) for cell in inside(name).values()]
        return {kind: sum(a[kind] for a in areas) for kind in areas[0]}

    def inside(name):
        return {instance: cell for instance, cell in modules[name]["cells"].items()
                if cell["type"] in modules and "blackbox" not in modules[cell["type"]]["attributes"]}

    say(f"parts {block}: synthesized ({seconds} s)")
    result = {instance: {"module": cell["type"].split("\\")[1] if "\\" in cell["type"] else cell["type"],
                         **total(cell["type"])} for instance, cell in inside(block).items()}
    result["rest"] = {"module": block, **netlist.area(modules[block])}
    return {"parts": result}


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
    inside = [os.path.basename(path) for path in sources if not path.startswith("-I")]
    for path in sources:
        if path.startswith("-I"):
            for name in os.listdir(path[2:]):
                if name.endswith(".svh"):
                    shutil.copy(f"{path[2:]}/{name}", work)
        else:
            shutil.copy(path, work)
    tool(["yosys", "-p", f"{READ} {' '.join(sources)}; hierarchy -top {block}; proc; "
          f"write_json {work}/ports.json"], f"{work}/ports.log")
    with open(f"{work}/wrap.sv", "w", encoding="utf-8") as file:
        subprocess.run([f"{HERE}/wrap.py", f"{work}/ports.json", block], stdout=file, check=True)
    inner = [f"{HERE}/ecp5-root.sh", work]
    seconds = tool(inner + ["yosys", "-p", f"{READ} -I. {' '.join(inside)} wrap.sv; "
                            "synth_ecp5 -abc9 -top wrap -json wrap.json"], f"{work}/yosys.log")
    say(f"ecp5 {block}: synthesized ({seconds} s)")
    module = load(f"{work}/wrap.json")["modules"]["wrap"]
    label = netlist.names(module)
    register = {name: label[cell["connections"]["Q"][0]] for name, cell in module["cells"].items()
                if cell["type"] == "TRELLIS_FF"}
    runs = []
    for seed in SEEDS:
        seconds = tool(inner + ["nextpnr-ecp5"] + DEVICE +
                       ["--json", "wrap.json", "--timing-allow-fail", "--seed", str(seed),
                        "--report", f"seed{seed}.json", "--quiet"], f"{work}/seed{seed}.log")
        runs.append({"seed": seed, **describe(load(f"{work}/seed{seed}.json"), register)})
        say(f"ecp5 {block} seed {seed}: {runs[-1]['mhz']} MHz ({seconds} s); "
            f"{runs[-1]['from']} -> {runs[-1]['to']}")
    used = runs[0].pop("used")
    for run in runs[1:]:
        del run["used"]
    return {"tool": [version(inner + ["yosys", "-V"]).strip(), nextpnr_version(inner)],
            "device": " ".join(DEVICE), "mhz": statistics.median(r["mhz"] for r in runs),
            "used": used, "runs": runs}


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
    return [path for path in sources if path.startswith("-I") or path.endswith("_pkg.sv") or
            os.path.basename(path)[:-3] in wanted]


def bare(path):
    """A source without its comments."""
    with open(path, encoding="utf-8") as file:
        return re.sub(r"//.*", "", file.read())


def digest(name, sources):
    """Changes with all that a result depends on, but for the tools."""
    state = hashlib.sha256(name.encode())
    scripts = [f"{HERE}/{script}" for script in ("measure.py", "netlist.py", "wrap.py")]
    included = [f"{path[2:]}/{file}" for path in sources if path.startswith("-I")
                for file in sorted(os.listdir(path[2:])) if file.endswith(".svh")]
    for path in [path for path in sources if not path.startswith("-I")] + included + scripts:
        state.update(bare(path).encode())
    return state.hexdigest()[:16]


def main():
    what = {"xcup": xcup, "parts": parts, "ecp5": ecp5}
    if len(sys.argv) < 5 or sys.argv[1] not in what:
        raise SystemExit(__doc__.strip())
    name, block, folder = sys.argv[1:4]
    work = f"{folder}/{name}-{block}"
    sources = needed(block, sys.argv[4:])
    state = digest(name, sources)
    if os.path.exists(f"{work}.json") and load(f"{work}.json")["sources"] == state:
        say(f"{name} {block}: unchanged")
        os.utime(f"{work}.json")
        return
    os.makedirs(work, exist_ok=True)
    result = {"block": block, "sources": state, **what[name](block, work, sources)}
    with open(f"{work}.json.new", "w", encoding="utf-8") as file:
        json.dump(result, file, indent=1)
        file.write("\n")
    os.rename(f"{work}.json.new", f"{work}.json")


if __name__ == "__main__":
    main()
