# SPDX-License-Identifier: BSD-3-Clause
"""A network laboratory in one process: namespaces, a wire that can meddle, MPTCP connections.

Every namespace belongs to a thread of this process and to nothing else, so that the kernel
removes it, with its devices and addresses, when the process ends, however it ends.

Between the TAP devices of both ends runs the wire, a thread of this process: it sees every frame,
may tag, change, drop, hold or multiply it, and records what passes at the chosen side of it.
"""

import os
import select
import socket
import struct
import sys
import threading
import time

sys.path.insert(1, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "lab"))
from space import IPPROTO_MPTCP, TIMEOUT, LabError, Namespace, missing  # noqa: E402,F401

ETH_P_ALL = 0x0003
QUIET = 0.15  # seconds without a frame after which a connection counts as over

SYN = 2
CAPABLE, JOIN, DSS, ADD_ADDR, REMOVE_ADDR, PRIO, FAIL, FASTCLOSE, TCPRST = range(9)


def ones_sum(data, start=0):
    """Ones' complement sum of big-endian 16-bit words, folded, not inverted."""
    if len(data) & 1:
        data += b"\0"
    total = start + sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class Segment:
    """A TCP segment in an untagged Ethernet frame, open to changes that keep its length."""

    def __init__(self, frame):
        self.frame = bytearray(frame)
        self.v6 = frame[12:14] == b"\x86\xdd"
        self.l4 = 54 if self.v6 else 14 + 4 * (frame[14] & 15)
        self.flags = frame[self.l4 + 13]
        self.options_end = self.l4 + 4 * (frame[self.l4 + 12] >> 4)
        self.end = 54 + int.from_bytes(frame[18:20], "big") if self.v6 else \
            14 + int.from_bytes(frame[16:18], "big")
        self.payload_len = self.end - self.options_end

    @classmethod
    def of(cls, frame):
        """The segment in the frame, or None."""
        if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_TCP:
            return cls(frame)
        if frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_TCP:
            return cls(frame)
        return None

    def options(self):
        """The TCP options: (kind, offset in the frame, length)."""
        at = self.l4 + 20
        while at < self.options_end and self.frame[at]:
            if self.frame[at] == 1:
                at += 1
                continue
            length = self.frame[at + 1]
            yield self.frame[at], at, length
            at += max(length, 2)

    def mptcp(self):
        """The MPTCP options: (subtype, offset in the frame, length)."""
        return [(self.frame[at + 2] >> 4, at, length)
                for kind, at, length in self.options() if kind == 30 and length > 2]

    def has(self, subtype):
        return any(found == subtype for found, _, _ in self.mptcp())

    def strip(self):
        """Replace every MPTCP option by no-operations."""
        for _, at, length in self.mptcp():
            self.frame[at:at + length] = b"\1" * length

    def flip(self, at, bits=0xFF):
        self.frame[at] ^= bits

    def flip_option(self, subtype, byte, bits=0xFF):
        """Flip bits of one byte of the first option of that subtype."""
        for found, at, _ in self.mptcp():
            if found == subtype:
                self.flip(at + byte, bits)
                return

    def sealed(self):
        """The frame, with its TCP checksum made right."""
        addresses = self.frame[22:54] if self.v6 else self.frame[26:34]
        length = self.end - self.l4
        self.frame[self.l4 + 16:self.l4 + 18] = b"\0\0"
        total = ones_sum(bytes(addresses), length + socket.IPPROTO_TCP)
        total = ones_sum(bytes(self.frame[self.l4:self.end]), total)
        self.frame[self.l4 + 16:self.l4 + 18] = struct.pack("!H", total ^ 0xFFFF)
        return bytes(self.frame)


