#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# ecp5-root.sh: see to it that $MPNIC_TRIXIE holds a Debian 13 with Yosys and nextpnr-ecp5, which
#   Debian 12 does not have. Making it needs root; using it does not.
# ecp5-root.sh DIR COMMAND...: run COMMAND inside it, in DIR, which is /mnt there.
set -euo pipefail

root=${MPNIC_TRIXIE:-/var/cache/mpnic/trixie}
packages=yosys,nextpnr-ecp5,fpga-trellis

# Mounts belong to a mount namespace of this command and vanish with it, however it ends.
spaces=(--mount)
[ "$(id -u)" -eq 0 ] || spaces+=(--user --map-root-user --pid --fork --kill-child)

make_root() {
    if [ "$(id -u)" -ne 0 ]; then
        echo "ecp5-root: $root is missing, and only root can make it; run this once as root," >&2
        echo "ecp5-root: or set MPNIC_TRIXIE to a Debian 13 folder with ${packages//,/, }" >&2
        exit 1
    fi
    if ! command -v debootstrap >/dev/null; then
        echo "ecp5-root: debootstrap is missing (Debian package debootstrap)" >&2
        exit 1
    fi
    echo "ecp5-root: installing Debian 13 with ${packages//,/, } in $root (520 MB)"
    mkdir -p "$root.new"
    if ! unshare --mount timeout 1800 debootstrap --variant=minbase --include="$packages" \
        trixie "$root.new" >"$root.log" 2>&1 </dev/null; then
        tail -n 20 "$root.log" >&2
        echo "ecp5-root: debootstrap failed; the end of $root.log is above" >&2
        rm -rf "$root.new"
        exit 1
    fi
    rm -rf "$root.new/var/cache/apt/archives"
    mv "$root.new" "$root"
}

if [ ! -x "$root/usr/bin/nextpnr-ecp5" ] || [ ! -x "$root/usr/bin/yosys" ]; then
    make_root
fi
[ $# -gt 0 ] || exit 0

dir=$1
shift
# Yosys 0.52 stops without /proc.
# shellcheck disable=SC2016 # expanded by the inner shell
exec unshare "${spaces[@]}" sh -euc '
    root=$1 dir=$2
    shift 2
    mount -t proc proc "$root/proc"
    mount --bind "$dir" "$root/mnt"
    exec chroot "$root" sh -c "cd /mnt && exec \"\$@\"" sh "$@"
' sh "$root" "$dir" "$@"
