# SPDX-License-Identifier: BSD-3-Clause
"""A raw vfio-user client: it sends what it is told to, right or wrong."""

import array
import json
import os
import select
import socket
import struct
import time

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, GET_REGION_INFO, GET_REGION_IO_FDS = 1, 2, 3, 4, 5, 6
GET_IRQ_INFO, SET_IRQS, REGION_READ, REGION_WRITE, DMA_READ, DMA_WRITE = 7, 8, 9, 10, 11, 12
RESET, DIRTY_PAGES, WRITE_MULTI, FEATURE = 13, 14, 15, 16
REPLY, NO_REPLY, ERROR = 1, 16, 32
HEADER = struct.Struct("<HHIII")
MAX = 1 << 20
DATA_NONE, DATA_BOOL, DATA_EVENTFD, MASK, UNMASK, TRIGGER = 1, 2, 4, 8, 16, 32
INTX, MSI, MSIX, ERR, REQ = range(5)
CONFIG, ROM, VGA = 7, 6, 8
PAGE = 4096

# What QEMU 10.1 says of itself.
QEMU_CAPS = {"migration": {"pgsize": 4096, "max_bitmap_size": 268435456}, "max_msg_fds": 16,
             "max_data_xfer_size": 1048576, "pgsizes": 4096, "max_dma_maps": 65535,
             "write_multiple": True}


class Refused(Exception):
    """The server answered with an error."""

    def __init__(self, number):
        super().__init__(os.strerror(number))
        self.errno = number


class Gone(Exception):
    """The server closed the connection."""


