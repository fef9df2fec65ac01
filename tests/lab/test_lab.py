#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The lab does what docs/lab.md says: an unmodified host among peers of every kind.

Exits 77 where this machine cannot have it, and says what is missing.
"""

import concurrent.futures
import hashlib
import os
import signal
import socket
import struct
import subprocess
import sys
import time

import lab as lab_module
from httpd import pattern
from lab import HOST, PORT, WIRES, Lab, LabError, address, lacking

IPPROTO_MPTCP = 262
TCP_IS_MPTCP = 43
SIZE = 200_000
NEW = "MPTcpExtMPCapable"


def expect(what, got, wanted):
    if got != wanted:
        raise LabError("%s: %r, expected %r" % (what, got, wanted))


class Count:
    """How counters of a namespace change while something is done."""

    def __init__(self, space, what):
        self.space, self.what = space, what

    def __enter__(self):
        self.before = self.space.counters()
        return self

    def __exit__(self, kind, *_):
        self.after = self.space.counters()

    def expect(self, **wanted):
        for name, change in wanted.items():
            name = "MPTcpExt" + name
            expect("%s: %s" % (self.what, name), self.after[name] - self.before[name], change)


def curl(lab, peer, v6, *more, path="/bytes/%d" % SIZE, timeout=10):
    argv = ["mptcpize", "run", "curl", "-sS", "--fail", "--max-time", str(timeout), *more]
    argv += [peer.url(path, v6=v6)]
    process = lab.host.start(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = process.communicate(timeout=timeout + 5)
    if process.returncode:
        raise LabError("%s: %s" % (" ".join(argv), err.decode()))
    return out


def end_of(peer, nth):
    """The nth end of a connection that a version 0 peer has reported."""
    peer.events.wait(lambda _: sum(line["event"] == "end" for line in peer.events.lines) > nth,
                     "the end of connection %d" % nth)
    return [line for line in peer.events.lines if line["event"] == "end"][nth]


def fetch(lab, name, v6):
    peer, what = lab.peer[name], "%s IPv%d" % (name, 6 if v6 else 4)
    server = Count(peer.space, what + ", its own") if peer.space else None
    before = sum(line["event"] == "end" for line in peer.events.lines)
    with Count(lab.host, what) as count:
        if server:
            server.__enter__()
        got = curl(lab, peer, v6)
        if server:
            server.__exit__(None)
    expect(what + ": data", got == pattern(SIZE), True)
    version1 = name == "v1"
    count.expect(MPCapableSYNTX=1, MPCapableSYNACKRX=version1, MPCapableFallbackSYNACK=not version1,
                 MPCapableSYNTXDrop=0, Blackhole=0)
    if version1:
        server.expect(MPCapableSYNRX=1, MPCapableACKRX=1)
    if name == "tcp":
        server.expect(MPCapableSYNRX=0, MPCapableACKRX=0)
    if peer.linux:
        return
    end = end_of(peer, before)
    expect(what + ": remote", end["remote"].rsplit(":", 1)[0].strip("[]"), address(0, HOST, v6))
    for key, value in (("offered", 1), ("answered", 0 if name == "answer-v0" else None),
                       ("established", "tcp"), ("fallback", None), ("end", "fin")):
        expect("%s: %s" % (what, key), end[key], value)


def upload(lab, name):
    data = pattern(SIZE)
    argv = ["mptcpize", "run", "curl", "-sS", "--fail", "--data-binary", "@-",
            lab.peer[name].url("/sink")]
    process = lab.host.start(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    out = process.communicate(data, timeout=10)[0]
    expect(name + ": sum of what was sent", out.decode().strip(), hashlib.sha256(data).hexdigest())


def seen_by_ss(lab):
    """A connection that is open: MPTCP by its socket, and in ss -M."""
    for v6 in (False, True):
        for name in ("v1", "strict"):
            sock = lab.host.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_STREAM,
                                   IPPROTO_MPTCP)
            with sock:
                sock.settimeout(5)
                sock.connect((lab.peer[name].address(0, v6), PORT))
                sock.sendall(b"GET /bytes/10 HTTP/1.1\r\n\r\n")
                expect("an answer", sock.recv(12), b"HTTP/1.1 200")
                shown = lab.host.run(["ss", "-Mni", "dst", "[%s]" % lab.peer[name].address(0, v6)
                                       if v6 else lab.peer[name].addr4]).stdout
                mptcp = sock.getsockopt(socket.IPPROTO_TCP, TCP_IS_MPTCP)
            what = "%s IPv%d: " % (name, 6 if v6 else 4)
            expect(what + "TCP_IS_MPTCP", mptcp, int(name == "v1"))
            expect(what + "in ss -M", shown.count("ESTAB"), 1)
            expect(what + "fallback in ss -M", " fallback " in shown, name != "v1")


def echo(lab):
    """ARP, neighbour discovery and echo of the stack of the version 0 peers."""
    for v6, family, proto in ((False, socket.AF_INET, socket.IPPROTO_ICMP),
                              (True, socket.AF_INET6, socket.IPPROTO_ICMPV6)):
        for wire in range(WIRES):
            body = struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 7, wire) + b"odd"
            if not v6:
                words = sum(struct.unpack("!6H", body + b"\0"))
                total = (words & 0xFFFF) + (words >> 16) ^ 0xFFFF
                body = body[:2] + struct.pack("!H", total) + body[4:]
            with lab.host.socket(family, socket.SOCK_RAW, proto) as sock:
                sock.settimeout(2)
                sock.sendto(body, (lab.peer["strict"].address(wire, v6), 0))
                while True:
                    got = sock.recv(200)
                    got = got if v6 else got[20:]
                    if got[0] == (129 if v6 else 0):
                        break
            expect("echo", got[4:], body[4:])


def two_subflows(lab):
    for v6 in (False, True):
        peer = lab.peer["v1"]
        with Count(lab.host, "two paths") as host, Count(peer.space, "two paths, v1") as server:
            got = curl(lab, peer, v6, path="/bytes/3000000")
        expect("two paths: data", got == pattern(3_000_000), True)
        host.expect(MPCapableSYNTX=1, MPJoinSynTx=1, MPJoinSynAckRx=1)
        server.expect(MPJoinSynRx=1, MPJoinAckRx=1)


def version0_client(lab, nth, *argv):
    """v0client on both wires; its result."""
    own = [word for wire in range(WIRES) for v6 in (False, True)
           for word in ("--addr", address(wire, 60 + nth, v6))]
    client = lab.on_wires("c%d-" % nth, ["v0client", "--rto-min", "50", *own, *argv])
    return client.wait(lambda line: line["event"] == "result", "v0client")


def version0(lab):
    """Version 0 from end to end, with a second subflow; and towards a kernel, which is TCP."""
    peer = lab.peer["strict"]
    got = version0_client(lab, 0, "--to", peer.addr4, "--get", "1000000", "--checksum",
                          "--second", address(1, 60), "--at", "50000:join")
    for key, value in (("right", True), ("established", "mptcp0"), ("subflows", 2),
                       ("checksum", True), ("end", "data_fin"), ("csum_bad", 0)):
        expect("v0client to strict: " + key, got[key], value)
    for nth, name in enumerate(("v1", "tcp"), 1):
        got = version0_client(lab, nth, "--to", lab.peer[name].addr4, "--post", "500000")
        for key, value in (("right", True), ("established", "tcp"), ("offered", 0),
                           ("answered", None), ("subflows", 1), ("end", "fin")):
            expect("v0client to %s: %s" % (name, key), got[key], value)


def blackhole(lab):
    """SYNs with MP_CAPABLE vanish: Linux sends two, then a plain one, and remembers."""
    peer = lab.peer["drop"]
    with Count(lab.host, "drop") as count, Count(peer.space, "drop, its own") as server:
        started = time.monotonic()
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            both = [pool.submit(curl, lab, peer, v6) for v6 in (False, True)]
            for got in both:
                expect("drop: data", got.result() == pattern(SIZE), True)
        took = time.monotonic() - started
    count.expect(MPCapableSYNTX=2, MPCapableSYNACKRX=0, MPCapableSYNTXDrop=2, Blackhole=2)
    server.expect(MPCapableSYNRX=0)
    expect("drop: a plain SYN after two time-outs (took %.1f s)" % took, 2.5 < took < 6, True)
    with Count(lab.host, "after it") as count:
        curl(lab, lab.peer["v1"], False)
    count.expect(MPCapableSYNTX=0, MPCapableSYNTXDisabled=1)


def with_a_nic():
    """The shape for a NIC: here a middlebox stands in for each of its ports."""
    with Lab(nic=True, peers=("v1", "strict")) as lab:
        for wire in range(WIRES):
            box = lab_module.Events(lab.wire.start(
                [os.path.join(lab.programs, "pathbox"), "--a", "tap:nic%d" % wire, "--b",
                 "tap:kernel%d" % wire], stdout=subprocess.PIPE, text=True))
            box.ready()
            lab.attach(wire, "nic%d" % wire)
        lab.adopt(["kernel%d" % wire for wire in range(WIRES)])
        lab.two_paths()
        fetch(lab, "strict", True)
        with Count(lab.host, "NIC") as count:
            curl(lab, lab.peer["v1"], True, path="/bytes/2000000")
        count.expect(MPCapableSYNACKRX=1, MPJoinSynAckRx=1)


HOLD = """
import os, sys
sys.path.insert(0, %r)
from lab import Lab
with Lab(peers=("v1", "strict", "drop")) as lab:
    sleeper = lab.host.start(["sleep", "600"])
    links = {os.readlink("/proc/self/task/%%s/ns/net" %% task) for task in
             os.listdir("/proc/self/task")} - {os.readlink("/proc/self/ns/net")}
    print(" ".join(links), flush=True)
    sys.stdin.read()
