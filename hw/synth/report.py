#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
report.py DIR PAGE.md TABLE.csv FILE.sv...: docs/performance.md and its table, from the results in DIR.
The files are those that measure.py was given; a result of other sources counts as not measured.
"""

import csv
import io
import os
import re
import sys

import measure

STAGES = ("parse", "tcpopt", "mptcp", "csum")
CLOCKS = (200, 250, 322)  # MHz
LINE = 100e9  # bit/s
GAP = 24  # bytes of a frame's slot on the wire beside it: check sequence, preamble, gap
BEAT = 64  # bytes
SHOWN = (60, 64, 65, 76, 128, 129, 192, 193, 256, 512, 1024, 1514, 1518)

LUT_MAX = 20000
LEVELS_MAX = 4
CLOCK_GOAL = 200  # MHz
MISSING = "not measured"
# The whole pipeline.
WHOLE = ("flow", "dss", "act", "deparse", "pipeline")
WHOLE_LUT_MAX = 45000
WHOLE_LEVELS_LIMIT = 6  # where it is more than LEVELS_MAX, the path is named
WHOLE_CLOCK_GOAL = 180  # MHz
STATE_MAX = 1024  # bits a flow
PART = {"name": "VU9P", "bram36": 2160, "uram": 960}
HDR_MAX, CSUM_MAX = 16, 8  # clocks


def load(folder, name):
    path = f"{folder}/{name}.json"
    return measure.load(path) if os.path.exists(path) else None


def current(folder, kind, block, sources):
    """A result of measure.py if it was made of these sources, else None."""
    block = f"mpnic_{block}"
    found = load(folder, f"{kind}-{block}")
    sizes = [f"-P{name}={value}" for name, value in (found or {}).get("parameters", {}).items()]
    digest = measure.digest(kind, measure.needed(block, sources + sizes))
    return found if found and found["sources"] == digest else None


def constants(path):
    with open(path, encoding="utf-8") as file:
        return {name: int(value) for name, value in
                re.findall(r"localparam int unsigned (\w*LATENCY) = (\d+);", file.read())}


def gather(folder, sources):
    def results(kind, blocks):
        return {block: current(folder, kind, block, sources) for block in blocks}

    return {
        "xcup": results("xcup", (*STAGES, "window", "stateless")),
        "ecp5": results("ecp5", (*STAGES, "stateless", "pipeline")),
        "whole": results("abc", WHOLE),
        "state": current(folder, "state", "pipeline", sources),
        "parts": results("parts", ("stateless", "pipeline")),
        "timing": load(folder, "timing"),
        "whole_timing": whole_timing(f"{folder}/pipeline-timing.txt"),
        "netlist": [load(folder, f"netlist_{what}") for what in ("test-rtl", "test-netlist", "faults")],
        "latency": {**constants("hw/rtl/mpnic_rtl_pkg.sv"),
                    **{f"CSUM_{k}": v for k, v in constants("hw/rtl/mpnic_csum.sv").items()}},
    }


def whole_timing(path):
    """What tests/pipeline/timing.c says, a line for each kind of traffic."""
    line = re.compile(r"(?P<what>.*): (?P<frames>\d+) frames, (?P<dropped>\d+) dropped, \d+ events, "
                      r"(?P<stalls>\d+) clocks stalled \(at most (?P<most>\d+)\), first beat up to "
                      r"(?P<latency>\d+) clocks behind the last one in(?P<wrong>: WRONG)?$")
    try:
        with open(path, encoding="utf-8") as file:
            rows = [line.match(text) for text in file.read().splitlines()]
    except FileNotFoundError:
        return None
    if not all(rows):
        raise SystemExit(f"report.py: {path} is not what timing.c writes")
    return [{key: value if key in ("what", "wrong") else int(value)
             for key, value in row.groupdict().items()} for row in rows]


def tools(results, otherwise):
    """Versions that the results were made with."""
    for result in results.values():
        if result:
            return result["tool"]
    return otherwise


def table(head, rows):
    """Markdown; columns of numbers stand to the right."""
    right = [all(re.match(r"[\d-]|not measured", str(row[i])) for row in rows) for i in range(len(head))]
    lines = ["| " + " | ".join(head) + " |",
             "|" + "|".join("---:" if r else "---" for r in right) + "|"]
    lines += ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def met(yes):
    return "yes" if yes else "**no**"


def line_rate(size):
    """Frames a second on the wire."""
    return LINE / 8 / (size + GAP)


def rate(size, mhz):
    """Frames a second that the pipeline takes: what its clocks give, if the line brings as many."""
    return min(mhz * 1e6 / size["clocks"], line_rate(size["bytes"]))


def needs(size):
    """MHz for line rate."""
    return line_rate(size["bytes"]) * size["clocks"] / 1e6


def ranges(numbers):
    spans = []
    for n in numbers:
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return ", ".join(f"{a} to {b}" if a != b else str(a) for a, b in spans) or "none"


def levels(result, flow):
    return max(path["levels"] for path in result[flow]["depth"]["classes"].values())


def measured(value, good):
    """The two last columns of a row of targets."""
    return (MISSING, MISSING) if value is None else (value, met(good(value)))


def whole_targets(data):
    rows = []

    def row(what, target, value, good):
        rows.append((what, target, *measured(value, good)))

    timing = data["whole_timing"]
    if timing:
        free = [r for r in timing if not r["most"]]
        row(f"clocks of stall, {len(free)} kinds of traffic (below)", 0, sum(r["stalls"] for r in free),
            lambda n: n == 0)
        for r in timing:
            if r["most"]:
                row(f"clocks of stall: {r['what']}", f"at most {r['most']} in {r['frames']} frames",
                    r["stalls"], lambda n, most=r["most"]: n <= most)
        row("clocks from a frame's last beat in to its first beat out, in traffic without stalls", "at most 100",
            max(r["latency"] for r in free), lambda n: n <= 100)
        row("kinds of traffic with every frame accounted for, and their limits kept", len(timing),
            sum(not r["wrong"] for r in timing), lambda n: n == len(timing))
    else:
        row("clocks of stall, latency", "0, at most 100", None, None)
    pipeline, state, placed = data["whole"]["pipeline"], data["state"], data["ecp5"]["pipeline"]
    row("LUTs of the whole, UltraScale+", f"at most {WHOLE_LUT_MAX}",
        pipeline["abc"]["lut"] if pipeline else None, lambda n: n <= WHOLE_LUT_MAX)
    for block in WHOLE:
        x = data["whole"][block]
        target = f"at most {LEVELS_MAX}; {WHOLE_LEVELS_LIMIT} with a reason"
        if not x:
            rows.append((f"LUT levels of {block}, UltraScale+", target, MISSING, MISSING))
            continue
        n, worst = levels(x, "abc"), x["abc"]["depth"]["deepest"][:1]
        verdict = met(n <= WHOLE_LEVELS_LIMIT)
        if n > LEVELS_MAX and worst:
            verdict += f": `{worst[0]['from']}` to `{worst[0]['to']}`"
        rows.append((f"LUT levels of {block}, UltraScale+", target, n, verdict))
    row("bits of state a flow", f"at most {STATE_MAX}",
        round(sum(state_bits(state)["flow"].values())) if state else None, lambda n: n <= STATE_MAX)
    for kind, name in (("bram36", "RAMB36"), ("uram", "URAM288")):
        row(f"{name} with tables of 65,536, of the {PART['name']}'s", f"at most {PART[kind]}",
            number(pipeline["abc"][kind]) if pipeline else None,
            lambda n, most=PART[kind]: float(n) <= most)
    row("MHz of pipeline, ECP5, small tables", f"at least {WHOLE_CLOCK_GOAL}",
        f"{placed['mhz']:.1f}" if placed and "mhz" in placed else None,
        lambda n: float(n) >= WHOLE_CLOCK_GOAL)
    return table(("what", "target", "measured", "met"), rows)


def number(value):
    return f"{value:g}" if value < 1e5 else str(round(value))


def whole_area(data):
    rows = []
    for block in WHOLE:
        x = data["whole"][block]
        if not x:
            rows.append((block, *[MISSING] * 10))
            continue
        a = x["abc"]
        classes = a["depth"]["classes"]
        rows.append((block, a["lut"], a["lut_ram"] + a["lut_shift"], a["ff"], number(a["bram36"]),
                     number(a["uram"]), a["carry4"], *(classes.get(c, {"levels": "-"})["levels"]
                                               for c in ("reg-reg", "in-reg", "reg-out", "in-out"))))
    alone = {"stateless": data["xcup"]["stateless"], **data["whole"]}
    del alone["pipeline"]
    if all(alone.values()):
        total = {kind: sum(x["abc"][kind] for x in alone.values()) for kind in kinds(alone)}
        rows.append(("stateless and these four, each alone", total["lut"],
                     total["lut_ram"] + total["lut_shift"], total["ff"], number(total["bram36"]),
                     number(total["uram"]), total["carry4"], "-", "-", "-", "-"))
    return table(("block", "LUT", "of these RAM and shift", "FF", "RAMB36", "URAM288", "CARRY4",
                  "levels reg-reg", "in-reg", "reg-out", "in-out"), rows)


def kinds(results):
    """What is counted, of each result the same."""
    return [kind for kind, n in next(iter(results.values()))["abc"].items()
            if isinstance(n, (int, float)) and kind != "seconds"]


def whole_memories(data):
    pipeline = data["whole"]["pipeline"]
    if not pipeline:
        return f"{MISSING}.\n"
    groups = {}
    for box in pipeline["abc"]["boxes"]:
        name = re.sub(r"\[\d+\]", "[]", box["name"])
        key = (name, box["depth"], box["width"], box["copies"])
        n, bram, uram = groups.get(key, (0, 0, 0))
        groups[key] = (n + 1, bram + box["bram36"], uram + box["uram"])
    rows = [(f"`{name}`", n, depth, width, copies, number(bram), number(uram))
            for (name, depth, width, copies), (n, bram, uram) in sorted(groups.items())]
    rest = pipeline["abc"]["bram36"] - sum(box["bram36"] for box in pipeline["abc"]["boxes"])
    rows.append((f"less than {measure.DEEP} words, as Yosys maps them", "-", "-", "-", "-", number(rest), 0))
    text = table(("memory", "times", "words", "bits", "read ports", "RAMB36", "URAM288"), rows)
    bypass = sum(box["bypass"] for box in pipeline["abc"]["boxes"])
    if bypass:
        text += (f"\n{bypass} of these read what the same clock writes; the multiplexers that this takes "
                 "beside a RAM are not in the LUTs.\n")
    return text


def state_bits(state):
    """Bits by memory for an entry more of each kind; less than one comes of the width of pointers."""
    growth = {table: {name: bits for name, bits in found.items() if bits >= 1}
              for table, found in state["growth"].items()}
    return {
        "flow": {name: bits for name, bits in growth["FLOWS"].items() if "masked" not in name},
        "masked entry": {name: bits for name, bits in growth["FLOWS"].items() if "masked" in name},
        "connection": growth["CONNS"],
        "token": growth["TOKENS"],
    }


def state_text(data):
    state = data["state"]
    if not state:
        return f"Bits of state: {MISSING}.\n"
    rows = []
    for kind, found in state_bits(state).items():
        rows.append((kind, round(sum(found.values())), ", ".join(
            f"`{name}` {bits:g}" for name, bits in sorted(found.items(), key=lambda item: -item[1]))))
    return (f"All memories hold {state['bits']:,} bits, copies for more read ports aside. What an entry takes is the "
            "difference to a table half as large, by its entries; FIFOs, rules and counters of ports are not in it. "
            "That ids of entries are kept elsewhere too, and a bit wider, is.\n\n" +
            table(("a", "bits", "memories"), rows))


def whole_clocks(data):
    if not data["whole_timing"]:
        return f"{MISSING}.\n"
    return table(("traffic", "frames", "dropped", "clocks of stall", "clocks from last beat in to first out, at most"),
                 [(r["what"], r["frames"], r["dropped"], r["stalls"], r["latency"])
                  for r in data["whole_timing"]])


def targets(data):
    sizes = data["timing"]["sizes"]
    areas = [data["xcup"][s]["abc"]["lut"] for s in STAGES if data["xcup"][s]]
    luts = sum(areas)
    whole = len(areas) == len(STAGES)
    hdr = max(s["hdr"] for s in sizes)
    csum = data["latency"]["CSUM_LATENCY"]
    stalls = sum(s["stalls"] for s in sizes)
    busy = max(s["clocks"] / -(-s["bytes"] // BEAT) for s in sizes)
    rows = [
        ("clocks a beat, every frame size back to back", "1", f"{busy:g}", met(busy <= 1)),
        ("clocks of stall", "0", stalls, met(stalls == 0)),
        ("clocks from the last header beat to the header record", f"at most {HDR_MAX}", hdr,
         met(hdr <= HDR_MAX)),
        ("clocks from a last beat at csum to its verdicts", f"at most {CSUM_MAX}", csum,
         met(csum <= CSUM_MAX)),
        ("LUTs of the four stages, UltraScale+", f"at most {LUT_MAX}", luts if whole else MISSING,
         met(luts <= LUT_MAX) if whole else MISSING),
    ]
    for stage in STAGES:
        x = data["xcup"][stage]
        rows.append((f"LUT levels of {stage}, UltraScale+", f"at most {LEVELS_MAX}",
                     levels(x, "abc") if x else MISSING,
                     met(levels(x, "abc") <= LEVELS_MAX) if x else MISSING))
    for block in (*STAGES, "stateless"):
        e = data["ecp5"][block]
        rows.append((f"MHz of {block}, ECP5", f"at least {CLOCK_GOAL}",
                     f"{e['mhz']:.1f}" if e else MISSING,
                     met(e["mhz"] >= CLOCK_GOAL) if e else MISSING))
    return table(("what", "target", "measured", "met"), rows)


def area(data):
    rows = []
    for block in (*STAGES, "window", "stateless"):
        x = data["xcup"][block]
        if not x:
            rows.append((block, *[MISSING] * 6))
            continue
        a = x["abc"]
        rows.append((block, a["lut"], a["lut_ram"] + a["lut_shift"], a["ff"], f"{a['bram36']:g}",
                     a["carry4"], x["abc9"]["lut"]))
    return table(("block", "LUT", "of these RAM and shift", "FF", "BRAM36", "CARRY4", "LUT, abc9"),
                 rows)


def depth(data):
    rows = []
    for block in (*STAGES, "window", "stateless"):
        x = data["xcup"][block]
        if not x:
            rows.append((block, *[MISSING] * 6))
            continue
        for flow, lev in (("abc", "-"), ("abc9", x["lev"])):
            classes = x[flow]["depth"]["classes"]
            rows.append((block, flow, *(classes.get(c, {"levels": "-"})["levels"] for c in
                                        ("reg-reg", "in-reg", "reg-out", "in-out")), lev))
    return table(("block", "flow", "reg-reg", "in-reg", "reg-out", "in-out", "`lev`"), rows)


def parts(data, block):
    if not data["parts"][block]:
        return f"{MISSING}.\n"
    rows = [(name, p["module"], p["lut"], p["lut_ram"] + p["lut_shift"], p["ff"],
             f"{p['bram36']:g}", f"{p['uram']:g}")
            for name, p in data["parts"][block]["parts"].items()]
    return table(("instance", "module", "LUT", "of these RAM and shift", "FF", "RAMB36", "URAM288"), rows)


def deepest(results):
    rows = []
    for block, x in results.items():
        for path in x["abc"]["depth"]["deepest"][:3] if x else ():
            rows.append((block, path["levels"], path["class"], f"`{path['from']}`",
                         f"`{path['to']}`", path["bits"]))
    return table(("block", "levels", "class", "from", "to", "bits"), rows)


def ecp5(data):
    rows = []
    for block in (*STAGES, "stateless", "pipeline"):
        e = data["ecp5"][block]
        if e and "failed" in e:
            rows.append((block, *ecp5_cells(e["cells"]), MISSING, "-", f"not placed: {e['failed']}", "-", "-"))
            continue
        if not e:
            rows.append((block, *[MISSING] * 8))
            continue
        runs = sorted(e["runs"], key=lambda r: r["mhz"])
        mid = runs[len(runs) // 2]
        rows.append((block, e["used"].get("TRELLIS_COMB", 0), e["used"].get("TRELLIS_FF", 0),
                     e["used"].get("DP16KD", 0), f"{e['mhz']:.1f}",
                     " ".join(f"{r['mhz']:.1f}" for r in e["runs"]),
                     f"`{mid['from']}` to `{mid['to']}`", mid["levels"],
                     f"{mid['logic_ns']} + {mid['route_ns']}"))
    return table(("block", "COMB", "FF", "EBR", "MHz, median", "of seeds 1, 2, 3",
                  "critical path of the median", "LUTs on it", "ns, logic + routing"), rows)


def ecp5_cells(cells):
    """What a netlist takes that was not placed: a CCU2C is two LUTs, a TRELLIS_DPR16X4 four and their RAMW's two."""
    return (sum(cells.get(kind, 0) * n for kind, n in
                (("LUT4", 1), ("CCU2C", 2), ("TRELLIS_DPR16X4", 6))),
            cells.get("TRELLIS_FF", 0), cells.get("DP16KD", 0))


