#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Data sequence numbers and DSS checksums of captures: the model beside a computation of its own.

Written from RFC 8684 and RFC 6824: keys from the handshake, IDSNs and tokens by hash, whole streams
of every subflow, every mapping that was declared. And beside tshark's raw numbers, where it has them.
"""

import argparse
import hashlib
import os
import struct
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "interop"))
import frames  # noqa: E402
import tshark  # noqa: E402

FIN, SYN, RST, ACK = 1, 2, 4, 16
TOP = 1 << 64


def ones(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


def ip_of(frame):
    """Source, destination, the pseudo header's start and the TCP bytes; None if there is no TCP."""
    at = 12
    while len(frame) >= at + 4 and frame[at:at + 2] in (b"\x81\x00", b"\x88\xa8", b"\x91\x00"):
        at += 4
    kind, ip = frame[at:at + 2], frame[at + 2:]
    if kind == b"\x08\x00" and len(ip) >= 20 and ip[9] == 6:
        size, total = (ip[0] & 15) * 4, struct.unpack_from("!H", ip, 2)[0]
        if struct.unpack_from("!H", ip, 6)[0] & 0x3FFF or ones(ip[:size]) != 0xFFFF:
            return None
        return ip[12:16], ip[16:20], ip[size:total], total - size
    if kind == b"\x86\xdd" and len(ip) >= 40:
        total, header, at = 40 + struct.unpack_from("!H", ip, 4)[0], ip[6], 40
        while header in (0, 60) and at + 8 <= len(ip):
            header, at = ip[at], at + (ip[at + 1] + 1) * 8
        if header == 6:
            return ip[8:24], ip[24:40], ip[at:total], total - at
    return None


class Segment:
    """A TCP segment whose bytes are all there, with a right (or unfinished) checksum."""

    def __init__(self, source, destination, tcp):
        self.sport, self.dport, self.seq, self.ack = struct.unpack_from("!HHII", tcp)
        self.ends = (source + tcp[:2], destination + tcp[2:4])
        self.flags = tcp[13]
        size = (tcp[12] >> 4) * 4
        self.payload = tcp[size:]
        self.options = []
        opts = tcp[20:size]
        while opts and opts[0]:
            if opts[0] == 1:
                opts = opts[1:]
                continue
            if len(opts) < 2 or opts[1] < 2 or opts[1] > len(opts):
                break
            if opts[0] == 30 and opts[1] > 2:
                self.options.append(opts[:opts[1]])
            opts = opts[opts[1]:]

    def option(self, subtype):
        return next((o for o in self.options if o[2] >> 4 == subtype), None)


def segment_of(frame):
    found = ip_of(frame)
    if not found or len(found[2]) < 20 or len(found[2]) != found[3]:
        return None
    source, destination, tcp, size = found
    head = ones(source + destination + struct.pack("!II", size, 6))
    if ones(struct.pack("!H", head) + tcp) not in (0xFFFF,) and \
            struct.unpack_from("!H", tcp, 16)[0] != head:
        return None
    return Segment(source, destination, tcp)


def near(low, octets, around):
    """The number that ends with these octets and is nearest to another."""
    if octets == 8:
        return low
    base = (around & ~0xFFFFFFFF) | low
    return min((base, base + (1 << 32), base - (1 << 32)), key=lambda n: abs(n - around)) % TOP


class Mapping:
    def __init__(self, dsn, place, length, fin, checksum):
        self.dsn, self.place, self.length, self.checksum = dsn, place, length, checksum
        self.count = length - fin
        self.judged = None

    def key(self):
        return self.dsn, self.place, self.length, self.checksum


