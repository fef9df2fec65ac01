#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The vfio-user server, seen by a client that may do anything.

test_vfu.py DEVICE... runs all tests on each build of the test device; --latency DEVICE measures.
After each test the device must still serve and have as many files open as before it; in the end it
must stop cleanly (with sanitizers: nothing leaked, no race)."""

import argparse
import errno
import fcntl
import mmap
import os
import random
import select
import signal
import socket
import stat
import struct
import subprocess
import sys
import tempfile
import threading
import time
import traceback

from client import *

COPY, SUM, FILL, COPY_LOOP, STOP = 1, 2, 3, 4, 5
TESTS = []


def test(run):
    TESTS.append(run)
    run.fresh = False
    return run


def fresh(run):
    """A test that counts: with a device that has just begun."""
    test(run)
    run.fresh = True
    return run


class Device:
    """The device's process; `new()` connects a client."""

    def __init__(self, program, folder):
        self.path = os.path.join(folder, "socket")
        self.program = program
        self.fast = not program.endswith("san")
        self.start()

    def start(self, dma_ms=2000):
        self.errors = tempfile.TemporaryFile()
        self.process = subprocess.Popen([self.program, self.path, str(dma_ms)], stderr=self.errors,
                                        stdout=subprocess.PIPE)
        assert self.process.stdout.readline() == b"ready\n", self.stderr()

    def stderr(self):
        self.errors.seek(0)
        return self.errors.read().decode(errors="replace")

    def new(self, **options):
        return Client(self.path, **options)

    def files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def memory(self):
        """Bytes of its own memory, resident."""
        for line in open(f"/proc/{self.process.pid}/status"):
            if line.startswith("RssAnon"):
                return int(line.split()[1]) * 1024
        raise AssertionError

    def restart(self, dma_ms=2000):
        self.stop()
        self.start(dma_ms)

    def cpu(self):
        """Seconds of processor time so far."""
        fields = open(f"/proc/{self.process.pid}/stat").read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(30)
        self.process.stdout.close()
        text = self.stderr()
        assert code == 0, f"exit code {code}\n{text}"
        assert "Sanitizer" not in text and "runtime error" not in text, text
        assert not os.path.exists(self.path)

    def settle(self, files):
        """Files are closed a moment after a client has gone."""
        end = time.monotonic() + 5
        while self.files() != files and time.monotonic() < end:
            time.sleep(0.01)
        assert self.files() == files, os.listdir(f"/proc/{self.process.pid}/fd")


def refused(number, call, *arguments, **options):
    try:
        call(*arguments, **options)
    except Refused as e:
        assert e.errno == number, f"{e}, not {os.strerror(number)}"
        return
    raise AssertionError("not refused")


def gone(client):
    try:
        while True:
            client.receive()
    except Gone:
        return


def memory(size, name="ram", flags=0):
    fd = os.memfd_create(name, flags)
    os.ftruncate(fd, size)
    return fd, mmap.mmap(fd, size)


def fired(fd, seconds=5.0):
    if not select.select([fd], [], [], seconds)[0]:
        return 0
    return os.eventfd_read(fd)


class Ram:
    """Memory that is reached by DMA messages, in the specification's layout."""

    def __init__(self, base, data):
        self.base, self.data = base, bytearray(data)
        self.log = []

    def __call__(self, command, payload):
        address, count = struct.unpack("<QQ", payload[:16])
        at = address - self.base
        self.log.append((command, address, count))
        if at < 0 or at + count > len(self.data):
            return b"", errno.EFAULT
        if command == DMA_READ:
            assert len(payload) == 16
            return payload + bytes(self.data[at:at + count]), 0
        assert len(payload) == 16 + count
        self.data[at:at + count] = payload[16:]
        return payload[:16], 0


# ---- version


@test
def version_without_json(d):
    with d.new(version=False) as c:
        assert c.version() == (0, 1)
        assert c.caps is None
        assert c.info() == (16, 3, 9, 5)


@test
def version_with_capabilities(d):
    with d.new(version=False) as c:
        assert c.version(minor=7, caps={"max_msg_fds": 8, "max_data_xfer_size": 1 << 30,
                                        "pgsizes": 4096, "max_dma_maps": 9,
                                        "twin_socket": {"supported": True}}) == (0, 1)
        assert c.caps == {"max_msg_fds": 16, "max_data_xfer_size": MAX, "pgsizes": 4096,
                          "max_dma_maps": 65535}
    with d.new(caps={"max_msg_fds": 1}) as c:
        assert c.caps == {"max_msg_fds": 16}  # no more than was proposed


@test
def version_forms(d):
    for text in (b"\0", b"{}\0", b'{"capabilities":{}}', b'{"other":[1,2]}\0\0\0'):
        with d.new(version=False) as c:
            assert c.version(text=text) == (0, 1)
            c.info()


@test
def version_refused(d):
    cases = [(b"{", errno.EINVAL), (b"[]\0", errno.EINVAL), (b"\xff\xfe", errno.EINVAL),
             (b'{"capabilities":3}\0', errno.EINVAL),
             (b'{"capabilities":{"max_msg_fds":-1}}', errno.EINVAL),
             (b'{"capabilities":{"max_data_xfer_size":0}}', errno.EINVAL),
             (b'{"capabilities":{"max_data_xfer_size":"1"}}', errno.EINVAL),
             (b'{"capabilities":{"max_data_xfer_size":1e99}}', errno.EINVAL),
             (b'{"capabilities":{"max_msg_fds":99999999999999999999}}', errno.EINVAL),
             (b"[" * 4000, errno.EINVAL)]
    for text, number in cases:
        with d.new(version=False) as c:
            refused(number, c.version, text=text)
            gone(c)
    with d.new(version=False) as c:
        refused(errno.EPROTONOSUPPORT, c.version, major=1)
        gone(c)
    with d.new(version=False) as c:
        refused(errno.EINVAL, c.call, VERSION, b"\0\0")  # too short: it may try again
        assert c.version() == (0, 1)
        refused(errno.EINVAL, c.version)  # once only
        c.info()


@test
def version_comes_first(d):
    with d.new(version=False) as c:
        refused(errno.EINVAL, c.info)
        refused(errno.EINVAL, c.call, RESET)
        refused(errno.ENOTSUP, c.call, 99)
        c.version()
        c.info()


# ---- device, regions, interrupts: information


@test
def device_info(d):
    with d.new() as c:
        assert c.info() == c.info(argsz=4096) == (16, 3, 9, 5)
        assert c.call(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0) + bytes(48))[0][:4] == \
            b"\x10\0\0\0"
        refused(errno.EINVAL, c.info, argsz=15)
        refused(errno.EINVAL, c.call, GET_INFO, b"\x10\0\0\0")


@test
def region_info(d):
    with d.new() as c:
        assert c.region_info(0) == ((32, 3, 0, 0, PAGE, 0), b"", [])
        for absent in (1, 3, 5):
            assert c.region_info(absent) == ((32, 0, absent, 0, 0, 0), b"", [])
        assert c.region_info(ROM) == ((32, 1, ROM, 0, PAGE, 0), b"", [])
        assert c.region_info(CONFIG, argsz=4096) == ((32, 3, CONFIG, 0, 256, 0), b"", [])
        assert c.region_info(VGA) == ((32, 2, VGA, 0, 16, 0), b"", [])
        refused(errno.EINVAL, c.region_info, 9)
        refused(errno.EINVAL, c.region_info, 0xffffffff)
        refused(errno.EINVAL, c.region_info, 0, argsz=31)
        refused(errno.EINVAL, c.call, GET_REGION_INFO, bytes(31))