class Client:
    def __init__(self, path, version=True, minor=1, caps=None, serve=None):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(path)
        self.sock.settimeout(20)
        self.next_id = 1
        self.serve = serve  # answers DMA_READ and DMA_WRITE: (command, payload) -> payload, errno
        self.served = []
        self.held = []  # those that came where there is no `serve`
        self.caps = None
        if version:
            self.version(minor=minor, caps=caps)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *what):
        self.close()

    # Messages

    def send_raw(self, data, fds=()):
        if fds:
            sent = socket.send_fds(self.sock, [data], list(fds))
            data = data[sent:]
        if data:
            self.sock.sendall(data)

    def send(self, command, payload=b"", flags=0, fds=(), size=None, number=None):
        if number is None:
            number = self.next_id
            self.next_id = (self.next_id + 1) & 0xffff
        size = HEADER.size + len(payload) if size is None else size
        self.send_raw(HEADER.pack(number, command, size, flags, 0) + payload, fds)
        return number

    def take(self, size, fds):
        data = b""
        while len(data) < size:
            part, control, _, _ = self.sock.recvmsg(size - len(data), 256)
            for level, kind, value in control:
                if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                    got = array.array("i")
                    got.frombytes(value)
                    fds.extend(got)
            if not part:
                raise Gone
            data += part
        return data

    def receive(self):
        """Next message of any kind: header fields, payload, fds."""
        fds = []
        try:
            number, command, size, flags, error = HEADER.unpack(self.take(HEADER.size, fds))
            return number, command, flags, error, self.take(size - HEADER.size, fds), fds
        except ConnectionError as e:
            raise Gone from e

    def answer(self, number, command, payload):
        """Serve a DMA message of the server's, or keep it for hold()."""
        if not self.serve:
            self.held.append((number, command, payload))
            return
        self.served.append((command, payload))
        reply, error = self.serve(command, payload)
        if reply is None:
            return
        flags = REPLY | (ERROR if error else 0)
        self.sock.sendall(HEADER.pack(number, command, HEADER.size + len(reply), flags, error) +
                          reply)

    def reply(self, number, command):
        """The reply to a command; DMA messages that come first are served."""
        while True:
            got, got_command, flags, error, payload, fds = self.receive()
            if not flags & 15:
                self.answer(got, got_command, payload)
                continue
            assert (got, got_command) == (number, command), (got, got_command, number, command)
            if flags & ERROR:
                assert not payload and not fds
                raise Refused(error)
            assert error == 0
            return payload, fds

    def call(self, command, payload=b"", fds=(), flags=0, size=None):
        return self.reply(self.send(command, payload, flags, fds, size), command)

    def hold(self):
        """A DMA message, not answered."""
        if not self.held:
            number, command, flags, _, payload, _ = self.receive()
            assert not flags & 15
            self.held.append((number, command, payload))
        return self.held.pop(0)

    def pump(self, seconds):
        """Serve DMA messages for a while."""
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            if select.select([self.sock], [], [], left)[0]:
                number, command, flags, _, payload, _ = self.receive()
                assert not flags & 15
                self.answer(number, command, payload)

    # Commands

    def version(self, major=0, minor=1, caps=None, text=None):
        if text is None:
            text = b"" if caps is None else json.dumps({"capabilities": caps}).encode() + b"\0"
        payload, _ = self.call(VERSION, struct.pack("<HH", major, minor) + text)
        got = struct.unpack("<HH", payload[:4])
        if len(payload) > 4:
            assert payload.endswith(b"\0")
            self.caps = json.loads(payload[4:-1])["capabilities"]
        return got

    def map(self, iova, size, fd=None, offset=0, flags=3, argsz=32):
        payload, _ = self.call(DMA_MAP, struct.pack("<IIQQQ", argsz, flags, offset, iova, size),
                               [] if fd is None else [fd])
        assert payload == b""

    def unmap(self, iova, size, flags=0, argsz=24):
        request = struct.pack("<IIQQ", argsz, flags, iova, size)
        payload, _ = self.call(DMA_UNMAP, request)
        assert payload == request

    def info(self, argsz=16):
        payload, _ = self.call(GET_INFO, struct.pack("<IIII", argsz, 0, 0, 0))
        return struct.unpack("<IIII", payload)

    def region_info(self, index, argsz=32, extra=b""):
        payload, fds = self.call(GET_REGION_INFO,
                                 struct.pack("<IIIIQQ", argsz, 0, index, 0, 0, 0) + extra)
        return struct.unpack("<IIIIQQ", payload[:32]), payload[32:], fds

    def irq_info(self, index, argsz=16):
        payload, _ = self.call(GET_IRQ_INFO, struct.pack("<IIII", argsz, 0, index, 0))
        return struct.unpack("<IIII", payload)

    def irqs(self, index, flags, start=0, count=1, data=b"", fds=(), argsz=None):
        argsz = 20 + len(data) if argsz is None else argsz
        payload, _ = self.call(SET_IRQS,
                               struct.pack("<IIIII", argsz, flags, index, start, count) + data, fds)
        assert payload == b""

    def read(self, region, offset, count):
        payload, _ = self.call(REGION_READ, struct.pack("<QII", offset, region, count))
        assert payload[:16] == struct.pack("<QII", offset, region, count)
        assert len(payload) == 16 + count
        return payload[16:]

    def write(self, region, offset, data, flags=0):
        request = struct.pack("<QII", offset, region, len(data))
        if flags & NO_REPLY:
            self.send(REGION_WRITE, request + data, flags)
            return
        payload, _ = self.call(REGION_WRITE, request + data)
        assert payload == request

    # The test device's registers

    def get(self, offset, size=4):
        return int.from_bytes(self.read(0, offset, size), "little")

    def put(self, offset, value, size=4, flags=0):
        self.write(0, offset, value.to_bytes(size, "little"), flags)

    def start(self, command, source=0, target=0, length=0):
        self.write(0, 0x100, struct.pack("<QQI", source, target, length))
        self.put(0x114, command)

    def wait(self, seconds=20):
        """The end of a command of the device; its errno."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.get(0x118) == 0:
                return self.get(0x11c)
        raise AssertionError("the device is still busy")

    def dma(self, command, source=0, target=0, length=0):
        self.start(command, source, target, length)
        return self.wait()
