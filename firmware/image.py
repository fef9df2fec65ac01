#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""image.py BODY IMAGE: puts record fw_header in front of a firmware's code and data.
image.py --hex ROM HEX: a ROM's bytes as 32-bit words, one a line, for $readmemh."""
import re
import struct
import sys
import tomllib
import zlib
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
HEADER = struct.Struct("<IHHIIIII4s32s")  # record fw_header
HEADER_VERSION = 1


def contract():
    with open(ROOT / "hw/regs/device.toml", "rb") as file:
        toml = tomllib.load(file)
    record = toml["records"]["fw_header"]
    names = [field[0] for field in record["fields"]]
    if HEADER.size != record["size"] or names != ["magic", "header_version", "regs_major", "fw_version",
                                                  "length", "load", "entry", "crc", "reserved", "name"]:
        sys.exit("image.py: record fw_header is another one than this script writes")
    return {name: entry["value"] for name, entry in toml["constants"].items()}


def firmware():
    """Version and name as the firmware itself has them."""
    text = (ROOT / "firmware/fw.h").read_text()
    version = re.search(r"#define FW_VERSION \((\d+)u << 16 \| (\d+)\)", text)
    name = re.search(r'#define FW_NAME\s+"([^"]+)"', text)
    return int(version[1]) << 16 | int(version[2]), name[1].encode()


def image(body):
    constants = contract()
    version, name = firmware()
    body += bytes(-len(body) % 4)

    def header(crc):
        return HEADER.pack(constants["FW_IMAGE_MAGIC"], HEADER_VERSION, constants["REGS_MAJOR"], version,
                           len(body), HEADER.size, HEADER.size, crc, bytes(4), name)

    whole = header(zlib.crc32(header(0) + body)) + body
    if len(whole) > constants["FW_IMAGE_MAX"]:
        sys.exit(f"image.py: {len(whole)} bytes are more than FW_IMAGE_MAX")
    return whole


def main(args):
    if len(args) == 3 and args[0] in ("--hex", "--c"):
        rom = Path(args[1]).read_bytes()
        rom += bytes(-len(rom) % 4)
        words = struct.unpack(f"<{len(rom) // 4}I", rom)
        form = "{:08x}\n" if args[0] == "--hex" else "0x{:08x},\n"
        Path(args[2]).write_text("".join(form.format(word) for word in words))
        return 0
    if len(args) != 2:
        sys.exit(__doc__)
    Path(args[1]).write_bytes(image(Path(args[0]).read_bytes()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