@test
def region_info_sparse(d):
    """A small room is told what is needed; the fd comes with the whole answer."""
    with d.new() as c:
        info, rest, fds = c.region_info(2)
        assert info == (64, 0xf, 2, 0, 3 * PAGE, 0) and not rest and not fds
        for argsz, extra in ((64, b""), (64, bytes(32)), (1 << 20, b"")):
            info, rest, fds = c.region_info(2, argsz, extra)
            assert info == (64, 0xf, 2, 32, 3 * PAGE, 0)
            assert rest == struct.pack("<HHIIIQQ", 1, 1, 0, 1, 0, PAGE, PAGE)
            assert len(fds) == 1
            with mmap.mmap(fds[0], PAGE, offset=PAGE) as bell:
                bell[8:12] = b"abcd"
                assert c.read(2, PAGE + 8, 4) == b"abcd"
                c.write(2, PAGE + 12, b"efgh")  # a mapped area is reached by messages too
                assert bell[8:16] == b"abcdefgh"
            os.close(fds[0])


@test
def region_info_mapped_whole(d):
    with d.new() as c:
        info, rest, fds = c.region_info(4)
        assert info == (32, 7, 4, 0, PAGE, 3 * PAGE) and not rest and len(fds) == 1
        with mmap.mmap(fds[0], PAGE, offset=info[5]) as all_of_it:
            all_of_it[:4] = b"wxyz"
            assert c.read(4, 0, 4) == b"wxyz"
        os.close(fds[0])


@test
def region_info_without_fds(d):
    """A client that takes no descriptors is offered no mapping."""
    with d.new(caps={"max_msg_fds": 0}) as c:
        assert c.region_info(2) == ((32, 3, 2, 0, 3 * PAGE, 0), b"", [])


@test
def irq_info(d):
    with d.new() as c:
        assert [c.irq_info(i) for i in range(5)] == [
            (16, 7, 0, 1), (16, 3, 1, 0), (16, 3, 2, 64), (16, 1, 3, 1), (16, 1, 4, 1)]
        assert c.irq_info(2, argsz=100) == (16, 3, 2, 64)
        refused(errno.EINVAL, c.irq_info, 5)
        refused(errno.EINVAL, c.irq_info, 0, argsz=15)


# ---- registers


@test
def registers(d):
    with d.new() as c:
        for size in (1, 2, 3, 4, 8, 16, 200):
            data = os.urandom(size)
            c.write(0, 5, data)
            assert c.read(0, 5, size) == data
        assert c.read(0, PAGE - 1, 1) == b"\0"
        assert len(c.read(0, 0, PAGE)) == PAGE
        assert c.read(ROM, 3, 2) == bytes([21, 28])


@test
def registers_out_of_bounds(d):
    with d.new() as c:
        for offset, count in ((PAGE, 1), (PAGE - 1, 2), (0, PAGE + 1), ((1 << 64) - 1, 2),
                              (1 << 63, 4), (0, 0), (0, MAX), (0, MAX + 1), (0, 0xffffffff)):
            refused(errno.EINVAL, c.call, REGION_READ, struct.pack("<QII", offset, 0, count))
        for offset, data in ((PAGE, b"1"), (PAGE - 1, b"12"), ((1 << 64) - 1, b"12"), (0, b"")):
            refused(errno.EINVAL, c.write, 0, offset, data)
        for region in (1, 9, 0xffffffff):
            refused(errno.EINVAL, c.read, region, 0, 1)
            refused(errno.EINVAL, c.write, region, 0, b"1")
        refused(errno.EPERM, c.write, ROM, 0, b"1")
        refused(errno.EPERM, c.read, VGA, 0, 1)
        c.write(VGA, 0, b"1")


@test
def registers_wrong_sizes(d):
    with d.new() as c:
        access = struct.pack("<QII", 0, 0, 4)
        refused(errno.EINVAL, c.call, REGION_READ, access[:15])
        refused(errno.EINVAL, c.call, REGION_READ, access + b"1")
        refused(errno.EINVAL, c.call, REGION_WRITE, access + b"123")
        refused(errno.EINVAL, c.call, REGION_WRITE, access + b"12345")
        refused(errno.EINVAL, c.call, REGION_WRITE, access[:8])
        assert c.read(0, 0, 4) == bytes(4)


@test
def device_errors_reach_the_client(d):
    with d.new() as c:
        refused(errno.EIO, c.read, 0, 0x170, 4)
        refused(errno.EIO, c.write, 0, 0x170, b"1234")
        refused(errno.EIO, c.read, 0, 0x178, 4)  # a number that is no errno
        refused(errno.EINVAL, c.write, 0, 0x180, b"1234")


@test
def posted_writes(d):
    """Without a reply, in order, done before what follows; their errors are silent."""
    with d.new() as c:
        for i in range(1000):
            c.put(8, i, flags=NO_REPLY)
        c.write(0, PAGE, b"1", flags=NO_REPLY)
        c.send(99, flags=NO_REPLY)
        c.send(GET_INFO, struct.pack("<IIII", 16, 0, 0, 0), NO_REPLY)
        assert c.get(8) == 999


@test
def write_multi(d):
    one = struct.Struct("<QII8s")
    with d.new(caps=QEMU_CAPS, minor=0) as c:
        assert c.caps["write_multiple"] is True
        wrs = b"".join(one.pack(4 * i, 0, 4, struct.pack("<I", i * i)) for i in range(50))
        assert c.call(WRITE_MULTI, struct.pack("<Q", 50) + wrs)[0] == struct.pack("<Q", 50)
        c.send(WRITE_MULTI, struct.pack("<Q", 1) + one.pack(200, 0, 2, b"zz"), NO_REPLY)
        assert [c.get(4 * i) for i in range(50)] == [i * i for i in range(50)]
        assert c.read(0, 200, 2) == b"zz"
        for bad in (struct.pack("<Q", 2) + one.pack(0, 0, 4, b""), bytes(7), bytes(9),
                    struct.pack("<Q", 1 << 61) + one.pack(0, 0, 4, b""),
                    struct.pack("<Q", 1) + one.pack(0, 0, 9, b""),
                    struct.pack("<Q", 1) + one.pack(0, 0, 0xffffffff, b"")):
            refused(errno.EINVAL, c.call, WRITE_MULTI, bad)


@fresh
def reset(d):
    with d.new() as c:
        c.put(0, 77)
        c.call(RESET)
        assert c.get(0) == 0 and c.get(0x148) == 1
        refused(errno.EINVAL, c.call, RESET, b"1")


@test
def unknown_commands(d):
    with d.new() as c:
        for command in (0, GET_REGION_IO_FDS, DMA_READ, DMA_WRITE, DIRTY_PAGES, FEATURE, 17, 18,
                        19, 255, 65535):
            refused(errno.ENOTSUP, c.call, command, bytes(64))
        refused(errno.EINVAL, c.call, GET_INFO, struct.pack("<IIII", 16, 0, 0, 0), flags=ERROR)
        c.info()


# ---- interrupts


@test
def irq_eventfd(d):
    with d.new() as c:
        events = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(4)]
        c.put(0x130, MSIX << 16 | 3)
        assert c.get(0x130) == 2  # absent
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 2, 4, fds=events)
        for i, event in enumerate(events):
            c.put(0x130, MSIX << 16 | (2 + i))
            assert c.get(0x130) == 0
            assert fired(event) == 1
            c.irqs(MSIX, DATA_NONE | TRIGGER, 2 + i, 1)  # by the client itself
            assert fired(event) == 1
        c.irqs(MSIX, DATA_NONE | TRIGGER, 0, 64)  # absent ones are passed over
        assert [fired(e) for e in events] == [1] * 4
        c.irqs(MSIX, DATA_BOOL | TRIGGER, 2, 4, data=b"\1\0\0\xff")
        assert [fired(e, 0) for e in events] == [1, 0, 0, 1]
        c.put(0x130, MSIX << 16 | 64)
        assert c.get(0x130) == (1 << 32) - errno.EINVAL
        for event in events:
            os.close(event)


