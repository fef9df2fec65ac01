#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""
faults.py NETLIST_TEST IN.cells DIR: does netlist_test find a fault in a netlist? JSON on stdout.

Of each kind of fault (cells.py) some are tried, each in a netlist of its own: found is what makes the
test fail, or its digest differ, or the test take twenty times as long: then nothing comes any more. Not
every fault can be seen: many bits of LUTs stand for inputs that never come, and flip-flops may hold the same.
"""

import json
import os
import subprocess
import sys
import time

import cells

TRIES = 16  # of each kind
# So many have to be found: of LUTs' bits fewer, for each stands for one of up to 64 inputs.
LEAST = {"lut": 4, "ff": 10}
CLOCKS = 10000


def run(test, netlist, patience=None):
    """What the test says of a netlist, None if it failed."""
    try:
        done = subprocess.run([test, str(CLOCKS), "1"], capture_output=True, text=True, check=False,
                              timeout=patience, env={**os.environ, "MPNIC_CELLS": netlist})
    except subprocess.TimeoutExpired:
        return None
    return done.stdout if done.returncode == 0 else None


def main():
    if len(sys.argv) != 4:
        raise SystemExit(__doc__.strip())
    test, netlist, folder = sys.argv[1:]
    broken, result, start = f"{folder}/broken.cells", {"clocks": CLOCKS}, time.monotonic()
    right = run(test, netlist)
    patience = 20 * (time.monotonic() - start)
    if not right:
        raise SystemExit("faults.py: the netlist fails without a fault")
    for kind, least in LEAST.items():
        found = 0
        for seed in range(TRIES):
            cells.spoil(netlist, kind, seed, broken)
            found += run(test, broken, patience) != right
        result[kind] = {"tried": TRIES, "found": found}
        if found < least:
            raise SystemExit(f"faults.py: of {TRIES} faults of kind {kind} only {found} were found")
    os.remove(broken)
    print(json.dumps(result))


if __name__ == "__main__":
    main()