def ecp5_sizes(data):
    e = data["ecp5"]["pipeline"]
    if not e:
        return ""
    return ("\nThe pipeline's tables there: " +
            ", ".join(f"{name} = {value}" for name, value in e["parameters"].items()) + ".\n")


def latency(data):
    sizes = data["timing"]["sizes"]
    own = data["latency"]
    long = [s for s in sizes if s["bytes"] > 12 * BEAT]
    rows = [
        ("parse, tcpopt, mptcp: valid_i to valid_o (mpnic_rtl_pkg)",
         f"{own['PARSE_LATENCY']} + {own['TCPOPT_LATENCY']} + {own['MPTCP_LATENCY']}"),
        ("csum: a frame's last beat to its record (mpnic_csum)", own["CSUM_LATENCY"]),
        ("stateless: last beat of the parse window taken to the header record offered",
         spread(s["hdr"] for s in sizes)),
        ("stateless: last beat taken to the checksum record offered with it, all sizes",
         spread(s["csum"] for s in sizes)),
        (f"stateless: the same, frames above {12 * BEAT} bytes", spread(s["csum"] for s in long)),
    ]
    return table(("clocks from ... to ...", "measured"), rows)


def spread(numbers):
    numbers = list(numbers)
    low, high = min(numbers), max(numbers)
    return str(low) if low == high else f"{low} to {high}"


