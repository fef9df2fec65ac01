#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Twins of stage dss, each broken in one place, must be noticed.

By the conversations (C) or, those that they miss, by the unit tests (U). A twin that nobody notices, or whose
place in dss.c is gone, fails the run.
"""

import argparse
import os
import subprocess
import sys

TWINS = [
    ("odd bytes are not swapped", "if (off & 1)", "if (0)"),
    ("the checksum has no upper half of the DSN", "(own->dsn >> 32)", "0"),
    ("the checksum has the DSN without its lower half", "(own->dsn & 0xffffffff)", "0"),
    ("the DATA_FIN is not in the length", "(uint64_t)own->length", "own->bytes"),
    ("order is not noticed", "} else if (off > dir->map_pos) {", "} else if (0) {"),
    ("overlap is not noticed", "judge_if_none(dir, MPNIC_MAP_CSUM_OVERLAP);\n\t} else if (off",
     "} else if (off"),
    ("straddle is not noticed", "} else if (end > dir->map_len) {", "} else if (0) {"),
    ("a repeated segment is summed again", "if (end <= dir->map_pos)\n\t\t\treturn;", ""),
    ("map_pos is one off", "dir->map_pos = cut;", "dir->map_pos = cut + (cut == 77);"),
    ("the sum is not folded twice", "dir->map_sum = fold((uint32_t)dir->map_sum + sum);",
     "dir->map_sum = (uint16_t)(dir->map_sum + sum);"),
    ("a verdict is given twice", "dir->flags |= MPNIC_DIR_MAP_DONE;\n\tverdict", "verdict"),
    ("every verdict is good", "== 0xffff ? MPNIC_MAP_CSUM_GOOD : MPNIC_MAP_CSUM_BAD",
     "== 0xffff ? MPNIC_MAP_CSUM_GOOD : MPNIC_MAP_CSUM_GOOD"),
    ("no verdict is given for a mapping in several segments",
     "if (dir->map_pos != dir->map_len)", "if (1)"),
    ("a mapping is not judged alone", "give_verdict(seg, verdict, own->dsn, own->bytes);", ";"),
    ("the far end of a mapping is one off", "return number - start < len;",
     "return number - start <= len;"),
    ("4 octets are not extended downwards", "(uint64_t)(int64_t)(int32_t)(low - (uint32_t)around)",
     "(low - (uint32_t)around)"),
    ("4 octets get the upper half as it is",
     "return around + (uint64_t)(int64_t)(int32_t)(low - (uint32_t)around);",
     "return (around & ~0xffffffffull) | low;"),
    ("far is not noticed", "return d == (int32_t)d;", "return d || !d;"),
    ("numbers are extended around the other side",
     "own->dsn8, seg->conn->dsn_next[seg->result->side]",
     "own->dsn8, seg->conn->dsn_next[!seg->result->side]"),
    ("Data ACKs are extended around the own side", "seg->conn->dsn_next[!seg->result->side], &number",
     "seg->conn->dsn_next[seg->result->side], &number"),
    ("prev has map's number", "extend(dir->prev_dsn, dir->map_dsn)", "dir->map_dsn"),
    ("prev has map's upper half",
     "extend(dir->prev_dsn, dir->map_dsn)",
     "((dir->map_dsn & ~0xffffffffull) | dir->prev_dsn)"),
    ("prev is kept however far it is", "if (is_near(dir->map_dsn, own->dsn))\n\t\t\tset_prev",
     "if (1)\n\t\t\tset_prev"),
    ("prev is never kept", "dir->flags |= MPNIC_DIR_PREV;", ""),
    ("an older mapping becomes the newest", "before(map_end, own->ssn + own->bytes);", "true;"),
    ("an older mapping is as new as the newest", "before(map_end, own->ssn + own->bytes);",
     "!before(own->ssn + own->bytes, dir->map_ssn);"),
    ("only what is wholly behind the newest is newer", "before(map_end, own->ssn + own->bytes);",
     "!before(own->ssn, map_end);"),
    ("an older mapping is forgotten", "keep_older(dir, own);", ";"),
    ("an older mapping pushes a newer prev aside",
     "if ((dir->flags & MPNIC_DIR_PREV) && !before(dir->prev_ssn, own->ssn))", "if (0)"),
    ("a conflict is not noticed", "return map || prev;", "return false;"),
    ("a conflict with prev is not noticed", "return map || prev;", "return map;"),
    ("a DATA_FIN that is added is a conflict", "own->fin != fin || ", ""),
    ("a mapping of other bytes is taken",
     "ranges_meet(own->ssn, own->bytes, seg->rel, seg->hdr->payload_len)", "own->bytes"),
    ("text on a RST is data", "(TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK",
     "(TCP_SYN | TCP_ACK)) == TCP_ACK"),
    ("segments without ACK have data", "(TCP_SYN | TCP_RST | TCP_ACK)) == TCP_ACK",
     "(TCP_SYN | TCP_RST)) == 0"),
    ("a SYN inside a connection counts", "if (!may_start_anew(seg))", "if (0)"),
    ("data on a SYN counts", "seg->other->isn = isn;", ""),
    ("a SYN with data starts anew when it comes again",
     " && dir->isn - seq <= 0xffff", " && 0"),
    ("rel is one off", "seg->hdr->seq - seg->dir->isn;", "seg->hdr->seq - seg->dir->isn + 1;"),
    ("MP_CAPABLE's mapping starts at the IDSN", "seg->conn->idsn[0] + 1", "seg->conn->idsn[0]"),
    ("dsn_next does not move", "*side = next;", ";"),
    ("dsn_next moves back", "if ((int64_t)(next - *side) > 0)", "if (1)"),
    ("the DATA_FIN's number is one off", "own->dsn + own->bytes;", "own->dsn + own->length;"),
    ("the DATA_FIN counts with the first segment", "off + seg->hdr->payload_len >= own->bytes",
     "true"),
    ("an infinite mapping goes unnoticed", "dir->flags |= MPNIC_DIR_INFINITE | MPNIC_DIR_MAP_DONE;",
     ""),
    ("mappings behind an infinite one count", "} else if (dir->flags & MPNIC_DIR_INFINITE) {",
     "} else if (0) {"),
    ("what was negotiated is not looked at",
     "negotiated = seg->conn->flags & MPNIC_CONN_CSUM", "negotiated = seg->own.csum"),
    ("unsound segments count", "return MPNIC_DSN_BAD_CSUM;", ";"),
    ("replaced mappings have no verdict",
     "MPNIC_DIR_MAP_DONE) && dir->map_pos)", "MPNIC_DIR_MAP_DONE) && 0)"),
    ("the new mapping goes on with the old sum", "dir->map_sum = pseudo_sum(own);", ""),
    ("the new mapping goes on at the old place", "dir->map_pos = 0;", ""),
    ("repeats are not noticed", "before(last, dir->map_ssn + seg->pos)", "false"),
    ("new bytes are repeats", "before(last, dir->map_ssn + seg->pos)",
     "before(last, dir->map_ssn + seg->pos + seg->hdr->payload_len)"),
    ("NO_MAPPING after a Data ACK", "!seg->own.there && !acked", "!seg->own.there"),
    ("NO_DATA_ACK of acknowledged SYNs", "before(seg->other->isn + 1, seg->hdr->ack)",
     "before(seg->other->isn, seg->hdr->ack)"),
    ("THIRD_ABSENT of joins", "if (seg->first && (both", "if ((both"),
    ("CAPABLE_ABSENT where none was asked for",
     "if (!seg->first || !(asked & MPNIC_DIR_CAPABLE))", "if (!seg->first)"),
]


def build(args, number, text):
    """The twin's object; None if the compiler refuses it."""
    source = os.path.join(args.out, "twin%d.c" % number)
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    made = source[:-2] + ".o"
    subprocess.run(["gcc", "-std=gnu11", "-O1", "-w", "-Ihw/model", "-Ihw/regs/generated", "-c",
                    source, "-o", made], check=True)
    return made


