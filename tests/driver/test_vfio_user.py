#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""test_vfio_user.py TOOL [SECONDS]: libmpnic's vfio-user client, by mpnic-tool, against servers that are wrong in
every way: sizes, ids, descriptors, silence, death. It must say so, in time, and never crash or hang."""
import concurrent.futures
import itertools
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

import server
from server import CONST, DMA_READ, GET_INFO, IRQ_INFO, PAGE, READ, REGION_INFO, VERSION

TOOL = sys.argv[1]
FOLDER = tempfile.mkdtemp(prefix="mpnic-vfu-")
ENV = {**os.environ, "ASAN_OPTIONS": "detect_leaks=1", "MPNIC_FIRMWARE_PATH": "/nonexistent"}
POOL = concurrent.futures.ThreadPoolExecutor(4)
jobs, numbers = [], itertools.count()


def check(good, what):
    if not good:
        raise AssertionError(what)


def run(*args, limit=30, ms=4000):
    start = time.monotonic()
    r = subprocess.run([TOOL, "--timeout", str(ms), *args], capture_output=True, text=True,
                       timeout=limit, env=ENV, errors="replace")
    r.took = time.monotonic() - start
    return r


def one(what, make, want, text, args, limit, ms):
    path = f"{FOLDER}/{next(numbers)}"
    s = make(path)
    r = run(*args, "vfio-user:" + path, ms=ms)
    s.close()
    check("Sanitizer" not in r.stderr and "runtime error" not in r.stderr, f"{what}: {r.stderr}")
    check(r.returncode in want, f"{what}: exit code {r.returncode}: {r.stdout}{r.stderr}")
    check(text is None or text in r.stderr + r.stdout, f"{what}: no '{text}' in: {r.stderr}{r.stdout}")
    check(r.took < limit, f"{what}: took {r.took:.1f} s")


def against(what, make, want, text=None, args=("info",), limit=8, ms=4000):
    """The tool against one server: how it must end, and within how many seconds; ms: how long it waits."""
    jobs.append(POOL.submit(one, what, make, want, text, args, limit, ms))


def wrong(reply, device=None):
    """A server whose reply() is this function."""
    class Wrong(server.Server):
        def reply(self, *args):
            return reply(self, *args)
    return lambda path: Wrong(path, device() if device else None)


def answer(on, payload=None, fds=None, raw=None):
    """One whose answer to one command is another."""
    def reply(s, ident, command, error, body, out):
        if command == on:
            if raw is not None:
                s.send(raw(ident, command, body))
                return True
            body = payload(body) if payload else body
            out = fds(out) if fds else out
        s.send(s.message(ident, command, error, body), out)
        return True
    return wrong(reply)


def head(ident, command, size, flags=1, error=0):
    return struct.pack("<HHIII", ident, command, size, flags, error)


def headers(every):
    """Each wrong head, for one command after the other; with every, for every command."""
    raws = [(f"size {n}", lambda i, c, b, n=n: head(i, c, n)) for n in (0, 15, 1 << 17, 0xffffffff)]
    raws += [(f"error {e}", lambda i, c, b, e=e: head(i, c, 16, 0x21, e))
             for e in (0, 1, 19, 22, 4095, 4096, 0xffffffff)]
    raws += [("id", lambda i, c, b: head(i + 1, c, 16 + len(b)) + b),
             ("command", lambda i, c, b: head(i, c + 1, 16 + len(b)) + b),
             ("neither command nor reply", lambda i, c, b: head(i, c, 16 + len(b), 7) + b),
             ("empty", lambda i, c, b: head(i, c, 16)),
             ("one byte short", lambda i, c, b: head(i, c, 16 + 3) + b[:3]),
             ("noise", lambda i, c, b: os.urandom(16))]
    commands = (READ, VERSION, GET_INFO, REGION_INFO, IRQ_INFO)
    for n, (what, raw) in enumerate(raws):
        for on in commands if every else {READ, commands[n % 5]}:
            against(f"{on}: {what}", answer(on, raw=raw), (3,))
    gone = (3,)
    against("long answer", answer(READ, payload=lambda b: b + b"more"), gone, "another's")
    against("another access", answer(READ, payload=lambda b: struct.pack("<Q", 64) + b[8:]), gone)
    against("another region", answer(READ, payload=lambda b: b[:8] + b"\1" + b[9:]), gone)
    against("another count", answer(READ, payload=lambda b: b[:12] + b"\x08" + b[13:]), gone)


def versions():
    for major, minor, want in ((0, 0, 0), (0, 2, 3), (1, 0, 3), (65535, 65535, 3)):
        against(f"version {major}.{minor}",
                answer(VERSION, payload=lambda b, v=(major, minor): struct.pack("<HH", *v)), (want,))
    against("long capabilities", answer(VERSION, payload=lambda b: b + b"x" * 60000), (0,))
    for flags, regions, irqs, want in ((1, 9, 5, 3), (2, 0, 5, 3), (2, 1, 5, 0), (3, 9, 0, 0), (2, 1 << 31, 1 << 31, 0)):
        against(f"info {flags} {regions} {irqs}", answer(GET_INFO, payload=lambda b, v=(flags, regions, irqs):
                                                         struct.pack("<IIII", 16, *v)), (want,))


def region(flags=0xf, size=CONST["BAR_SIZE"], offset=0, caps=b"", cap_offset=32, index=0):
    return struct.pack("<IIIIQQ", 32 + len(caps), flags, index, cap_offset, size, offset) + caps


def sparse(areas, count=None, next_cap=0, kind=1):
    return struct.pack("<HHIII", kind, 1, next_cap, len(areas) if count is None else count, 0) + \
        b"".join(struct.pack("<QQ", *a) for a in areas)


def regions():
    """Where the doorbells cannot be mapped safely, they are rung by message: never a crash."""
    bell = CONST["BAR_DOORBELL"]
    by_message, mapped = "by message", "mapped"
    cases = [
        ("whole region", region(flags=7), mapped),
        ("no mapping", region(flags=3), by_message),
        ("the page alone", region(caps=sparse([(bell, PAGE)])), mapped),
        ("second area", region(caps=sparse([(0, PAGE), (bell, PAGE)])), mapped),
        ("other area", region(caps=sparse([(0, bell)])), by_message),
        ("half of the page", region(caps=sparse([(bell, 100)])), by_message),
        ("area that wraps", region(caps=sparse([(bell + PAGE, 2**64 - 1)])), by_message),
        ("unaligned area", region(caps=sparse([(8, 2**63)])), by_message),
        ("areas that are not there", region(caps=sparse([(0, 8)], count=0xffffffff)), by_message),
        ("capability behind the end", region(caps=sparse([]), cap_offset=4000), by_message),
        ("capability at the end", region(caps=b"\1\0\1\0", cap_offset=32), by_message),
        ("capability inside the head", region(cap_offset=4), mapped),
        ("capability that points to itself", region(caps=sparse([(bell, PAGE)], kind=9, next_cap=32)), mapped),
        ("capability at 4 G", region(caps=sparse([], kind=9, next_cap=0xfffffff0)), by_message),
        ("file is elsewhere", region(flags=7, offset=1 << 40), by_message),
        ("file offset wraps", region(flags=7, offset=2**64 - PAGE), by_message),
        ("file offset unaligned", region(flags=7, offset=0x10), by_message),
        ("file ends in the page", region(flags=7, offset=PAGE * 16), by_message),
    ]
    for name, payload, want in cases:
        against("region: " + name, answer(REGION_INFO, payload=lambda b, p=payload: p), (0,),
                f"doorbells         {want}")
    for name, payload in (("small", region(size=4096)), ("other", region(index=3)), ("write only", region(flags=2)),
                          ("empty", region(size=0, flags=0))):
        against("region: " + name, answer(REGION_INFO, payload=lambda b, p=payload: p), (3,), "BAR 0")
    against("file not sealed", lambda path: server.Server(path, server.Device(seal=False)), (0,), by_message)
    against("no file", answer(REGION_INFO, fds=lambda f: []), (0,), by_message)
    against("two files", answer(REGION_INFO, fds=lambda f: f * 2), (0,), by_message)


def descriptors():
    """Descriptors that nobody asked for are closed: hundreds of calls do not use them up."""
    def reply(s, ident, command, error, body, out):
        s.send(s.message(ident, command, error, body), [s.device.file] * (1 if command == REGION_INFO else 200))
        return True
    against("200 descriptors with each answer", wrong(reply), (0,), limit=20)


def silence(every):
    parts = (0, 1, 15, 16, 18)
    for n, on in enumerate((VERSION, GET_INFO, REGION_INFO, READ)):
        for part in parts if every else {parts[n], 18}:
            def reply(s, ident, command, error, body, out, on=on, part=part):
                data = s.message(ident, command, error, body)
                s.send(data[:part] if command == on else data, out)
                return True
            against(f"{on}: silence after {part} bytes", wrong(reply), (3,), "did not answer in 200 ms",
                    limit=4, ms=200)

    def dribble(s, ident, command, error, body, out):
        for byte in s.message(ident, command, error, body):
            s.send(bytes([byte]), out)
            out = ()
            time.sleep(0.02)
        return True
    against("a byte now and then", wrong(dribble), (3,), "did not answer", ms=200)

    def flood(s, ident, command, error, body, out):
        try:
            while not s.stop:
                s.send(head(7, DMA_READ, 32, 0x10) + bytes(16))
        except OSError:
            return False
        return False
    against("commands without end", wrong(flood), (3,), "did not answer", ms=200)

    def asks(s, ident, command, error, body, out):
        s.send(head(9, DMA_READ, 32, 0) + bytes(16))
        s.send(s.message(ident, command, error, body), out)
        check(s.exactly(16)[0] == head(9, DMA_READ, 16, 0x21, 95), "DMA_READ was not refused")
        return True
    against("DMA_READ is refused, and all goes on", wrong(asks), (0,))


def deaths(every):
    """The server ends after each message of a session, before and behind its answer and in its middle."""
    for at in range(1, 60, 1 if every else 7):
        for part in (0, 10, None):
            def reply(s, ident, command, error, body, out, at=at, part=part):
                data = s.message(ident, command, error, body)
                s.send(data if s.seen < at else data[:part], out)
                return s.seen < at
            against(f"death at message {at}", wrong(reply), (0, 1, 3))


def kills():
    """Killed for good while frames are under way."""
    path = FOLDER + "/killed"
    for after in (0.1, 0.4, 0.8):
        child = os.fork()
        if not child:
            s = server.Server(path)
            s.thread.join()
            os._exit(0)
        while not os.path.exists(path):
            time.sleep(0.01)
        time.sleep(0.2)
        killer = threading.Timer(after, os.kill, (child, signal.SIGKILL))
        killer.start()
        r = run("ping", "--count", "1000000", "vfio-user:" + path)
        killer.join()
        os.waitpid(child, 0)
        os.unlink(path)
        check(r.returncode in (1, 3), f"server killed: exit code {r.returncode}: {r.stderr}")
        check("closed the connection" in r.stderr or "nobody serves" in r.stderr, f"server killed: {r.stderr}")
        check("Sanitizer" not in r.stderr, r.stderr)
    r = run("info", "vfio-user:" + path)
    check(r.returncode == 3 and "nobody serves" in r.stderr, f"no server: {r.stderr}")


def noise(seed):
    """Some bytes of some answers are others."""
    rng = random.Random(seed)

    def reply(s, ident, command, error, body, out):
        data = bytearray(s.message(ident, command, error, body))
        if rng.random() < 0.08:
            for _ in range(rng.randint(1, 4)):
                data[rng.randrange(len(data))] = rng.choice((0, 1, 255, rng.randrange(256)))
        s.send(bytes(data), out)
        return True
    against(f"noise, seed {seed}", wrong(reply), (0, 1, 3), args=(rng.choice(("info", "tables", "regs", "stats")),))


def finish():
    failed = [str(e) for e in (j.exception() for j in jobs) if e]
    if failed:
        sys.exit("test_vfio_user: " + "\ntest_vfio_user: ".join(failed))


def main():
    seconds = float(sys.argv[2]) if len(sys.argv) > 2 else 0  # how long noise goes on, with new seeds
    every = seconds > 0
    kills()  # before there are threads: it forks
    headers(every)
    versions()
    regions()
    descriptors()
    silence(every)
    deaths(every)
    for seed in range(20):
        noise(seed)
    finish()
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(20):
            noise(random.randrange(1 << 60))
        finish()
    os.rmdir(FOLDER)
    print(f"{len(jobs)} wrong servers, 3 killed ones")


main()