class Wire(threading.Thread):
    """The wire between two ends. Paths are pairs of TAP devices: (client's fd, server's fd).

    meddle(frame, up) is called for each frame, `up` from client to server, and returns the frames
    that go on. Frames are recorded where `side` says: "client" or "server", with VLAN tags if there
    are any; only the wire has the tags.
    """

    def __init__(self, paths, meddle, side, tags):
        super().__init__(daemon=True)
        self.paths, self.meddle, self.side, self.tags = paths, meddle, side, tags
        self.record = []  # (nanoseconds, path, frame)
        self.recording = False
        self.seen = {}  # (subtype, up): options seen before any meddling
        self.last = time.monotonic()
        self.stop_r, self.stop_w = os.pipe()

    def close(self):
        os.close(self.stop_w)
        self.join()
        os.close(self.stop_r)
        for path in self.paths:
            for fd in path:
                os.close(fd)

    def note(self, path, frame):
        if not self.recording:
            return
        tags = b"".join(struct.pack("!HH", tpid, tci + path) for tpid, tci in self.tags)
        self.record.append((time.time_ns(), path, frame[:12] + tags + frame[12:]))

    def count(self, frame, up):
        segment = Segment.of(frame)
        if not segment:
            return
        self.last = time.monotonic()
        for subtype, _, _ in segment.mptcp():
            self.seen[subtype, up] = self.seen.get((subtype, up), 0) + 1

    def carry(self, path, frame, up):
        before = (self.side == "client") == up
        if before:
            self.note(path, frame)
        self.count(frame, up)
        for passed in self.meddle(frame, up) if self.meddle else [frame]:
            if not before:
                self.note(path, passed)
            os.write(self.paths[path][1 if up else 0], passed)

    def run(self):
        ends = {fd: (path, fd == pair[0]) for path, pair in enumerate(self.paths) for fd in pair}
        while True:
            ready = select.select([self.stop_r, *ends], [], [])[0]
            if self.stop_r in ready:
                return
            for fd in ready:
                try:
                    frame = os.read(fd, 65536)
                except BlockingIOError:
                    continue
                self.carry(ends[fd][0], frame, ends[fd][1])


class Tap(threading.Thread):
    """Records a device of a namespace, with the checksums and sizes that offloads leave."""

    def __init__(self, namespace, device):
        super().__init__(daemon=True)
        self.record, self.recording, self.seen = [], False, {}
        self.last = time.monotonic()
        self.stop_r, self.stop_w = os.pipe()
        self.socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_P_ALL))
        self.socket.bind((device, ETH_P_ALL))

    def close(self):
        os.close(self.stop_w)
        self.join()
        os.close(self.stop_r)
        self.socket.close()

    def run(self):
        while True:
            ready = select.select([self.stop_r, self.socket], [], [])[0]
            if self.stop_r in ready:
                return
            frame = self.socket.recv(1 << 17)
            self.last = time.monotonic()
            if self.recording:
                self.record.append((time.time_ns(), 0, frame))


class Lab:
    """Client and server, each in a namespace of its own, and the paths between them.

    Path n (from 0) has the client's 10.0.(n+1).1 and the server's 10.0.(n+1).2, or fd00:(n+1)::1
    and ::2. The client leaves by its source address's path, whatever the destination; the server
    answers by the path of the client's address.
    """

    def __init__(self, v6=False, paths=1, csum=False, meddle=None, side="client", tags=(),
                 mtu=1500, timestamps=True, offload=False):
        self.v6, self.family = v6, socket.AF_INET6 if v6 else socket.AF_INET
        self.client, self.server, self.wire = Namespace(), Namespace(), None
        self.sockets = []
        try:
            fds = self.devices(paths, offload)
            for up, end in ((True, self.client), (False, self.server)):
                self.configure(end, up, paths, csum, mtu, timestamps)
            self.wire = Tap(self.client, "c0") if offload else Wire(fds, meddle, side, tags)
            self.wire.start()
        except BaseException:
            self.close()
            raise

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        for sock in self.sockets:
            sock.close()
        if self.wire:
            self.wire.close()
        self.client.close()
        self.server.close()

    def devices(self, paths, offload):
        if offload:
            self.client.ip("link add c0 type veth peer name s0 netns " + self.server.path)
            return []
        return [(self.client.tap("c%d" % n), self.server.tap("s%d" % n)) for n in range(paths)]

    def address(self, up, path):
        host = 1 if up else 2
        return ("fd00:%d::%d" if self.v6 else "10.0.%d.%d") % (path + 1, host)

    def configure(self, end, up, paths, csum, mtu, timestamps):
        end.sysctl("mptcp/enabled", 1)
        end.sysctl("mptcp/checksum_enabled", int(csum))
        end.sysctl("ipv4/tcp_timestamps", int(timestamps))
        end.sysctl("ipv4/conf/all/rp_filter", 0)
        end.sysctl("ipv4/conf/default/rp_filter", 0)
        end.sysctl("ipv6/conf/default/accept_dad", 0)
        end.sysctl("ipv6/conf/default/router_solicitations", 0)
        end.ip("mptcp limits set subflows 4 add_addr_accepted 4")
        end.ip("link set lo up")
        ip = "-6 " if self.v6 else "-4 "
        plen = 64 if self.v6 else 24
        for n in range(paths):
            dev, own, peer = "cs"[not up] + str(n), self.address(up, n), self.address(not up, n)
            end.ip("link set %s mtu %d up" % (dev, mtu))
            end.ip("%saddr add %s/%d dev %s%s" % (ip, own, plen, dev, " nodad" * self.v6))
            if up:
                end.ip("%sroute add %s dev %s table %d" % (ip, peer, dev, 100 + n))
                end.ip("%sroute add default via %s dev %s table %d" % (ip, peer, dev, 100 + n))
                end.ip("%srule add from %s table %d" % (ip, own, 100 + n))

    def until(self, what, condition):
        end = time.monotonic() + TIMEOUT
        while not condition():
            if time.monotonic() > end:
                raise LabError("waited in vain for " + what)
            time.sleep(0.005)

    def seen(self, subtype, count=1, up=None):
        """Wait until the wire has seen so many options of the subtype (that way, or both)."""
        def enough():
            ways = (True, False) if up is None else (up,)
            return sum(self.wire.seen.get((subtype, way), 0) for way in ways) >= count
        self.until("%d options of subtype %d" % (count, subtype), enough)

    def quiet(self):
        """Wait until no TCP segment has passed for a while."""
        self.until("quiet", lambda: time.monotonic() - self.wire.last > QUIET)

    def connect(self, plain_server=False, plain_client=False, before=None):
        """Open a connection over path 0: (client's socket, server's socket)."""
        kinds = [socket.IPPROTO_TCP if plain else IPPROTO_MPTCP
                 for plain in (plain_client, plain_server)]
        listener = self.server.socket(self.family, socket.SOCK_STREAM, kinds[1])
        client = self.client.socket(self.family, socket.SOCK_STREAM, kinds[0])
        self.sockets += [listener, client]
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("::" if self.v6 else "0.0.0.0", 8080))
        listener.listen()
        for sock in (listener, client):
            sock.settimeout(TIMEOUT)
        if before:
            before(client)
        self.wire.recording = True
        client.connect((self.address(False, 0), 8080))
        server = listener.accept()[0]
        server.settimeout(TIMEOUT)
        self.sockets.append(server)
        return client, server

    def finish(self, client, server):
        """Close both directions in order, and wait for the end."""
        for one, other in ((client, server), (server, client)):
            one.shutdown(socket.SHUT_WR)
            if other.recv(1):
                raise LabError("data after the end")
        client.close()
        server.close()
        self.quiet()


