#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""device.py DIR BLOCK...: a table of what measure.py found of the device's parts in the first flow"""

import sys

import measure
import report


def main(folder, blocks):
    print(f"{'block':20} {'LUT':>7} {'FF':>7} {'RAMB36':>7} {'levels':>7}")
    for block in blocks:
        result = measure.load(f"{folder}/abc-{block}.json")
        found = result["abc"]
        print(f"{block:20} {found['lut']:7} {found['ff']:7} {found['bram36']:7g} "
              f"{report.levels(result, 'abc'):7}")


if __name__ == "__main__":
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2:])
