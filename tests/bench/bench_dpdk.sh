#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# bench_dpdk.sh PROGRAM PLUGIN FIRMWARE: run bench_dpdk on the C model, without and with metadata,
# beside two of DPDK's own drivers.
set -euo pipefail
[ $# -eq 3 ] || { sed -n '3,4s/^# //p' "$0" >&2; exit 2; }

# EAL takes no plug-in from below a folder that all may write to.
folder=$(mktemp -d "${BENCH_PARENT:-/run}/mpnic-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cp "$2" "$folder/"
card=engine=model,port0=loop,firmware=$(realpath "$3")
drivers=$(pkg-config --variable=libdir libdpdk)/dpdk/pmds-23.0
"$1" -l 1 --no-huge -m 512 --no-pci "--file-prefix=bench$$" --log-level=error \
    -d "$folder/${2##*/}" -d "$drivers/librte_net_null.so" -d "$drivers/librte_net_ring.so" \
    --vdev "net_mpnic0,$card" --vdev "net_mpnic1,$card,metadata=1" --vdev net_null0 --vdev net_ring0
