#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# coverage.sh LOCKSTEP DIR: run lock-step in a coverage build and report, for each file of the RTL,
# how many lines and how many bits' toggles were reached, and which lines were not. Fails below 95 %
# of the lines.
set -euo pipefail
program=$1
dir=$2

rm -rf "$dir"
mkdir -p "$dir/raw"
export RTL_COVERAGE_DIR="$dir/raw"
"$program" --enum --every 16 --count 200000 --reach >"$dir/lockstep.log" || {
    tail -n 30 "$dir/lockstep.log"
    exit 1
}
tail -n 1 "$dir/lockstep.log"
verilator_coverage --write "$dir/merged.dat" "$dir"/raw/*.dat >/dev/null
rm -rf "$dir/raw"
awk -v limit=95 -v dir="$dir" -f tests/lockstep/coverage.awk "$dir/merged.dat"