def rates(data):
    sizes = data["timing"]["sizes"]
    rows = []
    for mhz in CLOCKS:
        short = [s for s in sizes if needs(s) > mhz]
        worst = min(sizes, key=lambda s: rate(s, mhz) / line_rate(s["bytes"]))
        share = rate(worst, mhz) / line_rate(worst["bytes"])
        rows.append((mhz, len(sizes) - len(short), ranges(s["bytes"] for s in short),
                     f"{100 * share:.1f} % at {worst['bytes']}"))
    text = table(("MHz", f"of {len(sizes)} sizes at line rate", "below it", "worst"), rows)
    text += "\n" + table(
        ("bytes", "beats", "line, Mpps", *(f"{mhz} MHz, Mpps" for mhz in CLOCKS), "MHz needed"),
        [(s["bytes"], -(-s["bytes"] // BEAT), f"{line_rate(s['bytes']) / 1e6:.2f}",
          *(f"{rate(s, mhz) / 1e6:.2f}" for mhz in CLOCKS), f"{needs(s):.1f}")
         for s in sizes if s["bytes"] in SHOWN])
    return text


def full_table(data):
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("bytes", "clocks", "line_mpps", *(f"mpps_{mhz}" for mhz in CLOCKS),
                     "mhz_needed"))
    for s in data["timing"]["sizes"]:
        writer.writerow((s["bytes"], f"{s['clocks']:g}", f"{line_rate(s['bytes']) / 1e6:.3f}",
                         *(f"{rate(s, mhz) / 1e6:.3f}" for mhz in CLOCKS), f"{needs(s):.1f}"))
    return out.getvalue()


