#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The DPDK driver under the distribution's dpdk-testpmd.

usage: test_pmd.py PLUGIN MPNIC-SIM FIRMWARE ENGINE [TEST...]
ENGINE: in-process (the C model in testpmd's process), model or rtl (mpnic-sim serve in another).
"""

import contextlib
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/replay"))
import files  # noqa: E402
import testpmd  # noqa: E402

PLUGIN, SIM, FIRMWARE, ENGINE = sys.argv[1:5]
SLOW = ENGINE == "rtl"
SECONDS = 180 if SLOW else 30
HOLD = "--disable-device-start"
CAPTURES = ("v4_join.pcap", "v6_csum.pcap", "v4_vlan.pcap", "v4_fragments.server.pcap")
checks = 0


def check(good, what=""):
    global checks
    checks += 1
    assert good, what


def equal(got, wanted, what):
    check(got == wanted, f"{what}: {got}, not {wanted}")


class Run:
    """testpmd on a card whose wires are given as of docs/wires.md."""

    def __init__(self, folder, wires, *more, args="", **kw):
        self.sim = None
        control = folder / "control"
        if ENGINE == "in-process":
            vdev = "net_mpnic0,engine=model," + ",".join(f"port{i}=[{w}]" for i, w in enumerate(wires))
            vdev += f",control={control}"
        else:
            self.start_sim(folder, wires)
            vdev = f"net_mpnic0,socket={folder / 's'}"
            if SLOW:
                vdev += ",timeout_ms=60000,watchdog_ms=1000"
        self.t = testpmd.Testpmd(PLUGIN, FOLDER, [f"{vdev},firmware={FIRMWARE}{args}"], *more, **kw)

    def go(self, mode="io", promiscuous="on"):
        """A capture flows as soon as its port is started: before it all must be settled."""
        self.t.do(f"set promisc all {promiscuous}")
        text = self.t.do(f"set fwd {mode}") + self.t.do("port start all")
        return text + self.t.do("start")

    def start_sim(self, folder, wires):
        self.sim = subprocess.Popen([SIM, "serve", "--quiet", "--engine", ENGINE, "--socket", folder / "s", "--control",
                                     folder / "control", "--port0", wires[0], "--port1", wires[1]])
        while not (folder / "control").exists():
            assert self.sim.poll() is None, "mpnic-sim has ended"
            time.sleep(0.01)

    def kill_sim(self):
        self.sim.kill()
        self.sim.wait()

    def close(self):
        """Quit, which closes the ports, so that the wires write their files."""
        text = self.t.quit()
        if self.sim:
            self.sim.terminate()
            equal(self.sim.wait(20), 0, "mpnic-sim's end")
            self.sim = None
        return text

    def end(self):
        self.t.end()
        if self.sim and self.sim.poll() is None:
            self.sim.kill()
            self.sim.wait()


class Wire:
    """The other end of a wire port, in our hands."""

    def __init__(self, folder):
        self.card, ours = folder / "wire", folder / "far"
        self.spec = f"unix:{self.card},{ours}"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(ours))
        self.socket.settimeout(SECONDS)

    def send(self, frames):
        for frame in frames:
            self.socket.sendto(frame, str(self.card))

    def receive(self):
        return self.socket.recv(65536)


@contextlib.contextmanager
def run(wires, *more, **kw):
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        r = Run(pathlib.Path(name), wires, *more, **kw)
        r.folder = pathlib.Path(name)
        try:
            yield r
        finally:
            r.end()


def frames_of(name):
    """Those that a wire has: whole, and not longer than a frame may be."""
    link, frames = files.read_pcap(ROOT / "tests/captures" / name)
    assert link == 1
    return [data for _, _, data, length in frames if len(data) == length <= 1522]


def read_pcapng(path):
    raw, at, frames = path.read_bytes(), 0, []
    while at < len(raw):
        kind, size = struct.unpack("<II", raw[at:at + 8])
        if kind == 6:
            captured = struct.unpack("<I", raw[at + 20:at + 24])[0]
            frames.append(raw[at + 28:at + 28 + captured])
        at += size
    return frames


def padded(frame):
    return frame + bytes(60 - len(frame)) if len(frame) < 60 else frame


def capture(folder, frames):
    path = folder / "in.pcap"
    path.write_bytes(files.pcap([(0, 0, f, len(f)) for f in frames]))
    return path


def received(r, port, count):
    """Wait for as many frames."""
    return r.t.until(lambda: r.t.stats(port)["RX-packets"], lambda n: n >= count, SECONDS)


def udp(src, dst, sport, dport, payload=b"mpnic", bad_ip=False, bad_udp=False, mac=b"\x02mpn\0\0"):
    """A frame with right checksums, or not."""
    length = 8 + len(payload)
    head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + length, 1, 0, 64, 17, 0, bytes(src), bytes(dst))
    ip = checksum(head) ^ (0x1111 if bad_ip else 0)
    head = head[:10] + struct.pack(">H", ip) + head[12:]
    pseudo = bytes(src) + bytes(dst) + struct.pack(">BBH", 0, 17, length)
    body = struct.pack(">HHHH", sport, dport, length, 0) + payload
    total = (checksum(pseudo + body) or 0xffff) ^ (0x1111 if bad_udp else 0)
    body = body[:6] + struct.pack(">H", total) + body[8:]
    return padded(mac + b"\x02\0\0\0\0\1\x08\0" + head + body)


def checksum(data):
    total = sum(struct.unpack(f">{len(data) // 2}H", data + bytes(len(data) % 2))) if len(data) % 2 == 0 else \
        sum(struct.unpack(f">{(len(data) + 1) // 2}H", data + b"\0"))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


# --- forwarding -----------------------------------------------------------------------------------

def forward(mode):
    frames = [f for name in CAPTURES for f in frames_of(name)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        out = pathlib.Path(name) / "out.pcapng"
        with run((f"pcap:{capture(pathlib.Path(name), frames)}", f"pcap:,{out}"), HOLD) as r:
            r.go(mode)
            received(r, 0, len(frames))
            r.t.until(lambda: r.t.stats(1)["TX-packets"], lambda n: n == len(frames), SECONDS)
            xstats = r.t.xstats(0)
            equal(xstats["port_rx_frames"], len(frames), "port_rx_frames")
            r.t.do("stop")
            r.t.until(lambda: r.t.xstats(1)["port_tx_frames"], lambda n: n == len(frames), SECONDS)
            text = r.t.do("show port info 1")
            r.close()
        mac = re.search(r"MAC address: ([0-9A-F:]+)", text).group(1)
        return frames, read_pcapng(out), bytes.fromhex(mac.replace(":", ""))


def test_io_forwarding():
    frames, sent, _ = forward("io")
    equal(sent, [padded(f) for f in frames], "frames that left")


def test_mac_forwarding():
    frames, sent, mac = forward("mac")
    peer = bytes.fromhex("020000000001")
    equal(sent, [padded(peer + mac + f[12:]) for f in frames], "frames that left")


def test_segments():
    """Small buffers: frames are scattered over several, and leave from several pieces."""
    frames = [f for name in CAPTURES for f in frames_of(name)] + [os.urandom(12) + b"\x88\xb5" + os.urandom(1486)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        out = pathlib.Path(name) / "out.pcapng"
        with run((f"pcap:{capture(pathlib.Path(name), frames)}", f"pcap:,{out}"), "--mbuf-size=320", "--enable-scatter",
                 "--tx-offloads=0x8000", HOLD) as r:
            r.go()
            received(r, 0, len(frames))
            r.t.until(lambda: r.t.xstats(1)["port_tx_frames"], lambda n: n == len(frames), SECONDS)
            r.close()
        equal(read_pcapng(out), [padded(f) for f in frames], "frames that left")


def test_buffers_too_small():
    with run(("none", "none"), "--mbuf-size=320") as r:
        check("Rx offload scatter" in r.t.log, r.t.log)


# --- queues ---------------------------------------------------------------------------------------

def test_rss_spreads():
    frames = [udp((10, 0, 0, i), (10, 0, 1, 1), 1000 + 7 * i, 53) for i in range(200)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        with run((f"pcap:{capture(pathlib.Path(name), frames)}", "none"), "--rxq=4", "--txq=4", "--rss-udp", HOLD) as r:
            r.go("rxonly")
            received(r, 0, len(frames))
            share = [r.t.xstats(0)[f"rx_q{q}_packets"] for q in range(4)]
            equal(sum(share), len(frames), "frames in all queues")
            check(min(share) > 25, share)


def test_reta_and_key():
    frames = [udp((10, 0, 0, i), (10, 0, 1, 1), 1000 + 7 * i, 53) for i in range(100)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        wire = Wire(pathlib.Path(name))
        with run((wire.spec, "none"), "--rxq=4", "--txq=4", "--rss-udp") as r:
            for first in range(0, 128, 8):
                r.t.do("port config 0 rss reta " + ",".join(f"({i},3)" for i in range(first, first + 8)))
            text = r.t.do("show port 0 rss reta 128 (0xffffffffffffffff,0xffffffffffffffff)")
            equal(re.findall(r"hash index=\d+, queue=(\d+)", text), ["3"] * 128, "the table")
            key = "aa" * 40
            r.t.do(f"port config 0 rss-hash-key ipv4 {key}")
            check(key.upper() in r.t.do("show port 0 rss-hash key").upper(), "the key")
            r.t.do("set fwd rxonly")
            r.t.do("start")
            wire.send(frames)
            received(r, 0, len(frames))
            equal(r.t.xstats(0)["rx_q3_packets"], len(frames), "frames in queue 3")


def test_queue_stop_and_start():
    with run(("none", "none"), "--rxq=2", "--txq=2") as r:
        for kind in ("rxq", "txq"):
            for verb, state in (("stop", "stopped"), ("start", "started")):
                r.t.do(f"port 0 {kind} 1 {verb}")
                text = r.t.do(f"show {kind} info 0 1")
                check(re.search(f"queue state: {state}", text), (kind, verb, text))
        text = r.t.do("show port 0 rxq 0 desc 0 status")
        check("AVAILABLE" in text, text)
        check("DONE" in r.t.do("show port 0 txq 0 desc 0 status"))


def test_telemetry():
    """dpdk-telemetry.py, as people use it."""
    with run(("loop", "none")) as r:
        asked = "/ethdev/stats,0\n/net_mpnic/card,0\n/net_mpnic/card,7\n"
        got = subprocess.run(["dpdk-telemetry.py", f"--file-prefix=mpnic{os.getpid()}"], input=asked, text=True,
                             capture_output=True, timeout=60, check=True).stdout
        check('"ipackets": 0' in got and '"flow_size": 65536' in got and '"failed": 0' in got, got)
        check('"/net_mpnic/card": null' in got, got)


@contextlib.contextmanager
def huge_pages(count):
    """As many of the kernel's, and a folder for them; the kernel has as many as before at the end."""
    setting = pathlib.Path("/proc/sys/vm/nr_hugepages")
    before = int(setting.read_text())
    folder = FOLDER / "huge"
    folder.mkdir()
    try:
        setting.write_text(str(before + count))
        subprocess.run(["mount", "-t", "hugetlbfs", "none", folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError) as why:
        print(f"huge pages and a mount of hugetlbfs are needed: {why}")
        sys.exit(77)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)
        setting.write_text(str(before))


def huge_pages_and_a_second_process():
    """Pages that come and go are maps that come and go; a secondary process is told that it cannot."""
    with huge_pages(128) as folder, run(("loop", "loop"), memory=(f"--huge-dir={folder}",)) as r:
        r.t.do("start tx_first")
        received(r, 0, 100)
        told = subprocess.run(["dpdk-proc-info", f"--file-prefix=mpnic{os.getpid()}", "-d", r.t.plugin, "--no-pci",
                               f"--huge-dir={folder}", "--", "--stats"], capture_output=True, text=True, timeout=60)
        check("secondary processes are not supported" in told.stderr and told.returncode == 1, told)
        before = r.t.stats(0)["RX-packets"]
        received(r, 0, before + 100)
        r.t.do("stop")
        r.t.do("port stop all")
        equal(r.t.mbufs(), testpmd.MBUFS, "mbufs at the end")
        r.close()


# --- what the card says of frames -----------------------------------------------------------------

def test_checksum_verdicts():
    good = udp((10, 0, 0, 1), (10, 0, 0, 2), 1, 2)
    frames = [good, udp((10, 0, 0, 1), (10, 0, 0, 2), 1, 2, bad_ip=True),
              udp((10, 0, 0, 1), (10, 0, 0, 2), 1, 2, bad_udp=True)]
    wanted = [("IP_CKSUM_GOOD", "L4_CKSUM_GOOD"), ("IP_CKSUM_BAD", "L4_CKSUM_GOOD"), ("IP_CKSUM_GOOD", "L4_CKSUM_BAD")]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        path = capture(pathlib.Path(name), frames)
        with run((f"pcap:{path}", "none"), "--enable-rx-cksum", HOLD, noisy=True) as r:
            r.t.do("set verbose 1")
            r.go("rxonly")
            received(r, 0, 3)
            r.t.do("stop")
            text = r.t.transcript
            flags = re.findall(r"ol_flags: ([A-Z0-9_ ]+)", text)
            equal(len(flags), 3, text)
            for flag, (ip, l4) in zip(flags, wanted):
                check(f"RTE_MBUF_F_RX_{ip}" in flag and f"RTE_MBUF_F_RX_{l4}" in flag, (flag, ip, l4))
            check("hw ptype: L2_ETHER L3_IPV4 L4_UDP" in text, text)


def test_checksums_are_filled_in():
    """testpmd's csum mode empties the checksums and leaves them to the card."""
    frames = [udp((10, 0, 0, i), (10, 0, 0, 2), i, 2, payload=bytes(range(i))) for i in range(1, 40)]
    frames += [f for f in frames_of("v6_csum.pcap")][:10]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        out = pathlib.Path(name) / "out.pcapng"
        with run((f"pcap:{capture(pathlib.Path(name), frames)}", f"pcap:,{out}"), HOLD,
                 "--tx-offloads=0xe") as r:
            for what in ("ip", "udp", "tcp"):
                r.t.do(f"csum set {what} hw 1")
            r.go("csum")
            received(r, 0, len(frames))
            r.t.until(lambda: r.t.xstats(1)["port_tx_frames"], lambda n: n == len(frames), SECONDS)
            r.close()
        # csum mode writes its own addresses.
        equal([f[12:] for f in read_pcapng(out)], [padded(f)[12:] for f in frames], "frames that left")


# --- filters and limits ---------------------------------------------------------------------------

def test_mtu():
    frames = [bytes(12) + b"\x88\xb5" + bytes(n) for n in (100, 1500, 1508, 1509)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        with run((f"pcap:{capture(pathlib.Path(name), frames)}", "none"), HOLD) as r:
            r.t.do("port config mtu 0 1400")
            r.go("rxonly")
            r.t.until(lambda: r.t.xstats(0)["port_rx_length"], lambda n: n == 3, SECONDS)
            equal(r.t.stats(0)["RX-packets"], 1, "frames of at most 1422 bytes")
            check("MTU: 1400" in r.t.do("show port info 0"))
            r.t.do("stop")
            check("Rx offload scatter" in r.t.do("port config mtu 0 9000"))
            text = r.t.do("port config mtu 0 9579")
            check("> device max MTU (9578)" in text, text)


def test_filters():
    other, group = b"\x02other", b"\x01\0\x5e\0\0\1"
    frames = [mac + bytes(6) + b"\x88\xb5" + bytes(46) for mac in (other, group, b"\xff" * 6, b"\x02mpn\0\0", b"\x02new\0\0")]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        path = capture(pathlib.Path(name), frames)
        for setting, passes in (((), 2), (("set allmulti 0 on",), 3), (("promisc",), 5),
                                (("mac_addr add 0 02:6e:65:77:00:00",), 3)):
            with run((f"pcap:{path}", "none"), HOLD) as r:
                for line in setting:
                    r.t.do(line) if " " in line else None
                r.go("rxonly", "on" if "promisc" in setting else "off")
                received(r, 0, passes)
                r.t.until(lambda: r.t.xstats(0)["port_rx_filtered"], lambda n: n == len(frames) - passes, SECONDS)
                equal(r.t.stats(0)["RX-packets"], passes, setting)


# --- rules ----------------------------------------------------------------------------------------

def tcp(src, dst, sport, dport, flags, options=b"", payload=b"", seq=1):
    options += b"\1" * (-len(options) % 4)
    head = struct.pack(">HHIIBBHHH", sport, dport, seq, 0, (20 + len(options)) // 4 << 4, flags, 65535, 0, 0) + options
    pseudo = bytes(src) + bytes(dst) + struct.pack(">BBH", 0, 6, len(head) + len(payload))
    total = checksum(pseudo + head + payload)
    head = head[:16] + struct.pack(">H", total) + head[18:]
    ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(head) + len(payload), 1, 0, 64, 6, 0, bytes(src), bytes(dst))
    ip = ip[:10] + struct.pack(">H", checksum(ip)) + ip[12:]
    return padded(b"\x02mpn\0\0" + b"\x02\0\0\0\0\1\x08\0" + ip + head + payload)


JOIN = ("flow create 0 ingress pattern eth / ipv4 / tcp flags spec 0x02 flags mask 0x12 / raw relative is 1 search is 1 "
        "offset is 0 limit is 40 pattern_hex spec 1e0c1000deadbeef pattern_hex mask fffff000ffffffff / end actions "
        "queue index 3 / end")


def test_subflows_follow_their_token():
    """MP_JOINs of one connection, from many addresses: SYNs and what follows them come in one queue."""
    join = bytes.fromhex("1e0c1001deadbeef01020304")
    other = bytes.fromhex("1e0c1001deadbee001020304")
    clients = [(10, 1, i, i) for i in range(1, 21)]
    frames = [tcp(c, (10, 0, 0, 1), 2000 + c[3], 80, 2, join) for c in clients]
    frames += [tcp(c, (10, 0, 0, 1), 2000 + c[3], 80, 0x10, payload=bytes(100), seq=2) for c in clients]
    strangers = [tcp(c, (10, 0, 0, 1), 4000 + c[3], 80, 2, other) for c in clients]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        wire = Wire(pathlib.Path(name))
        with run((wire.spec, "none"), "--rxq=4", "--txq=4", "--rss-udp") as r:
            r.t.do("set fwd rxonly")
            r.t.do("start")
            check("Flow rule #0 created" in r.t.do(JOIN))
            check("already" in r.t.do(JOIN))
            wire.send(frames)
            received(r, 0, len(frames))
            equal(r.t.xstats(0)["rx_q3_packets"], len(frames), "frames in queue 3")
            equal(r.t.xstats(0)["rx_token_learnt"], len(clients), "learnt flows")
            check("20 flows learnt" in r.t.do("flow dump 0 all"))
            wire.send(strangers)
            received(r, 0, len(frames) + len(strangers))
            xstats = r.t.xstats(0)
            equal(xstats["rx_token_unknown"], len(strangers), "joins with another token")
            check(xstats["rx_q3_packets"] < len(frames) + len(strangers))
            check("destroyed" in r.t.do("flow destroy 0 rule 0"))


def test_rules():
    """What a person types, and what comes of it."""
    to_80 = [tcp((10, 0, 0, i), (10, 0, 0, 200), 1000, 80, 0x10) for i in range(1, 11)]
    to_443 = [tcp((10, 0, 0, i), (10, 0, 0, 200), 1000, 443, 0x10) for i in range(1, 11)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        wire = Wire(pathlib.Path(name))
        with run((wire.spec, "none"), "--rxq=4", "--txq=4", "--rss-udp", noisy=True) as r:
            create = "flow create 0 ingress {} pattern {} / end actions {} / end"
            for attr, pattern, actions in (
                    ("priority 1", "eth / ipv4 / tcp dst is 80", "queue index 2 / mark id 7 / count"),
                    ("priority 0", "eth / ipv4 src is 10.0.0.3 / tcp", "drop / count")):
                text = r.t.do(create.format(attr, pattern, actions))
                check("created" in text, text)
            r.t.do("set verbose 1")
            r.t.do("set fwd rxonly")
            r.t.do("start")
            wire.send(to_80 + to_443)
            received(r, 0, 18)
            r.t.do("stop")
            equal(r.t.xstats(0)["rx_drop_action"], 2, "frames that were dropped")
            equal(len(re.findall(r"FDIR matched ID=0x7", r.t.transcript)), 9, "marks")
            text = r.t.do("flow query 0 0 count")
            check("hits: 9" in text, text)
            check("hits: 2" in r.t.do("flow query 0 1 count"))
            text = r.t.do("flow list 0")
            check("QUEUE" in text and "DROP" in text, text)
            check("priority 1" in r.t.do("flow dump 0 all"))
            check("rror" not in r.t.do("flow flush 0"))
            r.t.do("clear port xstats all")
            r.t.do("start")
            wire.send(to_80)
            r.t.until(lambda: r.t.stats(0)["RX-packets"], lambda n: n == 10, SECONDS)
            equal(r.t.xstats(0)["rx_drop_action"], 0, "frames dropped without rules")


def test_isolation():
    to_80 = [tcp((10, 0, 0, i), (10, 0, 0, 200), 1000, 80, 0x10) for i in range(1, 11)]
    to_443 = [tcp((10, 0, 0, i), (10, 0, 0, 200), 1000, 443, 0x10) for i in range(1, 11)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        wire = Wire(pathlib.Path(name))
        with run((wire.spec, "none"), "--rxq=2", "--txq=2", "--flow-isolate-all") as r:
            text = r.t.do("flow create 0 ingress pattern ipv4 / tcp dst is 80 / end actions queue index 1 / end")
            check("created" in text, text)
            r.t.do("set fwd rxonly")
            r.t.do("start")
            wire.send(to_443 + to_80)
            received(r, 0, 10)
            equal(r.t.xstats(0)["rx_drop_action"], 10, "frames that no rule wanted")
            equal(r.t.xstats(0)["rx_q1_packets"], 10, "frames of the rule")


def test_rules_in_tables():
    """Where rules stand, beside isolation; of two with one key the second is ternary."""
    forth = [tcp((10, 0, 0, i), (10, 0, 0, 200), 1000, 80, 0x10) for i in range(1, 11)]
    back = [tcp((10, 0, 0, 200), (10, 0, 0, 1), 80, 1000, 0x10)]
    rules = (("eth / ipv4 src is 10.0.0.1 dst is 10.0.0.200 / tcp src is 1000 dst is 80", "queue index 1 / count"),
             ("eth / ipv4 src is 10.0.0.200 dst is 10.0.0.1 / tcp src is 80 dst is 1000", "drop / count"),
             ("eth / ipv4 src is 10.0.0.2", "queue index 1 / count"))
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        wire = Wire(pathlib.Path(name))
        with run((wire.spec, "none"), "--rxq=2", "--txq=2", "--flow-isolate-all") as r:
            for pattern, actions in rules:
                text = r.t.do(f"flow create 0 ingress pattern {pattern} / end actions {actions} / end")
                check("created" in text, text)
            text = r.t.do("flow dump 0 all")
            for stands in ("entry of the flow table", "rule 2: port 0", "entry under the settable mask"):
                check(stands in text, text)
            r.t.do("set fwd rxonly")
            r.t.do("start")
            wire.send(forth + back)
            received(r, 0, 2)
            equal(r.t.xstats(0)["rx_q1_packets"], 2, "frames of the rules")
            equal(r.t.xstats(0)["rx_drop_action"], 9, "frames of no rule, and of the one that drops")
            for rule in range(3):
                check("hits: 1" in r.t.do(f"flow query 0 {rule} count"), rule)
            check("rror" not in r.t.do("flow flush 0"))


def test_mask_argument():
    with run(("none", "none"), args=",mask=src+dst/24") as r:
        for pattern, stands in (("src is 10.0.0.1 dst spec 10.0.1.0 dst prefix 24", "entry under the settable mask"),
                                ("src is 10.0.0.1", "rule 0: port 0")):
            text = r.t.do(f"flow create 0 ingress pattern eth / ipv4 {pattern} / end actions drop / end")
            check("created" in text, text)
            check(stands in r.t.do("flow dump 0 all"), (pattern, stands))


def test_rules_refused():
    rules = [
        ("egress pattern eth / end actions drop / end", "ingress alone"),
        ("ingress group 1 pattern eth / end actions drop / end", "one group"),
        ("ingress priority 255 pattern eth / end actions drop / end", "254"),
        ("ingress pattern eth dst is 02:00:00:00:00:01 / end actions drop / end", "item eth: mask bits 0xff of byte 0"),
        ("ingress pattern eth / ipv4 ttl is 3 / end actions drop / end", "item ipv4: mask bits 0xff of byte 8"),
        ("ingress pattern eth / ipv4 / tcp dst spec 1 dst last 9 / end actions drop / end", "ranges"),
        ("ingress pattern eth / ipv4 / sctp / end actions drop / end", "cannot be matched"),
        ("ingress pattern eth / vlan / end actions drop / end", "the vid must be matched"),
        ("ingress pattern eth type is 0x86dd / ipv4 / end actions drop / end", "not that of IPv4"),
        ("ingress pattern eth / ipv4 proto is 17 / tcp / end actions drop / end", "protocol 17"),
        ("ingress pattern eth / end actions mark id 1 / end", "no fate"),
        ("ingress pattern eth / end actions queue index 9 / end", "queues"),
        ("ingress pattern eth / end actions drop / queue index 0 / end", "one fate"),
        ("ingress pattern eth / end actions drop / mark id 1 / end", "not marked"),
        ("ingress pattern eth / end actions jump group 1 / end", "cannot be done"),
        ("ingress pattern eth / ipv4 / tcp / raw relative is 1 search is 1 pattern is abc / end actions queue index 0 "
         "/ end", "item raw"),
    ]
    with run(("none", "none")) as r:
        for rule, says in rules:
            for verb in ("validate", "create"):
                text = r.t.do(f"flow {verb} 0 {rule}")
                check(says in text, (rule, text))


# --- life -----------------------------------------------------------------------------------------

def test_stop_start_reset():
    with run(("loop", "loop")) as r:
        free = r.t.mbufs()
        for _ in range(2 if SLOW else 5):
            r.t.do("start tx_first")
            received(r, 0, 100)
            r.t.do("stop")
            r.t.do("port stop all")
            text = r.t.do("port reset all")
            check("Failed" not in text, text)
            r.t.do("port start all")
            r.t.do("clear port stats all")
        equal(r.t.mbufs(), free, "mbufs in the pool")
        r.t.do("port stop all")
        equal(r.t.mbufs(), testpmd.MBUFS, "mbufs of stopped ports")


def test_hot_plug():
    """A device goes with both its ports, and another comes."""
    with run(("none", "none")) as r:
        r.t.do("port stop all")
        text = r.t.do("port detach 0")
        check("Now total ports is 0" in text, text)
        text = r.t.do(f"port attach net_mpnic7,engine=model,port0=loop,port1=loop,firmware={FIRMWARE}")
        check("Now total ports is 2" in text, text)
        r.t.do("port start all")
        r.t.do("start tx_first")
        received(r, 0, 100)
        r.t.do("stop")
        r.t.do("port stop all")
        equal(r.t.mbufs(), testpmd.MBUFS, "mbufs at the end")
        r.close()


def test_link_change():
    with run(("loop", "loop")) as r:
        check("Link status: up" in r.t.do("show port info 0"))
        command(r, "link 0 down")
        r.t.wait_text("link state change", SECONDS)
        check("Link status: down" in r.t.do("show port info 0"))
        command(r, "link 0 up")
        r.t.until(lambda: r.t.do("show port info 0"), lambda t: "Link status: up" in t, SECONDS)


def command(r, line):
    s = socket.socket(socket.AF_UNIX)
    s.connect(str(r.folder / "control"))
    s.sendall(line.encode() + b"\n")
    answer = s.makefile().readline()
    check('"ok":true' in answer, answer)
    s.close()


def recovers(r):
    """After a reset the ports work."""
    r.t.do("stop")
    r.t.do("port stop all")
    text = r.t.do("port reset all", SECONDS)
    check("Failed" not in text, text)
    equal(r.t.mbufs(), testpmd.MBUFS, "mbufs behind the reset")
    check("Fail" not in r.t.do("port start all", SECONDS))
    r.t.do("clear port stats all")
    r.t.do("start tx_first")
    received(r, 0, 100)
    r.t.do("stop")
    r.t.do("port stop all")
    equal(r.t.mbufs(), testpmd.MBUFS, "mbufs at the end")


def faulted(line):
    with run(("loop", "loop")) as r:
        r.t.do("start tx_first")
        received(r, 0, 100)
        command(r, line)
        r.t.wait_text("Port 1: reset event", SECONDS)
        equal(r.t.xstats(0)["card_failed"], 1, "card_failed")
        recovers(r)


def test_firmware_crash():
    faulted("fault fw-crash")


def test_firmware_hang():
    faulted("fault fw-hang")


def test_dead_device():
    faulted("dead")


def test_completion_that_lies():
    with run(("loop", "loop")) as r:
        r.t.do("start tx_first")
        received(r, 0, 100)
        command(r, "fault cpl-buffers")
        r.t.wait_text("Port 1: reset event", SECONDS)
        recovers(r)


def test_simulator_killed():
    with run(("loop", "loop")) as r:
        for _ in range(1 if SLOW else 3):
            r.t.do("start tx_first")
            received(r, 0, 100)
            r.kill_sim()
            r.t.wait_text("Port 1: reset event", SECONDS)
            r.t.do("stop")
            r.t.do("port stop all")
            equal(r.t.mbufs(), testpmd.MBUFS, "mbufs of stopped ports")
            for path in ("s", "control"):
                with contextlib.suppress(FileNotFoundError):
                    (r.folder / path).unlink()
            r.start_sim(r.folder, ("loop", "loop"))
            recovers(r)
            r.t.do("port start all")
            r.t.do("clear port stats all")


def test_tour():
    """Much in one run, for the RTL, which starts slowly: captures through four queues and out again, verdicts."""
    flows = [udp((10, 0, 0, i), (10, 0, 1, 1), 1000 + 7 * i, 53, bad_udp=i % 10 == 0) for i in range(100)]
    frames = [f for name in CAPTURES for f in frames_of(name)] + flows
    with tempfile.TemporaryDirectory(dir=FOLDER) as name:
        out = pathlib.Path(name) / "out.pcapng"
        with run((f"pcap:{capture(pathlib.Path(name), frames)}", f"pcap:,{out}"), "--rxq=4", "--txq=4", "--rss-udp",
                 "--enable-rx-cksum", HOLD, noisy=True) as r:
            r.t.do("set verbose 1")
            r.go("io")
            received(r, 0, len(frames))
            r.t.until(lambda: r.t.xstats(1)["port_tx_frames"], lambda n: n == len(frames), SECONDS)
            r.t.do("stop")
            share = [r.t.xstats(0)[f"rx_q{q}_packets"] for q in range(4)]
            equal(sum(share), len(frames), "frames in all queues")
            check(min(share) > 10, share)
            bad = len(re.findall(r"RTE_MBUF_F_RX_L4_CKSUM_BAD", r.t.transcript))
            equal(bad, 10, "frames with a bad checksum")
            r.close()
        # Queues overtake each other.
        equal(sorted(read_pcapng(out)), sorted(padded(f) for f in frames), "frames that left")


# --- refusals -------------------------------------------------------------------------------------

def test_arguments():
    wrong = [
        ("net_mpnic0", "needs socket=PATH"),
        ("net_mpnic0,engine=rtl", "engine takes model"),
        ("net_mpnic0,engine=model,socket=/x", "not both"),
        ("net_mpnic0,socket=/nowhere/s", "nobody serves /nowhere/s"),
        ("net_mpnic0,engine=model,colour=red", "colour is no argument"),
        ("net_mpnic0,engine=model,ports=3", "ports takes a number from 1 to 2"),
        ("net_mpnic0,engine=model,ports=1,ports=2", "given twice"),
        ("net_mpnic0,engine=model,watchdog_ms=5", "watchdog_ms takes a number from 10 to 10000"),
        ("net_mpnic0,engine=model,mask=src/129", "mask takes src, dst"),
        ("net_mpnic0,engine=model,mask=dst+", "mask takes src, dst"),
        ("net_mpnic0,engine=model,metadata=yes", "metadata takes a number from 0 to 1"),
        ("net_mpnic0,engine=model,port0=string:x", "port 0"),
        ("net_mpnic0,socket=/nowhere/s,port0=loop", "options of mpnic-sim serve"),
        (f"net_mpnic0,engine=model,firmware={FOLDER}/none.mpfw", "none.mpfw"),
    ]
    t = testpmd.Testpmd(PLUGIN, FOLDER, [vdev.replace("mpnic0", f"mpnic{i}") for i, (vdev, _) in enumerate(wrong)])
    try:
        for vdev, says in wrong:
            check(says in t.log, (vdev, t.log))
        check("No probed ethernet devices" in t.log, t.log)
    finally:
        t.end()


def test_memory_without_file():
    """testpmd's anonymous memory is refused, in one process too: nobody maps it for the card."""
    with run(("none", "none"), "--mp-alloc=anon", start=False) as r:
        while r.t.read(30) and b"testpmd>" not in r.t.said:
            pass
        text = r.t.said.decode(errors="replace")
        check("has no file, so the card cannot reach it" in text, text)


def main():
    names = sys.argv[5:] or [n for n, f in globals().items() if n.startswith("test_") and callable(f)]
    if ENGINE == "in-process":
        names = [n for n in names if n != "test_simulator_killed"]
    for name in names:
        start = time.monotonic()
        globals()[name]()
        print(f"{name}: {time.monotonic() - start:.1f} s", flush=True)
    print(f"{len(names)} tests, {checks} checks passed ({ENGINE})")


if not shutil.which("dpdk-testpmd"):
    print("dpdk-testpmd is missing: install Debian's package dpdk-dev")
    sys.exit(77)
FOLDER = testpmd.private_folder()
try:
    main()
finally:
    shutil.rmtree(FOLDER)
