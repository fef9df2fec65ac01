#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""driver/dpdk/mpnic.ini beside the driver: its op table, its offloads, its rte_flow items and actions, its pmdinfo.

usage: features.py PLUGIN
"""

import configparser
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DRIVER = ROOT / "driver/dpdk"
# A feature of the list: what the op table or the code must have for it, and must not have without.
OPS = {
    "Link status": "link_update", "Free Tx mbuf on demand": "tx_done_cleanup", "Queue start/stop": "rx_queue_start",
    "Burst mode info": "rx_burst_mode_get", "MTU update": "mtu_set", "Promiscuous mode": "promiscuous_enable",
    "Allmulticast mode": "allmulticast_enable", "Unicast MAC filter": "mac_addr_add",
    "Multicast MAC filter": "set_mc_addr_list", "RSS key update": "rss_hash_update", "RSS reta update": "reta_update",
    "VLAN filter": "vlan_filter_set", "VLAN offload": "vlan_offload_set", "Flow control": "flow_ctrl_get",
    "Rx interrupt": "rx_queue_intr_enable", "Power mgmt address monitor": "get_monitor_addr", "Basic stats": "stats_get",
    "Extended stats": "xstats_get", "FW version": "fw_version_get", "EEPROM dump": "get_eeprom",
    "Module EEPROM dump": "get_module_eeprom", "Registers dump": "get_reg", "LED": "dev_led_on", "FEC": "fec_get",
    "Packet type parsing": "dev_supported_ptypes_get", "Timesync": "timesync_enable",
    "Traffic manager": "tm_ops_get", "Rate limitation": "set_queue_rate_limit", "DCB": "get_dcb_info",
    "IP reassembly": "ip_reassembly_conf_set", "Congestion management": "cman_config_set",
}
WORDS = {
    "Speed capabilities": "speed_capa", "Link status event": "RTE_ETH_EVENT_INTR_LSC", "Removal event": "INTR_RMV",
    "Fast mbuf free": "OFFLOAD_MBUF_FAST_FREE", "Scattered Rx": "RX_OFFLOAD_SCATTER", "RSS hash": "RX_OFFLOAD_RSS_HASH",
    "L3 checksum offload": "TX_OFFLOAD_IPV4_CKSUM", "L4 checksum offload": "TX_OFFLOAD_TCP_CKSUM",
    "Timestamp offload": "RX_OFFLOAD_TIMESTAMP", "Rx descriptor status": "rx_descriptor_status",
    "Tx descriptor status": "tx_descriptor_status", "Stats per queue": "q_ipackets", "TSO": "TX_OFFLOAD_TCP_TSO",
    "LRO": "RX_OFFLOAD_TCP_LRO", "CRC offload": "KEEP_CRC", "QinQ offload": "QINQ_STRIP", "Buffer split on Rx": "BUFFER_SPLIT",
    "Lock-free Tx queue": "MT_LOCKFREE", "Runtime Rx queue setup": "CAPA_RUNTIME_RX_QUEUE_SETUP",
    "Runtime Tx queue setup": "CAPA_RUNTIME_TX_QUEUE_SETUP", "Multiprocess aware": "rte_eth_dev_attach_secondary",
}
# Of the platform and of pages, not of the code.
ELSEWHERE = {"Linux", "x86-64", "Usage doc", "Design doc", "Perf doc"}


def fail(text):
    raise SystemExit(f"features.py: {text}")


def main(plugin):
    ini = configparser.ConfigParser(strict=True, delimiters="=")
    ini.optionxform = str
    ini.read(DRIVER / "mpnic.ini")
    code = "\n".join(p.read_text() for p in sorted(DRIVER.glob("*.[ch]")))
    table = re.search(r"const struct eth_dev_ops pmd_ops = \{(.*?)\n\};", code, re.S).group(1)
    ops = set(re.findall(r"\.(\w+) = ", table))
    claimed = set(ini["Features"])
    checked = 0
    for feature in sorted(claimed | set(OPS) | set(WORDS)):
        if feature in ELSEWHERE:
            continue
        if feature in OPS:
            there = OPS[feature] in ops
        elif feature in WORDS:
            there = WORDS[feature] in code
        else:
            fail(f"'{feature}' cannot be checked: say here by what it is known")
        if there != (feature in claimed):
            fail(f"'{feature}' is {'claimed and not there' if feature in claimed else 'there and not claimed'}")
        checked += 1
    for section, prefix in (("rte_flow items", "ITEM"), ("rte_flow actions", "ACTION")):
        done = {n.lower() for n in re.findall(rf"\{{RTE_FLOW_{prefix}_TYPE_(\w+),", code)}
        if done != set(ini[section]):
            fail(f"{section}: the driver has {sorted(done)}, the list {sorted(ini[section])}")
        checked += len(done)
    known = (pathlib.Path(plugin).parent / "include/ethdev_driver.h").read_text()
    for op in ops:
        if f" {op};" not in known:
            fail(f"DPDK has no op {op}")
    told = json.loads(subprocess.run(["dpdk-pmdinfo.py", plugin], check=True, capture_output=True, text=True).stdout)
    names = {entry["name"]: entry for entry in told}
    if set(names) != {"net_mpnic", "net_mpnic_pci"}:
        fail(f"dpdk-pmdinfo.py tells of {sorted(names)}")
    if "8684" not in json.dumps(names["net_mpnic_pci"]).lower() or "socket=" not in names["net_mpnic"]["params"]:
        fail(f"dpdk-pmdinfo.py tells {told}")
    print(f"{checked} features, items and actions are as the list says; pmdinfo names the drivers")


if len(sys.argv) != 2:
    print(__doc__, file=sys.stderr)
    sys.exit(2)
main(sys.argv[1])