PAGE = """\
<!-- Made by hw/synth/report.py; `make synth` renews it. -->
# Performance of the RTL: clocks, area, depth, placed clock

All figures are of {width}-bit data, one clock, and were measured by the parts of `make synth`; what was not
run since the RTL changed says "not measured". Nothing here ran on a card: area and depth for UltraScale+ come
from synthesis alone, clocks from place and route for an ECP5, frames a second from clocks counted in
simulation and a clock frequency that is assumed.

The stateless half (parse, tcpopt, mptcp, csum and the FIFOs between them: `stateless`) comes first, then
the whole pipeline, which holds it.

## Targets of the stateless half

{targets}
## Targets of the whole pipeline

{whole_targets}
LUTs and levels are those of the flow that maps with abc (below).

## UltraScale+: area and depth of the stateless half

{xcup_tool}, `synth_xilinx -family xcup -flatten -noiopad -noclkbuf`, each block on its own, in two flows:
`-nowidelut`, which maps with abc, and, as a second opinion, `-abc9`.

{area}
LUT counts LUT1 to LUT6 one each, inverters, and the LUT sites that distributed RAM and shift registers
take (8 for a RAM32M16 or RAM64M8). Vivado would pack two small LUTs into one site; that is not counted.

{depth}
Levels are counted by hw/synth/netlist.py in the finished netlist: a LUT, the read of a distributed RAM and
a whole carry chain are one each (a MUXF7 or MUXF8, which only abc9's netlists have, is none), and
flip-flops, block RAMs and ports are ends: between registers, from an input, to an output, and straight
through. Where stages meet, in-reg and reg-out add up; the row of the whole half holds what comes of it.
`lev` is what abc9 says of its own mapping.

Yosys' own xilinx_srl drops the clock enable of a shift register (issue 6058): both flows run it with that
put right (hw/synth/measure.py).

abc looks for the fewest levels. abc9 looks for the shortest time by the delays of 7 series, for Yosys 0.23
has none of UltraScale+: an input of a LUT costs 127 to 642 ps by its pin and a wire 300, so that it
prefers several small LUTs on fast pins to one on a slow pin. On UltraScale+ wires weigh more.

The longest paths of the first flow, by the register where they end:

{deepest}
By instances (not flattened, so that stages cannot share logic):

{parts}
## UltraScale+: area, depth and memory of the whole pipeline

The first flow alone, with all tables at their full size. Memories of {deep} words and more are not mapped by
Yosys: each stands as a box whose ports are ends of paths, and its RAMs are counted.

{whole_area}
The RAMs of flow, dss, act and deparse are most of what the pipeline has. Six levels in dss: its state is read,
changed and written in two clocks, and one of them holds a sum, a comparison around it and a choice; a third
clock would lower the rate of one flow's packets.

{whole_deepest}
The pipeline by instances:

{whole_parts}
The memories:

{whole_memories}
A memory of so many words of so many bits takes the fewest RAMB36 that any one shape (512 words of 72 bits to
32,768 of 1) or URAM288 (4,096 of 72) makes of it, a copy for each read port beside its one write port. It
is UltraRAM where that is the smaller share of a {part}, which has {bram36} RAMB36 and {uram} URAM288, unless the RTL
asks for block RAM. Depth is cascaded within a column of RAMs: no multiplexers are counted for it, and no clock
either.

{state}
## ECP5: placed and routed

{ecp5_tool}; `synth_ecp5 -abc9`, `nextpnr-ecp5 {device}`, no other constraint.
The block stands in a wrapper that shifts its inputs in and folds its registered outputs with a
pipelined XOR tree, so every path into and out of it is between registers and counts; the wrapper's LUTs
and flip-flops are in the figures.

{ecp5}{ecp5_sizes}
## Clocks of the whole pipeline

tests/pipeline/timing.c: the sink never waits, frames come back to back. "One beat" are frames of one beat, "all
sizes" steps through frames from 62 to 1518 bytes; an action stands there twice, first with frames of one beat, then
with all sizes. Frames of one flow that follow each other are taken every other
clock.

{whole_clocks}
How fast this is simulated depends on the machine: `make bench-pipeline`.

## Latency of the stateless half

Source and sink never wait; {frames} frames of each size from {first} to {last} bytes, back to back.

{latency}
A frame's beats leave with its records, so in the pipeline a last beat also waits for the header record
of its own frame: beats pass csum when parse has said where the payload is.

## Frames a second, stateless half

Frame sizes are without the frame check sequence, as in the beats; on the wire a frame takes {gap} bytes
more (check sequence, preamble, gap). A frame starts at byte 0 of a beat, as MAC cores deliver it.
The clocks a frame takes were measured ({frames} frames back to back of each size): {clocks}.

{rates}
Every size: [performance.csv](performance.csv). No size of frame needs more than {needed:.1f} MHz for 100
Gigabit Ethernet. 322 MHz is the clock of 100G MAC cores; that a card reaches it is not shown here.

## Netlist and RTL

{netlist}
"""


