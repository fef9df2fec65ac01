#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
cells.py netlist NETLIST.json BLOCK OUT.cells VBLOCK.h   what cells.h simulates, and its C++ class
cells.py break IN.cells KIND SEED OUT.cells              the same with a fault: "lut", a bit of a LUT
                                                         changed; "ff", inputs of two flip-flops swapped

The netlist is one flat module of UltraScale+ cells, as synth_xilinx of Yosys leaves it, and this is what
UG974 says of each. Of a line in OUT.cells the first word is the kind, nets are numbers, of which 0 and
1 are the constants; hw/synth/cells.h has the lines. They stand in the order in which they can be evaluated.
"""

import json
import random
import re
import sys

# Pins are in the order in which they choose a bit of the contents, lowest first.
LUT = re.compile(r"LUT([1-6])$")
FLOP = {"FDRE": ("R", "s0"), "FDSE": ("S", "s1"), "FDCE": ("CLR", "a0"), "FDPE": ("PRE", "a1")}
RAM = {"RAM32M16": (5, "ABCDEFGH"), "RAM64M8": (6, "ABCDEFGH"), "RAM32M": (5, "ABCD"),
       "RAM64M": (6, "ABCD")}
DUAL = {"RAM32X1D": 5, "RAM64X1D": 6}
CLOCK = ("C", "CLK", "WCLK")
TYPES = ((8, "CData"), (16, "SData"), (32, "IData"), (64, "QData"))


def fail(text):
    raise SystemExit(f"cells.py: {text}")


class Netlist:
    """Lines by kind; a line is (words, nets that it sets, nets that it needs at once)."""

    def __init__(self, module):
        self.module = module
        self.lines = []
        self.unknown = 0  # inputs that are left open get either value, in turns
        clocks = {bit for cell in module["cells"].values() for pin in CLOCK
                  for bit in cell["connections"].get(pin, [])}
        if clocks != set(module["ports"]["clk_i"]["bits"]):
            fail("not all is clocked by clk_i")
        for name, cell in module["cells"].items():
            self.cell(name, cell)

    def net(self, bit):
        if bit == "x":
            self.unknown ^= 1
            return self.unknown
        return bit if isinstance(bit, int) else int(bit)

    def add(self, words, sets, needs=()):
        self.lines.append((words, sets, needs))

    def cell(self, name, cell):
        kind, parameters = cell["type"], cell["parameters"]
        if any("1" in value for key, value in parameters.items() if key.startswith("IS_")):
            fail(f"{name}: an inverted pin")
        pins = {}
        for pin, bits in cell["connections"].items():
            output = cell["port_directions"][pin] == "output"
            pins[pin] = list(bits) if output else [self.net(bit) for bit in bits]
        if kind == "INV":
            self.lut(pins["O"][0], 1, pins["I"])
        elif match := LUT.match(kind):
            n = int(match[1])
            self.lut(pins["O"][0], int(parameters["INIT"], 2), [pins[f"I{i}"][0] for i in range(n)])
        elif kind.startswith("MUXF"):
            self.lut(pins["O"][0], 0xca, [pins["I0"][0], pins["I1"][0], pins["S"][0]])
        elif kind == "CARRY4":
            self.carry(pins)
        elif kind in FLOP:
            reset, how = FLOP[kind]
            words = ["ff", pins["Q"][0], pins["D"][0], pins["CE"][0], pins[reset][0], how,
                     parameters["INIT"]]
            self.add(words, [pins["Q"][0]])
        elif kind in RAM:
            self.ram(pins, *RAM[kind])
        elif kind in DUAL:
            self.dual(pins, DUAL[kind])
        elif kind == "SRL16E":
            self.shift(pins["Q"], pins, [pins[f"A{i}"][0] for i in range(4)])
        elif kind == "SRLC32E":
            self.shift(pins.get("Q"), pins, pins["A"])
            self.shift(pins.get("Q31"), pins, [1] * 5)
        else:
            fail(f"{name}: a {kind} is not known here")

    def lut(self, out, init, ins):
        self.add(["lut", out, f"{init:x}", *ins], [out], ins)

    def carry(self, pins):
        """LUTs of its own for each output: O = S ^ carry, CO = S ? carry : DI."""
        ci, cyinit = pins["CI"][0], pins["CYINIT"][0]
        if ci and cyinit:
            fail("a CARRY4 with both CI and CYINIT")
        carry = ci or cyinit
        for i in range(4):
            s, di = pins["S"][i], pins["DI"][i]
            if i < len(pins.get("O", [])):
                self.lut(pins["O"][i], 0x6, [s, carry])
            if i < len(pins.get("CO", [])):
                self.lut(pins["CO"][i], 0xe4, [s, di, carry])
                carry = pins["CO"][i]

    def ram(self, pins, depth, columns):
        """Each output is a column of its own, read at its own address and written at the last one's."""
        write = pins[f"ADDR{columns[-1]}"]
        for column in columns:
            for out, data in zip(pins.get(f"DO{column}", []), pins.get(f"DI{column}", [])):
                read = pins[f"ADDR{column}"]
                self.add(["ram", out, depth, data, pins["WE"][0], *read, *write], [out], read)

    def dual(self, pins, depth):
        write = [pins[f"A{i}"][0] for i in range(depth)]
        for out, read in (("SPO", write), ("DPO", [pins[f"DPRA{i}"][0] for i in range(depth)])):
            for bit in pins.get(out, []):
                self.add(["ram", bit, depth, pins["D"][0], pins["WE"][0], *read, *write], [bit], read)

    def shift(self, out, pins, address):
        for bit in out or ():
            self.add(["srl", bit, pins["D"][0], pins["CE"][0], *address], [bit], address)

    def ordered(self):
        """Lines in an order in which each stands behind all that it needs at once."""
        maker = {}
        for at, (_, sets, _) in enumerate(self.lines):
            for bit in sets:
                if bit in maker:
                    fail(f"net {bit} is driven twice")
                maker[bit] = at
        given = {bit for port in self.module["ports"].values() if port["direction"] == "input"
                 for bit in port["bits"]}
        for _, sets, _ in self.lines:
            if given & set(sets):
                fail("an input is driven")
        state, order = {}, []
        for root in range(len(self.lines)):
            stack = [root]
            while stack:
                at = stack[-1]
                if state.get(at) == 2:
                    stack.pop()
                    continue
                if state.get(at) == 1:
                    state[at] = 2
                    order.append(at)
                    stack.pop()
                    continue
                state[at] = 1
                for bit in self.lines[at][2]:
                    if bit in maker and state.get(maker[bit]) != 2:
                        if state.get(maker[bit]) == 1:
                            fail(f"net {bit} is in a loop without a register")
                        stack.append(maker[bit])
        for words, _, _ in self.lines:
            for bit in used(words):
                if bit > 1 and bit not in maker and bit not in given:
                    fail(f"net {bit} is used, and driven by nothing")
        return [self.lines[at][0] for at in order]


