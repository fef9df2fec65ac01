#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# private.sh PLUGIN COMMAND...: run a DPDK program with the plug-in. EAL takes none from below a folder
# that all may write to: the plug-in is copied to one of our own, which %F stands for in COMMAND, and
# which is removed at the end.
set -euo pipefail
[ $# -ge 2 ] || { sed -n '3,5s/^# //p' "$0" >&2; exit 2; }

folder=$(mktemp -d "${PRIVATE_PARENT:-/run}/mpnic-XXXXXX")
trap 'rm -rf "$folder"' EXIT
cp "$1" "$folder/librte_net_mpnic.so"
shift
LD_LIBRARY_PATH=$folder "${@//%F/$folder}"