def netlist_text(rtl, netlist, faults):
    if not rtl or not netlist:
        return "Not compared."
    failed = rtl.get("failed") or netlist.get("failed")
    if failed or rtl != netlist:
        return ("**The netlist does not do what the RTL does**, so that LUTs and levels above are of a netlist that "
                f"is not shown to be right: {failed or 'the digests of records and clocks differ'}.")
    text = (f"The UltraScale+ netlist of the stateless half (abc) was simulated behind the same engine as "
            f"the RTL, with pauses on both sides: {rtl['frames']:,} random hostile frames in "
            f"{rtl['clocks']:,} clocks; every record was the C model's, and the digest of all "
            f"records with their clocks was the RTL's. ")
    if faults and "failed" in faults:
        text += f"**It does not notice faults**: {faults['failed']}. "
    elif faults:
        text += (f"The same comparison, of {faults['clocks']:,} clocks, with one fault in the netlist: it saw "
                 f"{faults['lut']['found']} of {faults['lut']['tried']} in which one random bit of one LUT was "
                 f"changed, and {faults['ff']['found']} of {faults['ff']['tried']} in which two flip-flops had "
                 "their inputs swapped. ")
    return text + (
        "The netlist of the whole pipeline was not simulated.\n\n"
        "The cells are simulated by hw/synth/cells.cc, from the file in which they were counted. Verilator 5.006 "
        "makes a wrong tlast of this netlist in Yosys' Verilog and with its models of the cells (clock 428, frame "
        "119), though not of abc9's netlist; why is not known.")


