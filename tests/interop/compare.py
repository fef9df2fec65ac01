#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""tshark as the second opinion on our records.

    compare.py --program RECORDS [--captures FOLDER]... [--forms ROUNDS] [--seed N]
               [--all-rules] [--self-test]

Every field that tshark decodes and that our records hold must agree, in every frame of every
capture of the folders and of generated packets; a difference must be explained by a rule of
docs/tshark.md. With --all-rules a rule that explains nothing and a field that never had a value
fail too. --self-test alters one value of each field in turn and demands that it is noticed.
"""

import argparse
import bisect
import collections
import os
import shutil
import sys

import forms
import frames
import reading
import records
import rules
import tshark

ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
REGS = os.path.join(ROOT, "hw/regs/mpnic.toml")
PAGE = os.path.join(ROOT, "docs/tshark.md")
ENDINGS = (".pcap", ".pcapng")
SHOWN = 20  # unexplained differences that are printed
# Fields that rules look at, without being compared
ASIDE = ("_ws.malformed",)


def documented():
    """The rules that docs/tshark.md lists, in the first column of its table."""
    with open(PAGE, encoding="utf-8") as file:
        rows = [line.split("|")[1].strip() for line in file if line.startswith("| `")]
    return [row.strip("`") for row in rows]


def differences(packet, words, shark):
    """The fields on which we differ: (field, our values, tshark's, rule or None)."""
    for field, read in reading.FIELDS.items():
        ours, theirs = words.get(field, []), [read(text) for text in shark.get(field, [])]
        if ours != theirs:
            yield field, ours, theirs, explained(packet, shark, field, ours, theirs)


def explained(packet, shark, field, ours, theirs):
    for name, rule in rules.RULES.items():
        if rule(packet, shark, field, ours, theirs):
            return name
    return None


class Comparison:
    """Compares frames, and keeps count."""

    def __init__(self, program):
        self.program, self.layout = program, records.Layout(REGS)
        self.packets = self.values = self.unexplained = 0
        self.fields = collections.Counter()
        self.rules = collections.Counter()
        self.first = {}  # rule: the place where it was first needed
        self.agreed = {}  # field: (packet, its words, tshark's) of the first agreement
        self.not_in_page = set(rules.RULES) ^ set(documented())

    def add(self, name, captured):
        decoded = records.decode(self.layout, self.program, [frame for _, frame in captured])
        answers = tshark.ask(captured, [*reading.FIELDS, *ASIDE])
        for number, ((length, frame), (hdr, csum), shark) in enumerate(
                zip(captured, decoded, answers, strict=True), 1):
            self.compare(reading.Packet(self.layout, name(number), length, frame, hdr, csum), shark)

    def compare(self, packet, shark):
        words = packet.words()
        self.packets += 1
        differing = set()
        for field, ours, theirs, rule in differences(packet, words, shark):
            differing.add(field)
            if rule:
                self.rules[rule] += 1
                self.first.setdefault(rule, "%s, %s" % (packet.place, field))
                continue
            self.unexplained += 1
            if self.unexplained <= SHOWN:
                print("%s: %s: ours %s, tshark's %s" % (packet.place, field, ours, theirs))
        for field in words:
            if field not in differing and words[field]:
                self.fields[field] += 1
                self.values += len(words[field])
                self.agreed.setdefault(field, (packet, words, shark))

    def report(self):
        print("%d packets, %d values of %d fields agree" % (self.packets, self.values,
                                                            len(self.fields)))
        for rule in rules.RULES:
            print("  explained by %-16s %6d  first: %s" % (rule, self.rules[rule],
                                                            self.first.get(rule, "-")))
        print("%d differences unexplained" % self.unexplained)

    def complaints(self, all_rules):
        yield from ("rule %s is not both in docs/tshark.md and in rules.py" % rule
                    for rule in sorted(self.not_in_page))
        if self.unexplained:
            yield "%d differences unexplained" % self.unexplained
        if not self.packets:
            yield "nothing was compared"
        if all_rules:
            yield from ("rule %s explains nothing" % rule for rule in rules.RULES
                        if not self.rules[rule])
            yield from ("field %s was never compared with a value" % field
                        for field in reading.FIELDS if not self.fields[field])


def altered(value):
    if isinstance(value, int):
        return value ^ 1
    return value[:-1] + ("1" if value[-1] != "1" else "2")


def self_test(comparison):
    """Alter one value of every field: each must be noticed."""
    blind = 0
    for field, (packet, words, shark) in comparison.agreed.items():
        wrong = [[altered(words[field][0])] + words[field][1:], words[field][1:],
                 words[field] + [words[field][0]]]
        for values in wrong:
            found = list(differences(packet, dict(words, **{field: values}), shark))
            if not any(name == field and not rule for name, _, _, rule in found):
                blind += 1
                print("not noticed: %s: %s as %s" % (field, words[field], values))
    print("self-test: %d fields altered, removed and doubled, %d not noticed" %
          (len(comparison.agreed), blind))
    return blind


def gather(folders):
    """All frames of all captures of the folders, and a function that names the place of one."""
    captured, starts, files = [], [], []
    for folder in folders:
        for file in sorted(os.listdir(folder)):
            if file.endswith(ENDINGS):
                starts.append(len(captured))
                files.append(file)
                captured += frames.read(os.path.join(folder, file))

    def place(number):
        index = bisect.bisect_left(starts, number) - 1
        return "%s frame %d" % (files[index], number - starts[index])
    print("%d captures, %d frames" % (len(files), len(captured)))
    return captured, place


def main():
    parser = argparse.ArgumentParser(description="Compare our records with tshark's words.")
    parser.add_argument("--program", required=True, help="the model as a filter")
    parser.add_argument("--captures", action="append", default=[], help="folder of captures")
    parser.add_argument("--forms", type=int, default=0, help="rounds of generated packets")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--all-rules", action="store_true")
    parser.add_argument("--self-test", action="store_true")
    args = parser.parse_args()
    if not shutil.which("tshark"):
        print("skipped; missing: program tshark")
        return 77
    print(tshark.version())
    comparison = Comparison(args.program)
    folders = [folder for folder in args.captures if os.path.isdir(folder)]
    for folder in set(args.captures) - set(folders):
        print("not there, left out: " + folder)
    if folders:
        captured, place = gather(folders)
        comparison.add(place, captured)
    if args.forms:
        made = list(forms.Forms(args.seed).all(args.forms))
        comparison.add(lambda number: "generated packet %d (seed %d)" % (number, args.seed), made)
    comparison.report()
    complaints = list(comparison.complaints(args.all_rules))
    if args.self_test and self_test(comparison):
        complaints.append("the comparison is blind")
    for complaint in complaints:
        print("FAILED: " + complaint)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
