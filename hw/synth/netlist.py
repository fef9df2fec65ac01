# SPDX-License-Identifier: BSD-3-Clause
"""Area and depth of a netlist that synth_xilinx made (Yosys' JSON, one flat module)."""

from collections import Counter
import re

# LUT sites that a cell occupies besides the LUTs proper.
LUTRAM = {"RAM32X1S": 1, "RAM32X1D": 2, "RAM64X1S": 1, "RAM64X1D": 2, "RAM128X1S": 2,
          "RAM128X1D": 4, "RAM256X1S": 4, "RAM256X1D": 8, "RAM512X1S": 8, "RAM32M": 4,
          "RAM64M": 4, "RAM32M16": 8, "RAM64M8": 8, "RAM64X8SW": 8}
SHIFT = {"SRL16E": 1, "SRLC32E": 1}
LUT = re.compile(r"LUT[1-6]$|INV$")
FLOP = re.compile(r"FD[RSCP]E(_1)?$")
MUXF = re.compile(r"MUXF[789]$")
CLOCKS = {"C", "CLK", "WCLK", "CLKARDCLK", "CLKBWRCLK", "RD_CLK", "WR_CLK"}
BOX = "mpnic_box"  # a deep memory (box.v)
RAMB36 = ((512, 72), (1024, 36), (2048, 18), (4096, 9), (8192, 4), (16384, 2), (32768, 1))
URAM = (4096, 72)
DEEPEST = 20  # ends of paths that are listed
ASYNC = {"CLR", "PRE"}  # asynchronous reset: released once, no path of a clock


def area(module):
    """Sites and primitives by kind."""
    types = Counter(cell["type"] for cell in module["cells"].values())
    deep = boxes(module)
    luts = sum(n for kind, n in types.items() if LUT.match(kind))
    lutram = sum(n * LUTRAM[kind] for kind, n in types.items() if kind in LUTRAM)
    shift = sum(n * SHIFT[kind] for kind, n in types.items() if kind in SHIFT)
    return {
        "lut": luts + lutram + shift,
        "lut_logic": luts,
        "lut_ram": lutram,
        "lut_shift": shift,
        "ff": sum(n for kind, n in types.items() if FLOP.match(kind)),
        "bram36": sum(n for kind, n in types.items() if kind.startswith("RAMB36")) +
        sum(n for kind, n in types.items() if kind.startswith("RAMB18")) / 2 +
        sum(box["bram36"] for box in deep),
        "uram": sum(n for kind, n in types.items() if kind.startswith("URAM")) +
        sum(box["uram"] for box in deep),
        "dsp": sum(n for kind, n in types.items() if kind.startswith("DSP")),
        "carry4": types["CARRY4"],
        "muxf": sum(n for kind, n in types.items() if MUXF.match(kind)),
    }


