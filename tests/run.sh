#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# run.sh NAME COMMAND...: run one test and note how it ended in build/results/NAME.
#   Exit code 0 passes, 77 is a skip (the command says what is missing), the rest fails. Where CI is
#   set nothing may be skipped, so there a skip fails.
# run.sh --summary: list what was noted, fail if anything failed or nothing ran.
set -uo pipefail
results=build/results

summary() {
    local passed=0 failed=0 skipped=0 name how seconds
    echo
    for file in "$results"/*; do
        [ -f "$file" ] || continue
        read -r how seconds <"$file"
        name=${file##*/}
        printf '%-8s %-24s %5d s\n' "$how" "$name" "$seconds"
        case "$how" in
        passed) passed=$((passed + 1)) ;;
        skipped) skipped=$((skipped + 1)) ;;
        *) failed=$((failed + 1)) ;;
        esac
    done
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
}

if [ "${1:-}" = --summary ]; then
    summary
    exit
fi

name=$1
shift
mkdir -p "$results"
echo "failed 0" >"$results/$name"
start=$SECONDS
"$@"
code=$?
how=failed
[ $code -eq 0 ] && how=passed
[ $code -eq 77 ] && [ -z "${CI:-}" ] && how=skipped
echo "$how $((SECONDS - start))" >"$results/$name"
echo "$name: $how after $((SECONDS - start)) s"
[ "$how" != failed ]
