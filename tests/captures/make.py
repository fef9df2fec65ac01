#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Make the captures of this folder with the local kernel, and prove what is in them.

    make.py [--dir DIR] [NAME...]    make all captures, or those of these names
    make.py --readme                 prove what is there, and renew README.md
    make.py --list                   name them

Needs root (or the right to make namespaces and TAP devices), MPTCP in the kernel, ip and tshark.
Exits 77 and names what is missing where it cannot work.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import lab  # noqa: E402
from scenarios import SCENARIOS  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
CHECKED = ("-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
           "-o", "ip.defragment:FALSE", "-o", "ipv6.defragment:FALSE")
ATTEMPTS = 3

HEAD = """# Captures

Made by `make captures` (make.py, scenarios.py, lab.py) with the MPTCP sockets of Linux %s in
network namespaces, but for version 0, which that kernel does not speak and version0.py writes
packet by packet; the payload is test data. Frames are as on the wire, with every checksum
filled in, unless the table says otherwise. Client: 10.0.n.1 or fd00:n::1; server: 10.0.n.2 or
fd00:n::2, port 8080, with n = 1 for the first path and 2 for the second. Where something on the
way changes frames, `.client` or `.server` says on which side of it the capture was taken.

"What to look for" are tshark display filters with the number of packets that they match; the
script demands them.

| file | scenario | frames | what to look for |
|---|---|---|---|
"""


def counts(path, filters):
    """How many frames each display filter matches, in one pass."""
    taps = [word for expression in reversed(filters) for word in ("-z", "io,stat,0," + expression)]
    done = subprocess.run(["tshark", "-r", path, *CHECKED, "-q", *taps], capture_output=True,
                          text=True, timeout=60)
    if done.returncode:
        raise lab.LabError(done.stderr.strip().splitlines()[-1])
    rows = [line for line in done.stdout.splitlines() if "<>" in line]
    found = [int(line.split("|")[2]) for line in rows]
    if len(found) != len(filters):
        raise lab.LabError("tshark answered %d of %d filters" % (len(found), len(filters)))
    return found


def prove(path, checks):
    """Count what each check matches, and all frames; LabError if a promise is not kept."""
    found = counts(path, ["frame"] + [expression for expression, *_ in checks])
    for number, (expression, least, *most) in zip(found[1:], checks):
        if number < least or (most and number > most[0]):
            raise lab.LabError("%d frames match %r, promised: %d%s" % (
                number, expression, least, " to %d" % most[0] if most else " or more"))
    return found


def make(path, checks, function):
    """Run a scenario until it shows what it promises: timing is the kernel's."""
    with tempfile.TemporaryDirectory() as folder:
        new = os.path.join(folder, os.path.basename(path))
        for left in reversed(range(ATTEMPTS)):
            try:
                function(new)
                prove(new, checks)
                shutil.copyfile(new, path)
                return
            except (lab.LabError, TimeoutError, ConnectionError) as err:
                if not left:
                    raise
                print("  again: %s" % err)


def row(directory, file, about, checks):
    frames, *found = prove(os.path.join(directory, file), checks)
    look = "; ".join("`%s`: %d" % (check[0].replace("|", "\\|"), number)
                     for check, number in zip(checks, found))
    return "| %s | %s | %d | %s |\n" % (file, about, frames, look)


def readme(directory):
    rows = [row(directory, file, about, checks) for file, about, checks, _ in SCENARIOS]
    release = ".".join(os.uname().release.split(".")[:2])
    with open(os.path.join(directory, "README.md"), "w", encoding="utf-8") as out:
        out.write(HEAD % release + "".join(rows))


def main():
    parser = argparse.ArgumentParser(description="Make MPTCP captures with the local kernel.")
    parser.add_argument("--dir", default=HERE, help="where to put them")
    parser.add_argument("--list", action="store_true", help="list the captures")
    parser.add_argument("--readme", action="store_true", help="prove, renew README.md, no more")
    parser.add_argument("names", nargs="*", help="only these files")
    args = parser.parse_args()
    if args.list:
        for file, about, *_ in SCENARIOS:
            print("%-32s %s" % (file, about))
        return 0
    if args.readme:
        readme(args.dir)
        return 0
    lack = lab.missing("tshark")
    if lack:
        print("captures cannot be made here; missing: " + "; ".join(lack))
        return 77
    unknown = set(args.names) - {file for file, *_ in SCENARIOS}
    if unknown:
        parser.error("no such capture: " + ", ".join(sorted(unknown)))
    failed = 0
    for file, about, checks, function in SCENARIOS:
        if args.names and file not in args.names:
            continue
        path = os.path.join(args.dir, file)
        try:
            make(path, checks, function)
            print("%-32s %6d bytes" % (file, os.path.getsize(path)), flush=True)
        except (lab.LabError, OSError) as err:
            failed += 1
            print("%-32s FAILED: %s" % (file, err), flush=True)
    if not failed and not args.names:
        readme(args.dir)
    print("%d failed" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
