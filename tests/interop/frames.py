# SPDX-License-Identifier: BSD-3-Clause
"""Capture files, read and written: pcap and pcapng, as lists of (original length, bytes)."""

import struct

SECTION, INTERFACE, SIMPLE, ENHANCED = 0x0A0D0D0A, 1, 3, 6
ETHERNET, RAW_IP, COOKED = 1, 101, 113
ETHERTYPE = {4: b"\x08\x00", 6: b"\x86\xdd"}


class CaptureError(Exception):
    """A file that is not a capture that can be read here, or a broken one."""


def framed(link, length, data):
    """The frame as Ethernet: IP packets of other links get a header of zeros."""
    if link == ETHERNET:
        return length, data
    if link == RAW_IP:
        return length + 14, bytes(12) + ETHERTYPE[data[0] >> 4] + data
    if link == COOKED:
        return length - 2, bytes(12) + data[14:]
    raise CaptureError("link type %d" % link)


def read(path):
    """All frames of a capture file."""
    with open(path, "rb") as file:
        data = file.read()
    try:
        if data[:4] == struct.pack("<I", SECTION):
            return list(pcapng_frames(data))
        return list(pcap_frames(data))
    except struct.error as err:
        raise CaptureError("%s: %s" % (path, err)) from err


def pcap_frames(data):
    order = {0xA1B2C3D4: "<", 0xA1B23C4D: "<", 0xD4C3B2A1: ">", 0x4D3CB2A1: ">"}.get(
        struct.unpack_from("<I", data)[0])
    if not order:
        raise CaptureError("not a capture file")
    link = struct.unpack_from(order + "I", data, 20)[0] & 0xFFFF
    at = 24
    while at < len(data):
        size, length = struct.unpack_from(order + "II", data, at + 8)
        if at + 16 + size > len(data):
            raise CaptureError("ends inside a frame")
        yield framed(link, length, data[at + 16:at + 16 + size])
        at += 16 + size


def pcapng_frames(data):
    order, at = "<", 0
    while at < len(data):
        kind = struct.unpack_from(order + "I", data, at)[0]
        if kind == SECTION:
            order = "<" if data[at + 8:at + 12] == b"\x4d\x3c\x2b\x1a" else ">"
        size = struct.unpack_from(order + "I", data, at + 4)[0]
        if size < 12 or at + size > len(data):
            raise CaptureError("ends inside a block")
        if kind == INTERFACE and struct.unpack_from(order + "H", data, at + 8)[0] != ETHERNET:
            raise CaptureError("an interface that is not Ethernet")
        if kind == SIMPLE:
            raise CaptureError("simple packet blocks are not read here")
        if kind == ENHANCED:
            there, length = struct.unpack_from(order + "II", data, at + 20)
            yield length, data[at + 28:at + 28 + there]
        at += size


def write(path, frames):
    """Write frames as pcap, one microsecond apart."""
    with open(path, "wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, ETHERNET))
        for number, (length, frame) in enumerate(frames):
            file.write(struct.pack("<IIII", *divmod(number, 10**6), len(frame), length) + frame)
