#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Twins of the device's model, each broken in one place, must be noticed by its tests.

usage: twins.py --out DIR --cc "COMPILE COMMAND" OBJECT... (what a test program is linked of)

A twin that nobody notices, or whose place in the source is gone, fails the run.
"""

import argparse
import os
import shlex
import subprocess
import sys

RX, TX, QUEUE, DEVICE, FW = (f"hw/model/device{part}.c"
                             for part in ("_rx", "_tx", "_queue", "", "_fw"))
SECONDS = 60
TWINS = [
    ("broadcast does not pass", RX, "|| !memcmp(mac, broadcast, sizeof(broadcast))", ""),
    ("the filter is of both ports", RX, "d->mac[i].port == port && ", ""),
    ("group addresses pass", RX, "is_group(mac) && flags & MPNIC_PORT_ALL_MULTICAST",
     "is_group(mac)"),
    ("an event overwrites an unread one", RX, "return unread < 1u << q->log2;", "return true;"),
    ("a bad event doorbell is believed", RX, "if (unread <= 1u << q->log2)", "if (1)"),
    ("dropped frames are edited", RX, "if (!frame->result.drop)\n\t\tmpnic_deparse", "if (0)\n\t\tmpnic_deparse"),
    ("queue_base is forgotten", RX, "p->queue_base + rx_queue % p->queue_count",
     "rx_queue % p->queue_count"),
    ("queue_count is forgotten", RX, "p->queue_count ? p->queue_base + rx_queue % p->queue_count : MPNIC_QUEUES",
     "p->queue_base + rx_queue % (p->queue_count + !p->queue_count)"),
    ("a disabled queue is filled", RX, "d->rx[index].enabled && ", ""),
    ("side and direction are swapped", RX, "r->side | r->dir << 1", "r->dir | r->side << 1"),
    ("the source is not said", RX, ".source = hdr->source,", ""),
    ("the punt's reason is not said", RX, ".punt = r->punt,", ""),
    ("a bad descriptor stalls the queue", RX, "q->head++;\n\tq->stats.head = q->head;\n\treturn queue_complete(d, q, &cpl, sizeof(cpl));\n}\n\nstatic enum",
     "return -1;\n}\n\nstatic enum"),
    ("reserved bytes are not looked at", RX, "if (desc->reserved[i])", "if (0)"),
    ("buffers are one too long", RX, "frame->len - done < desc->len ? frame->len - done : desc->len",
     "frame->len - done"),
    ("a frame takes one buffer", RX, "while (done < frame->len && cpl->buffers < ready)",
     "while (done < frame->len && cpl->buffers < 1)"),
    ("a buffer that cannot be written is good", RX, "cpl->status = MPNIC_RX_STATUS_LOST;\n", ""),
    ("truncation is not said", RX, "cpl->status = MPNIC_RX_STATUS_TRUNCATED;", ";"),
    ("drops are not counted", RX, "device_count(d, port, MPNIC_STAT_RX_NO_BUFFER, 1);", ""),
    ("a frame without queue is not counted", RX, "device_count(d, port, MPNIC_STAT_RX_NO_QUEUE, 1);", ""),
    ("a port that is down receives", RX, "if (!(p->flags & MPNIC_PORT_UP)) {", "if (0) {"),
    ("the MTU is not looked at", RX, "len > (size_t)p->mtu + ETH_HDR + VLAN_TAGS_MAX", "0"),
    ("IPv4 checksums are summed with the old one", TX, "put_be16(ip + IP4_CSUM_AT, 0);\n", ""),
    ("the pseudo header has no protocol", TX, "add16(hdr->l4_len, hdr->ip_proto)", "hdr->l4_len"),
    ("the pseudo header has 4 bytes of IPv6", TX, "hdr->ip_version == 4 ? 4 : 16", "4"),
    ("UDP's field is TCP's", TX, "(udp ? UDP_CSUM_AT : TCP_CSUM_AT)", "TCP_CSUM_AT"),
    ("flags that mean nothing pass", TX, "desc->flags & ~TX_FLAGS || ", ""),
    ("a second descriptor may have the first's flags", TX, "if (!first && (desc->flags & TX_FIRST_ONLY || desc->port))", "if (0)"),
    ("a port that does not exist is used", TX, "desc->port >= MPNIC_PORTS", "0"),
    ("an empty piece passes", TX, "return desc->len ? MPNIC_QUEUE_ERROR_NONE : MPNIC_QUEUE_ERROR_DESC_LEN;",
     "return MPNIC_QUEUE_ERROR_NONE;"),
    ("a frame may be longer than the buffer", TX, "g->len + desc->len > sizeof(d->frame)",
     "g->len + desc->len > 2 * sizeof(d->frame)"),
    ("an address that cannot be read is sent", TX, "error = MPNIC_QUEUE_ERROR_DESC_ADDR;", ";"),
    ("a frame is begun before its end is there", TX, "return ready >= max;", "return true;"),
    ("a small ring waits for ever", TX, "return 1u << q->log2 < MPNIC_TX_SEGMENTS ? 1u << q->log2 : MPNIC_TX_SEGMENTS;",
     "return MPNIC_TX_SEGMENTS;"),
    ("the rest of a frame of many pieces is sent", TX, "q->skipping = true;", ";"),
    ("skipping never ends", TX, "q->skipping = !(desc->flags & MPNIC_TX_EOP);", ""),
    ("a short frame passes", TX, "!g->error && g->len < MPNIC_FRAME_MIN", "0"),
    ("a frame without its link is sent", TX, "(d->port[port].flags & (MPNIC_PORT_UP | MPNIC_PORT_LINK)) !=\n\t    (MPNIC_PORT_UP | MPNIC_PORT_LINK)",
     "0"),
    ("padding is what was there", TX, "memset(data + len, 0, MPNIC_WIRE_MIN - len);", ""),
    ("frames are not padded", TX, "len = MPNIC_WIRE_MIN;", ""),
    ("what the wire refused counts as sent", TX, "device_count(d, port, MPNIC_STAT_TX_WIRE, 1);\n\t\treturn;", ""),
    ("BYPASS does not", TX, "if (g->first_flags & MPNIC_TX_BYPASS) {", "if (0) {"),
    ("a punted frame leaves", TX, "} else if (frame.result.punt) {", "} else if (0) {"),
    ("REPORT is forgotten", TX, "if (g.error || g.last_flags & MPNIC_TX_REPORT)", "if (g.error)"),
    ("an error is not reported", TX, "if (g.error || g.last_flags & MPNIC_TX_REPORT)",
     "if (g.last_flags & MPNIC_TX_REPORT)"),
    ("a doorbell is believed", QUEUE, "if (ready <= 1u << q->log2)", "if (1)"),
    ("a doorbell is counted each time", QUEUE, "q->bad_tail = tail;", ""),
    ("a queue that stopped goes on", QUEUE, "if (!q->enabled || q->stopped)", "if (!q->enabled)"),
    ("the phase never turns", QUEUE, "!(q->cpl_next >> q->log2 & 1)", "1"),
    ("descriptors behind the ring's end", QUEUE, "if (n > size - slot)\n\t\tn = size - slot;\n", ""),
    ("an interrupt for each completion", DEVICE, "v->pending = false;\n\t\tv->last_ns", "d->irqs_pending = true;\n\t\tv->last_ns"),
    ("no interrupt is held back", DEVICE, "v->interval_us && d->now_ns < due_ns(v)", "0"),
    ("doorbells survive a reset", DEVICE, "d->doorbells[i] = 0;", ";"),
    ("a reset is not counted", DEVICE, "d->generation++;", ""),
    ("the reason is not kept", DEVICE, "d->reset_reason = reason;", ""),
    ("tables survive a reset", DEVICE, "mpnic_state_free(d->state);\n\td->state = state;",
     "if (d->state)\n\t\tmpnic_state_free(state);\n\telse\n\t\td->state = state;"),
    ("a reset without its magic", DEVICE, "value >> 16 == MPNIC_RESET_MAGIC && ", ""),
    ("the high half of time is another time's", DEVICE, "return half(d->time_latch, high);",
     "return half(d->now_ns + ((uint64_t)high << 30), high);"),
    ("it sleeps whatever was rung", DEVICE, "if (!is_rung(d))", "if (1)"),
    ("NEED_KICK stays", DEVICE,
     "if (d->doorbells[MPNIC_DOORBELL_NEED_KICK / 4])\n\t\td->doorbells[MPNIC_DOORBELL_NEED_KICK / 4] = 0;\n", ""),
    ("an Rx doorbell is looked at once", DEVICE, "d->rx_looked = 0;", ";"),
    ("one buffer is plenty", RX, "known >= PLENTY", "known >= 1"),
    ("a bad Rx doorbell is kept", RX, " && known <= 1u << q->log2", ""),
    ("the link makes no event", DEVICE, "p->link_changed = true;", ""),
    ("the watchdog sleeps", FW, "if (!d->watchdog_ns || d->now_ns < d->watchdog_ns)", "if (1)"),
    ("crashed firmware runs on", FW, "d->fw_runs = d->fw_hangs = false;\n\t\td->watchdog_ns = 0;", ""),
    ("completions of the admin queue have no phase", FW, "cpl->phase = !(d->admin_cpl_next >> d->admin_log2 & 1);", ""),
    ("a MAC address is added in part", FW, "memcpy(m->mac + 4, &value, 2);", ""),
    ("firmware sets the link", FW, "(p->flags & MPNIC_PORT_LINK) | (value & writable)", "value"),
]


def build(args, name, path, text):
    """The test program with `text` in the place of a source of the model."""
    source, program = os.path.join(args.out, os.path.basename(path)), os.path.join(args.out, name)
    with open(source, "w", encoding="utf-8") as file:
        file.write(text)
    # -w: a fault may leave something unused.
    subprocess.run([*shlex.split(args.cc), "-w", "-O1", "-o", program, source, *args.objects, "-lcriterion"],
                   check=True)
    os.remove(source)
    return program


def passes(program):
    """Do the tests pass? The first that fails is enough; one that hangs has noticed."""
    try:
        return subprocess.run([program, "--fail-fast", "--filter", "device/*"], stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, timeout=SECONDS, check=False).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    parser.add_argument("--cc", required=True)
    parser.add_argument("objects", nargs="+")
    args = parser.parse_args()
    os.makedirs(args.out, exist_ok=True)
    sources, missed = {}, 0
    for path in sorted({path for _, path, _, _ in TWINS}):
        with open(path, encoding="utf-8") as file:
            sources[path] = file.read()
    if not passes(build(args, "sound", RX, sources[RX])):
        sys.exit("twins.py: the tests fail without a fault")
    for name, path, old, new in TWINS:
        if sources[path].count(old) != 1:
            print(f"not found once in {path}: {name}")
            missed += 1
            continue
        program = build(args, "twin", path, sources[path].replace(old, new))
        if passes(program):
            print(f"not noticed: {name}")
            missed += 1
    print(f"{len(TWINS)} twins, {missed} not noticed")
    sys.exit(missed > 0)


if __name__ == "__main__":
    main()
