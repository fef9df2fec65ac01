#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""v0client, v0peer and pathbox as programs, and what they put onto the wire, read by others.

Every capture is checked here with Python's own SHA-1 and HMAC (tokens, IDSNs, HMACs, DSS checksums,
the place and the data of every mapping), and by tshark (malformed options, its tokens and IDSNs).
Then ends with deliberate errors: the check must find each.
"""

import argparse
import concurrent.futures
import hashlib
import hmac
import json
import os
import struct
import subprocess
import sys
import tempfile

TIMEOUT = 20


class PeerError(Exception):
    """What is not as it should be."""


def pattern(i):
    return i * 31 + (i >> 8) * 17 + (i >> 16) & 255


def ones_sum(data):
    data += bytes(len(data) & 1)
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return total


class Programs:
    """v0peer and pathbox at work, in a folder of their own."""

    def __init__(self, programs, work, box=(), peer=()):
        self.programs, self.work, self.pcap = programs, work, os.path.join(work, "wire.pcap")
        self.server = self.start("v0peer", "--wire", self.wire("p", "b"), "--addr", "10.0.0.2",
                                 "--addr", "fd00::2", "--rto-min", "30", *peer)
        self.box = self.start("pathbox", "--a", self.wire("a", "c"), "--b", self.wire("b", "p"),
                              "--pcap", self.pcap, *box)

    def wire(self, local, remote):
        return "unix:%s/%s,%s/%s" % (self.work, local, self.work, remote)

    def start(self, name, *args):
        process = subprocess.Popen([os.path.join(self.programs, name), *args],
                                   stdout=subprocess.PIPE, text=True)
        if json.loads(process.stdout.readline()) != {"event": "ready"} and name == "pathbox":
            raise PeerError("pathbox is not ready")
        return process

    def client(self, *args):
        """The result of v0client."""
        done = subprocess.run(
            [os.path.join(self.programs, "v0client"), "--wire", self.wire("c", "a"), "--addr",
             "10.0.0.1", "--addr", "fd00::1", "--rto-min", "30", *args],
            stdout=subprocess.PIPE, text=True, timeout=TIMEOUT, check=False)
        result = json.loads(done.stdout.splitlines()[-1])
        if (done.returncode == 0) != result["right"]:
            raise PeerError("exit code %d: %s" % (done.returncode, result))
        return result

    def stop(self):
        """(what v0peer reported, counters of pathbox)."""
        out = []
        for process in (self.server, self.box):
            process.terminate()
            out.append([json.loads(line) for line in process.communicate(timeout=TIMEOUT)[0]
                        .splitlines()])
            if process.returncode:
                raise PeerError("%s: exit code %d" % (process.args[0], process.returncode))
        return out[0], out[1][-1]


def frames(path):
    with open(path, "rb") as file:
        data = file.read()
    at = 24
    while at < len(data):
        size = struct.unpack_from("<I", data, at + 8)[0]
        yield data[at + 16:at + 16 + size]
        at += 16 + size


class Segment:
    def __init__(self, frame):
        v6 = frame[12:14] == b"\x86\xdd"
        at = 54 if v6 else 34
        end = at + (struct.unpack_from("!H", frame, 18)[0] if v6 else
                    struct.unpack_from("!H", frame, 16)[0] - 20)
        self.ends = ((frame[22:38] if v6 else frame[26:30]) + frame[at:at + 2],
                     (frame[38:54] if v6 else frame[30:34]) + frame[at + 2:at + 4])
        self.seq = struct.unpack_from("!I", frame, at + 4)[0]
        self.flags = frame[at + 13]
        head = at + 4 * (frame[at + 12] >> 4)
        self.data, self.options, at = frame[head:end], [], at + 20
        while at < head and frame[at]:
            if frame[at] == 1:
                at += 1
                continue
            if frame[at] == 30:
                self.options.append(frame[at:at + frame[at + 1]])
            at += frame[at + 1]


class Conversation:
    """One MPTCP connection in a capture; problems are collected in words."""

    def __init__(self):
        self.keys, self.isn, self.joins, self.problems = {}, {}, {}, []
        self.checksum, self.seen, self.stream = False, set(), ({}, {})

    def wrong(self, what, got, wanted):
        if got != wanted:
            self.problems.append("%s: %r, computed %r" % (what, got, wanted))

    def side(self, s):
        """0 of the client, who has the odd addresses; as its key."""
        return 0 if s.ends[0][-3] == 1 else 1

    def take(self, s):
        if s.flags & 2:
            self.isn[s.ends] = s.seq
        for option in s.options:
            kind = option[2] >> 4
            self.seen.add(kind)
            if kind == 0:
                self.capable(s, option)
            elif kind == 1:
                self.join(s, option)
            elif kind == 2:
                self.dss(s, option)

    def capable(self, s, option):
        self.wrong("version", option[2] & 15, 0)
        if s.flags & 2:
            self.keys.setdefault(self.side(s), option[4:12])
            self.checksum |= option[3] >= 128
        else:
            self.wrong("keys of the third ACK", option[4:20], self.keys[0] + self.keys[1])
            self.wrong("A of the third ACK", option[3] >= 128, self.checksum)

    def join(self, s, option):
        a, b = self.keys[0], self.keys[1]
        if s.flags & 2 and not s.flags & 16:
            self.wrong("token", option[4:8], hashlib.sha1(b).digest()[:4])
            self.joins[s.ends] = option[8:12]
        elif s.flags & 2:
            back = s.ends[::-1]
            self.joins[s.ends] = option[12:16]
            self.wrong("HMAC of the SYN/ACK", option[4:12],
                       hmac.digest(b + a, option[12:16] + self.joins[back], "sha1")[:8])
        else:
            self.wrong("HMAC of the ACK", option[4:24],
                       hmac.digest(a + b, self.joins[s.ends] + self.joins[s.ends[::-1]], "sha1"))

    def dss(self, s, option):
        flags, at = option[3], 4
        if flags & 1:
            at += 8 if flags & 2 else 4
        if not flags & 4:
            return
        side = self.side(s)
        first = int.from_bytes(hashlib.sha1(self.keys[side]).digest()[12:], "big") + 1
        size = 8 if flags & 8 else 4
        dsn = int.from_bytes(option[at:at + size], "big")
        ssn, length = struct.unpack_from("!IH", option, at + size)
        place = (dsn - first) % (1 << 8 * size)
        fin = flags >> 4 & 1
        if place > 1 << 30:
            self.problems.append("DSN %d before IDSN + 1" % place)
            return
        self.wrong("length of an option", len(option), at + size + 6 + 2 * self.checksum)
        if self.checksum:
            pseudo = struct.pack("!QIHH", (first + place) % (1 << 64), ssn, length, 0)
            self.wrong("DSS checksum", struct.unpack("!H", option[-2:])[0],
                       ones_sum(pseudo + s.data) ^ 0xFFFF)
        self.wrong("length of a mapping", length - fin, len(s.data))
        if s.data:
            self.wrong("SSN", ssn, (s.seq - self.isn[s.ends]) % (1 << 32))
        self.stream[side][place] = s.data

    def check_stream(self, side, total):
        """The mapped data, in its order, is whole, and ends with the body."""
        data = bytearray()
        for place in sorted(self.stream[side]):
            part = self.stream[side][place]
            if place > len(data):
                self.problems.append("gap of %d bytes at %d" % (place - len(data), len(data)))
                return
            data[place:place + len(part)] = part
        body = bytes(data).split(b"\r\n\r\n", 1)[-1]
        if body != bytes(pattern(i) for i in range(total)):
            self.problems.append("the data of side %d is not the pattern" % side)


def read(path):
    conversation = Conversation()
    for frame in frames(path):
        if frame[12:14] == b"\x08\0" and frame[23] == 6 or \
                frame[12:14] == b"\x86\xdd" and frame[20] == 6:
            conversation.take(Segment(frame))
    return conversation


def tshark(path, conversation):
    """tshark finds nothing malformed, and computes the same tokens and IDSNs."""
    bad = "_ws.malformed || _ws.expert.severity == error"
    keys = "tcp.flags.syn == 1 && tcp.options.mptcp.subtype == 0"
    argv = ["tshark", "-n", "-r", path, "-Y", "%s || (%s)" % (bad, keys), "-T", "fields"]
    for name in ("mptcp.expected_token", "mptcp.expected_idsn", "frame.number",
                 "_ws.expert.message"):
        argv += ["-e", name]
    lines = subprocess.run(argv, capture_output=True, text=True, check=True).stdout.splitlines()
    told = [line.split("\t")[:2] for line in lines if line.split("\t")[0]]
    bad = [line for line in lines if not line.split("\t")[0]]
    if bad:
        conversation.problems.append("tshark: frame" + bad[0])
    for key, line in zip((0, 1), told):
        digest = hashlib.sha1(conversation.keys[key]).digest()
        conversation.wrong("tshark's token and IDSN", [int(word) for word in line], [
            int.from_bytes(digest[:4], "big"), int.from_bytes(digest[12:], "big")])
    if len(told) < 2:
        conversation.problems.append("tshark saw %d keys" % len(told))


LOSSY = ("--loss", "0.02", "--reorder", "0.03", "--dup", "0.01", "--seed")
V4 = ("--to", "10.0.0.2", "--second", "10.0.1.1", "--at", "20000:join")
V6 = ("--to", "fd00::2", "--second", "fd00:1::1", "--at", "20000:join")
# box, peer, client, bytes
GOOD = (
    ((), ("--checksum", "--advertise", "10.0.1.2"), V4 + ("--get",), 400_000),
    (LOSSY + ("1",), (), V4 + ("--checksum", "--long-dsn", "--post"), 200_000),
    (LOSSY + ("2",), ("--long-dsn",), V6 + ("--get",), 200_000),
    (LOSSY + ("3",), ("--advertise", "fd00:1::2"), V6 + ("--checksum", "--post"), 200_000),
)
# box, peer, client, what the client or the check must say
FAULTY = (
    ((), (), ("--fault", "hmac"), "HMAC of the ACK"),
    ((), ("--fault", "hmac"), (), "HMAC of the SYN/ACK"),
    ((), (), ("--fault", "token"), "token"),
    ((), ("--checksum", "--fault", "csum"), (), "DSS checksum"),
    ((), (), ("--fault", "idsn"), "gap of 1 bytes at 0"),
)


def good(programs, case):
    box, peer, client, total = case
    with tempfile.TemporaryDirectory() as work:
        running = Programs(programs, work, box, peer)
        result = running.client(*client, str(total))
        reports, counts = running.stop()
        # Where frames are lost the last ones may be, and the server still waits for them.
        end = ([line for line in reports if line["event"] == "end"] or [None])[0]
        if not end and box:
            end = {**result, "subflows": 2}
        if not end:
            raise PeerError("%s: the server did not see the end" % (case,))
        for key, value in (("right", True), ("established", "mptcp0"), ("fallback", None),
                           ("end", "data_fin"), ("csum_bad", 0), ("bad_options", 0)):
            if result[key] != value or (key != "right" and end[key] != value):
                raise PeerError("%s: %s: client %r, server %r" % (case, key, result[key],
                                                                end.get(key)))
        if not box and (result["subflows"], end["subflows"]) != (2, 2):
            raise PeerError("%s: %d subflows" % (case, end["subflows"]))
        if bool(box) != bool(counts["lost"]):
            raise PeerError("%s: the box lost %d frames" % (case, counts["lost"]))
        conversation = read(running.pcap)
        if not box: # what is lost need not be in the capture
            conversation.check_stream(int("--get" in client), total)
            tshark(running.pcap, conversation)
        if conversation.problems or not {0, 1, 2} <= conversation.seen:
            raise PeerError("%s: %s" % (case, conversation.problems[:3] or conversation.seen))


def faulty(programs, case):
    box, peer, client, wanted = case
    with tempfile.TemporaryDirectory() as work:
        running = Programs(programs, work, box, peer)
        process = subprocess.Popen(
            [os.path.join(programs, "v0client"), "--wire", running.wire("c", "a"), "--addr",
             "10.0.0.1", "--rto-min", "30", *V4, *client, "--get", "100000"],
            stdout=subprocess.DEVNULL)
        try:
            process.wait(1)
        except subprocess.TimeoutExpired:
            process.terminate()  # data that can never be delivered
            process.wait()
        running.stop()
        conversation = read(running.pcap)
        conversation.check_stream(0, 0)
        if not any(problem.startswith(wanted) for problem in conversation.problems):
            raise PeerError("%s: not noticed: %s" % (case, conversation.problems[:3]))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--programs", default="build/peers")
    programs = parser.parse_args().programs
    with concurrent.futures.ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(good, programs, case) for case in GOOD] + [
                pool.submit(faulty, programs, case) for case in FAULTY]:
            done.result()
    print("peers: %d conversations right, %d errors noticed" % (len(GOOD), len(FAULTY)))
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except PeerError as err:
        sys.exit("peers: " + str(err))