class Stream:
    """One direction of a subflow. Places count from the ISN and do not wrap."""

    def __init__(self, isn):
        self.isn, self.high = isn, 0
        self.bytes, self.maps, self.known = {}, [], set()
        self.infinite = False

    def place(self, number):
        diff = (number - self.high + (1 << 31)) % (1 << 32) - (1 << 31)
        return self.high + diff

    def declare(self, mapping):
        if mapping.key() not in self.known:
            self.known.add(mapping.key())
            self.maps.append(mapping)

    def numbers(self, place):
        return {(m.dsn + place - m.place) % TOP for m in self.maps
                if m.place <= place < m.place + m.count}

    def right(self, mapping):
        """Whether its checksum is; None if bytes are missing."""
        try:
            data = bytes(self.bytes[mapping.place + i] for i in range(mapping.count))
        except KeyError:
            return None
        head = struct.pack("!QIHH", mapping.dsn, mapping.place % (1 << 32), mapping.length,
                           mapping.checksum)
        return ones(head + data) == 0xFFFF


class Connection:
    def __init__(self, version, keys, checksums):
        self.checksums = checksums
        self.tokens, self.idsn = [], []
        for key in keys:
            digest = (hashlib.sha256 if version else hashlib.sha1)(key).digest()
            self.tokens.append(digest[:4])
            self.idsn.append(struct.unpack("!Q", digest[-8:])[0])
        self.high = [n + 1 for n in self.idsn]


class Subflow:
    def __init__(self, opener, isn):
        self.opener, self.conn, self.reversed, self.first = opener, None, False, False
        self.streams = [Stream(isn), None]
        self.versions, self.checksums, self.key = [None, None], False, None


class Expected:
    def __init__(self):
        self.numbers = set()
        self.own = False
        self.stream = self.idsn = None


class Tracker:
    def __init__(self):
        self.flows, self.tokens = {}, {}

    def handshake(self, seg):
        pair = frozenset(seg.ends)
        capable, join = seg.option(0), seg.option(1)
        if not seg.flags & ACK:
            flow = self.flows.get(pair)
            if not flow or flow.opener != seg.ends[0] or flow.streams[0].isn != seg.seq:
                flow = self.flows[pair] = Subflow(seg.ends[0], seg.seq)
            if capable:
                flow.versions[0] = capable[2] & 15
                flow.checksums |= bool(capable[3] & 0x80)
            elif join and join[4:8] in self.tokens:
                # The token is the receiver's: with the initiator's, the listener opened it.
                flow.conn, flow.reversed = self.tokens[join[4:8]]
            return
        flow = self.flows.get(pair)
        if not flow or flow.opener == seg.ends[0]:
            return
        flow.streams[1] = Stream(seg.seq)
        if capable and len(capable) == 12:
            flow.versions[1] = capable[2] & 15
            flow.checksums |= bool(capable[3] & 0x80)
            flow.key = capable[4:12]

    def third(self, seg, flow):
        capable = seg.option(0)
        if flow.conn or not capable or len(capable) < 20 or capable[12:20] != flow.key or \
                flow.versions[0] != flow.versions[1]:
            return
        flow.conn = Connection(flow.versions[1], (capable[4:12], flow.key), flow.checksums)
        flow.first = True
        for side in 0, 1:
            self.tokens[flow.conn.tokens[side]] = flow.conn, side == 0

    def mapping(self, seg, flow, side, stream):
        dss, capable = seg.option(2), seg.option(0)
        if dss and dss[3] & 4:
            ack = (8 if dss[3] & 2 else 4) if dss[3] & 1 else 0
            octets = 8 if dss[3] & 8 else 4
            at = 4 + ack
            dsn = int.from_bytes(dss[at:at + octets], "big")
            ssn, length = struct.unpack_from("!IH", dss, at + octets)
            checksum = None
            if len(dss) == at + octets + 8:
                checksum = struct.unpack_from("!H", dss, at + octets + 6)[0]
            if not length:
                stream.infinite = True
                return None
            return Mapping(near(dsn, octets, flow.conn.high[side]), stream.place(ssn), length,
                           bool(dss[3] & 16), checksum)
        if capable and len(capable) >= 22 and flow.first and not side:
            length = struct.unpack_from("!H", capable, 20)[0]
            checksum = struct.unpack_from("!H", capable, 22)[0] if len(capable) == 24 else None
            return Mapping((flow.conn.idsn[0] + 1) % TOP, stream.place(1), length, False, checksum)
        return None

    def take(self, seg):
        """What is true of a segment; None where nothing is known."""
        if seg.flags & (SYN | FIN | RST) == SYN:
            self.handshake(seg)
            return None
        flow = self.flows.get(frozenset(seg.ends))
        if not flow or not flow.streams[1]:
            return None
        self.third(seg, flow)
        if not flow.conn or not seg.payload or seg.flags & (SYN | RST | ACK) != ACK:
            return None
        direction = int(seg.ends[0] != flow.opener)
        side, stream = direction ^ flow.reversed, flow.streams[direction]
        expected = Expected()
        expected.stream, expected.idsn = stream, flow.conn.idsn[side]
        place = stream.place((seg.seq - stream.isn) % (1 << 32))
        mapping = self.mapping(seg, flow, side, stream)
        if mapping and mapping.count and not stream.infinite:
            stream.declare(mapping)
            expected.own = mapping.place <= place < mapping.place + mapping.count
        for i, byte in enumerate(seg.payload):
            stream.bytes.setdefault(place + i, byte)
        stream.high = max(stream.high, place + len(seg.payload))
        expected.numbers = stream.numbers(place)
        for number in expected.numbers:
            flow.conn.high[side] = max(flow.conn.high[side], number + 1)
        return expected


