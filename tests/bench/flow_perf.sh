#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# flow_perf.sh PLUGIN MPNIC-SIM FIRMWARE [ROUNDS]: rules a second that dpdk-test-flow-perf makes and
# takes away, of one core; medians of ROUNDS (5) runs. Rules are "eth / ipv4 src is N" with a queue.
#
#   net_mpnic, the C model in the process    0.90 and 0.95 of the flow table's 65,536 entries
#   net_mpnic, the model over vfio-user      the same with firmware on the other core, fewer rules
#   net_tap                                  rules of the kernel, as a measure; needs /dev/net/tun
set -euo pipefail
[ $# -ge 3 ] || { sed -n '3,4s/^# //p' "$0" >&2; exit 2; }
plugin=$1 sim=$2 firmware=$3 rounds=${4:-5}
pmds=$(pkg-config --variable=libdir libdpdk)/dpdk/pmds-23.0
work=$(mktemp -d /run/flow-perf-XXXXXX)
server=
trap 'if [ -n "$server" ]; then kill "$server"; fi; rm -rf "$work"' EXIT
cp "$plugin" "$work/librte_net_mpnic.so"

# NAME RULES EAL-ARGUMENTS...
measure() {
    local name=$1 rules=$2 round insertion deletion
    shift 2
    : >"$work/rates"
    for ((round = 0; round < rounds; round++)); do
        if ! LD_LIBRARY_PATH=$work dpdk-test-flow-perf -l 0,1 --no-huge -m 256 --no-pci --log-level=error \
            --file-prefix="flow-perf$$" "$@" -- --ingress --ether --ipv4 --queue --deletion-rate \
            --rules-count="$rules" --rules-batch=$((rules / 10)) >"$work/log" 2>&1; then
            echo "$name: failed"
            tail -n 5 "$work/log" >&2
            return 1
        fi
        insertion=$(sed -n 's/.*Throughput | Insertion.*rate -> \([0-9.]*\).*/\1/p' "$work/log")
        deletion=$(sed -n 's/.*Throughput | Deletion.*rate -> \([0-9.]*\).*/\1/p' "$work/log")
        echo "$insertion $deletion" >>"$work/rates"
    done
    printf '%-44s %6d rules: %9.1f thousand a second in, %9.1f out\n' "$name" "$rules" \
        "$(cut -d' ' -f1 "$work/rates" | sort -g | sed -n "$(((rounds + 1) / 2))p")" \
        "$(cut -d' ' -f2 "$work/rates" | sort -g | sed -n "$(((rounds + 1) / 2))p")"
}

model=(-d "$work/librte_net_mpnic.so" --vdev "net_mpnic0,engine=model,ports=1,firmware=$firmware")
measure "net_mpnic, model in the process" 10000 "${model[@]}"
measure "net_mpnic, model in the process, to 90 %" 58980 "${model[@]}"
measure "net_mpnic, model in the process, to 95 %" 62260 "${model[@]}"

"$sim" serve --socket "$work/socket" --quiet >"$work/server.log" 2>&1 &
server=$!
for ((i = 0; i < 100; i++)); do
    [ ! -S "$work/socket" ] || break
    sleep 0.1
done
measure "net_mpnic, model over vfio-user" 10000 -d "$work/librte_net_mpnic.so" \
    --vdev "net_mpnic0,socket=$work/socket,ports=1,firmware=$firmware" || cat "$work/server.log" >&2
measure "net_tap" 500 -d "$pmds/librte_net_tap.so" --vdev net_tap0,iface=flowperf0 ||
    echo "net_tap: it needs /dev/net/tun and tc-flower"
