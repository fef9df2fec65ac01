# SPDX-License-Identifier: BSD-3-Clause
"""Packets that cover every form: each MPTCP option, header stack and checksum, with random values.

The same seed gives the same packets.
"""

import random
import struct

FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16
SYNACK = SYN | ACK
TCP, UDP, ICMP = 6, 17, 1
HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60


def ones_sum(data):
    if len(data) & 1:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def mptcp(subtype, nibble, body):
    """An MPTCP option."""
    return bytes([30, 3 + len(body), subtype << 4 | nibble]) + body


class Forms:
    """Makes the packets."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def bytes(self, length):
        return self.random.randbytes(length)

    # MPTCP options: each yields (TCP flags, payload?, option bytes)

    def capable(self):
        for csum in (0, 0x80):
            yield SYN, False, mptcp(0, 0, bytes([csum | 1]) + self.bytes(8))
            for more in (0, 0x20):
                yield SYN, False, mptcp(0, 1, bytes([csum | more | 1]))
            for version in (0, 1):
                flags = bytes([csum | 1])
                yield SYNACK, False, mptcp(0, version, flags + self.bytes(8))
                yield ACK, False, mptcp(0, version, flags + self.bytes(16))
            tail = 4 if csum else 2
            yield ACK, True, mptcp(0, 1, bytes([csum | 1]) + self.bytes(16 + tail))
            yield ACK | PSH, True, mptcp(0, 1, bytes([csum | 1]) + self.bytes(16 + tail))

    def join(self):
        for backup in (0, 1):
            yield SYN, False, mptcp(1, backup, self.bytes(9))
            yield SYNACK, False, mptcp(1, backup, self.bytes(13))
        yield ACK, False, mptcp(1, 0, self.bytes(21))

    def dss(self, flags=None, csum=None):
        """All DSS forms, or one."""
        for form in range(32) if flags is None else (flags,):
            for summed in ((0, 1) if form & 4 else (0,)) if csum is None else (csum,):
                if form & 0x14 == 0x10:
                    continue
                body = bytes([form])
                if form & 1:
                    body += self.bytes(8 if form & 2 else 4)
                if form & 4:
                    body += self.bytes(8 if form & 8 else 4) + self.bytes(6 + 2 * summed)
                yield ACK | (FIN if form & 16 and self.random.random() < .3 else 0), None, \
                    mptcp(2, 0, body)

    def add_addr(self):
        for length in (8, 10, 20, 22):
            yield ACK, None, mptcp(3, 4 if length < 20 else 6, self.bytes(length - 3))
            yield ACK, None, mptcp(3, 1, self.bytes(length - 3))
            yield ACK, None, mptcp(3, 0, self.bytes(length - 3 + 8))

    def small(self):
        """REMOVE_ADDR, MP_PRIO, MP_FAIL, MP_FASTCLOSE, MP_TCPRST, private use."""
        for ids in (1, 2, 3, 8, 17, 25):
            yield ACK, None, mptcp(4, 0, self.bytes(ids))
        for backup in (0, 1):
            yield ACK, None, mptcp(5, backup, b"")
            yield ACK, None, mptcp(5, backup, self.bytes(1))
        for flags in (ACK, RST | ACK, RST):
            yield flags, None, mptcp(6, 0, b"\0" + self.bytes(8))
            yield flags, None, mptcp(7, 0, b"\0" + self.bytes(8))
        for reason in range(8):
            yield RST | ACK, False, mptcp(8, self.random.randrange(16), bytes([reason]))
        for length in (3, 4, 9, 40):
            yield ACK, None, mptcp(15, self.random.randrange(16), self.bytes(length - 3))

    def several(self):
        def one(generator):
            return self.random.choice(list(generator))[2]
        dss = one(self.dss(1)), one(self.dss(3)), one(self.dss(5, 0)), one(self.dss(7, 1))
        for first in dss:
            for second in (mptcp(3, 1, self.bytes(5)), mptcp(3, 0, self.bytes(13)),
                           mptcp(4, 0, self.bytes(2)), mptcp(5, 1, b""),
                           mptcp(6, 0, b"\0" + self.bytes(8)),
                           mptcp(7, 0, b"\0" + self.bytes(8))):
                if len(first) + len(second) <= 40:
                    yield ACK, None, first + second
                    yield ACK, None, second + first
        reset = mptcp(8, 1, b"\2")
        yield RST | ACK, False, mptcp(7, 0, b"\0" + self.bytes(8)) + reset
        yield RST | ACK, False, mptcp(6, 0, b"\0" + self.bytes(8)) + reset
        yield ACK, False, mptcp(0, 1, b"\1" + self.bytes(16)) + mptcp(4, 0, self.bytes(1))
        yield ACK, None, b"".join(mptcp(3, 4, self.bytes(5)) for _ in range(3))
        yield ACK, None, b"".join(mptcp(5, n & 1, b"") for n in range(4))
        yield ACK, None, mptcp(4, 0, self.bytes(2)) + mptcp(4, 0, self.bytes(3))

    def malformed(self):
        """Every subtype with every length, on each kind of segment."""
        for subtype in range(16):
            for length in range(3, 41):
                flags = self.random.choice((SYN, SYNACK, ACK, ACK, RST | ACK))
                yield flags, None, mptcp(subtype, self.random.randrange(16),
                                         self.bytes(length - 3))
        yield ACK, None, bytes([30, 2])

    # Around it

    def options(self, flags, given):
        """TCP options: the given bytes among others that fit."""
        parts = [given] if given else []
        syn = flags & SYN
        for other, wanted in ((b"\x02\x04" + self.bytes(2), syn), (b"\4\2", syn),
                              (b"\3\3" + bytes([self.random.randrange(15)]), syn),
                              (b"\1\1\x08\x0a" + self.bytes(8), self.random.random() < .7),
                              (b"\1\1\5\x0a" + self.bytes(8),
                               not syn and self.random.random() < .2),
                              (b"\x22\x0a" + self.bytes(8), syn and self.random.random() < .1)):
            if wanted and sum(map(len, parts)) + len(other) <= 40:
                parts.append(other)
        self.random.shuffle(parts)
        joined = b"".join(parts)
        fill = -len(joined) % 4
        return joined + (b"\1" * fill if self.random.random() < .7 else bytes(fill))

    def tcp(self, flags, payload, given=b""):
        """A TCP segment with its checksum field zero: (segment, offset of the checksum)."""
        options = self.options(flags, given)
        if payload is None:
            payload = self.random.random() < .4 and not flags & (SYN | RST)
        data = self.bytes(self.random.choice((1, 2, 97, 536, 1220))) if payload else b""
        head = struct.pack("!HHIIBBHHH", self.random.randrange(1, 65536),
                           self.random.randrange(1, 65536), self.random.getrandbits(32),
                           self.random.getrandbits(32), 5 + len(options) // 4 << 4,
                           flags | self.random.choice((0, 0, 0, 0x40, 0x80)),
                           self.random.randrange(65536), 0, 0)
        return head + options + data, 16

    def udp(self, length):
        head = struct.pack("!HHHH", 40000, 40001, 8 + length, 0)
        return head + self.bytes(length), 6

    def frame(self, proto, segment, field, checksum="good", v6=None, tags=None, extras=None,
              bad_ip=False):
        """An Ethernet frame around a segment whose checksum is to be as told."""
        v6 = self.random.random() < .4 if v6 is None else v6
        extras = self.random.random() < .15 if extras is None else extras
        if tags is None:
            tags = self.random.choice((0, 0, 0, 1, 1, 2))
        src, dst = (self.unicast(v6) for _ in range(2))
        pseudo = src + dst + struct.pack("!II", len(segment), proto)
        if field is not None:
            segment = self.summed(segment, field, pseudo, checksum, proto)
        packet = self.ipv6(proto, segment, src, dst, extras) if v6 else \
            self.ipv4(proto, segment, src, dst, extras, bad_ip)
        head = b"\2" + self.bytes(5) + b"\2" + self.bytes(5)
        for tag in range(tags):
            tpid = self.random.choice((0x8100, 0x88A8)) if tag < tags - 1 else 0x8100
            head += struct.pack("!HH", tpid, self.random.randrange(65536))
        frame = head + (b"\x86\xdd" if v6 else b"\x08\x00") + packet
        if len(frame) < 60:
            frame += bytes(60 - len(frame))
        return len(frame), frame

    def unicast(self, v6):
        return b"\xfd" + self.bytes(15) if v6 else b"\x0a" + self.bytes(2) + \
            bytes([self.random.randrange(1, 255)])

    @staticmethod
    def summed(segment, field, pseudo, how, proto):
        value = ones_sum(pseudo) if how == "partial" else \
            ones_sum(pseudo + segment) ^ 0xFFFF
        if how == "bad":
            value ^= 0x0101
        if how == "zero":
            value = 0
        elif proto == UDP and not value:
            value = 0xFFFF
        return segment[:field] + struct.pack("!H", value) + segment[field + 2:]

    def ipv4(self, proto, segment, src, dst, extras, bad):
        options = b"\x94\4\0\0" + b"\1" * self.random.choice((0, 4, 36)) if extras else b""
        head = bytearray(struct.pack("!BBHHHBBH", 0x45 + len(options) // 4, 0,
                                     20 + len(options) + len(segment),
                                     self.random.randrange(65536), 0x4000, 64, proto, 0))
        head += src + dst + options
        struct.pack_into("!H", head, 10, ones_sum(bytes(head)) ^ (0xFEFE if bad else 0xFFFF))
        return bytes(head) + segment

    def ipv6(self, proto, segment, src, dst, extras):
        chain = self.random.choice(((HOP_BY_HOP,), (DESTINATION,), (HOP_BY_HOP, DESTINATION),
                                    (HOP_BY_HOP, DESTINATION, ROUTING),
                                    (DESTINATION, ROUTING, DESTINATION))) if extras else ()
        headers, following = b"", proto
        for kind in reversed(chain):
            if kind == ROUTING:
                header = bytes([following, 2, 3, 0]) + bytes(20)
            else:
                pad = self.random.choice((4, 12))
                header = bytes([following, (pad - 4) // 8, 1, pad]) + bytes(pad)
            headers, following = header + headers, kind
        return struct.pack("!IHBB", 0x60000000 | self.random.getrandbits(20),
                           len(headers) + len(segment), following, 64) + src + dst + headers + \
            segment

    def all(self, rounds):
        """Every form, `rounds` times with other values and surroundings."""
        for _ in range(rounds):
            for source in (self.capable, self.join, self.dss, self.add_addr, self.small,
                           self.several):
                for flags, payload, option in source():
                    yield self.frame(TCP, *self.tcp(flags, payload, option))
            yield from self.surroundings()
        for flags, payload, option in self.malformed():
            yield self.frame(TCP, *self.tcp(flags, payload, option))

    def surroundings(self):
        """Checksums, protocols and stacks without MPTCP."""
        for checksum in ("good", "bad", "partial"):
            for v6 in (False, True):
                for flags in (SYN, ACK):
                    yield self.frame(TCP, *self.tcp(flags, None), checksum, v6)
                for length in (0, 1, 64, 1000):
                    yield self.frame(UDP, *self.udp(length), checksum, v6)
        for v6 in (False, True):
            for tags in (0, 1, 2):
                yield self.frame(UDP, *self.udp(20), "zero", v6, tags)
                yield self.frame(TCP, *self.tcp(ACK, True), "good", v6, tags, True)
        yield self.frame(TCP, *self.tcp(ACK, True), "good", False, bad_ip=True)
        yield self.frame(ICMP, b"\x08\0\0\0" + self.bytes(60), None, v6=False)
        yield 60, b"\xff" * 6 + b"\2" + self.bytes(5) + b"\x08\6" + bytes(46)
        yield 60, b"\2" + self.bytes(11) + struct.pack("!HBBB", 40, 0xAA, 0xAA, 3) + bytes(43)
        for v6 in (False, True):
            for offset in (0, 0, 185):
                yield self.fragment(v6, offset)
            yield from self.cut(v6)

    def fragment(self, v6, offset):
        """A fragment of a TCP segment; the first holds its header."""
        _, frame = self.frame(TCP, *self.tcp(ACK, True), "good", v6, 0, False)
        more = not offset
        if v6:
            header = struct.pack("!BBHI", TCP, 0, offset << 3 | more, self.random.getrandbits(32))
            length = struct.pack("!H", len(frame) - 54 + 8)
            frame = frame[:18] + length + bytes([FRAGMENT]) + frame[21:54] + header + frame[54:]
            return len(frame), frame
        head = bytearray(frame[14:34])
        struct.pack_into("!HH", head, 6, more << 13 | offset, 64 << 8 | TCP)
        head[10:12] = b"\0\0"
        struct.pack_into("!H", head, 10, ones_sum(bytes(head)) ^ 0xFFFF)
        return len(frame), frame[:14] + bytes(head) + frame[34:]

    def cut(self, v6):
        """A frame that the capture cut off, at many places."""
        given = next(self.dss(15, 1))[2]
        length, frame = self.frame(TCP, *self.tcp(ACK, True, given), "good", v6, 0, False)
        for size in range(14, 130, self.random.choice((5, 7, 9))):
            yield length, frame[:size]