def used(words):
    """Nets that a line reads."""
    first = {"lut": 3, "ram": 3, "srl": 2, "ff": 2}[words[0]]
    nets = words[first:5] if words[0] == "ff" else words[first:]
    return [int(net) for net in nets]


HEADER = """\
// {block} as cells, with the face of a Verilated design; made by hw/synth/cells.py.
#ifndef V{block}_H
#define V{block}_H

#include "cells.h"

class V{block} final : public Cells
{{
      public:
	{fields}

	explicit V{block}(VerilatedContext *context) : Cells(context)
	{{
		{ports}
	}}

	const char *modelName() const
	{{
		return "V{block}";
	}}
}};

#endif
"""


def header(block, ports):
    fields, calls = [], []
    for name, port in ports.items():
        width = len(port["bits"])
        kind = next((kind for most, kind in TYPES if width <= most), f"VlWide<{-(-width // 32)}>")
        fields.append(f"{kind} {name} = {{}};")
        calls.append(f"port(\"{name}\", &{name}, {width}, {str(port['direction'] == 'input').lower()});")
    return HEADER.format(block=block, fields="\n\t".join(fields), ports="\n\t\t".join(calls))


def write(path, text):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def netlist(source, block, cells, top):
    with open(source, encoding="utf-8") as file:
        module = json.load(file)["modules"][block]
    found = Netlist(module)
    lines = found.ordered()
    for name, port in module["ports"].items():
        lines.append(["port", name, *(found.net(bit) for bit in port["bits"])])
    nets = 1 + max(bit for port in [*module["netnames"].values()] for bit in port["bits"] if isinstance(bit, int))
    write(cells, "".join(f"{' '.join(map(str, words))}\n" for words in [["nets", nets], *lines]))
    write(top, header(block, module["ports"]))


def spoil(source, kind, seed, out):
    """One fault, of which the simulation knows nothing."""
    dice = random.Random(int(seed))
    with open(source, encoding="utf-8") as file:
        lines = [line.split() for line in file]
    of_kind = [words for words in lines if words[0] == kind]
    if kind == "lut":
        words = dice.choice(of_kind)
        words[2] = f"{int(words[2], 16) ^ 1 << dice.randrange(1 << len(words) - 3):x}"
    elif kind == "ff":
        one, two = dice.sample(of_kind, 2)
        one[2], two[2] = two[2], one[2]
    else:
        fail(f"{kind} is no kind of fault")
    write(out, "".join(f"{' '.join(words)}\n" for words in lines))


def main():
    do = {"netlist": (netlist, 4), "break": (spoil, 4)}
    if len(sys.argv) < 2 or sys.argv[1] not in do or len(sys.argv) != 2 + do[sys.argv[1]][1]:
        raise SystemExit(__doc__.strip())
    do[sys.argv[1]][0](*sys.argv[2:])


if __name__ == "__main__":
    main()