@test
def irq_partial_ranges_and_removal(d):
    with d.new() as c:
        files = d.files()
        events = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(16)]
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 0, 16, fds=events)
        assert d.files() == files + 16
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 4, 4)  # QEMU's -1: a range without fds
        assert d.files() == files + 12
        c.irqs(MSIX, DATA_NONE | TRIGGER, 3, 3)
        assert [fired(e, 0) for e in events[:8]] == [0, 0, 0, 1, 0, 0, 0, 0]
        # The kernel's form: an array whose -1 stand for none.
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 4, 3, data=struct.pack("<iii", 0, -1, 0),
               fds=events[4:6])
        assert d.files() == files + 14
        c.irqs(MSIX, DATA_NONE | TRIGGER, 4, 3)
        assert [fired(e, 0) for e in events[4:6]] == [1, 1]
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 0, 2, fds=[events[1], events[0]])  # exchanged
        assert d.files() == files + 14
        c.irqs(MSIX, DATA_NONE | TRIGGER, 0, 1)
        assert [fired(e, 0) for e in events[:2]] == [0, 1]
        c.irqs(MSIX, DATA_NONE | TRIGGER, 0, 0)  # all off
        assert d.files() == files
        c.irqs(MSIX, DATA_NONE | TRIGGER, 0, 0)
        c.irqs(MSI, DATA_NONE | TRIGGER, 0, 0)  # the device has none: nothing to do
        for event in events:
            os.close(event)


@test
def irq_masks(d):
    with d.new() as c:
        event = os.eventfd(0, os.EFD_NONBLOCK)
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 7, 1, fds=[event])
        c.irqs(MSIX, DATA_NONE | MASK, 7, 1)
        for _ in range(3):
            c.put(0x130, MSIX << 16 | 7)
            assert c.get(0x130) == 1  # masked: kept
        assert fired(event, 0) == 0
        c.irqs(MSIX, DATA_BOOL | UNMASK, 7, 2, data=b"\0\1")
        assert fired(event, 0) == 0
        c.irqs(MSIX, DATA_BOOL | UNMASK, 7, 1, data=b"\1")
        assert fired(event) == 1
        c.irqs(MSIX, DATA_NONE | UNMASK, 7, 1)
        assert fired(event, 0) == 0
        refused(errno.ENOTSUP, c.irqs, MSIX, DATA_EVENTFD | MASK, 7, 1, fds=[event])
        refused(errno.ENOTSUP, c.irqs, INTX, DATA_EVENTFD | UNMASK, 0, 1, fds=[event])
        refused(errno.EINVAL, c.irqs, ERR, DATA_NONE | MASK)
        os.close(event)


@test
def irq_intx_masks_itself(d):
    with d.new() as c:
        event = os.eventfd(0, os.EFD_NONBLOCK)
        c.irqs(INTX, DATA_EVENTFD | TRIGGER, fds=[event])
        c.put(0x130, 0)
        c.put(0x130, 0)
        assert c.get(0x130) == 1 and fired(event) == 1
        c.irqs(INTX, DATA_NONE | UNMASK)
        assert fired(event) == 1  # the second one
        c.irqs(INTX, DATA_NONE | UNMASK)
        c.put(0x130, 0)
        assert fired(event) == 1
        c.irqs(INTX, DATA_NONE | TRIGGER, 0, 0)
        c.irqs(INTX, DATA_EVENTFD | TRIGGER, fds=[event])
        c.put(0x130, 0)
        assert fired(event) == 1  # enabled afresh: not masked
        os.close(event)


@test
def irq_refused(d):
    with d.new() as c:
        files = d.files()
        e = os.eventfd(0, os.EFD_NONBLOCK)
        r, w = os.pipe()
        t = DATA_EVENTFD | TRIGGER
        none = DATA_NONE | TRIGGER
        for arguments, options in [
                ((5, none), {}), ((0xffffffff, none), {}), ((MSIX, none, 64, 1), {}),
                ((MSIX, none, 0, 65), {}), ((MSIX, none, 1, 0xffffffff), {}),
                ((MSIX, none, 0xffffffff, 2), {}), ((MSIX, none, 1, 0), {}),
                ((MSI, none, 0, 1), {}), ((MSIX, t, 0, 0), {}),
                ((MSIX, DATA_BOOL | TRIGGER, 0, 0), {}), ((MSIX, DATA_NONE | MASK, 0, 0), {}),
                ((MSIX, DATA_NONE), {}), ((MSIX, TRIGGER), {}), ((MSIX, 0), {}),
                ((MSIX, DATA_NONE | DATA_BOOL | TRIGGER), {"data": b"1"}),
                ((MSIX, none | MASK), {}), ((MSIX, none | 64), {}),
                ((MSIX, none | 0x80000000), {}),
                ((MSIX, DATA_BOOL | TRIGGER, 0, 4), {"data": b"123"}),
                ((MSIX, DATA_BOOL | TRIGGER, 0, 4), {"data": b"12345"}),
                ((MSIX, none), {"argsz": 19}), ((MSIX, none), {"argsz": 21}),
                ((MSIX, none), {"fds": [e]}), ((MSIX, t, 0, 2), {"fds": [e]}),
                ((MSIX, t, 0, 1), {"fds": [e, e]}), ((MSIX, t, 0, 1), {"fds": [r]}),
                ((MSIX, t, 0, 2), {"fds": [e, w]}), ((MSIX, t), {"fds": [c.sock.fileno()]}),
                ((MSIX, t, 0, 2), {"fds": [e, e], "data": struct.pack("<ii", 0, -1)}),
                ((MSIX, t, 0, 2), {"fds": [e], "data": struct.pack("<ii", 0, 0)}),
                ((MSIX, t, 0, 2), {"fds": [e], "data": struct.pack("<ii", 0, -2)}),
                ((MSIX, t, 0, 2), {"fds": [e, e], "data": struct.pack("<i", 0)})]:
            try:
                refused(errno.EINVAL, c.irqs, *arguments, **options)
            except AssertionError as error:
                raise AssertionError(f"{arguments} {options}") from error
            assert d.files() == files, (arguments, options)
        refused(errno.EINVAL, c.call, SET_IRQS, bytes(19))
        os.close(e), os.close(r), os.close(w)


@test
def irq_full_counter_does_not_block(d):
    with d.new() as c:
        event = os.eventfd(0, 0)  # one that blocks
        os.eventfd_write(event, (1 << 64) - 2)
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 0, 1, fds=[event])
        c.put(0x130, MSIX << 16)
        assert c.get(0x130) == 0
        assert fired(event) == (1 << 64) - 2
        os.close(event)


# ---- DMA through shared memory


@fresh
def dma_copy(d):
    with d.new() as c:
        fd, ram = memory(1 << 20)
        c.map(0x100000, 1 << 20, fd)
        ram[:] = os.urandom(1 << 20)
        for source, target, length in ((0, 0x80000, 1), (8, 0x80000, 64), (0x1001, 0x80003, 1500),
                                       (0xfff, 0x8fffd, 9000), (0, 0x80000, 0x80000)):
            want = ram[source:source + length]
            assert c.dma(COPY, 0x100000 + source, 0x100000 + target, length) == 0
            assert ram[target:target + length] == want
        assert c.dma(COPY, 0x100000, 0x100000, 0) == 0
        assert c.get(0x14c) == 1
        ram.close(), os.close(fd)


