# SPDX-License-Identifier: BSD-3-Clause
"""MPTCP version 0 (RFC 6824) connections, written packet by packet.

The local kernel speaks version 1 only, so these are scripted: keys are chosen, everything that
follows from them (tokens, HMACs, data sequence numbers, checksums) is computed.
"""

import hashlib
import hmac
import socket
import struct

from lab import ones_sum

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
START = 1_700_000_000 * 10**9
STEP = 250_000  # nanoseconds between frames
CHECKSUM, SHA1 = 0x80, 0x01
MSS = 1400


def token(key):
    return hashlib.sha1(key).digest()[:4]


def idsn(key):
    return int.from_bytes(hashlib.sha1(key).digest()[12:], "big")


def option(subtype, nibble, body):
    return bytes([30, 3 + len(body), subtype << 4 | nibble]) + body


class Side:
    """One end of a connection: its key and its place in the data sequence."""

    def __init__(self, key):
        self.key, self.dsn = key, idsn(key) + 1


class Flow:
    """One TCP connection: addresses, ports and both ends' sequence numbers; 0 is the opener."""

    def __init__(self, record, addresses, ports, isns):
        self.record, self.addresses, self.ports = record, addresses, ports
        self.first, self.next = isns, list(isns)

    def send(self, end, flags, options=b"", data=b""):
        other = 1 - end
        if flags & SYN:
            options += struct.pack("!BBHBBBB", 2, 4, 1460, 4, 2, 1, 1)
        options += b"\1" * (-len(options) % 4)
        ack = self.next[other] if flags & ACK else 0
        segment = struct.pack("!HHIIBBHHH", self.ports[end], self.ports[other],
                              self.next[end] & 0xFFFFFFFF, ack & 0xFFFFFFFF,
                              5 + len(options) // 4 << 4, flags, 29200, 0, 0) + options + data
        self.next[end] += len(data) + bool(flags & SYN) + bool(flags & FIN)
        pair = socket.inet_aton(self.addresses[end]) + socket.inet_aton(self.addresses[other])
        total = ones_sum(pair + struct.pack("!HH", socket.IPPROTO_TCP, len(segment)) + segment)
        segment = segment[:16] + struct.pack("!H", total ^ 0xFFFF) + segment[18:]
        head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), len(self.record), 0x4000, 64,
                           socket.IPPROTO_TCP, 0) + pair
        head = head[:10] + struct.pack("!H", ones_sum(head) ^ 0xFFFF) + head[12:]
        ends = [b"\2\0\0\0\0" + bytes([host]) for host in (1, 2)]
        frame = ends[other] + ends[end] + b"\x08\0" + head + segment
        self.record.append((START + STEP * len(self.record), 0, frame))


class Connection:
    """A version 0 connection with DSS checksums; its first subflow is open at once."""

    def __init__(self, record, port, keys):
        self.record, self.ends = record, [Side(key) for key in keys]
        self.flows = []
        flow = self.flow("10.0.1.1", "10.0.1.2", port)
        flags = bytes([CHECKSUM | SHA1])
        flow.send(0, SYN, option(0, 0, flags + keys[0]))
        flow.send(1, SYN | ACK, option(0, 0, flags + keys[1]))
        flow.send(0, ACK, option(0, 0, flags + keys[0] + keys[1]))

    def flow(self, own, peer, port):
        isns = (0x10000000 * (len(self.flows) + 1), 0xFFFFFF00 + port % 7)
        flow = Flow(self.record, (own, peer), (port, 8080), isns)
        self.flows.append(flow)
        return flow

    def dss(self, flow, end, data=b"", long=False, fin=False):
        """A DSS option with Data ACK, and with a mapping of the data or of a DATA_FIN."""
        own, peer = self.ends[end], self.ends[1 - end]
        size = 8 if long else 4
        flags = 0x01 | (0x02 if long else 0)
        body = (peer.dsn & (1 << 8 * size) - 1).to_bytes(size, "big")
        if data or fin:
            flags |= 0x04 | (0x08 if long else 0) | (0x10 if fin else 0)
            ssn = (flow.next[end] - flow.first[end]) & 0xFFFFFFFF if data else 0
            length = len(data) + fin
            total = ones_sum(struct.pack("!QIHH", own.dsn & (1 << 64) - 1, ssn, length, 0) + data)
            body += (own.dsn & (1 << 8 * size) - 1).to_bytes(size, "big")
            body += struct.pack("!IHH", ssn, length, total ^ 0xFFFF)
            own.dsn += length
        return option(2, 0, bytes([flags]) + body)

    def data(self, flow, end, data, long=False):
        """Data in segments of one mapping each, and the acknowledgement."""
        for at in range(0, len(data), MSS):
            part = data[at:at + MSS]
            flow.send(end, ACK | PSH, self.dss(flow, end, part, long), part)
            flow.send(1 - end, ACK, self.dss(flow, 1 - end, long=long))

    def join(self, own, peer, port, ids):
        """A second subflow, with its handshake of three and one."""
        flow, (a, b) = self.flow(own, peer, port), (end.key for end in self.ends)
        nonces = b"\x11\x22\x33\x44", b"\x55\x66\x77\x88"
        flow.send(0, SYN, option(1, 0, bytes(ids[:1]) + token(b) + nonces[0]))
        answer = hmac.digest(b + a, nonces[1] + nonces[0], "sha1")[:8]
        flow.send(1, SYN | ACK, option(1, 0, bytes(ids[1:]) + answer + nonces[1]))
        proof = hmac.digest(a + b, nonces[0] + nonces[1], "sha1")
        flow.send(0, ACK, option(1, 0, b"\0" + proof))
        flow.send(1, ACK, self.dss(flow, 1))
        return flow

    def finish(self):
        """DATA_FIN both ways, then FIN on every subflow."""
        first = self.flows[0]
        for end in (0, 1):
            first.send(end, ACK, self.dss(first, end, fin=True))
            first.send(1 - end, ACK, self.dss(first, 1 - end))
        for flow in self.flows:
            flow.send(0, FIN | ACK, self.dss(flow, 0))
            flow.send(1, FIN | ACK, self.dss(flow, 1))
            flow.send(0, ACK, self.dss(flow, 0))


def conversation(text):
    """Two connections: one with every version 0 option and a regular end, one given up."""
    record = []
    first = Connection(record, 40001, (b"mpnicKA0", b"mpnicKB0"))
    flow = first.flows[0]
    first.data(flow, 0, text(3000))
    first.data(flow, 1, text(1501), long=True)
    address = socket.inet_aton("10.0.2.2")
    flow.send(1, ACK, first.dss(flow, 1) + option(3, 4, bytes([2]) + address))
    flow.send(1, ACK, first.dss(flow, 1) + option(3, 4, bytes([3]) + address + b"\x1f\x91"))
    second = first.join("10.0.2.1", "10.0.2.2", 40002, (4, 2))
    first.data(second, 0, text(97), long=True)
    second.send(0, ACK, first.dss(second, 0) + option(5, 1, bytes([4])))
    flow.send(1, ACK, first.dss(flow, 1) + option(4, 0, bytes([3])))
    first.data(flow, 0, text(500))
    first.finish()
    other = Connection(record, 40003, (b"mpnicKA1", b"mpnicKB1"))
    flow = other.flows[0]
    other.data(flow, 0, text(700))
    flow.send(0, ACK, option(7, 0, b"\0" + other.ends[1].key))
    flow.send(1, RST)
    return record
