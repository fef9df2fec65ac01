#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# setup.sh SET...: see to it that the Debian packages of the named sets are there.
#   build  what the programs are built with      lint   build, and what `make lint` needs
#   run    build, and what `make run` needs
#   test   lint, run, and what the tests need    synth  test, and what `make synth` needs
# As root it installs what is missing; otherwise it names it and fails.
set -euo pipefail

build=(
    make gcc g++ libc6-dev  # compilers
    python3                 # hw/regs/generate.py
    verilator               # RTL to C++
    zlib1g-dev              # Verilator's FST traces
    libjansson-dev          # JSON
    libconfig-dev           # mpnicd's configuration file
    libssl-dev              # libcrypto: tokens and HMACs
    liblmdb-dev             # the peer cache's file (zlib1g-dev: its checksums)
    gcc-riscv64-unknown-elf # firmware and boot for the NIC's processor
    libpci-dev              # mpnic-tool: finds cards
    libdpdk-dev             # the DPDK driver, and mpnicd
    libmicrohttpd-dev       # mpnicd's metrics
    libsystemd-dev          # mpnicd tells systemd that it is ready
    xz-utils pkg-config     # ... whose headers are in a source package
)
run=(
    "${build[@]}"
    iproute2              # network namespaces
    ethtool curl mptcpize # offloads off, unmodified clients
)
lint=(
    "${build[@]}"
    git                           # which files are ours
    clang-format-14 cppcheck shellcheck yosys
)
test=(
    "${lint[@]}" "${run[@]}"
    libcriterion-dev         # unit tests
    libpcap-dev              # captures, read by another reader than our own
    clang libclang-rt-14-dev # libFuzzer
    tshark                   # second opinion on captures
    gtkwave                  # fst2vcd: waveforms, read by another program than ours
    z3                       # proofs
    qemu-system-misc         # another opinion on the processor and its tests
    dpdk dpdk-dev            # programs that use the DPDK driver
    python3-pyelftools       # ... and one that tells what is in it
    iputils-ping             # bench: round trips
)
synth=("${test[@]}" debootstrap)

usage() {
    sed -n '3,7s/^# \{0,1\}//p' "$0" >&2
    exit 2
}

[ $# -gt 0 ] || usage
wanted=()
for set in "$@"; do
    case "$set" in
    build) wanted+=("${build[@]}") ;;
    run) wanted+=("${run[@]}") ;;
    test) wanted+=("${test[@]}") ;;
    lint) wanted+=("${lint[@]}") ;;
    synth) wanted+=("${synth[@]}") ;;
    *) usage ;;
    esac
done

installed=" $(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | awk '$1 == "ii" { print $2 }' |
    tr '\n' ' ') "
missing=()
for package in "${wanted[@]}"; do
    case "$installed" in
    *" $package "*) ;;
    *) missing+=("$package") ;;
    esac
done
[ ${#missing[@]} -gt 0 ] || exit 0

if [ "$(id -u)" -ne 0 ]; then
    echo "setup: these Debian packages are missing: ${missing[*]}" >&2
    echo "setup: run this as root, or: apt-get install --no-install-recommends ${missing[*]}" >&2
    exit 1
fi
echo "setup: installing ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
log=$(mktemp)
trap 'rm -f "$log"' EXIT
if ! { apt-get update && apt-get install -y --no-install-recommends "${missing[@]}"; } \
    >"$log" 2>&1 </dev/null; then
    tail -n 20 "$log" >&2
    echo "setup: apt-get failed; its last lines are above" >&2
    exit 1
fi
