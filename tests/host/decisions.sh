#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# decisions.sh PROGRAM check|write: compare the tables of the pages with what the code decides, or
# renew them. A table stands between "<!-- NAME: ... -->" and "<!-- end -->".
set -euo pipefail
program=$1
made=$(mktemp)
trap 'rm -f "$made"' EXIT

renew() {
    local line name skip=
    while IFS= read -r line; do
        if [[ $line =~ ^'<!-- '([a-z_]+)': ' ]]; then
            name=${BASH_REMATCH[1]}
            printf '%s\n\n' "$line"
            "$program" "$name"
            echo
            tables=$((tables + 1))
            skip=1
        elif [ "$line" = '<!-- end -->' ]; then
            skip=
            printf '%s\n' "$line"
        elif [ -z "$skip" ]; then
            printf '%s\n' "$line"
        fi
    done
}

tables=0
for page in docs/decisions.md docs/policy.md; do
    renew <"$page" >"$made"
    if [ "$2" = write ]; then
        cp "$made" "$page"
    elif ! diff -u "$page" "$made"; then
        echo "decisions.sh: $page is not what the code does; after a look: make decisions" >&2
        exit 1
    fi
done
[ "$tables" -eq 5 ] || { echo "decisions.sh: $tables tables found, not 5" >&2; exit 1; }