def fails(objects, libs, program, argv):
    subprocess.run(["gcc", "-o", program] + objects + libs, check=True)
    done = subprocess.run([program] + argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          timeout=120, check=False)
    return done.returncode != 0


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", required=True)
    parser.add_argument("--lib", required=True)
    parser.add_argument("--conversations", nargs="+", required=True, help="objects of the check")
    parser.add_argument("--unit", nargs="+", required=True, help="objects of the unit tests")
    parser.add_argument("--segments", default="40000")
    parser.add_argument("--both", action="store_true",
                        help="ask the unit tests about twins that the conversations notice too")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    with open("hw/model/dss.c", encoding="utf-8") as file:
        right = file.read()
    missed = by_talk = by_unit = 0
    for number, (name, old, new) in enumerate([("none", "", "")] + TWINS):
        if old and right.count(old) < 1:
            print("twin %d: %s: its place is gone: %s" % (number, name, old))
            missed += 1
            continue
        made = build(args, number, right.replace(old, new, 1) if old else right)
        program = os.path.join(args.out, "twin%d" % number)
        talk = fails([made] + args.conversations, [args.lib], program, [args.segments, "1"])
        unit = (args.both or not talk) and fails([made] + args.unit, [args.lib, "-lcriterion", "-lpcap"], program,
                     ["--filter", "dss/*"])
        by_talk += talk
        by_unit += unit
        print("%s%s %s" % ("C" if talk else "-", "U" if unit else "-", name), flush=True)
        if (talk or unit) != bool(number):
            print("twin %d: %s" % (number, "not noticed" if number else "the right one fails"))
            missed += 1
        os.remove(program)
    print("%d twins: conversations notice %d, unit tests %s %d; not as it should be: %d"
          % (len(TWINS), by_talk, "notice" if args.both else "the others,", by_unit, missed))
    return 1 if missed else 0


sys.exit(main())