class Report:
    def __init__(self, path):
        self.path, self.errors = path, 0
        self.counts = {}

    def count(self, name):
        self.counts[name] = self.counts.get(name, 0) + 1

    def wrong(self, number, text):
        self.errors += 1
        if self.errors <= 5:
            print("%s: frame %d: %s" % (self.path, number, text))


def check_verdict(report, number, verdict, dsn, length, stream):
    report.count(verdict)
    alike = [m for m in stream.maps if m.dsn == dsn and m.count == length]
    if not alike:
        report.wrong(number, "%s on a mapping that was not declared" % verdict)
        return
    if verdict in ("good", "bad"):
        truths = {stream.right(m) for m in alike if m.checksum is not None}
        if (verdict == "good") not in truths:
            report.wrong(number, "%s, but it is %s" % (verdict, truths))
    for mapping in alike:
        mapping.judged = verdict


def drive(program, captured):
    data = b"".join(struct.pack("<I", len(f)) + f for _, f in captured)
    done = subprocess.run([program], input=data, capture_output=True, timeout=120, check=True)
    return [line.split() for line in done.stdout.decode().split("\n")[:-1]]


def relative_numbers(captured):
    """For each frame tshark's number of its first byte, relative to the IDSN; None without one."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "frames.pcap")
        frames.write(path, captured)
        argv = ["tshark", "-n", "-r", path, "-T", "fields", "-e", "mptcp.dsn"]
        # With relative TCP numbers it looks a mapping up by the wrong ones
        for option in ("mptcp.analyze_mappings:TRUE", "mptcp.relative_sequence_numbers:TRUE",
                       "tcp.analyze_sequence_numbers:TRUE", "tcp.relative_sequence_numbers:FALSE"):
            argv += ["-o", option]
        for protocol in tshark.SILENT:
            argv += ["--disable-protocol", protocol]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=True)
    return [int(line) if line else None for line in done.stdout.split("\n")[:-1]]


def check_tshark(report, captured, numbers):
    """@numbers: by frame, the relative number that both sides here agree on; None without one."""
    theirs = relative_numbers(captured)
    for number, (ours, other) in enumerate(zip(numbers, theirs), 1):
        if ours is None or other is None:
            continue
        if ours == other:
            report.count("as tshark")
            continue
        report.count("not as tshark")
        if report.counts["not as tshark"] <= 3:
            print("%s: frame %d: relative DSN %d, tshark's is %d"
                  % (report.path, number, ours, other))


def damaged(frame):
    """A payload byte changed on the way and the TCP checksum repaired, as some gateways do."""
    seg = segment_of(frame)
    if not seg or len(seg.payload) < 4 or seg.seq % 3 or seg.flags & (SYN | RST):
        return frame
    at = frame.rindex(seg.payload)
    tcp = at - (len(ip_of(frame)[2]) - len(seg.payload))
    changed = bytearray(frame)
    changed[at] ^= 0x10
    changed[tcp + 16:tcp + 18] = b"\0\0"
    source, destination, body, size = ip_of(bytes(changed))
    total = ones(struct.pack("!H", ones(source + destination + struct.pack("!II", size, 6))) +
                 body)
    changed[tcp + 16:tcp + 18] = struct.pack("!H", ~total & 0xFFFF)
    return bytes(changed)


def check(program, path, with_tshark, damage):
    captured = [(n, f[:65535]) for n, f in frames.read(path)]
    if damage:
        captured = [(n, damaged(f)) for n, f in captured]
    lines = drive(program, captured)
    report, tracker = Report(os.path.basename(path)), Tracker()
    streams, numbers = set(), []
    if len(lines) != len(captured):
        report.wrong(0, "%d lines for %d frames" % (len(lines), len(captured)))
    for number, (line, (_, frame)) in enumerate(zip(lines, captured), 1):
        state, dsn, verdict, map_dsn, map_len = line[0], int(line[1], 16), line[2], \
            int(line[3], 16), int(line[4])
        seg = segment_of(frame)
        expected = tracker.take(seg) if seg else None
        numbers.append(None)
        if not expected:
            if state == "mapped" or verdict != "none":
                report.wrong(number, "%s %s where nothing is known" % (state, verdict))
            continue
        streams.add(expected.stream)
        report.count("data")
        if state == "mapped":
            report.count("mapped")
            numbers[-1] = (dsn - expected.idsn) % TOP
            if dsn not in expected.numbers:
                report.wrong(number, "DSN %#x, not %s" % (dsn, expected.numbers))
        else:
            report.count(state)
            if expected.own:
                report.wrong(number, "%s, though it has a mapping" % state)
            elif expected.numbers:
                report.count("number not kept")
        if verdict != "none":
            check_verdict(report, number, verdict, map_dsn, map_len, expected.stream)
    for stream in streams:
        for mapping in stream.maps:
            if mapping.judged is None and stream.right(mapping) is not None:
                report.count("complete, without a verdict")
    if with_tshark:
        check_tshark(report, captured, numbers)
    print("%-40s %s" % (report.path, ", ".join("%s %d" % item
                                               for item in sorted(report.counts.items()))))
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--program", required=True)
    parser.add_argument("--captures", action="append", required=True, help="a folder; may be absent")
    parser.add_argument("--tshark", action="store_true", help="ask tshark too")
    parser.add_argument("--damage", action="store_true", help="change bytes on the way")
    args = parser.parse_args()
    errors, total, looked = 0, {}, 0
    for folder in args.captures:
        names = sorted(os.listdir(folder)) if os.path.isdir(folder) else []
        if not names:
            print("%s is not there" % folder)
        for name in names:
            if name.endswith((".pcap", ".pcapng")):
                report = check(args.program, os.path.join(folder, name), args.tshark, args.damage)
                errors += report.errors
                looked += 1
                for key, value in report.counts.items():
                    total[key] = total.get(key, 0) + value
    print("%d captures: %s" % (looked, ", ".join("%s %d" % i for i in sorted(total.items()))))
    print("%d contradictions" % errors)
    judged = total.get("good") and (total.get("bad") or not args.damage)
    return 1 if errors or total.get("not as tshark") or not judged else 0


sys.exit(main())