def page(data):
    sizes = data["timing"]["sizes"]
    exact = all(s["clocks"] == -(-s["bytes"] // BEAT) for s in sizes)
    return PAGE.format(
        width=8 * BEAT, targets=targets(data), whole_targets=whole_targets(data),
        whole_area=whole_area(data), whole_deepest=deepest(data["whole"]),
        whole_parts=parts(data, "pipeline"), whole_memories=whole_memories(data),
        state=state_text(data), whole_clocks=whole_clocks(data), deep=measure.DEEP,
        part=PART["name"], bram36=PART["bram36"], uram=PART["uram"], xcup_tool=tools(data["xcup"], "Yosys"),
        area=area(data), depth=depth(data),
        deepest=deepest({block: x for block, x in data["xcup"].items() if block != "window"}),
        parts=parts(data, "stateless"), ecp5_sizes=ecp5_sizes(data),
        ecp5_tool=" and ".join(tools(data["ecp5"], ["Yosys", "nextpnr"])),
        device=" ".join(measure.DEVICE), ecp5=ecp5(data), latency=latency(data),
        frames=data["timing"]["frames"], first=sizes[0]["bytes"], last=sizes[-1]["bytes"],
        gap=GAP, clocks="as many as it has beats, at every size" if exact else
        "more than it has beats at some sizes", rates=rates(data),
        needed=max(needs(s) for s in sizes), netlist=netlist_text(*data["netlist"]))


def renew(path, text):
    """Write a file and tell whether it was current."""
    try:
        with open(path, encoding="utf-8") as file:
            old = file.read()
    except FileNotFoundError:
        old = ""
    if old == text:
        print(f"{path} is current")
        return
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    print(f"{path} was not current and is new now: commit it")


def main():
    if len(sys.argv) < 5:
        raise SystemExit(__doc__.strip())
    data = gather(sys.argv[1], sys.argv[4:])
    if not data["timing"]:
        raise SystemExit(f"report.py: {sys.argv[1]}/timing.json is missing")
    renew(sys.argv[2], page(data))
    renew(sys.argv[3], full_table(data))


if __name__ == "__main__":
    main()
