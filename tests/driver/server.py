# SPDX-License-Identifier: BSD-3-Clause
"""A vfio-user server with a small mpnic behind it, for tests of libmpnic's client and of mpnic-tool.

It serves one client at a time in a thread. A test makes it hostile by deriving from Server: reply() may
change, withhold or add bytes, descriptors and messages. Offsets come from hw/regs, by its generator.
"""
import array
import errno
import fcntl
import mmap
import os
import pathlib
import socket
import struct
import sys
import threading
import zlib

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "hw/regs"))
import generate  # noqa: E402

KNOWN = {}
for contract in generate.CONTRACTS:
    CONTRACT = generate.load(ROOT, contract, KNOWN)
    KNOWN.update(CONTRACT["records"])
CONST = {name: c["value"] for name, c in CONTRACT["constants"].items()}
REG = {r[1]: r[0] for r in CONTRACT["registers"]["host"]["regs"]}
BELL = {r[1]: r[0] for r in CONTRACT["registers"]["doorbell"]["regs"]}
OP = {v[0]: v[1] for v in CONTRACT["enums"]["admin_op"]["values"]}
STATUS = {v[0]: v[1] for v in CONTRACT["enums"]["status"]["values"]}
FW = {v[0]: v[1] for v in CONTRACT["enums"]["fw_status"]["values"]}
DEV = {v[0]: v[1] for v in CONTRACT["enums"]["device_status"]["values"]}
MAILBOX = {v[0]: v[1] for v in CONTRACT["enums"]["mailbox"]["values"]}

VERSION, DMA_MAP, DMA_UNMAP, GET_INFO, REGION_INFO = 1, 2, 3, 4, 5
IRQ_INFO, SET_IRQS, READ, WRITE, DMA_READ, RESET = 7, 8, 9, 10, 11, 13
PAGE = 4096
FORMAT = {1: "<B", 2: "<H", 4: "<I", 8: "<Q"}


def pack(record, **fields):
    """The bytes of a record."""
    out = bytearray(CONTRACT["records"].get(record, KNOWN[record])["size"])
    for f in KNOWN[record]["layout"]:
        if f.name not in fields:
            continue
        value = fields[f.name]
        if isinstance(value, (bytes, bytearray)):
            out[f.offset:f.offset + len(value)] = value
        else:
            struct.pack_into(FORMAT[f.elem], out, f.offset, value)
    return bytes(out)


def unpack(record, data):
    out = {}
    for f in KNOWN[record]["layout"]:
        raw = bytes(data[f.offset:f.offset + f.size])
        out[f.name] = struct.unpack(FORMAT[f.elem], raw)[0] if f.kind in generate.SIZES and f.count == 1 \
            else raw
    return out


def image(version=0x10003, size=5000, **change):
    """A firmware image, good but for what is changed of its head."""
    body = bytes(i * 7 & 255 for i in range(size))
    head = {"magic": CONST["FW_IMAGE_MAGIC"], "header_version": 1, "regs_major": CONST["REGS_MAJOR"],
            "fw_version": version, "length": size, "name": b"python", **change}
    if "crc" not in change:
        head["crc"] = zlib.crc32(pack("fw_header", **head) + body)
    return pack("fw_header", **head) + body


class Queue:
    def __init__(self, made):
        self.made, self.head, self.cpl = made, 0, 0

    def phase(self):
        return (self.cpl >> self.made["ring_log2"] & 1) ^ 1


