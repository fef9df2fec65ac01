#!/usr/bin/env bash
# SPDX-License-Identifier: BSD-3-Clause
# headers.sh DIRECTORY: put DPDK's driver headers there, which Debian's libdpdk-dev leaves out, from
# the source package of the very version that is installed. They are not ours, and not kept here.
# apt checks the package's signature; its lists go to DIRECTORY too, the system's stay untouched.
set -euo pipefail

[ $# -eq 1 ] || { sed -n '3,5s/^# //p' "$0" >&2; exit 2; }
to=$1
headers=(
    lib/ethdev/ethdev_driver.h
    lib/ethdev/ethdev_pci.h
    lib/ethdev/ethdev_vdev.h
    lib/ethdev/rte_flow_driver.h
    lib/eal/include/dev_driver.h
    drivers/bus/pci/bus_pci_driver.h
    drivers/bus/vdev/bus_vdev_driver.h
)
version=$(dpkg-query -W -f '${Version}' libdpdk-dev)
[ ! -f "$to/$version" ] || exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir -p "$work/lists/partial" "$work/source" "$to"
chmod 755 "$work" "$work/source" "$work/lists"
# shellcheck disable=SC2016 # these are apt's variables
apt-get indextargets --format 'deb-src $(SITE) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
    sort -u | grep ' main$' >"$work/sources.list"
apt=(
    -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=-
    -o "Dir::State::lists=$work/lists" -o APT::Sandbox::User=root
)
if ! (cd "$work/source" && apt-get "${apt[@]}" update &&
    apt-get "${apt[@]}" source --download-only "dpdk=$version") >"$work/log" 2>&1; then
    tail -n 20 "$work/log" >&2
    echo "headers.sh: cannot fetch the source package of dpdk $version" >&2
    exit 1
fi
tar -xJf "$work"/source/dpdk_*.orig.tar.xz -C "$work" --strip-components=1 --wildcards \
    "${headers[@]/#/*/}"
for header in "${headers[@]}"; do
    cp "$work/$header" "$to/"
done
touch "$to/$version"
