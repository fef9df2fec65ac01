#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# qemu.sh FILE.elf...: run the self-checking programs on QEMU's machine "virt", with a processor that
# has what ours has. Exit code 1: a program failed; 77: there is no QEMU.
set -euo pipefail

if ! command -v qemu-system-riscv32 >/dev/null; then
    echo "qemu.sh: qemu-system-riscv32 is missing (Debian package qemu-system-misc)" >&2
    exit 77
fi

cpu=rv32
for extension in m a f d c s u h zba zbb zbc zbs Zifencei mmu pmp; do
    cpu+=",$extension=off"
done

failed=0
for program in "$@"; do
    code=0
    timeout 60 qemu-system-riscv32 -machine virt -cpu "$cpu" -m 16M -bios none -kernel "$program" \
        -display none -serial none -monitor none </dev/null || code=$?
    case $code in
    0) echo "$program: passed" ;;
    124) echo "$program: does not end" ;;
    *) echo "$program: failed, exit code $code" ;;
    esac
    [ "$code" -eq 0 ] || failed=1
done
exit $failed
