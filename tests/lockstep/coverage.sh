#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# coverage.sh LOCKSTEP DIR: run lock-step in a coverage build and report, for each module of the RTL,
# how many lines and how many bits' toggles were reached. Lines that were not are listed. Fails below
# 95 % of the lines.
set -euo pipefail
limit=95
program=$1
dir=$2

rm -rf "$dir"
mkdir -p "$dir/raw"
export RTL_COVERAGE_DIR="$dir/raw"
"$program" --enum --every 8 --chunk-frames 8192 --count 100000 >"$dir/lockstep.log"
tail -n 1 "$dir/lockstep.log"
verilator_coverage --write "$dir/merged.dat" "$dir"/raw/*.dat >/dev/null
rm -rf "$dir/raw"

# A point is C '^Akey^Bvalue^Akey^Bvalue...' count; keys: f file, l line, t type, o what.
awk -v limit=$limit '
    BEGIN { FS = "\001" }
    !/^C / { next }
    {
        split("", p)
        for (i = 2; i <= NF; i++) {
            split($i, kv, "\002")
            p[kv[1]] = kv[2]
        }
        n = split($NF, tail, "\047")
        count = tail[n] + 0
        sub(/\047.*/, "", p["h"])
        sub(/.*\//, "", p["f"])
        file = p["f"]
        if (file !~ /\.sv$/)
            next
        kind = p["page"] ~ /^v_toggle/ ? "toggle" : "line"
        files[file]
        # A line of a module counts once, however often the module stands in the design.
        key = file ":" p["l"] (kind == "toggle" ? ":" p["o"] : "")
        if (!((kind, key) in best)) {
            best[kind, key] = 0
            where[kind, key] = file
            text[kind, key] = sprintf("%s:%s %s", file, p["l"], p["o"])
        }
        if (count > best[kind, key])
            best[kind, key] = count
    }
    END {
        for (pair in best) {
            split(pair, part, SUBSEP)
            total[part[1], where[pair]]++
            all[part[1]]++
            if (best[pair]) {
                hit[part[1], where[pair]]++
                got[part[1]]++
            } else if (part[1] == "line")
                print "not reached: " text[pair] | "sort -V"
            else
                print text[pair] > dir "/toggles"
        }
        close("sort -V")
        for (file in files)
            printf "%-22s lines %4d of %4d, toggles %6d of %6d\n", file, hit["line", file],
                total["line", file], hit["toggle", file], total["toggle", file] | "sort"
        close("sort")
        if (!all["line"] || !all["toggle"]) {
            print "no coverage data"
            exit 1
        }
        lines = 100 * got["line"] / all["line"]
        printf "all: lines %.1f %% (limit %d %%), toggles %.1f %%\n", lines, limit,
            100 * got["toggle"] / all["toggle"]
        exit lines < limit
    }
' dir="$dir" "$dir/merged.dat"
