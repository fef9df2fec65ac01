# SPDX-License-Identifier: BSD-3-Clause
"""Capture files made and read byte by byte, for the tests of replay."""

import struct


def pcap(frames, order="<", nano=False, link=1):
    """frames: (seconds, fraction, data, original length)."""
    magic = 0xA1B23C4D if nano else 0xA1B2C3D4
    out = struct.pack(order + "IHHiIII", magic, 2, 4, 0, 0, 262144, link)
    for seconds, fraction, data, length in frames:
        out += struct.pack(order + "IIII", seconds, fraction, len(data), length) + data
    return out


def read_pcap(path):
    """Link type and frames of a pcap file, as pcap() takes them (with nanoseconds)."""
    raw = path.read_bytes()
    order = "<" if raw[0] in (0xD4, 0x4D) else ">"
    nano = struct.unpack(order + "I", raw[:4])[0] == 0xA1B23C4D
    link = struct.unpack(order + "I", raw[20:24])[0]
    frames, at = [], 24
    while at < len(raw):
        seconds, fraction, size, length = struct.unpack(order + "IIII", raw[at:at + 16])
        at += 16
        frames.append((seconds, fraction * (1 if nano else 1000), raw[at:at + size], length))
        at += size
    return link, frames


def _block(order, kind, body):
    body += bytes(-len(body) % 4)
    size = struct.pack(order + "I", len(body) + 12)
    return struct.pack(order + "I", kind) + size + body + size


def section(order="<"):
    return _block(order, 0x0A0D0D0A, struct.pack(order + "IHHq", 0x1A2B3C4D, 1, 0, -1))


def option(order, code, value):
    return struct.pack(order + "HH", code, len(value)) + value + bytes(-len(value) % 4)


def interface(order="<", link=1, snaplen=0, name=b"", tsresol=None):
    body = struct.pack(order + "HHI", link, 0, snaplen)
    if name:
        body += option(order, 2, name)
    if tsresol is not None:
        body += option(order, 9, bytes([tsresol]))
    return _block(order, 1, body + option(order, 0, b""))


def packet(data, order="<", iface=0, time=0, length=None):
    length = len(data) if length is None else length
    return _block(order, 6, struct.pack(order + "IIIII", iface, time >> 32, time & 0xFFFFFFFF,
                                        len(data), length) + data)


def simple_packet(data, order="<"):
    return _block(order, 3, struct.pack(order + "I", len(data)) + data)


def obsolete_packet(data, order="<", iface=0, time=0):
    return _block(order, 2, struct.pack(order + "HHIIII", iface, 0xFFFF, time >> 32,
                                        time & 0xFFFFFFFF, len(data), len(data)) + data)


def unknown_block(order="<"):
    return _block(order, 0x0BAD, b"nobody knows")


MACS = bytes.fromhex("020000000002020000000001")


def to_ethernet(link, data):
    """A frame of LINUX_SLL or RAW with an Ethernet header instead."""
    if link == 113:
        return MACS + data[14:]
    if link == 101:
        return MACS + (b"\x08\x00" if data[0] >> 4 == 4 else b"\x86\xdd") + data
    return data
