#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# live.sh RECORDS FOLDER: capture connections of this machine's kernel and compare the model's
# reading of them with tshark's. RECORDS is the model as a filter, FOLDER takes the captures.
# Exits 77 where the kernel, a right or a program is missing, and names it.
set -euo pipefail
records=$1 folder=$2
here=$(dirname "$0")

rm -rf "$folder"
mkdir -p "$folder"
"$here/../captures/make.py" --dir "$folder" v4_join.pcap v6_add_addr_csum.pcap \
    v4_mp_fail.client.pcap
"$here/compare.py" --program "$records" --captures "$folder"