"""


def users_of(links):
    """Processes in those namespaces."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink("/proc/%s/ns/net" % pid) in links:
                found.append(int(pid))
        except OSError:
            pass
    return found


def leaves_nothing(sig):
    """A lab whose process is killed takes all with it."""
    script = HOLD % os.path.dirname(os.path.abspath(__file__))
    process = subprocess.Popen([sys.executable, "-c", script], stdin=subprocess.PIPE,
                               stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    with process:
        links = set(process.stdout.readline().split())
        expect("namespaces of a lab", len(links) >= 4, True)
        expect("programs in them", len(users_of(links)) >= 5, True)
        process.send_signal(sig)
    end = time.monotonic() + 3
    while users_of(links) and time.monotonic() < end:
        time.sleep(0.02)
    expect("programs left behind", users_of(links), [])
    # None is held by another thread, or mounted.
    mounts = open("/proc/self/mountinfo", encoding="utf-8").read()
    expect("namespaces left behind", [link for link in links if link in mounts], [])


def main():
    lack = lacking()
    for what in lack:
        print("lab: missing: " + what, file=sys.stderr)
    if lack:
        return 77
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        other = [pool.submit(leaves_nothing, sig) for sig in (signal.SIGKILL, signal.SIGINT)]
        other.append(pool.submit(with_a_nic))
        with Lab() as lab:
            echo(lab)
            for name in ("v1", "tcp", "strict", "answer-v0"):
                for v6 in (False, True):
                    fetch(lab, name, v6)
            for name in ("v1", "strict"):
                upload(lab, name)
            seen_by_ss(lab)
            version0(lab)
            lab.two_paths()
            two_subflows(lab)
            blackhole(lab)
        for each in other:
            each.result()
    print("lab: host and peers did what they should")
    return 0


if __name__ == "__main__":
    sys.exit(main())
