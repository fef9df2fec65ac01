#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_tool.py TOOL: mpnic-tool. Its commands on a good device, its output and exit codes; its list on made-up
sysfs trees, lspci dumps, and configuration space that lies."""
import json
import os
import pathlib
import random
import struct
import subprocess
import sys
import tempfile
import time

import server
from server import CONST, DEV, FW, OP, REG

TOOL = sys.argv[1]
FOLDER = pathlib.Path(tempfile.mkdtemp(prefix="mpnic-tool-"))
ENV = {**os.environ, "ASAN_OPTIONS": "detect_leaks=0", "MPNIC_FIRMWARE_PATH": str(FOLDER)}
checks = 0


def check(good, what):
    global checks
    checks += 1
    if not good:
        sys.exit(f"test_tool: {what}")


def run(*args, code=0, text=None):
    r = subprocess.run([TOOL, *map(str, args)], capture_output=True, text=True, timeout=60, env=ENV)
    what = f"{' '.join(map(str, args))}: exit code {r.returncode}: {r.stdout}{r.stderr}"
    check(r.returncode == code, what)
    check("Sanitizer" not in r.stderr and "runtime error" not in r.stderr, what)
    check(text is None or text in r.stdout + r.stderr, f"no '{text}': {what}")
    check(all(c == "\n" or " " <= c < "\x7f" for c in r.stdout + r.stderr), f"bytes that no terminal should get: {what}")
    return r.stdout


def document(*args, code=0):
    return json.loads(run("--json", *args, code=code))


# --- commands -------------------------------------------------------------------------------------

def usage():
    run(code=2, text="Usage")
    run("--help", text="Exit code")
    run("dance", code=2, text="no command 'dance'")
    run("info", code=2, text="which device")
    run("info", "here", code=2, text="PCI address")
    run("info", "vfio-user:/nonexistent", code=3, text="nobody serves")
    run("--timeout", "0", "info", "x", code=2, text="--timeout takes")
    run("--size", "1515", "ping", "x", code=2)
    run("--count", "-1", "ping", "x", code=2)
    run("--what", "info", code=2)
    run("port", "vfio-user:/nonexistent", code=2)
    run("port", "vfio-user:/nonexistent", "2", code=2)
    run("port", "vfio-user:/nonexistent", "0", "sideways", code=2, text="'sideways' is no setting")
    run("port", "vfio-user:/nonexistent", "0", "promisc", code=2)
    run("port", "vfio-user:/nonexistent", "0", "mtu", "70000", code=2)
    run("port", "vfio-user:/nonexistent", "0", "mac", "add", "02:00:00:00:00", code=2)
    run("reset", "vfio-user:/nonexistent", "mood", code=2, text="no reason 'mood'; there are: power driver")
    run("fw", "vfio-user:/nonexistent", code=2)
    run("fw", "dance", "vfio-user:/nonexistent", code=2)
    with open("/dev/full", "w", encoding="ascii") as full:
        r = subprocess.run([TOOL, "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
        check(r.returncode == 0 or b"cannot write" in r.stderr, "help on a full disk")


def commands():
    path = str(FOLDER / "socket")
    dev = "vfio-user:" + path
    s = server.Server(path)
    d = s.device
    info = document("info", dev)
    check(info["serial"] == "PY-1" and info["status"] == "running" and info["doorbells"] == "mapped", info)
    check(info["capabilities"] == ["need_kick", "mptcp"] and info["ports"] == 2, info)
    check(info["firmware"]["name"] == "py?[31mthon" and len(info["port"]) == 2, info)
    check(not d.queues and d.get("ADMIN_CONTROL") == 0, "info left the admin queue on")
    regs = {r["name"]: int(r["value"], 16) for r in document("regs", dev)["registers"]}
    check(regs["SIGNATURE"] == CONST["SIGNATURE"] and "PORT1_TX_PUNTED" in regs and "TIME" in regs, regs)
    run("regs", dev, text="0x636e706d")
    stats = document("stats", dev)
    check(stats["wire1"]["flow.miss"] == 1001 and stats["host1"]["frames"] == 3112, stats)
    check(stats["port0"] == {} and stats["queue"] == [], stats)
    check(len(document("--all", "stats", dev)["port0"]) == 14, "stats --all")
    tables = document("tables", dev)
    check([t["used"] for t in tables["table"]] == [5, 4, 3, 2, 1] and tables["free_flow_ids"] == 99, tables)
    check(document("selftest", dev)["passed"] is True, "self-test")
    d.self_test = 6
    check(document("selftest", dev, code=1)["failed"] == ["table", "timer"], "self-test that fails")
    port = document("port", dev, 1, "up", "promisc", "on", "mtu", 9000, "mac", "add", "01:00:5e:00:00:01")
    check(port["state"] == "up" and port["promiscuous"] and port["mtu"] == 9000, port)
    check(OP["MAC_ADD"] in d.ops and d.ports[1]["mtu"] == 9000 and d.ports[1]["flags"] == 0xb, d.ports)
    check(document("port", dev, 1, "down", "promisc", "off")["state"] == "down", "port down")
    firmware(d, dev)
    ping(d, dev)
    simulated = document("list", dev, "vfio-user:/nonexistent", code=3)
    check([c["serial"] for c in simulated["simulated"]] == ["PY-1", ""], simulated)
    run("list", dev, text="ready")
    run("list", "0000:01:00.0", code=2)
    s.close()


def firmware(d, dev):
    good = FOLDER / "good.mpfw"
    good.write_bytes(server.image(0x10007))
    check(document("reset", dev, "user") == {"reset": "user", "generation": 1}, "reset")
    check(d.get("RESET") == 7, "reason of the reset")
    run("stats", dev, code=1, text=f"load it: mpnic-tool fw load {dev}")
    run("info", dev, text="boot")
    run("fw", "load", dev, code=1, text="no firmware: no serial-PY-1.mpfw")
    check(document("fw", "load", dev, good)["version"] == "1.7", "fw load")
    check(d.image[:5064] == good.read_bytes(), "the image in the device")
    for change, text in (({"magic": 1}, "not an image"), ({"crc": 1}, "checksum")):
        bad = FOLDER / "bad.mpfw"
        bad.write_bytes(server.image(0x10008, **change))
        run("fw", "load", dev, bad, code=1, text=text)
    run("fw", "load", dev, "/nonexistent", code=1, text="cannot open /nonexistent")
    (FOLDER / "serial-PY-1.mpfw").write_bytes(server.image(0x10009))
    check(document("fw", "load", dev)["version"] == "1.9", "fw load by serial number")
    check(document("fw", "status", dev)["firmware"] == "running", "fw status")
    check(document("fw", "log", dev) == {"log": [{"text": "hello"}, {"text": "?[31mworld"}]}, "fw log")
    run("fw", "log", dev, text="hello\n?[31mworld\n")
    run("fw", "crash", dev, code=1, text="has not crashed")
    d.set("DEVICE_STATUS", DEV["FAILED"])
    d.set("FW_STATUS", FW["CRASHED"])
    run("fw", "status", dev, code=1, text="crashed")
    run("info", dev, code=1, text="failed")
    run("tables", dev, code=1, text="state failed")
    crash = document("fw", "crash", dev)
    check(crash["pc"] == "0x80001234" and "illegal instruction" in crash["cause"], crash)
    check(len(crash["registers"]) == 32 and len(crash["stack"]) == 24, crash)


def ping(d, dev):
    """Also brings up the device that firmware() left crashed."""
    before = dict(d.ports[1])
    r = document("--count", 300, "--port", 1, "--queue", 5, "--size", 1514, "ping", dev)
    check(r["sent"] == r["received"] == 300 and r["lost"] == r["damaged"] == 0, r)
    check(r["round_trip_ns_min"] <= r["round_trip_ns_mean"] <= r["round_trip_ns_max"], r)
    check(d.ports[1] == before and not d.queues, f"ping leaves {d.ports[1]}, {d.queues}")
    d.drop = lambda n: n % 10 == 3
    r = document("--count", 50, "ping", dev, code=1)
    check(r["lost"] == 5 and r["received"] == 45, r)
    d.drop = lambda n: False
    receive = d.receive

    def flip(index, frame):
        if d.frames % 10 == 7:
            frame[200] ^= 1
        receive(index, frame)
    d.receive = flip
    r = document("--count", 50, "ping", dev, code=1)
    check(r["damaged"] == 5 and r["received"] == 45, r)

    def twice(index, frame):
        receive(index, frame)
        receive(index, frame)
        receive(index, bytes(14))
    d.receive = twice
    r = document("--count", 50, "ping", dev)
    check(r["received"] == 50 and r["other_frames"] >= 90, r)
    d.receive = receive


# --- list -----------------------------------------------------------------------------------------

def config(vendor=0x6d70, device=0x8684, caps=(), klass=0x020000, header=0):
    """256 bytes of configuration space with a chain of capabilities from 0x40 on."""
    c = bytearray(256)
    struct.pack_into("<HHHHIBBBB", c, 0, vendor, device, 6, 0x10 if caps else 0, klass << 8, 0, 0, header, 0)
    at = 0x40
    for n, cap in enumerate(caps):
        if n == 0:
            c[0x34] = at
        after = (at + len(cap) + 3) & ~3
        c[at:at + len(cap)] = cap
        c[at + 1] = after if n + 1 < len(caps) else 0
        at = after
    return c


VENDOR_CAP = struct.pack("<BBBBIB3xI", 9, 0, 16, 1, CONST["SIGNATURE"], 0, CONST["BAR_MAILBOX"])
EXPRESS_CAP = struct.pack("<BBHIHHIH", 16, 0, 2, 0, 0, 0, 0, 0) + struct.pack("<H", 0x0083) + bytes(40)


class Tree:
    def __init__(self, name):
        self.root = FOLDER / name
        (self.root / "devices").mkdir(parents=True)

    def add(self, bdf, data, driver=None, group=None, numa=-1, size=0x20000):
        d = self.root / "devices" / bdf
        d.mkdir()
        d.joinpath("config").write_bytes(data)
        words = struct.unpack_from("<HH", bytes(data[:4]).ljust(4, b"\xff"))
        for name, value in (("vendor", f"{words[0]:#06x}"), ("device", f"{words[1]:#06x}"), ("irq", "0"),
                            ("class", f"{struct.unpack_from('<I', bytes(data).ljust(12, b'x'), 8)[0] >> 8:#08x}"),
                            ("numa_node", numa)):
            d.joinpath(name).write_text(f"{value}\n", encoding="ascii")
        base = 0xf0000000 if size else 0
        lines = [f"{base:#018x} {base + size - 1 if size else 0:#018x} 0x0000000000040200"]
        lines += ["0x0000000000000000 0x0000000000000000 0x0000000000000000"] * 12
        d.joinpath("resource").write_text("\n".join(lines) + "\n", encoding="ascii")
        for link, folder, to in (("driver", "drivers", driver), ("iommu_group", "iommu_groups", group)):
            if to is not None:
                (self.root / folder / str(to)).mkdir(parents=True, exist_ok=True)
                d.joinpath(link).symlink_to(f"../../{folder}/{to}")
        return self

    def cards(self, code=0):
        return {c["device"]: c for c in document("list", "--sysfs", self.root, code=code)["card"]}


def listing():
    mine = config(vendor=0x1234, device=0x5678, caps=(EXPRESS_CAP, struct.pack("<BBBB", 9, 0, 4, 1), VENDOR_CAP))
    t = Tree("good")
    t.add("0000:01:00.0", mine, "vfio-pci", 11, 1)
    t.add("0000:02:00.0", config(), None, 12)
    t.add("0001:03:00.1", mine, "mlx5_core", 13)
    t.add("0000:04:00.0", mine, "vfio-pci", 14).add("0000:04:00.1", config(1, 1), "e1000e", 14)
    t.add("0000:04:01.0", config(1, 2, klass=0x060400, header=1), "pcieport", 14)
    t.add("0000:05:00.0", mine, "vfio-pci", None)
    t.add("0000:06:00.0", mine, "vfio-pci", 16, size=4096)
    t.add("0000:07:00.0", mine, "vfio-pci", 17).add("0000:07:01.0", config(1, 2, klass=0x060400, header=1), "pcieport", 17)
    cards = t.cards()
    want = {"0000:01:00.0": "ready", "0000:02:00.0": "no driver bound: driverctl set-override 0000:02:00.0 vfio-pci",
            "0001:03:00.1": "bound to mlx5_core", "0000:04:00.0": "group 14 is not viable: 0000:04:00.1",
            "0000:05:00.0": "in no IOMMU group", "0000:06:00.0": "BAR 0 has 4096 bytes", "0000:07:00.0": "ready"}
    check(set(cards) == set(want), cards)
    for name, note in want.items():
        check(note in cards[name]["note"], cards[name])
    card = cards["0000:01:00.0"]
    check(card["mpnic"] == "by capability" and card["link"] == "8 GT/s x8" and card["numa_node"] == "1", card)
    check(card["driver"] == "vfio-pci" and card["iommu_group"] == "11" and card["id"] == "1234:5678", card)
    check(cards["0000:02:00.0"]["mpnic"] == "by id" and cards["0000:02:00.0"]["link"] == "", cards)
    run("list", "--sysfs", t.root, text="by capability")
    empty = Tree("empty").add("0000:00:00.0", config(1, 1))
    check(empty.cards() == {}, "list of nothing")
    run("list", "--sysfs", empty.root, text="no mpnic card found")
    run("list", "--sysfs", FOLDER / "absent", code=1, text="cannot list PCI devices")


def liars():
    """Configuration space that lies: found or not found, but never a crash or an endless walk."""
    loop = config(caps=(VENDOR_CAP[:2] + b"\x04\x01" + bytes(12),))
    loop[0x41] = 0x40
    pointer = config(caps=(VENDOR_CAP,))
    pointer[0x34] = 0x20
    edge = config(caps=(VENDOR_CAP,))
    edge[0x34] = 0xfc
    edge[0xfc] = 9
    ones = bytearray(b"\xff" * 256)
    short = VENDOR_CAP[:2] + b"\x08" + VENDOR_CAP[3:]
    t = Tree("liars")
    for n, c in enumerate((loop, pointer, edge, ones, config()[:64], config()[:3], b"", config(vendor=1, caps=(short,)),
                           config(vendor=1, caps=(VENDOR_CAP[:4] + b"xxxx" + VENDOR_CAP[8:],)))):
        t.add(f"0000:{n:02x}:00.0", c, "vfio-pci", n)
    cards = t.cards()
    check({"0000:00:00.0", "0000:01:00.0", "0000:02:00.0", "0000:04:00.0"} <= set(cards), cards)
    check("0000:07:00.0" not in cards and "0000:08:00.0" not in cards, cards)
    check(all(c["mpnic"] == "by id" for c in cards.values()), cards)
    rng = random.Random(1)
    for n in range(20):
        t = Tree(f"noise{n}")
        for slot in range(32):
            c = config(caps=(EXPRESS_CAP, VENDOR_CAP, VENDOR_CAP))
            for _ in range(rng.randrange(40)):
                c[rng.randrange(6, 256)] = rng.randrange(256)
            t.add(f"0000:01:{slot:02x}.0", c, "vfio-pci", slot)
        check(len(t.cards()) == 32, "list of noise")
    names = Tree("names").add("0000:01:00.0", config(), "evil\x1b[31m\ndriver", "7\x1b")
    run("list", "--sysfs", names.root, text="evil?[31m?driver")
    broken = Tree("broken").add("0000:01:00.0", config())
    (broken.root / "devices/0000:01:00.0/vendor").unlink()
    run("list", "--sysfs", broken.root, code=1, text="cannot list PCI devices")


def dumps():
    c = config(vendor=0x1234, caps=(VENDOR_CAP, EXPRESS_CAP))
    lines = ["01:00.0 Ethernet controller: something"]
    lines += [f"{i:02x}: " + " ".join(f"{b:02x}" for b in c[i:i + 16]) for i in range(0, 256, 16)]
    dump = FOLDER / "dump"
    dump.write_text("\n".join(lines) + "\n\n", encoding="ascii")
    cards = document("list", "--dump", dump)["card"]
    check(len(cards) == 1 and cards[0]["mpnic"] == "by capability" and cards[0]["link"] == "8 GT/s x8", cards)
    dump.write_bytes(os.urandom(1000))
    run("list", "--dump", dump, code=1, text="cannot list PCI devices")
    dump.write_text("00:00.0 a\n00: zz\n10: 00\n01:00.0 b\nfff0: 00 00\n", encoding="ascii")
    r = subprocess.run([TOOL, "list", "--dump", str(dump)], capture_output=True, text=True, env=ENV, check=False)
    check(r.returncode in (0, 1) and "Sanitizer" not in r.stderr, r)
    run("list", "--dump", FOLDER / "nothing", code=1)


def main():
    start = time.monotonic()
    usage()
    listing()
    liars()
    dumps()
    commands()
    print(f"{checks} checks of mpnic-tool in {time.monotonic() - start:.0f} s")


main()
