#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# truth.sh PROGRAM PLUGIN FIRMWARE ROUNDS SEED: run flow_truth on the C model in its process.
set -euo pipefail
[ $# -eq 5 ] || { sed -n '3s/^# //p' "$0" >&2; exit 2; }

# EAL takes no plug-in from below a folder that all may write to.
folder=$(mktemp -d "${TRUTH_PARENT:-/run}/mpnic-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cp "$2" "$folder/"
"$1" -l 0 --no-huge -m 256 --no-pci "--file-prefix=truth$$" -d "$folder/${2##*/}" \
    --vdev "net_mpnic0,engine=model,port0=loop,control=$folder/control,firmware=$(realpath "$3")" \
    -- "$folder/control" "$4" "$5"