def text(length):
    """Test data that a reader recognizes and git packs well."""
    line = b"".join(b"%04d mpnic test data\n" % (n % 10000) for n in range(length // 21 + 1))
    return line[:length]


def send(source, sink, length, chunk=None):
    """Send so many bytes of test data, and check that they arrive unharmed."""
    data = text(length)
    if chunk:
        for at in range(0, length, chunk):
            source.sendall(data[at:at + chunk])
            time.sleep(0.001)
    else:
        source.sendall(data)
    if receive(sink, length) != data:
        raise LabError("data damaged")


def receive(sink, length):
    got = b""
    while len(got) < length:
        part = sink.recv(length - len(got))
        if not part:
            raise LabError("stream ended after %d of %d bytes" % (len(got), length))
        got += part
    return got


def write_pcap(path, record, nanoseconds=False, snaplen=65535):
    """Write the frames as a pcap file; several paths become one interface."""
    with open(path, "wb") as file:
        magic = 0xA1B23C4D if nanoseconds else 0xA1B2C3D4
        file.write(struct.pack("<IHHiIII", magic, 2, 4, 0, 0, snaplen, 1))
        for stamp, _, frame in record:
            part = frame[:snaplen]
            fraction = stamp % 10**9 // (1 if nanoseconds else 1000)
            file.write(struct.pack("<IIII", stamp // 10**9, fraction, len(part), len(frame)))
            file.write(part)


def block(kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack("<I", len(body) + 12)
    return struct.pack("<I", kind) + size + body + size


def option(code, value):
    return struct.pack("<HH", code, len(value)) + value + bytes(-len(value) % 4)


def write_pcapng(path, record, interfaces):
    """Write the frames as pcapng, one interface a path: (name, power of ten of its clock)."""
    with open(path, "wb") as file:
        file.write(block(0x0A0D0D0A, struct.pack("<IHHq", 0x1A2B3C4D, 1, 0, -1)))
        for name, digits in interfaces:
            file.write(block(1, struct.pack("<HHI", 1, 0, 65535) + option(2, name.encode()) +
                             option(9, bytes([digits])) + option(0, b"")))
        for stamp, number, frame in record:
            ticks = stamp // 10 ** (9 - interfaces[number][1])
            file.write(block(6, struct.pack("<IIIII", number, ticks >> 32, ticks & 0xFFFFFFFF,
                                            len(frame), len(frame)) + frame))
