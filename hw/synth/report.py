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
HDR_MAX, CSUM_MAX = 16, 8  # clocks


def load(folder, name):
    path = f"{folder}/{name}.json"
    return measure.load(path) if os.path.exists(path) else None


def current(folder, kind, block, sources):
    """A result of measure.py if it was made of these sources, else None."""
    block = f"mpnic_{block}"
    found = load(folder, f"{kind}-{block}")
    digest = measure.digest(kind, measure.needed(block, sources))
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
        "ecp5": results("ecp5", (*STAGES, "stateless")),
        **results("parts", ("stateless",)),
        "timing": load(folder, "timing"),
        "netlist": load(folder, "netlist"),
        "latency": {**constants("hw/rtl/mpnic_rtl_pkg.sv"),
                    **{f"CSUM_{k}": v for k, v in constants("hw/rtl/mpnic_csum.sv").items()}},
    }


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


def parts(data):
    if not data["stateless"]:
        return f"{MISSING}.\n"
    rows = [(name, p["module"], p["lut"], p["lut_ram"] + p["lut_shift"], p["ff"],
             f"{p['bram36']:g}") for name, p in data["stateless"]["parts"].items()]
    return table(("instance", "module", "LUT", "of these RAM and shift", "FF", "BRAM36"), rows)


def deepest(data):
    rows = []
    for block in (*STAGES, "stateless"):
        x = data["xcup"][block]
        for path in x["abc"]["depth"]["deepest"][:3] if x else ():
            rows.append((block, path["levels"], path["class"], f"`{path['from']}`",
                         f"`{path['to']}`", path["bits"]))
    return table(("block", "levels", "class", "from", "to", "bits"), rows)


def ecp5(data):
    rows = []
    for block in (*STAGES, "stateless"):
        e = data["ecp5"][block]
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


def latency(data):
    sizes = data["timing"]["sizes"]
    own = data["latency"]
    long = [s for s in sizes if s["bytes"] > 12 * BEAT]
    rows = [
        ("parse, tcpopt, mptcp: valid_i to valid_o (mpnic_rtl_pkg)",
         f"{own['PARSE_LATENCY']} + {own['TCPOPT_LATENCY']} + {own['MPTCP_LATENCY']}"),
        ("csum: a frame's last beat to its record (mpnic_csum)", own["CSUM_LATENCY"]),
        ("pipeline: last beat of the parse window taken to the header record offered",
         spread(s["hdr"] for s in sizes)),
        ("pipeline: last beat taken to the checksum record offered with it, all sizes",
         spread(s["csum"] for s in sizes)),
        (f"pipeline: the same, frames above {12 * BEAT} bytes", spread(s["csum"] for s in long)),
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

All figures are of {width}-bit data, one clock, and were measured by `make synth`. Nothing here ran on a
card: area and depth for UltraScale+ come from synthesis alone, clocks from place and route for an
ECP5, frames a second from clocks counted in simulation and a clock frequency that is assumed.

## Targets

{targets}
LUTs and levels are those of the first flow below.

## UltraScale+: area and depth

{xcup_tool}, `synth_xilinx -family xcup -flatten -noiopad -noclkbuf`, each block on its own, in two flows:
`-nowidelut`, which maps with abc, and, as a second opinion, `-abc9`.

{area}
LUT counts LUT1 to LUT6 one each, inverters, and the LUT sites that distributed RAM and shift registers
take (8 for a RAM32M16 or RAM64M8). Vivado would pack two small LUTs into one site; that is not counted.

{depth}
Levels are counted by hw/synth/netlist.py in the finished netlist: a LUT, the read of a distributed RAM and
a whole carry chain are one each (a MUXF7 or MUXF8, which only abc9's netlists have, is none), and
flip-flops, block RAMs and ports are ends: between registers, from an input, to an output, and straight
through. Where stages meet, in-reg and reg-out add up; the pipeline's row holds what comes of it.
`lev` is what abc9 says of its own mapping.

abc looks for the fewest levels. abc9 looks for the shortest time by the delays of 7 series, for Yosys 0.23
has none of UltraScale+: an input of a LUT costs 127 to 642 ps by its pin and a wire 300, so that it
prefers several small LUTs on fast pins to one on a slow pin. On UltraScale+ wires weigh more.

The longest paths of the first flow, by the register where they end:

{deepest}
The pipeline by instances (not flattened, so that stages cannot share logic):

{parts}
## ECP5: placed and routed

{ecp5_tool}; `synth_ecp5 -abc9`, `nextpnr-ecp5 {device}`, no other constraint.
The block stands in a wrapper that shifts its inputs in and folds its registered outputs with a
pipelined XOR tree, so every path into and out of it is between registers and counts; the wrapper's LUTs
and flip-flops are in the figures.

{ecp5}
## Latency

Source and sink never wait; {frames} frames of each size from {first} to {last} bytes, back to back.

{latency}
A frame's beats leave with its records, so in the pipeline a last beat also waits for the header record
of its own frame: beats pass csum when parse has said where the payload is.

## Frames a second

Frame sizes are without the frame check sequence, as in the beats; on the wire a frame takes {gap} bytes
more (check sequence, preamble, gap). A frame starts at byte 0 of a beat, as MAC cores deliver it.
The clocks a frame takes were measured ({frames} frames back to back of each size): {clocks}.

{rates}
Every size: [performance.csv](performance.csv). No size of frame needs more than {needed:.1f} MHz for 100
Gigabit Ethernet. 322 MHz is the clock of 100G MAC cores; that a card reaches it is not shown here.

## Netlist and RTL

{netlist}
"""


def netlist_text(found):
    if not found:
        return "Not compared."
    return (f"The UltraScale+ netlist of the whole pipeline was simulated behind the same engine as "
            f"the RTL, with pauses on both sides: {found['frames']} random hostile frames in "
            f"{found['clocks']} clocks; every record was the C model's, and the digest of all "
            f"records with their clocks was the RTL's.")


def page(data):
    sizes = data["timing"]["sizes"]
    exact = all(s["clocks"] == -(-s["bytes"] // BEAT) for s in sizes)
    return PAGE.format(
        width=8 * BEAT, targets=targets(data), xcup_tool=tools(data["xcup"], "Yosys"),
        area=area(data), depth=depth(data),
        deepest=deepest(data), parts=parts(data),
        ecp5_tool=" and ".join(tools(data["ecp5"], ["Yosys", "nextpnr"])),
        device=" ".join(measure.DEVICE), ecp5=ecp5(data), latency=latency(data),
        frames=data["timing"]["frames"], first=sizes[0]["bytes"], last=sizes[-1]["bytes"],
        gap=GAP, clocks="as many as it has beats, at every size" if exact else
        "more than it has beats at some sizes", rates=rates(data),
        needed=max(needs(s) for s in sizes), netlist=netlist_text(data["netlist"]))


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