class Device:
    """Registers, mailbox, admin queue, and rings whose wire is looped."""

    def __init__(self, running=True, seal=True):
        self.file = os.memfd_create("bar", os.MFD_ALLOW_SEALING)
        os.ftruncate(self.file, CONST["BAR_SIZE"])
        if seal:
            fcntl.fcntl(self.file, fcntl.F_ADD_SEALS, fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW)
        self.bar = mmap.mmap(self.file, CONST["BAR_SIZE"])
        self.maps, self.queues, self.image = [], {}, bytearray(CONST["FW_IMAGE_MAX"])
        self.ports = [{"flags": 8, "mtu": 1500, "speed": 10000, "mac": bytes([2, 0, 0, 0, 0, i])}
                      for i in range(2)]
        self.ops, self.admin_head, self.admin_cpl, self.self_test = [], 0, 0, 0
        self.log = b"hello\n\x1b[31mworld\n"
        self.drop = lambda n: False  # frames of the wire that get lost, by number
        self.frames = 0
        for name, value in (("SIGNATURE", CONST["SIGNATURE"]), ("CAPS", 3), ("CAPS_REQUIRED", 1),
                            ("REGS_VERSION", CONST["REGS_MAJOR"] << 16), ("DEVICE_STATUS", DEV["BOOT"]),
                            ("GEOMETRY", 2 | 16 << 8 | 64 << 16)):
            self.set(name, value)
        self.bar[REG["SERIAL"]:REG["SERIAL"] + 4] = b"PY-1"
        self.bell("NEED_KICK", 1)
        if running:
            self.run(0x10003)

    def close(self):
        self.bar.close()
        os.close(self.file)

    def get(self, name, more=0):
        return struct.unpack_from("<I", self.bar, REG[name] + more)[0]

    def get64(self, name):
        return struct.unpack_from("<Q", self.bar, REG[name])[0]

    def set(self, name, value):
        struct.pack_into("<I", self.bar, REG[name], value)

    def bell(self, name, value=None, index=0):
        at = CONST["BAR_DOORBELL"] + BELL[name] + 4 * index
        if value is None:
            return struct.unpack_from("<I", self.bar, at)[0]
        struct.pack_into("<I", self.bar, at, value)
        return value

    def run(self, version):
        self.set("DEVICE_STATUS", DEV["RUNNING"])
        self.set("FW_STATUS", FW["RUNNING"])
        self.set("FW_VERSION", version)

    def reset(self, why):
        self.set("RESET", why)
        self.set("GENERATION", self.get("GENERATION") + 1)
        self.set("DEVICE_STATUS", DEV["BOOT"])
        self.set("FW_STATUS", FW["NONE"])
        self.set("FW_VERSION", 0)
        self.set("ADMIN_CONTROL", 0)
        self.queues = {}

    # DMA
    def find(self, iova, size):
        for base, length, mem in self.maps:
            if base <= iova and iova + size <= base + length:
                return mem, iova - base
        return None, 0

    def load(self, iova, size):
        mem, at = self.find(iova, size)
        return mem[at:at + size] if mem else None

    def store(self, iova, data):
        mem, at = self.find(iova, len(data))
        if mem:
            mem[at:at + len(data) - 1] = data[:-1]
            mem[at + len(data) - 1:at + len(data)] = data[-1:]
        return mem is not None

    # registers
    def read(self, offset):
        if offset == REG["HEARTBEAT"]:
            self.set("HEARTBEAT", self.get("HEARTBEAT") + 1)
        return struct.unpack_from("<I", self.bar, offset)[0]

    def write(self, offset, value):
        if offset == REG["RESET"]:
            if value >> 16 == CONST["RESET_MAGIC"]:
                self.reset(value & 0xffff)
            return
        if offset == REG["ADMIN_CONTROL"] and value & 1:
            self.admin_head = self.admin_cpl = 0
        if offset != CONST["BAR_KICK"]:
            struct.pack_into("<I", self.bar, offset, value)
        if offset == REG["MAILBOX_COMMAND"]:
            self.set("MAILBOX_STATUS", self.mailbox(value))

    def mailbox(self, command):
        at, size, window = self.get("MAILBOX_ARG0"), self.get("MAILBOX_ARG1"), CONST["BAR_MAILBOX"]
        if command == MAILBOX["LOAD"]:
            self.image[at:at + size] = self.bar[window:window + size]
            self.set("FW_STATUS", FW["LOADING"])
        elif command == MAILBOX["START"]:
            head = unpack("fw_header", self.image)
            copy = pack("fw_header", **{**head, "crc": 0}) + self.image[64:at]
            if head["magic"] != CONST["FW_IMAGE_MAGIC"]:
                self.set("FW_STATUS", FW["BAD_MAGIC"])
            elif zlib.crc32(copy) != head["crc"]:
                self.set("FW_STATUS", FW["BAD_CHECKSUM"])
            else:
                self.run(head["fw_version"])
                return STATUS["OK"]
            return STATUS["INVALID"]
        elif command == MAILBOX["CRASH"]:
            failed = self.get("DEVICE_STATUS") == DEV["FAILED"]
            data = pack("crash", status=FW["CRASHED"], cause=2, pc=0x80001234)
            self.bar[window:window + len(data)] = data
            self.set("MAILBOX_RESULT", len(data) if failed else 0)
        elif command == MAILBOX["LOG"]:
            data = self.log[at:]
            self.bar[window:window + len(data)] = data
            self.set("MAILBOX_RESULT", len(data))
        return STATUS["OK"]

    # queues
    def work(self):
        if self.get("DEVICE_STATUS") != DEV["RUNNING"]:
            return
        while self.get("ADMIN_CONTROL") & 1 and self.admin_head != self.bell("ADMIN"):
            mask = (1 << self.get("ADMIN_LOG2")) - 1
            cmd = self.load(self.get64("ADMIN_RING") + 128 * (self.admin_head & mask), 128)
            if cmd is None:
                return
            cmd = unpack("admin_cmd", cmd)
            self.admin_head += 1
            status, data = self.admin(cmd)
            phase = (self.admin_cpl >> self.get("ADMIN_LOG2") & 1) ^ 1
            self.store(self.get64("ADMIN_CPL") + 128 * (self.admin_cpl & mask),
                       pack("admin_cpl", op=cmd["op"], cookie=cmd["cookie"], status=status, data=data,
                            phase=phase))
            self.admin_cpl += 1
        for (kind, index), q in list(self.queues.items()):
            while kind == 1 and q.head != self.bell("TX", index=index):
                self.send(q)

    def admin(self, cmd):
        self.ops.append(cmd["op"])
        op, data = cmd["op"], cmd["data"]
        if op == OP["IDENTIFY"]:
            return 0, pack("admin_identity", admin_version=1, ports=2, queues=16, vectors=64, flows=1024,
                           fw_name=b"py\x1b[31mthon", serial=b"PY-1")
        if op in (OP["PORT_GET"], OP["PORT_SET"]):
            port = self.ports[cmd["id"]]
            if op == OP["PORT_SET"]:
                new = unpack("admin_port", data)
                port.update({k: new[k] for k in ("mtu", "queue_base", "queue_count")})
                port["flags"] = new["flags"] & 7 | 8
            return 0, pack("admin_port", **port)
        if op in (OP["QUEUE_CREATE"], OP["QUEUE_DESTROY"], OP["QUEUE_GET"]):
            made = unpack("admin_queue", data)
            key = (made["kind"], cmd["id"])
            if op == OP["QUEUE_CREATE"]:
                self.queues[key] = Queue(made)
            elif key not in self.queues:
                return STATUS["MISSING"], b""
            elif op == OP["QUEUE_DESTROY"]:
                del self.queues[key]
            return 0, pack("admin_queue_stats", enabled=1, frames=7)
        if op == OP["STATS"]:
            return 0, struct.pack("<12Q", *(cmd["id"] * 1000 + cmd["arg"] + i for i in range(12)))
        if op == OP["TABLES"]:
            return 0, pack("admin_tables", used=struct.pack("<5I", 5, 4, 3, 2, 1),
                           size=struct.pack("<5I", 50, 40, 30, 20, 10), free_ids=99)
        if op == OP["LOG"]:
            return 0, pack("admin_log", first=cmd["id"], count=len(self.log[cmd["id"]:]),
                           text=self.log[cmd["id"]:])
        if op == OP["SELF_TEST"]:
            return 0, struct.pack("<I", self.self_test)
        return (0 if op in (OP["NOP"], OP["MAC_ADD"], OP["MAC_REMOVE"]) else STATUS["UNKNOWN"]), b""

    def send(self, q):
        mask, frame = (1 << q.made["ring_log2"]) - 1, b""
        while True:
            d = unpack("tx_desc", self.load(q.made["ring"] + 16 * (q.head & mask), 16))
            frame += self.load(d["addr"], d["len"])
            q.head += 1
            if d["flags"] & 1:
                break
        self.store(q.made["cpl"] + 16 * (q.cpl & mask), pack("tx_cpl", head=q.head, phase=q.phase()))
        q.cpl += 1
        self.frames += 1
        if not self.drop(self.frames):
            self.receive(self.ports[d["port"]]["queue_base"], bytearray(frame))

    def receive(self, index, frame):
        q = self.queues.get((0, index))
        if q is None or q.head == self.bell("RX", index=index):
            return
        mask = (1 << q.made["ring_log2"]) - 1
        d = unpack("rx_desc", self.load(q.made["ring"] + 16 * (q.head & mask), 16))
        self.store(d["addr"], bytes(frame))
        q.head += 1
        self.store(q.made["cpl"] + 64 * (q.cpl & mask),
                   pack("rx_cpl", len=len(frame), buffers=1, phase=q.phase()))
        q.cpl += 1