@test
def dma_spans_maps(d):
    """Adjacent maps of different files, one of them without a file."""
    fd, ram = memory(16 * PAGE)
    other, more = memory(16 * PAGE)
    tail = Ram(0x3000, os.urandom(PAGE))
    with d.new(serve=tail) as c:
        c.map(0x2000, PAGE, other, offset=5 * PAGE)
        c.map(0x1000, PAGE, fd, offset=3 * PAGE)
        c.map(0x3000, PAGE)
        ram[:], more[:] = os.urandom(16 * PAGE), os.urandom(16 * PAGE)
        want = ram[3 * PAGE:4 * PAGE] + more[5 * PAGE:6 * PAGE] + bytes(tail.data)
        assert c.dma(SUM, 0x1000, 0, 3 * PAGE) == 0
        assert c.get(0x128, 8) == sum(want)
        assert c.dma(FILL, 0, 0x1ff0, 0x1020) == 0
        assert ram[4 * PAGE - 16:4 * PAGE] == b"\xa5" * 16
        assert more[5 * PAGE:6 * PAGE] == b"\xa5" * PAGE
        assert bytes(tail.data[:16]) == b"\xa5" * 16
        assert more[6 * PAGE:] == more[6 * PAGE:] and c.dma(SUM, 0x1000, 0, 3 * PAGE + 1) == \
            errno.EFAULT
        c.unmap(0x2000, PAGE)
        before = ram[:]
        assert c.dma(FILL, 0, 0x1ff0, 0x20) == errno.EFAULT
        assert ram[:] == before  # judged as a whole before the first byte
    ram.close(), more.close(), os.close(fd), os.close(other)


@test
def dma_unmapped_and_protected(d):
    with d.new() as c:
        fd, ram = memory(4 * PAGE)
        assert c.dma(SUM, 0x1000, 0, 1) == errno.EFAULT
        c.map(0x10000, PAGE, fd, flags=1)
        c.map(0x20000, PAGE, fd, flags=2, offset=PAGE)
        c.map((1 << 64) - PAGE, PAGE, fd, offset=2 * PAGE)
        assert c.dma(SUM, 0x10000, 0, PAGE) == 0
        assert c.dma(FILL, 0, 0x10000, 1) == errno.EACCES
        assert c.dma(FILL, 0, 0x20000, PAGE) == 0
        assert ram[PAGE:2 * PAGE] == b"\xa5" * PAGE and ram[:PAGE] == bytes(PAGE)
        assert c.dma(SUM, 0x20000, 0, 1) == errno.EACCES
        for iova, length in ((0xffff, 1), (0xffff, 2), (0x10fff, 2), (0x11000, 1), (0, 1),
                             ((1 << 64) - 1, 2), ((1 << 64) - PAGE, PAGE + 1)):
            assert c.dma(SUM, iova, 0, length) == errno.EFAULT, (iova, length)
        assert c.dma(SUM, (1 << 64) - PAGE, 0, PAGE) == 0
        ram.close(), os.close(fd)


@test
def dma_map_refused(d):
    with d.new() as c:
        files = d.files()
        fd, ram = memory(4 * PAGE)
        read_only = os.open(f"/proc/self/fd/{fd}", os.O_RDONLY)
        path_only = os.open(f"/proc/self/fd/{fd}", os.O_PATH)
        r, w = os.pipe()
        event = os.eventfd(0)
        null = os.open("/dev/zero", os.O_RDWR)
        proc = os.open("/proc/self/mem", os.O_RDWR)
        folder = os.open("/dev/shm" if os.path.isdir("/dev/shm") else "/tmp", os.O_RDONLY)
        einval = errno.EINVAL
        for number, arguments, options in [
                (einval, (0, 0), {}), (einval, (2, (1 << 64) - 1), {}),
                (einval, (1 << 63, (1 << 63) + 1), {}), (einval, (0, PAGE), {"flags": 0}),
                (einval, (0, PAGE), {"flags": 4}), (einval, (0, PAGE), {"flags": 0x80000003}),
                (einval, (0, PAGE), {"argsz": 31}), (einval, (0, PAGE, r), {}),
                (einval, (0, PAGE, event), {}), (einval, (0, PAGE, null), {}),
                (einval, (0, PAGE, proc), {}), (einval, (0, PAGE, folder), {}),
                (einval, (0, PAGE, c.sock.fileno()), {}), (errno.EBADF, (0, PAGE, path_only), {}),
                (errno.EACCES, (0, PAGE, read_only), {}), (einval, (0, 5 * PAGE, fd), {}),
                (einval, (0, PAGE, fd), {"offset": 3 * PAGE + 1}),
                (einval, (0, PAGE, fd), {"offset": 1 << 63}),
                (einval, (0, PAGE, fd), {"offset": (1 << 64) - PAGE}),
                (einval, (0, 1 << 63, fd), {}), (einval, (0, (1 << 63) - 1, fd), {})]:
            try:
                refused(number, c.map, *arguments, **options)
            except AssertionError as error:
                raise AssertionError(f"{arguments} {options}") from error
            assert d.files() == files, arguments
        request = struct.pack("<IIQQQ", 32, 3, 0, 0, PAGE)
        refused(einval, c.call, DMA_MAP, request, [fd, fd])
        refused(einval, c.call, DMA_MAP, request[:31])
        assert d.files() == files
        c.map(0, PAGE, read_only, flags=1)
        assert d.files() == files  # a mapping needs no descriptor
        for x in (fd, read_only, path_only, r, w, event, null, proc, folder):
            os.close(x)
        ram.close()


@fresh
def dma_overlap_and_unmap(d):
    with d.new() as c:
        fd, ram = memory(64 * PAGE)
        c.map(0x10000, 4 * PAGE, fd)
        for iova, size in ((0x10000, 4 * PAGE), (0x10000, 1), (0x13fff, 1), (0xffff, 2),
                           (0, 0x20000), (0x11000, PAGE), (0, 1 << 63)):
            refused(errno.EEXIST, c.map, iova, size)
            refused(errno.EEXIST, c.map, iova, min(size, PAGE), fd) if iova != 0 else None
        c.map(0xf000, PAGE, fd)
        c.map(0x14000, PAGE, fd)
        for iova, size in ((0x10000, PAGE), (0x11000, 3 * PAGE), (0xf000, 2 * PAGE), (0, 1),
                           (0x10000, 4 * PAGE + 1), (1 << 63, PAGE), (0, 0)):
            refused(errno.ENOENT, c.unmap, iova, size)
        c.unmap(0x10000, 4 * PAGE)
        refused(errno.ENOENT, c.unmap, 0x10000, 4 * PAGE)
        assert c.dma(SUM, 0x10000, 0, 1) == errno.EFAULT
        assert c.dma(SUM, 0xf000, 0, PAGE) == 0
        refused(errno.EINVAL, c.unmap, 0, PAGE, flags=2)
        refused(errno.EINVAL, c.unmap, 0xf000, PAGE, flags=1)
        refused(errno.EINVAL, c.unmap, 0xf000, PAGE, flags=4)
        refused(errno.EINVAL, c.unmap, 0xf000, PAGE, argsz=23)
        refused(errno.EINVAL, c.call, DMA_UNMAP, bytes(23))
        c.unmap(0, 0, flags=2)
        assert c.dma(SUM, 0xf000, 0, 1) == errno.EFAULT
        c.unmap(0, 0, flags=2)
        c.map(0x10000, 4 * PAGE, fd)
        assert c.dma(SUM, 0x10000, 0, 4 * PAGE) == 0
        assert (c.get(0x14c), c.get(0x150)) == (4, 3)
        ram.close(), os.close(fd)


