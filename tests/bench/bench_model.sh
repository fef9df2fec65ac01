#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# bench_model.sh BENCH_MODEL [--json] [FILE...]: the C model's speed, beside tshark's on the same
# frames. Without files: the captures of the repository, and those of $MPNIC_PCAPS where present.
set -euo pipefail

bench=$1
shift
json=()
if [ "${1:-}" = --json ]; then
    json=(--json)
    shift
fi
files=("$@")
if [ ${#files[@]} -eq 0 ]; then
    shopt -s nullglob
    files=(tests/captures/*.pcap "${MPNIC_PCAPS:-../shared/pcaps}"/*.pcap)
fi
if [ ${#files[@]} -eq 0 ]; then
    echo "bench_model.sh: no captures: tests/captures is empty and MPNIC_PCAPS names no folder" >&2
    exit 77
fi

# A tshark run lasts seconds, so that its start does not count. Its time is the core's, as the
# model's is.
pps=()
if command -v tshark >/dev/null; then
    merged=$(mktemp --suffix=.pcap)
    trap 'rm -f "$merged"' EXIT
    packets=$("$bench" --merge "$merged" 100000 "${files[@]}")
    TIMEFORMAT='%U %S'
    spent=$({ time tshark -n -r "$merged" -T fields -e tcp.options.mptcp.subtype \
        >/dev/null 2>&1; } 2>&1)
    pps=(--tshark-pps "$(awk -v n="$packets" '{ printf "%.0f", n / ($1 + $2) }' <<<"$spent")")
else
    echo "bench_model.sh: no tshark here, so no comparison with it" >&2
fi
"$bench" "${json[@]}" "${pps[@]}" "${files[@]}"
