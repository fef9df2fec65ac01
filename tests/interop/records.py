# SPDX-License-Identifier: BSD-3-Clause
"""The model's records of frames, taken apart by the description they are generated from."""

import collections
import keyword
import struct
import subprocess
import tomllib

SIZES = {"u8": "B", "u16": "H", "u32": "I", "u64": "Q"}


class Layout:
    """hw/regs/mpnic.toml: names of fields, values and bits."""

    def __init__(self, path):
        with open(path, "rb") as file:
            regs = tomllib.load(file)
        self.enums = {name: numbered(enum["values"]) for name, enum in regs["enums"].items()}
        self.bits = {name: {bit: 1 << number for number, bit in numbered(bits["values"]).items()}
                     for name, bits in regs["bits"].items()}
        self.unions = regs["records"]["opt"]["union"]
        self.sizes = {name: record["size"] for name, record in regs["records"].items()}
        self.records = {name: Record(name, self, record["fields"], record["size"])
                        for name, record in regs["records"].items()}

    def name(self, enum, value):
        return self.enums[enum].get(value, "?").lower()

    def body(self, form, body):
        """The fields of a union's form."""
        values, at = {}, 0
        for name, kind, _, *count in self.unions[form]:
            code = "%ds" % count[0] if kind == "bytes" else SIZES[kind]
            at += -at % struct.calcsize(code) if kind != "bytes" else 0
            values[name] = struct.unpack_from("<" + code, body, at)[0]
            at += struct.calcsize(code)
        return values


def numbered(values):
    """{number: name} of a list of [name, doc] or [name, doc, number]."""
    names = {}
    for name, _, *number in values:
        names[number[0] if number else len(names)] = name
    return names


class Record:
    """One record: its fields in order. Arrays of numbers stay bytes, records are taken apart."""

    def __init__(self, name, layout, fields, size):
        self.layout, self.nested = layout, {}
        code = "<"
        for field, kind, _, *count in fields:
            if kind in layout.sizes:
                self.nested[field] = kind, bool(count)
                code += "%ds" % (layout.sizes[kind] * (count[0] if count else 1))
            elif kind in ("bytes", "union"):
                code += "%ds" % count[0]
            elif count:
                code += "%ds" % (struct.calcsize(SIZES[kind]) * count[0])
            else:
                code += SIZES[kind]
        self.struct = struct.Struct(code)
        if self.struct.size != size:
            raise ValueError("record %s: %d bytes, not %d" % (name, self.struct.size, size))
        # A field may have the name of a keyword of Python's.
        self.type = collections.namedtuple(name, [field[0] + "_" * keyword.iskeyword(field[0])
                                                  for field in fields])

    def unpack(self, data):
        record = self.type._make(self.struct.unpack(data))
        for field, (kind, array) in self.nested.items():
            inner, part = self.layout.records[kind], getattr(record, field)
            size = inner.struct.size
            parts = [inner.unpack(part[at:at + size]) for at in range(0, len(part), size)]
            record = record._replace(**{field: parts if array else parts[0]})
        return record


def decode(layout, program, frames):
    """Header and checksum record of each frame, by the program over the model."""
    data = b"".join(struct.pack("<I", len(frame)) + frame for frame in frames)
    done = subprocess.run([program], input=data, capture_output=True, check=True, timeout=60)
    hdr, csum = layout.records["hdr"], layout.records["csum"]
    size = hdr.struct.size + csum.struct.size
    if len(done.stdout) != size * len(frames):
        raise ValueError("%d bytes of records for %d frames" % (len(done.stdout), len(frames)))
    for at in range(0, len(done.stdout), size):
        middle = at + hdr.struct.size
        yield hdr.unpack(done.stdout[at:middle]), csum.unpack(done.stdout[middle:at + size])