@fresh
def dma_many_maps(d):
    """As many as are promised, no more, in any order; all gone with the client."""
    count = 65535 if d.fast else 6000
    order = list(range(count))
    random.Random(1).shuffle(order)
    with d.new() as c:
        def many(command, parts):
            """Pipelined, with a reply to the last only."""
            c.send_raw(b"".join(HEADER.pack(1, command, 16 + len(part), NO_REPLY, 0) + part
                                for part in parts[:-1]))
            return c.call(command, parts[-1])

        many(DMA_MAP, [struct.pack("<IIQQQ", 32, 3, 0, i * 8192, PAGE) for i in order])
        if d.fast:
            refused(errno.ENOSPC, c.map, count * 8192, PAGE)
        refused(errno.EEXIST, c.map, order[7] * 8192, PAGE)
        many(DMA_UNMAP, [struct.pack("<IIQQ", 24, 0, i * 8192, PAGE) for i in order[:count // 2]])
        refused(errno.ENOENT, c.unmap, order[0] * 8192, PAGE)
        c.unmap(order[-1] * 8192, PAGE)
    with d.new() as c:
        c.map(0, 1 << 32)
        c.unmap(0, 1 << 32)
        assert c.get(0x14c) == c.get(0x150) == count + 1


@test
def dma_many_mapped_files(d):
    """Hundreds of 4 KiB maps of one file, as with a virtual IOMMU."""
    with d.new() as c:
        fd, ram = memory(2000 * PAGE)
        for i in range(2000):
            c.map((i * 7919 % 2000) * PAGE, PAGE, fd, offset=i * PAGE)
            ram[i * PAGE] = i % 251
        assert c.dma(SUM, 0, 0, 1000 * PAGE) == 0
        assert c.get(0x128, 8) == sum(i % 251 for i in range(2000) if i * 7919 % 2000 < 1000)
        c.unmap(0, 0, flags=2)
        ram.close(), os.close(fd)


@test
def dma_file_cut_off(d):
    """The client shortens the file behind its memory: an error, not the end of the device."""
    with d.new() as c:
        fd, ram = memory(16 * PAGE)
        c.map(0, 16 * PAGE, fd)
        assert c.dma(COPY, 0, 8 * PAGE, 8 * PAGE) == 0
        ram.close()
        os.ftruncate(fd, 4 * PAGE)
        for _ in range(3):
            assert c.dma(SUM, 0, 0, 16 * PAGE) == errno.EFAULT
            assert c.dma(FILL, 0, 3 * PAGE, 2 * PAGE) == errno.EFAULT
            assert c.dma(FILL, 0, 8 * PAGE + 3, 17) == errno.EFAULT
        assert c.dma(SUM, 0, 0, 4 * PAGE) == 0
        os.ftruncate(fd, 16 * PAGE)
        assert c.dma(SUM, 0, 0, 16 * PAGE) == 0
        os.close(fd)


@test
def dma_file_cut_off_while_running(d):
    with d.new() as c:
        fd, ram = memory(256 * PAGE)
        ram.close()
        c.map(0, 256 * PAGE, fd)
        c.start(COPY_LOOP, 0, 128 * PAGE, 128 * PAGE)
        end = time.monotonic() + 0.5
        while time.monotonic() < end:
            os.ftruncate(fd, 64 * PAGE)
            os.ftruncate(fd, 256 * PAGE)
        c.put(0x114, STOP)
        assert c.dma(SUM, 0, 0, 256 * PAGE) == 0
        os.close(fd)


@test
def dma_sealed_and_huge(d):
    with d.new() as c:
        fd, ram = memory(4 * PAGE, flags=os.MFD_ALLOW_SEALING)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        c.map(0, 4 * PAGE, fd)
        assert c.dma(COPY, 0, 2 * PAGE, PAGE) == 0
        ram.close(), os.close(fd)
        fd = os.memfd_create("ro", os.MFD_ALLOW_SEALING)
        os.ftruncate(fd, PAGE)
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, fcntl.F_SEAL_WRITE)
        refused(errno.EPERM, c.map, 0x100000, PAGE, fd)
        c.map(0x100000, PAGE, fd, flags=1)
        os.close(fd)
        try:
            fd = os.memfd_create("huge", os.MFD_HUGETLB)
            os.ftruncate(fd, 4 << 20)
            huge = mmap.mmap(fd, 4 << 20)
        except OSError:
            return  # no huge pages to be had
        c.map(0x200000, 0xa0000, fd)  # QEMU's low memory, and what lies above its hole
        c.map(0x2c0000, 0x140000, fd, offset=0xc0000)
        huge[0xc0010] = 99
        assert c.dma(COPY, 0x2c0010, 0x200020, 1) == 0 and huge[0x20] == 99
        huge.close(), os.close(fd)


@test
def dma_unmap_while_running(d):
    """After the reply to DMA_UNMAP nothing is written there any more."""
    with d.new() as c:
        fd, ram = memory(512 * PAGE)
        for _ in range(25 if d.fast else 10):
            c.map(0, 512 * PAGE, fd)
            ram[:256 * PAGE] = b"\1" * (256 * PAGE)
            c.start(COPY_LOOP, 0, 256 * PAGE, 256 * PAGE)
            done = c.get(0x120, 8)
            while c.get(0x120, 8) < done + 2:
                pass
            c.unmap(0, 512 * PAGE)
            ram[256 * PAGE:] = bytes(256 * PAGE)
            done = c.get(0x120, 8)
            while c.get(0x120, 8) < done + 2:
                pass
            assert ram[256 * PAGE:] == bytes(256 * PAGE)
            c.put(0x114, STOP)
        ram.close(), os.close(fd)


# ---- DMA by messages


@test
def message_dma(d):
    ram = Ram(0xc0000, os.urandom(0x40000))
    with d.new(serve=ram) as c:
        c.map(0xc0000, 0x40000)
        for source, target, length in ((0, 0x20000, 1), (1, 0x20003, 3000), (0, 0x20000, 0x20000)):
            want = bytes(ram.data[source:source + length])
            assert c.dma(COPY, 0xc0000 + source, 0xc0000 + target, length) == 0
            assert bytes(ram.data[target:target + length]) == want
        assert all(count <= 65536 for _, _, count in ram.log)


@test
def message_dma_read_only(d):
    """QEMU's ROM: no fd, only to be read."""
    rom = Ram(0xfffc0000, os.urandom(PAGE))
    with d.new(serve=rom) as c:
        c.map(0xfffc0000, PAGE, flags=1)
        assert c.dma(SUM, 0xfffc0000, 0, PAGE) == 0
        assert c.get(0x128, 8) == sum(rom.data)
        assert c.dma(FILL, 0, 0xfffc0000, 1) == errno.EACCES
        assert {command for command, _, _ in rom.log} == {DMA_READ}


@test
def message_dma_respects_the_client_s_size(d):
    ram = Ram(0, os.urandom(0x10000))
    with d.new(serve=ram, caps={"max_data_xfer_size": 1000}) as c:
        c.map(0, 0x10000)
        assert c.dma(COPY, 0, 0x8000, 0x4001) == 0
        assert ram.data[:0x4001] == ram.data[0x8000:0xc001]
        assert max(count for _, _, count in ram.log) == 1000


@test
def message_dma_of_qemu(d):
    """QEMU's data begin 4 bytes early, and it answers DMA_WRITE with a header alone."""
    data = bytearray(os.urandom(0x2000))

    def serve(command, payload):
        address, count = struct.unpack("<QI", payload[:12])
        if command == DMA_READ:
            return payload[:12] + bytes(data[address:address + count]) + bytes(4), 0
        assert len(payload) >= 16 + count
        data[address:address + count] = payload[12:12 + count]
        return b"", 0

    with d.new(serve=serve, minor=0, caps=QEMU_CAPS) as c:
        c.map(0, 0x2000)
        want = bytes(data[:0x1000])
        assert c.dma(COPY, 0, 0x1000, 0x1000) == 0
        assert bytes(data[0x1000:]) == want
        assert len([1 for _, p in c.served if p[8:16] == struct.pack("<II", 4, 1)]) == 1
    # A QEMU that is as specified finds that question wrong, and is served as specified.
    ram = Ram(0, os.urandom(0x2000))
    with d.new(serve=ram, minor=0, caps=QEMU_CAPS) as c:
        c.map(0, 0x2000)
        want = bytes(ram.data[:0x1000])
        assert c.dma(COPY, 0, 0x1000, 0x1000) == 0
        assert bytes(ram.data[0x1000:]) == want


@test
def message_dma_refused_by_the_client(d):
    answers = iter([(b"", errno.EFAULT), (b"", 0), (bytes(16), 0), (bytes(15), 0),
                    (struct.pack("<QQ", 0, 8) + bytes(7), 0),
                    (struct.pack("<QQ", 0, 8) + bytes(9), 0),
                    (struct.pack("<QQ", 8, 8) + bytes(8), 0),
                    (struct.pack("<QQ", 0, 9) + bytes(8), 0),
                    (struct.pack("<QQ", 0, 8 | 1 << 32) + bytes(8), 0)])
    with d.new(serve=lambda command, payload: next(answers)) as c:
        c.map(0, PAGE)
        for _ in range(9):
            assert c.dma(SUM, 0, 0, 8) == errno.EIO
        answers = iter([(bytes(16), 0), (bytes(8), 0), (struct.pack("<QQ", 0, 7), 0),
                        (struct.pack("<QI", 0, 8), 0), (b"", 0), (struct.pack("<QQ", 0, 8), 0)])
        for want in (errno.EIO, errno.EIO, errno.EIO, 0, 0, 0):
            assert c.dma(FILL, 0, 0, 8) == want


@test
def message_dma_and_commands_at_once(d):
    """The client waits for its own replies while the device waits for the client."""
    ram = Ram(0, os.urandom(0x10000))
    with d.new(serve=ram) as c:
        c.map(0, 0x10000)
        c.start(COPY_LOOP, 0, 0x8000, 0x4000)
        for i in range(300):
            c.put(0, i)
            assert c.get(0) == i
        c.put(0x114, STOP)
        assert c.get(0x11c) == 0
        assert len(ram.log) > 10
        c.pump(0.2)


@test
def message_dma_does_not_hold_up_registers(d):
    """A client blocked on a register access answers DMA later; the access comes first."""
    ram = Ram(0, os.urandom(PAGE))
    with d.new() as c:
        c.map(0, PAGE)
        c.start(SUM, 0, 0, PAGE)
        number, command, payload = c.hold()
        assert command == DMA_READ
        begin = time.monotonic()
        for i in range(20):
            assert c.get(0x118) == 1
        assert time.monotonic() - begin < 1
        c.serve = ram
        c.answer(number, command, payload)
        assert c.wait() == 0


@test
def message_dma_cancelled_by_unmap(d):
    """QEMU cannot answer while it waits for the reply to DMA_UNMAP."""
    with d.new() as c:
        c.map(0, PAGE)
        c.start(SUM, 0, 0, PAGE)
        number, command, payload = c.hold()
        begin = time.monotonic()
        c.unmap(0, PAGE)
        assert time.monotonic() - begin < 1
        assert c.wait() == errno.ECANCELED
        c.sock.sendall(HEADER.pack(number, command, 32 + PAGE, REPLY, 0) + payload + bytes(PAGE))
        c.info()  # the late reply is passed over
        # An unmap elsewhere waits for none of it.
        c.map(0, PAGE)
        c.map(0x10000, PAGE)
        c.start(SUM, 0, 0, PAGE)
        number, command, payload = c.hold()
        c.unmap(0x10000, PAGE)
        c.sock.sendall(HEADER.pack(number, command, 32 + PAGE, REPLY, 0) + payload + bytes(PAGE))
        assert c.wait() == 0


@test
def message_dma_timeout(d):
    d.restart(dma_ms=150)
    with d.new() as c:
        c.map(0, PAGE)
        c.start(SUM, 0, 0, PAGE)
        number, command, payload = c.hold()
        begin = time.monotonic()
        assert c.wait() == errno.ETIMEDOUT
        assert time.monotonic() - begin < 5
        c.sock.sendall(HEADER.pack(number, command, 32 + PAGE, REPLY, 0) + payload + bytes(PAGE))
        for junk in range(5):  # replies that nobody waits for
            c.sock.sendall(HEADER.pack(junk, DMA_READ, 16, REPLY | ERROR, 5))
            c.sock.sendall(HEADER.pack(junk, RESET, 20, REPLY, 0) + bytes(4))
        c.serve = Ram(0, bytes(PAGE))
        assert c.dma(SUM, 0, 0, PAGE) == 0
    d.restart()


@test
def message_dma_ends_with_the_client(d):
    c = d.new()
    c.map(0, PAGE)
    c.start(SUM, 0, 0, PAGE)
    c.hold()
    c.close()
    with d.new() as c:
        assert c.wait() == errno.ECANCELED
        assert c.dma(SUM, 0, 0, 1) == errno.EFAULT


@test
def message_dma_from_a_callback(d):
    ram = Ram(0, bytes(PAGE))
    fd, shared = memory(PAGE)
    with d.new(serve=ram) as c:
        c.map(0, PAGE)
        c.map(0x10000, PAGE, fd)
        c.put(0x138, 0)
        assert c.get(0x138) == (1 << 32) - errno.EDEADLK
        c.put(0x100, 0x10000, 8)
        c.put(0x138, 0)
        assert c.get(0x138) == 0
    shared.close(), os.close(fd)


# ---- hostile streams


@test
def broken_streams(d):
    for size, flags in ((15, 0), (0, 0), (0xffffffff, 0), (MAX + 33, 0), (16, 2), (16, 15),
                        (16, 64), (16, 0x80000000)):
        with d.new() as c:
            c.send_raw(HEADER.pack(1, GET_INFO, size, flags, 0) + bytes(64))
            gone(c)
    with d.new(version=False) as c:  # before a version less is taken
        c.send_raw(HEADER.pack(1, VERSION, 16 + 4097, 0, 0))
        gone(c)
    with d.new() as c:
        c.info()


@test
def largest_message(d):
    with d.new() as c:
        data = struct.pack("<QII", 0, 0, MAX) + bytes(MAX)
        refused(errno.EINVAL, c.call, REGION_WRITE, data)
        refused(errno.ENOTSUP, c.call, 99, bytes(MAX + 16))
        c.info()


@test
def disconnect_anywhere(d):
    fd, ram = memory(PAGE)
    message = HEADER.pack(1, VERSION, 20, 0, 0) + bytes(2) + b"\1\0"
    message += HEADER.pack(2, DMA_MAP, 48, 0, 0) + struct.pack("<IIQQQ", 32, 3, 0, 0, PAGE)
    message += HEADER.pack(3, GET_REGION_INFO, 48, 0, 0) + \
        struct.pack("<IIIIQQ", 64, 0, 2, 0, 0, 0)
    files = d.files()
    for cut in range(len(message) + 1):
        c = d.new(version=False)
        c.send_raw(message[:20])
        if cut > 20:
            c.send_raw(message[20:cut], [fd])
        c.close()
    with d.new() as c:  # behind all of those
        c.info()
    d.settle(files)
    ram.close(), os.close(fd)


@test
def a_byte_at_a_time(d):
    with d.new() as c:
        for byte in HEADER.pack(9, REGION_READ, 32, 0, 0) + struct.pack("<QII", 0, 0, 4):
            c.send_raw(bytes([byte]))
            time.sleep(0.001)
        assert c.reply(9, REGION_READ)[0][16:] == bytes(4)


@test
def floods_of_descriptors(d):
    with d.new() as c:
        files = d.files()
        event = os.eventfd(0)
        info = struct.pack("<IIII", 16, 0, 0, 0)
        for count in (1, 16, 17, 100, 253):
            refused(errno.EINVAL, c.call, GET_INFO, info, [event] * count)
        refused(errno.EINVAL, c.irqs, MSIX, DATA_EVENTFD | TRIGGER, 0, 17, fds=[event] * 17)
        refused(errno.EINVAL, c.call, DMA_MAP, struct.pack("<IIQQQ", 32, 3, 0, 0, PAGE),
                [event] * 253)
        c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 0, 16, fds=[event] * 16)
        c.irqs(MSIX, DATA_NONE | TRIGGER, 0, 0)
        # Some with each byte of a message.
        message = HEADER.pack(5, GET_INFO, 32, 0, 0) + info
        for byte in message:
            c.send_raw(bytes([byte]), [event] * 20)
        refused(errno.EINVAL, c.reply, 5, GET_INFO)
        # And with a reply.
        c.send_raw(HEADER.pack(1, DMA_READ, 16, REPLY, 0), [event] * 5)
        c.info()
        assert d.files() == files
        # The connection itself, and the end before the message is whole.
        c.send_raw(message[:20], [c.sock.fileno()] * 3)
        os.close(event)
    d.settle(files - 1)


@test
def a_client_that_never_reads(d):
    """It stops itself, not the server; memory stays bounded; no reply is lost."""
    with d.new() as c:
        before = d.memory()
        request = b"".join(HEADER.pack(i & 0xffff, REGION_READ, 32, 0, 0) +
                           struct.pack("<QII", 0, 0, PAGE) for i in range(100))
        c.sock.setblocking(False)
        sent = 0
        idle = time.monotonic()
        while time.monotonic() - idle < 0.5:
            try:
                sent += c.sock.send(request[sent % len(request):])
                idle = time.monotonic()
            except BlockingIOError:
                time.sleep(0.01)
        if d.fast:
            assert d.memory() - before < 8 << 20, d.memory() - before
        begin = d.cpu()
        time.sleep(0.5)
        assert d.cpu() - begin < 0.2  # it waits, and does not spin
        c.sock.settimeout(20)
        for i in range(sent // 32):
            number, command, _, _, payload, _ = c.receive()
            assert (number, command, len(payload)) == (i % 100, REGION_READ, 16 + PAGE)
        rest = request[sent % len(request):]
        c.send_raw(rest[:-(sent % 32) % 32 or None] if sent % 32 else b"")
        if sent % 32:
            c.receive()
        c.info()
    # And one that goes while replies wait.
    c = d.new()
    try:
        c.sock.setblocking(False)
        while True:
            c.sock.send(request)
    except BlockingIOError:
        c.close()
    with d.new() as c:
        c.info()


@test
def random_streams(d):
    """Messages with fields from a hat. The device must serve the next client."""
    rng = random.Random(7)
    words = [0, 1, 2, 3, 4, 7, 16, 20, 24, 32, 64, PAGE, 0x7fffffff, 0x80000000, 0xffffffff]
    fd, ram = memory(4 * PAGE)
    event = os.eventfd(0)
    files = d.files()
    for _ in range(150 if d.fast else 40):
        c = d.new(caps=rng.choice([None, QEMU_CAPS]))
        try:
            for _ in range(rng.randrange(40)):
                payload = b"".join(struct.pack("<I", rng.choice(words))
                                   for _ in range(rng.randrange(14)))
                c.send(rng.randrange(19), payload, rng.choice([0, 0, 0, 1, 16, 32, 33]),
                       [rng.choice([fd, event])] * rng.choice([0, 0, 1, 2]))
        except ConnectionError:
            pass
        c.close()
    d.settle(files)
    ram.close(), os.close(fd), os.close(event)


# ---- clients come and go


@test
def one_client_at_a_time(d):
    with d.new() as first:
        second = d.new(version=False)
        gone(second)  # closed without a word
        second.close()
        first.info()
    with d.new() as third:
        third.info()


@fresh
def reconnect(d):
    """The device's state stays; memory, descriptors and masks go."""
    files = d.files()
    fd, ram = memory(PAGE)
    event = os.eventfd(0, os.EFD_NONBLOCK)
    for i in range(10):
        with d.new() as c:
            assert (c.get(0x140), c.get(0x144), c.get(0)) == (2 * i + 2, 2 * i + 1, i)
            c.put(0, i + 1)
            c.map(0, PAGE, fd)
            assert c.dma(FILL, 0, 0, PAGE) == 0
            c.irqs(MSIX, DATA_EVENTFD | TRIGGER, 0, 1, fds=[event])
            c.put(0x130, MSIX << 16)
            assert fired(event) == 1
            c.irqs(MSIX, DATA_NONE | MASK, 0, 1)
        d.settle(files)
        with d.new() as c:
            c.put(0x130, MSIX << 16)
            assert c.get(0x130) == 2  # absent, and not masked
            assert c.dma(SUM, 0, 0, 1) == errno.EFAULT
        d.settle(files)
    ram.close(), os.close(fd), os.close(event)


@test
def posted_writes_before_the_end_are_done(d):
    with d.new() as c:
        for i in range(100):
            c.put(0, i, flags=NO_REPLY)
    with d.new() as c:
        assert c.get(0) == 99


@test
def a_silent_client_makes_way(d):
    silent = d.new(version=False)
    time.sleep(1.2)
    with d.new() as c:
        c.info()
        gone(silent)
    silent.close()


@test
def socket_file(d):
    """Modes, a second server, leftovers, and what is no socket."""
    assert stat.S_IMODE(os.stat(d.path).st_mode) == 0o600

    def fails(path):
        p = subprocess.run([d.program, path], capture_output=True, text=True)
        assert p.returncode == 1, p.stderr
        return p.stderr

    assert "another program listens there" in fails(d.path)
    with d.new() as c:
        c.info()
    other = d.path + ".file"
    with open(other, "w") as f:
        f.write("precious")
    assert "is no socket" in fails(other)
    assert open(other).read() == "precious"
    os.unlink(other)
    os.symlink(d.path, other)
    assert "is no socket" in fails(other)
    os.unlink(other)
    assert "too long" in fails("/tmp/" + "x" * 200)
    assert "No such file" in fails("/nowhere/at/all/socket")
    d.process.kill()
    d.process.wait()
    d.process.stdout.close()
    assert stat.S_ISSOCK(os.stat(d.path).st_mode)
    d.start()  # the dead one's is replaced
    with d.new() as c:
        c.info()
    os.rename(d.path, other)
    with open(d.path, "w") as f:
        f.write("not mine")
    d.process.send_signal(signal.SIGTERM)
    assert d.process.wait(30) == 0
    assert open(d.path).read() == "not mine"  # at the end only its own is removed
    d.process.stdout.close()
    os.unlink(d.path), os.unlink(other)
    d.start()


@test
def stop_with_a_client(d):
    fd, ram = memory(PAGE)
    with d.new() as c:
        c.map(0, PAGE, fd)
        c.map(0x10000, PAGE)
        c.start(COPY_LOOP, 0, 0, PAGE)
        d.stop()
        gone(c)
    ram.close(), os.close(fd)
    d.start()


# ---- what a stock QEMU does, in its order


def qemu_start(d):
    """VERSION, memory, device, regions, config space, interrupts."""
    c = d.new(minor=0, caps=QEMU_CAPS)
    assert c.caps["max_msg_fds"] <= 16 and c.caps["max_dma_maps"] <= 65535
    assert c.caps["max_data_xfer_size"] <= 64 << 20 and c.caps["pgsizes"] % PAGE == 0
    return c


@test
def qemu_1_maps_with_and_without_fd(d):
    with qemu_start(d) as c:
        fd, ram = memory(64 << 20)
        c.map(0, 0xa0000, fd)
        c.map(0xc0000, 0x40000, flags=1)  # ROM
        c.map(0x100000, (64 << 20) - 0x100000, fd, offset=0x100000)
        c.map(0xfffc0000, 0x40000, flags=1)
        for _ in range(8):  # low memory again and again, as the firmware opens and closes shadows
            c.unmap(0xc0000, 0x40000)
            for at in range(0xc0000, 0x100000, 0x4000):
                c.map(at, 0x4000, fd, offset=at, flags=3 if at & 0x4000 else 1)
            for at in range(0xc0000, 0x100000, 0x4000):
                c.unmap(at, 0x4000)
            c.map(0xc0000, 0x40000, flags=1)
        ram[0x123456] = 7
        assert c.dma(COPY, 0x123456, 0x9ffff, 1) == 0 and ram[0x9ffff] == 7
        ram.close(), os.close(fd)


@test
def qemu_1_virtual_iommu(d):
    """Hundreds of pages, a message each, sent without waiting."""
    with qemu_start(d) as c:
        fd, ram = memory(512 * PAGE)
        numbers = [c.send(DMA_MAP, struct.pack("<IIQQQ", 32, 3, i * PAGE, 0xfff00000 - i * PAGE,
                                               PAGE), fds=[fd]) for i in range(512)]
        for number in numbers:
            c.reply(number, DMA_MAP)
        numbers = [c.send(DMA_UNMAP, struct.pack("<IIQQ", 24, 0, 0xfff00000 - i * PAGE, PAGE))
                   for i in range(512)]
        for number in numbers:
            assert len(c.reply(number, DMA_UNMAP)[0]) == 24
        ram.close(), os.close(fd)


@test
def qemu_2_unmaps_and_overlaps_that_fail(d):
    with qemu_start(d) as c:
        fd, ram = memory(1 << 20)
        c.map(0, 1 << 20, fd)
        for i in range(150):
            refused(errno.ENOENT, c.unmap, 0xe0000000 + i * PAGE, PAGE)
            refused(errno.EEXIST, c.map, i * PAGE, PAGE, fd)
        c.info()
        assert c.dma(COPY, 0, 0x1000, 0x1000) == 0
        ram.close(), os.close(fd)


@test
def qemu_3_discovery(d):
    with qemu_start(d) as c:
        _, flags, regions, irqs = c.info()
        assert flags == 3 and regions == 9 and irqs == 5
        for i in range(regions):
            (argsz, region_flags, index, cap, size, offset), rest, fds = c.region_info(i)
            assert index == i
            if argsz > 32:  # QEMU asks again with the room it takes
                (argsz, region_flags, index, cap, size, offset), rest, fds = \
                    c.region_info(i, argsz)
                assert cap == 32 and region_flags & 8 and len(rest) == argsz - 32
            assert bool(fds) == bool(region_flags & 4)
            for fd in fds:
                os.close(fd)
        config = c.read(CONFIG, 0, 256)
        assert config[:4] == b"\xf4\x1a\x01\x10"
        for bar, mask in enumerate((0xfffff000, 0, 0xffffc000, 0, 0xfffff000, 0)):
            at = 0x10 + 4 * bar
            c.write(CONFIG, at, b"\xff" * 4)
            assert c.read(CONFIG, at, 4) == struct.pack("<I", mask)
            c.write(CONFIG, at, config[at:at + 4])
        assert len(c.read(ROM, 0, PAGE)) == PAGE
        for _ in range(20):
            c.write(CONFIG, 4, b"\x06\x04", NO_REPLY)
            c.write(CONFIG, 4, b"\0\0")
            assert c.read(CONFIG, 4, 2) == b"\0\0"
        c.call(RESET)


@test
def qemu_3_interrupts(d):
    with qemu_start(d) as c:
        events = [os.eventfd(0, os.EFD_NONBLOCK) for _ in range(64)]
        t = DATA_EVENTFD | TRIGGER
        c.irqs(ERR, t, fds=events[:1])
        c.irqs(REQ, t, fds=events[1:2])
        c.irqs(INTX, t, fds=events[2:3])
        refused(errno.ENOTSUP, c.irqs, INTX, DATA_EVENTFD | UNMASK, fds=events[3:4])
        c.irqs(INTX, DATA_NONE | MASK)
        c.irqs(INTX, DATA_NONE | UNMASK)
        c.irqs(INTX, DATA_NONE | TRIGGER, 0, 0)
        for start in range(0, 64, 16):  # in messages of as many as are taken
            c.irqs(MSIX, t, start, 16, fds=events[start:start + 16])
        c.irqs(MSIX, t, 5, 1)  # -1
        c.irqs(MSIX, t, 5, 1, fds=[events[5]])
        for i, event in enumerate(events):
            c.put(0x130, MSIX << 16 | i)
            assert fired(event) == 1
        c.irqs(MSIX, DATA_NONE | TRIGGER, 0, 0)
        c.irqs(ERR, t)
        c.irqs(REQ, t)
        for event in events:
            os.close(event)


@test
def qemu_4_posted_writes_behind_a_slow_device(d):
    with qemu_start(d) as c:
        c.put(0x160, 300, flags=NO_REPLY)
        begin = time.monotonic()
        for i in range(2000):
            c.put(0x10, i, flags=NO_REPLY)
        assert c.get(0x10) == 1999
        assert time.monotonic() - begin < 5


# --------------------------------------------------------------------------------------------


def run(t, d):
    """Returns what went wrong, or None."""
    try:
        if t.fresh:
            d.restart()
        files = d.files()
        with d.new() as c:
            c.info()
        d.settle(files)
        t(d)
        with d.new() as c:
            assert c.info() == (16, 3, 9, 5)
            c.call(RESET)
        d.settle(files)
    except Exception:
        text = traceback.format_exc()
        if d.process.poll() is None:
            d.process.kill()
        d.process.wait()
        text += d.stderr()[-6000:]
        d.start()
        return text
    return None


def run_all(program, only):
    """Returns how many failed."""
    failed = ran = 0
    begin = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        d = Device(program, folder)
        for t in TESTS:
            if only not in t.__name__:
                continue
            ran += 1
            started = time.monotonic()
            wrong = run(t, d)
            if wrong:
                failed += 1
                print(f"FAILED {t.__name__}\n{wrong}")
            elif time.monotonic() - started > 2:
                print(f"  slow: {t.__name__} {time.monotonic() - started:.1f} s")
        d.stop()
    print(f"{os.path.basename(program)}: {ran} tests, {failed} failed, "
          f"{time.monotonic() - begin:.1f} s")
    return failed + (not ran)


def latency(program, folder):
    d = Device(program, folder)
    with d.new() as c:
        def measure(name, once, count):
            times = []
            for _ in range(count):
                begin = time.perf_counter_ns()
                once()
                times.append(time.perf_counter_ns() - begin)
            times.sort()
            print(f"{name}: median {times[len(times) // 2] / 1000:.1f} us, "
                  f"99 % {times[len(times) * 99 // 100] / 1000:.1f} us")

        measure("read", lambda: c.get(0), 20000)
        measure("write", lambda: c.put(0, 1), 20000)
        measure("posted write", lambda: c.put(0, 1, flags=NO_REPLY), 5000)
    d.stop()


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("devices", nargs="+")
    parser.add_argument("--only", default="", help="tests whose names contain this")
    parser.add_argument("--latency", action="store_true")
    arguments = parser.parse_args()
    failed = 0
    for program in arguments.devices:
        program = os.path.abspath(program)
        if arguments.latency:
            with tempfile.TemporaryDirectory() as folder:
                latency(program, folder)
            continue
        failed += run_all(program, arguments.only)
    sys.exit(1 if failed else 0)


main()
