#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The lab: an unmodified Linux host, two wires, and peers of every kind beyond them.

As a module:   with Lab() as lab: lab.host.run(["curl", lab.peer["v1"].url("/bytes/1000")])
As a command:  lab.py shell    a shell in the host's namespace, until it ends
               lab.py check    what this machine lacks; exit code 77 where it lacks something

docs/lab.md has the map.
"""

import argparse
import collections
import ipaddress
import json
import os
import signal
import subprocess
import sys
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
from space import TIMEOUT, LabError, Namespace, missing  # noqa: E402

TOP = os.path.join(HERE, "..", "..")
WIRES = 2
HOST = 1  # the last number of the host's addresses
PORT = 8080
TOOLS = ("ethtool", "curl", "mptcpize", "ss")
PROGRAMS = ("v0peer", "v0client", "pathbox")

# name: (last number of the addresses, is a Linux kernel, what it is)
PEERS = {
    "v1": (10, True, "Linux, MPTCP version 1"),
    "tcp": (20, True, "Linux, net.mptcp.enabled=0"),
    "strict": (30, False, "version 0 as RFC 6824 has it: a SYN of version 1 is answered as TCP's"),
    "answer-v0": (40, False, "version 0, which a SYN of version 1 is answered with"),
    "drop": (50, True, "Linux, version 1, behind a path that drops SYNs with MP_CAPABLE"),
}


def address(wire, number, v6=False):
    text = ("fd77:0:0:%d::%d" if v6 else "10.77.%d.%d") % (wire, number)
    return str(ipaddress.ip_address(text))


class Events:
    """Lines of JSON that a program prints, as they come."""

    def __init__(self, process):
        self.lines, self.process = [], process
        self.more = threading.Condition()
        self.thread = threading.Thread(target=self.read, daemon=True)
        self.thread.start()

    def read(self):
        try:
            for line in self.process.stdout:
                with self.more:
                    self.lines.append(json.loads(line))
                    self.more.notify_all()
        except ValueError:  # closed
            pass
        with self.more:
            self.process = None
            self.more.notify_all()

    def wait(self, condition, what="an event", timeout=TIMEOUT):
        """The first line of which the condition is true."""
        end = time.monotonic() + timeout
        with self.more:
            seen = 0
            while True:
                for line in self.lines[seen:]:
                    if condition(line):
                        return line
                seen = len(self.lines)
                left = end - time.monotonic()
                if left <= 0 or not self.process:
                    raise LabError("waited in vain for %s; last: %s" % (what, self.lines[-1:]))
                self.more.wait(left)

    def ready(self):
        return self.wait(lambda line: line["event"] == "ready", "a program to be ready")


class Peer:
    """A web server beyond the wires, on each of them with an IPv4 and an IPv6 address."""

    def __init__(self, name):
        self.name = name
        self.number, self.linux, self.about = PEERS[name]
        self.space = None  # its namespace, of a Linux peer
        self.events = None  # what it reports, of a version 0 peer
        self.addr4, self.addr6 = (address(0, self.number, v6) for v6 in (False, True))

    def address(self, wire=0, v6=False):
        return address(wire, self.number, v6)

    def url(self, path, wire=0, v6=False):
        return "http://%s:%d%s" % ("[%s]" % self.address(wire, True) if v6 else
                                   self.address(wire), PORT, path)


class Lab:
    """Two wires; peers; a host that is joined to the wires directly, or by a NIC.

    nic=False: the host has a veth on each wire, port0 and port1.
    nic=True: the wires end where attach() puts the interfaces of the NIC's ports, and the host has
    what adopt() gives it.
    peers: names out of PEERS. options: name of a version 0 peer: further arguments for it.
    """

    def __init__(self, nic=False, peers=tuple(PEERS), options=None, programs=None):
        self.programs = programs or os.path.join(TOP, "build", "peers")
        self.options = collections.defaultdict(list, options or {})
        self.spaces, self.peer = [], {}
        try:
            self.wire = self.space()
            self.host = self.space()
            self.wire.sysctl("ipv6/conf/default/disable_ipv6", 1)
            self.wire.batch(line for wire in range(WIRES) for line in (
                "link add br%d type bridge mcast_snooping 0" % wire, "link set br%d up" % wire))
            for name in peers:
                self.add_peer(Peer(name))
            for peer in self.peer.values():
                if peer.events:
                    peer.events.ready()
            if not nic:
                self.join_directly()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def space(self):
        self.spaces.append(Namespace())
        return self.spaces[-1]

    def close(self):
        for space in self.spaces:
            space.close()
        self.spaces = []

    def attach(self, wire, device):
        """Put an interface of the wires' namespace onto a wire."""
        self.wire.batch(["link set %s master br%d" % (device, wire), "link set %s up" % device])

    def veth(self, space, wire, prefix, name):
        """A veth between the wire and the namespace, where it has that name."""
        end = "%s%d" % (prefix, wire)
        self.wire.ip("link add %s type veth peer name %s netns %s" % (end, name, space.path))
        self.wire.no_offloads(end)
        space.no_offloads(name)
        self.attach(wire, end)

    def on_wires(self, prefix, argv, wires=range(WIRES)):
        """Start one of the version 0 programs with a TAP on each of the wires: its Events."""
        names = ["%s%d" % (prefix, wire) for wire in wires]
        program = [os.path.join(self.programs, argv[0]), *argv[1:]]
        for name in names:
            self.wire.ip("tuntap add dev %s mode tap" % name)
            program += ["--wire", "tap:" + name]
        for wire, name in zip(wires, names):
            self.attach(wire, name)
        return Events(self.wire.start(program, stdout=subprocess.PIPE, text=True))

    def add_peer(self, peer):
        self.peer[peer.name] = peer
        if peer.linux:
            self.linux_peer(peer)
        else:
            addresses = [address(wire, peer.number, v6) for wire in range(WIRES)
                         for v6 in (False, True)]
            peer.events = self.on_wires("n%d-" % peer.number, [
                "v0peer", "--mode", peer.name, "--port", str(PORT), *self.options[peer.name],
                *(word for addr in addresses for word in ("--addr", addr))])

    def linux_peer(self, peer):
        peer.space = self.space()
        self.quiet(peer.space)
        for wire in range(WIRES):
            if peer.name == "drop":
                self.behind_pathbox(peer, wire, ["--drop-capable-syn", *self.options["drop"]])
            else:
                self.veth(peer.space, wire, "n%d-" % peer.number, "eth%d" % wire)
        peer.space.batch(line for wire in range(WIRES) for line in
                         self.addresses("eth%d" % wire, wire, peer.number))
        peer.space.sysctl("mptcp/enabled", int(peer.name != "tcp"))
        peer.space.ip("mptcp limits set subflows 4 add_addr_accepted 4")
        argv = [sys.executable, os.path.join(HERE, "httpd.py"), "--port", str(PORT)]
        peer.events = Events(peer.space.start(argv + ["--tcp"] * (peer.name == "tcp"),
                                              stdout=subprocess.PIPE, text=True))

    def behind_pathbox(self, peer, wire, options):
        near, far = ("n%d-%d%s" % (peer.number, wire, end) for end in "nf")
        argv = [os.path.join(self.programs, "pathbox"), "--a", "tap:" + near, "--b", "tap:" + far]
        box = Events(self.wire.start(argv + options, stdout=subprocess.PIPE, text=True))
        box.ready()
        self.attach(wire, near)
        self.wire.ip("link set %s netns %s name eth%d" % (far, peer.space.path, wire))

    @staticmethod
    def quiet(space):
        """Nothing but what a test sends, and addresses that can be used at once."""
        space.sysctl("ipv4/conf/all/rp_filter", 0)
        space.sysctl("ipv4/conf/default/rp_filter", 0)
        for name, value in (("accept_dad", 0), ("router_solicitations", 0), ("accept_ra", 0)):
            space.sysctl("ipv6/conf/default/" + name, value)
        space.ip("link set lo up")

    @staticmethod
    def addresses(device, wire, number):
        return ["link set %s up" % device,
                "addr add %s/24 dev %s" % (address(wire, number), device),
                "addr add %s/64 dev %s nodad" % (address(wire, number, True), device)]

    def join_directly(self):
        for wire in range(WIRES):
            self.veth(self.host, wire, "host", "port%d" % wire)
        self.configure_host(["port%d" % wire for wire in range(WIRES)])

    def adopt(self, devices, space=None):
        """Move the NIC's interfaces into the host, from the namespace where they are (the wires')."""
        for device in devices:
            (space or self.wire).ip("link set %s netns %s" % (device, self.host.path))
        self.configure_host(devices)

    def configure_host(self, devices):
        """Addresses of the host, and routes by source: each leaves by its own wire."""
        self.quiet(self.host)
        self.host.batch(line for wire, device in enumerate(devices)
                        for line in self.addresses(device, wire, HOST))
        for v6 in (False, True):
            self.host.batch([line for wire, device in enumerate(devices)
                             for line in self.routes(device, wire, v6)], "-6" if v6 else "-4")

    def routes(self, device, wire, v6):
        """By source address; to a peer's address of another wire by its address of this one."""
        table = "dev %s table %d" % (device, 100 + wire)
        net = "fd77:0:0:%d::/64" % wire if v6 else "10.77.%d.0/24" % wire
        yield "route add %s %s" % (net, table)
        for peer in self.peer.values():
            for other in set(range(WIRES)) - {wire}:
                yield "route add %s via %s %s" % (peer.address(other, v6), peer.address(wire, v6),
                                                  table)
        yield "rule add from %s table %d" % (address(wire, HOST, v6), 100 + wire)

    def two_paths(self):
        """The host opens a second subflow, by wire 1, for every MPTCP connection."""
        self.host.ip("mptcp limits set subflows 4 add_addr_accepted 4")
        for v6 in (False, True):
            self.host.ip("mptcp endpoint add %s subflow" % address(1, HOST, v6))


def lacking():
    """What this machine lacks for the lab, in words."""
    lack = missing(*TOOLS)
    folder = os.path.join(TOP, "build", "peers")
    return lack + ["program %s (make %s)" % (name, "build/peers/" + name) for name in PROGRAMS
                   if not os.access(os.path.join(folder, name), os.X_OK)]


def shell():
    with Lab() as lab:
        print("host        %s  %s  (wire 1: %s)" % (address(0, HOST), address(0, HOST, True),
                                                    address(1, HOST)))
        for peer in lab.peer.values():
            print("%-11s %s  %s  %s" % (peer.name, peer.addr4, peer.addr6, peer.about))
        print("web servers at port %d: /bytes/N; try: mptcpize run curl -s %s | sha256sum" % (
            PORT, lab.peer["v1"].url("/bytes/1000")), flush=True)
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # it is the shell's
        return lab.host.start([os.environ.get("SHELL", "/bin/bash")]).wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("shell", "check"))
    command = parser.parse_args().command
    lack = lacking()
    for what in lack:
        print("lab: missing: " + what, file=sys.stderr)
    if lack:
        return 77
    return shell() if command == "shell" else 0


if __name__ == "__main__":
    sys.exit(main())