def whole(number, unit):
    return -(-number // unit)


def ram_sites(box):
    """
    (RAMB36, URAM288) that hold a memory: one write port and one read port a copy, in the shape that
    takes the fewest. Depth is cascaded within the columns. UltraRAM where it takes a smaller share of
    a part that has 2160 RAMB36 and 960 URAM288.
    """
    depth, width = box["depth"], box["width"]
    block = min(whole(depth, d) * whole(width, w) for d, w in RAMB36)
    ultra = whole(depth, URAM[0]) * whole(width, URAM[1])
    return (0, ultra * box["copies"]) if ultra / 960 < block / 2160 and not box["block"] else \
        (block * box["copies"], 0)


def ram_ports(name, cell):
    """A deep memory's size, and how often it stands there: a copy for each read port."""
    value = {key: int(cell["parameters"][key], 2)
             for key in ("SIZE", "WIDTH", "RD_PORTS", "WR_PORTS")}
    if "0" in cell["parameters"]["RD_CLK_ENABLE"]:
        raise SystemExit(f"netlist.py: {name} is read without a register, and too deep for that")
    if value["WR_PORTS"] > 1:
        raise SystemExit(f"netlist.py: {name} has more than one write port")
    return {"depth": value["SIZE"], "width": value["WIDTH"], "copies": value["RD_PORTS"],
            "block": cell["attributes"].get("ram_style") == "block",
            "bypass": "1" in cell["parameters"]["RD_TRANSPARENCY_MASK"]}


def boxes(module):
    """Deep memories with the RAMs that they take."""
    found = []
    for name, cell in sorted(module["cells"].items()):
        if cell["type"] == BOX:
            box = {"name": name, **ram_ports(name, cell)}
            box["bram36"], box["uram"] = ram_sites(box)
            found.append(box)
    return found


def memory_bits(modules):
    """Bits by memory below the top, copies aside; of a design before it is mapped. [] is any index."""
    found = Counter()

    def walk(name, prefix):
        for instance, cell in modules[name]["cells"].items():
            if cell["type"] == "$mem_v2":
                found[re.sub(r"\[\d+\]", "[]", prefix + instance)] += \
                    int(cell["parameters"]["SIZE"], 2) * int(cell["parameters"]["WIDTH"], 2)
            elif cell["type"] in modules:
                walk(cell["type"], f"{prefix}{instance}.")

    (top,) = (name for name, module in modules.items() if int(module["attributes"].get("top", "0"), 2))
    walk(top, "")
    return found


def arcs(cell):
    """(output bits, [(input bit, cost)]) of the combinational arcs through a cell; None: no arc."""
    kind, pins = cell["type"], cell["connections"]
    if LUT.match(kind):
        yield pins["O"][0], [(b[0], 1) for p, b in pins.items() if p != "O"]
    elif MUXF.match(kind):
        # Beside the LUTs of the same CLB: no level of its own.
        yield pins["O"][0], [(b[0], 0) for p, b in pins.items() if p != "O"]
    elif kind == "CARRY4":
        # A chain is one level, however long: it is entered once, at cost 1.
        enter = [(pins["CI"][0], 0)] if "CI" in pins else []
        enter += [(b, 1) for b in pins.get("CYINIT", [])]
        for i in range(4):
            if i < len(pins.get("O", [])):
                yield pins["O"][i], enter + [(pins["S"][i], 1)]
            enter = enter + [(pins["S"][i], 1), (pins["DI"][i], 1)]
            if i < len(pins.get("CO", [])):
                yield pins["CO"][i], list(enter)
    elif kind in SHIFT:
        if "Q" in pins:
            yield pins["Q"][0], [(b, 1) for p, bits in pins.items() if p.startswith("A")
                                 for b in bits]
    elif kind in LUTRAM:
        for port, bits in pins.items():
            if cell["port_directions"][port] != "output":
                continue
            read = "ADDR" + port[2:] if port.startswith("DO") else None
            if read not in pins:
                raise SystemExit(f"netlist.py: read port {port} of a {kind} is not known here")
            for bit in bits:
                yield bit, [(b, 1) for b in pins[read]]


def is_clocked(cell):
    kind = cell["type"]
    return bool(FLOP.match(kind)) or kind in SHIFT or kind in LUTRAM or \
        kind.startswith(("RAMB", "URAM", "DSP")) or kind == BOX


def names(module):
    """One readable name a bit; names of the source are preferred."""
    found = {}
    for name, net in module["netnames"].items():
        hidden = net.get("hide_name", 0)
        for i, bit in enumerate(net["bits"]):
            label = f"{name}[{i}]" if len(net["bits"]) > 1 else name
            rank = (hidden, len(label))
            if bit not in found or rank < found[bit][0]:
                found[bit] = (rank, label)
    return {bit: readable(label) for bit, (rank, label) in found.items()}


def readable(label):
    """A tool's own name holds, if anything of the source, a name behind a backslash."""
    if not label.startswith("$"):
        return label
    within = re.findall(r"\\([A-Za-z_][\w.]*(?:\[\d+\])*)", label)
    return f"(near {within[-1]})" if within else "(unnamed)"


def connect(module):
    """(what drives each bit combinationally, where paths start, where they end)."""
    drive = {}  # bit -> (cell name, [(bit, cost)])
    starts = {}  # bit -> "reg" or "in"
    ends = []  # (bit, "reg" or "out", cell or port name, pin)
    for name, cell in module["cells"].items():
        for out, ins in arcs(cell):
            drive[out] = (name, [(b, c) for b, c in ins if isinstance(b, int)])
        if not is_clocked(cell):
            continue
        for pin, bits in cell["connections"].items():
            bits = [b for b in bits if isinstance(b, int)]
            if cell["port_directions"][pin] == "output":
                starts.update((b, "reg") for b in bits)
            elif pin not in CLOCKS | ASYNC:
                ends += [(b, "reg", name, pin) for b in bits]
    for name, port in module["ports"].items():
        bits = [b for b in port["bits"] if isinstance(b, int)]
        if port["direction"] == "input":
            starts.update((b, "in") for b in bits)
        else:
            ends += [(b, "out", name, None) for b in bits]
    return drive, starts, ends


def settle(root, best, drive, starts):
    """best[bit] = {"reg": (levels, bit before it), "in": ...} for a bit and all before it."""
    stack = [root]
    while stack:
        bit = stack[-1]
        if bit in best:
            stack.pop()
            continue
        ins = drive.get(bit, (None, []))[1]
        waiting = [b for b, _ in ins if b not in best]
        if waiting:
            stack += waiting
            continue
        own = {starts[bit]: (0, None)} if bit in starts else {}
        for source, cost in ins:
            for kind, (level, _) in best[source].items():
                if kind not in own or level + cost > own[kind][0]:
                    own[kind] = (level + cost, source)
        best[bit] = own
        stack.pop()


def depth(module):
    """
    The longest path of each class (reg-reg, in-reg, reg-out, in-out), and per register or port the
    longest one that ends there. In levels: a LUT, the read of a LUTRAM and a whole carry chain are
    one each.
    """
    cells, label, best = module["cells"], names(module), {}
    drive, starts, ends = connect(module)

    def word(name):
        return re.sub(r"(\[\d+\])+(?=$|\)$| \()", "", name)

    def holder(name, pin):
        """What the source calls the register that ends a path."""
        if pin is None:
            return name
        out = next((b[0] for p, b in cells[name]["connections"].items()
                    if cells[name]["port_directions"][p] == "output" and b), None)
        return label.get(out, name) + ("" if pin == "D" else f" ({pin})")

    def trace(bit, start):
        path = []
        while bit is not None:
            via = f" <{cells[drive[bit][0]]['type']}>" if bit in drive else ""
            path.insert(0, label.get(bit, "?") + via)
            bit = best[bit][start][1]
        return path

    worst, words = {}, {}
    for bit, end, name, pin in ends:
        settle(bit, best, drive, starts)
        for start, (level, _) in best[bit].items():
            if level > worst.get(f"{start}-{end}", (-1,))[0]:
                worst[f"{start}-{end}"] = (level, bit, start, holder(name, pin))
            if level > 0:
                key = (level, f"{start}-{end}", word(holder(name, pin)))
                words.setdefault(key, [bit, start, 0])[2] += 1
    deepest = sorted(words.items(), key=lambda item: (-item[0][0], item[0][1:]))[:DEEPEST]
    return {
        "classes": {kind: {"levels": level, "path": trace(bit, start) + [to]}
                    for kind, (level, bit, start, to) in sorted(worst.items())},
        "deepest": [{"levels": level, "class": kind, "to": to, "bits": bits,
                     "from": word(trace(bit, start)[0])}
                    for (level, kind, to), (bit, start, bits) in deepest],
    }
