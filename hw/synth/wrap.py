#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
wrap.py PORTS.json BLOCK NAME=VALUE...: a wrapper for place and route, on stdout.

A wide block has more ports than a package has pins. Its inputs come from one long shift register
and its outputs go, registered, into a pipelined tree of XORs: four pins in all, every path into and
out of the block starts or ends at a register, and nothing of the block can be optimised away.
"""

import json
import sys

TREE = 4  # inputs of one XOR, registered behind each


def wrapper(block, ports, sizes):
    ins = [(n, len(p["bits"])) for n, p in ports.items()
           if p["direction"] == "input" and n not in ("clk_i", "rst_ni")]
    outs = [(n, len(p["bits"])) for n, p in ports.items() if p["direction"] == "output"]
    n_in = sum(width for _, width in ins)
    n_out = sum(width for _, width in outs)
    chain = "{" + ", ".join(f"{name}_q" for name, _ in ins) + "}"
    text = [
        f"// {block} behind {n_in} shifted inputs and {n_out} outputs folded by XOR; made by wrap.py",
        "module wrap (",
        "  input  logic clk_i,",
        "  input  logic rst_ni,",
        "  input  logic serial_i,",
        "  output logic serial_o",
        ");",
        *(f"  logic [{width - 1}:0] {name}_q;" for name, width in ins),
        f"  always_ff @(posedge clk_i) {chain} <= {n_in}'({{{chain}, serial_i}});",
        f"  logic [{n_out - 1}:0] out, tree0_q;",
        "  always_ff @(posedge clk_i) tree0_q <= out;",
    ]
    level, width = 0, n_out
    while width > 1:
        narrow = -(-width // TREE)
        text.append(f"  logic [{narrow - 1}:0] tree{level + 1}_q;")
        text.append("  always_ff @(posedge clk_i) begin")
        for i in range(narrow):
            n = min(TREE, width - i * TREE)
            text.append(f"    tree{level + 1}_q[{i}] <= ^tree{level}_q[{i * TREE} +: {n}];")
        text.append("  end")
        level, width = level + 1, narrow
    text.append(f"  assign serial_o = tree{level}_q[0];")
    pins = ["    .clk_i(clk_i)"] + (["    .rst_ni(rst_ni)"] if "rst_ni" in ports else [])
    pins += [f"    .{name}({name}_q)" for name, _ in ins]
    at = 0
    for name, width in outs:
        pins.append(f"    .{name}(out[{at} +: {width}])")
        at += width
    settings = ", ".join(f".{size.replace('=', '(')})" for size in sizes)
    text += [f"  {block} #({settings}) u_dut (" if sizes else f"  {block} u_dut (", ",\n".join(pins), "  );", "endmodule"]
    return "\n".join(text) + "\n"


def main():
    path, block, *sizes = sys.argv[1:]
    with open(path, encoding="utf-8") as file:
        print(wrapper(block, json.load(file)["modules"][block]["ports"], sizes), end="")


if __name__ == "__main__":
    main()