class Server:
    """Protocol. Hostile ones override reply(), or one of the parts."""

    def __init__(self, path, device=None):
        self.path, self.device = path, device or Device()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(4)
        self.conn, self.seen, self.stop = None, 0, False
        self.thread = threading.Thread(target=self.serve, daemon=True)
        self.thread.start()

    def close(self):
        self.stop = True
        for s in (self.listener, self.conn):
            if s is not None:
                try:
                    s.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass
        self.thread.join()
        self.listener.close()
        os.unlink(self.path)
        self.device.close()

    def serve(self):
        while not self.stop:
            try:
                self.conn, _ = self.listener.accept()
            except OSError:
                return
            try:
                self.seen = 0
                while self.one():
                    pass
            except (OSError, EOFError):
                pass
            self.conn.close()
            for _, _, mem in self.device.maps:
                mem.close()
            self.device.maps = []

    def exactly(self, size):
        data, fds = b"", array.array("i")
        while len(data) < size:
            more, control, _, _ = self.conn.recvmsg(size - len(data), 1024)
            for _, _, raw in control:
                fds.frombytes(raw)
            if not more:
                raise EOFError
            data += more
        return data, list(fds)

    def one(self):
        head, fds = self.exactly(16)
        ident, command, size, flags, _ = struct.unpack("<HHIII", head)
        posted = flags & 0x10
        body, more = self.exactly(size - 16) if size > 16 else (b"", [])
        fds += more
        self.seen += 1
        error, payload, out = 0, b"", []
        try:
            payload, out = self.command(command, body, fds)
        except OSError as e:
            error = e.errno
        for fd in fds:
            os.close(fd)
        return True if posted else self.reply(ident, command, error, payload, out)

    def reply(self, ident, command, error, payload, fds):
        """Returns whether to go on."""
        self.send(self.message(ident, command, error, payload), fds)
        return True

    @staticmethod
    def message(ident, command, error, payload, flags=None):
        if error:
            payload = b""
        return struct.pack("<HHIII", ident, command, 16 + len(payload),
                           (0x21 if error else 1) if flags is None else flags, error) + payload

    def send(self, data, fds=()):
        control = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        sent = self.conn.sendmsg([data], control, socket.MSG_NOSIGNAL)
        self.conn.sendall(data[sent:])

    def command(self, command, body, fds):
        """Payload and descriptors of the reply; raises OSError."""
        d = self.device
        if command == VERSION:
            return struct.pack("<HH", 0, 1) + b'{"capabilities":{"max_msg_fds":1}}\0', []
        if command == GET_INFO:
            return struct.pack("<IIII", 16, 3, 9, 5), []
        if command == REGION_INFO:
            return self.region(struct.unpack_from("<I", body, 8)[0])
        if command == IRQ_INFO:
            return struct.pack("<IIII", 16, 1, 2, 64), []
        if command == READ:
            offset, region, count = struct.unpack_from("<QII", body)
            if region or count != 4 or offset % 4 or offset >= CONST["BAR_SIZE"]:
                raise OSError(errno.EINVAL, "read")
            d.work()
            return body[:16] + struct.pack("<I", d.read(offset)), []
        if command == WRITE:
            offset, region, count = struct.unpack_from("<QII", body)
            if region or count != 4 or offset % 4 or offset >= CONST["BAR_SIZE"]:
                raise OSError(errno.EINVAL, "write")
            d.write(offset, struct.unpack_from("<I", body, 16)[0])
            d.work()
            return body[:16], []
        if command == DMA_MAP:
            _, flags, offset, addr, size = struct.unpack("<IIQQQ", body)
            if len(fds) != 1 or flags != 3:
                raise OSError(errno.EINVAL, "map")
            d.maps.append((addr, size, mmap.mmap(fds[0], size, offset=offset)))
            return b"", []
        if command == DMA_UNMAP:
            _, _, addr, size = struct.unpack("<IIQQ", body)
            for m in d.maps:
                if m[0] == addr and m[1] == size:
                    m[2].close()
                    d.maps.remove(m)
                    return body, []
            raise OSError(errno.ENOENT, "unmap")
        if command in (SET_IRQS, RESET):
            if command == RESET:
                d.reset(0)
            return b"", []
        raise OSError(errno.EOPNOTSUPP, "command")

    def region(self, index):
        if index:
            return struct.pack("<IIIIQQ", 32, 0, index, 0, 0, 0), []
        sparse = struct.pack("<HHIIIQQ", 1, 1, 0, 1, 0, CONST["BAR_DOORBELL"], PAGE)
        return struct.pack("<IIIIQQ", 32 + len(sparse), 0xf, 0, 32, CONST["BAR_SIZE"], 0) + sparse, \
            [self.device.file]
