# SPDX-License-Identifier: BSD-3-Clause
"""The scenarios: what is done, and which tshark filters must match in the capture.

A check is (display filter, least number of packets[, largest number]).
"""

import socket
import struct
import time

from lab import (ADD_ADDR, CAPABLE, DSS, FAIL, FASTCLOSE, JOIN, PRIO, REMOVE_ADDR, SYN, TCPRST, Lab,
                 Segment, ones_sum, receive, send, text, write_pcap, write_pcapng)
from version0 import conversation

SCENARIOS = []
SUB = "tcp.options.mptcp.subtype == %d"
KIB = 1024


def sub(subtype, extra=""):
    return SUB % subtype + (" && " + extra if extra else "")


def scenario(name, about, *checks, kind="pcap", side=""):
    """Declare a scenario: its file is name[.side].kind."""
    def declare(function):
        file = ".".join(part for part in (name, side, kind) if part)
        SCENARIOS.append((file, about, checks, function))
        return function
    return declare


def lengths(*wanted):
    """Checks for MP_CAPABLE and others by option length, on SYN, SYN/ACK and ACK."""
    return [("tcp.option_kind == 30 && tcp.option_len == %d" % length, 1) for length in wanted]


FLAG_SYN = "tcp.flags.syn == 1 && tcp.flags.ack == 0"
FLAG_SYNACK = "tcp.flags.syn == 1 && tcp.flags.ack == 1"
NO_MPTCP_AFTER = ("tcp.flags.syn == 0 && tcp.option_kind == 30", 0, 0)
DATA_FIN = ("tcp.options.mptcp.datafin.flag == 1", 2)
# A mapping with a checksum: tshark does not show the checksum itself
SUMMED = sub(DSS, "tcp.options.mptcp.dseqnpresent.flag == 1 && "
             "(tcp.option_len == 24 || tcp.option_len == 28)")
GOOD = ("tcp.checksum.status == 0", 0, 0)
JOINED = [(sub(JOIN, FLAG_SYN), 1), (sub(JOIN, FLAG_SYNACK), 1),
          (sub(JOIN, "tcp.flags.syn == 0"), 1)]


def chat(lab, up=4 * KIB, down=3 * KIB, chunk=None, **kind):
    """A whole connection: data both ways, then the end."""
    client, server = lab.connect(**kind)
    send(client, server, up, chunk)
    send(server, client, down, chunk)
    lab.finish(client, server)


def simple(path, up=4 * KIB, down=3 * KIB, chunk=None, **options):
    with Lab(**options) as lab:
        chat(lab, up, down, chunk)
        write_pcap(path, lab.wire.record)


# Plain connections

@scenario("v4", "one connection, no DSS checksum: MP_CAPABLE of 22 bytes with the first data",
          (sub(CAPABLE, FLAG_SYN), 1), (sub(CAPABLE, FLAG_SYNACK), 1), *lengths(4, 12, 20, 22),
          (sub(DSS), 8), DATA_FIN, GOOD, (SUMMED, 0, 0), ("arp", 2))
def v4(path):
    simple(path)


@scenario("v4_csum", "DSS checksum on: MP_CAPABLE of 24 bytes with the first data",
          *lengths(4, 12, 20, 24), ("tcp.options.mptcp.checksumreq.flags == 1", 3),
          (SUMMED, 4), DATA_FIN, GOOD)
def v4_csum(path):
    simple(path, csum=True)


@scenario("v6", "IPv6, no DSS checksum", ("ipv6 && " + sub(CAPABLE), 3), *lengths(4, 12, 20, 22),
          ("ipv6 && " + sub(DSS), 8), DATA_FIN, GOOD)
def v6(path):
    simple(path, v6=True)


@scenario("v6_csum", "IPv6, MTU 1280, DSS checksum on", ("ipv6 && " + sub(CAPABLE), 3),
          *lengths(24), ("frame.len > 1294", 0, 0), (SUMMED, 4),
          DATA_FIN, GOOD)
def v6_csum(path):
    simple(path, v6=True, csum=True, mtu=1280)


@scenario("v4_small_csum", "97-byte writes, checksum on: many mappings of odd length",
          ("tcp.options.mptcp.datalvllen == 97", 20), (SUMMED, 20))
def v4_small_csum(path):
    def nodelay(client):
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with Lab(csum=True) as lab:
        client, server = lab.connect(before=nodelay)
        server.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        send(client, server, 97 * 20, 97)
        send(server, client, 97 * 10, 97)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


@scenario("v4_empty", "no payload in either direction: DATA_FIN alone",
          (sub(CAPABLE), 3), ("tcp.len > 0", 0, 0),
          ("tcp.options.mptcp.datafin.flag == 1 && tcp.options.mptcp.datalvllen == 1", 2))
def v4_empty(path):
    simple(path, 0, 0)


@scenario("v4_server_first", "the server sends first: no MP_CAPABLE with data is needed",
          (sub(CAPABLE), 3, 3), (sub(DSS, "tcp.srcport == 8080 && tcp.len > 0"), 2))
def v4_server_first(path):
    with Lab(csum=True) as lab:
        client, server = lab.connect()
        send(server, client, 3 * KIB)
        send(client, server, 3 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


@scenario("v4_no_timestamps", "TCP timestamps off", (sub(CAPABLE), 4),
          ("tcp.options.timestamp.tsval", 0, 0))
def v4_no_timestamps(path):
    simple(path, csum=True, timestamps=False)


# Subflows and addresses

def joined(lab, subflows=1):
    """A connection whose client opens a second subflow from its second address."""
    lab.client.ip("mptcp endpoint add %s dev c1 id 7 subflow" % lab.address(True, 1))
    client, server = lab.connect()
    send(client, server, 2 * KIB)
    send(server, client, 1 * KIB)
    lab.seen(JOIN, 3 * subflows)
    time.sleep(0.02)
    return client, server


def join(path, **options):
    with Lab(paths=2, **options) as lab:
        client, server = joined(lab)
        for _ in range(2):
            send(client, server, 3 * KIB)
            send(server, client, 1 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


@scenario("v4_join", "the client opens a second subflow from its second address (id 7)", *JOINED,
          (sub(JOIN, "tcp.options.mptcp.addrid == 7"), 1), *lengths(12, 16, 24), DATA_FIN, GOOD)
def v4_join(path):
    join(path)


@scenario("v6_join_csum", "IPv6, second subflow, DSS checksum on", *JOINED, DATA_FIN, GOOD,
          ("ipv6 && " + sub(JOIN), 3), (SUMMED, 4))
def v6_join_csum(path):
    join(path, v6=True, csum=True)


@scenario("v4_join_backup", "the second subflow is a backup (B flag of MP_JOIN)", *JOINED,
          (sub(JOIN, "tcp.options.mptcp.backup.flag == 1"), 1))
def v4_join_backup(path):
    with Lab(paths=2) as lab:
        lab.client.ip("mptcp endpoint add %s dev c1 id 7 subflow backup" % lab.address(True, 1))
        client, server = lab.connect()
        send(client, server, 2 * KIB)
        lab.seen(JOIN, 3)
        send(server, client, 2 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


def announce(path, port="", **options):
    with Lab(paths=2, **options) as lab:
        lab.server.ip("mptcp endpoint add %s dev s1 id 9 signal%s" % (lab.address(False, 1), port))
        client, server = lab.connect()
        send(client, server, 2 * KIB)
        send(server, client, 1 * KIB)
        lab.seen(ADD_ADDR, 2)
        lab.seen(JOIN, 3)
        time.sleep(0.02)
        send(client, server, 3 * KIB)
        send(server, client, 1 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


ANNOUNCED = [(sub(ADD_ADDR, "tcp.options.mptcp.echo == 0 && tcp.options.mptcp.addaddrtrunchmac"),
              1), (sub(ADD_ADDR, "tcp.options.mptcp.echo == 1"), 1), *JOINED, GOOD]


@scenario("v4_add_addr", "the server announces its second address: ADD_ADDR, echo, join to it",
          *ANNOUNCED, ("tcp.options.mptcp.ipv4 == 10.0.2.2", 2), *lengths(16, 8))
def v4_add_addr(path):
    announce(path)


@scenario("v4_add_addr_port", "ADD_ADDR with a port, echo, join to that port", *ANNOUNCED,
          ("tcp.options.mptcp.port == 10100", 2), *lengths(18, 10), (FLAG_SYN + " && "
          "tcp.dstport == 10100", 1))
def v4_add_addr_port(path):
    announce(path, " port 10100")


@scenario("v6_add_addr_csum", "IPv6 ADD_ADDR, echo, join; DSS checksum on", *ANNOUNCED,
          ("tcp.options.mptcp.ipv6 == fd00:2::2", 2), *lengths(28, 20))
def v6_add_addr_csum(path):
    announce(path, v6=True, csum=True)


@scenario("v6_add_addr_port", "IPv6 ADD_ADDR with a port: 30 bytes, which only fit without "
          "timestamps", *ANNOUNCED, ("tcp.options.mptcp.port == 10100", 2), *lengths(30, 22))
def v6_add_addr_port(path):
    announce(path, " port 10100", v6=True, timestamps=False)


@scenario("v4_remove_addr", "the client removes its second address: REMOVE_ADDR, subflow closed",
          *JOINED, (sub(REMOVE_ADDR), 1), ("tcp.options.mptcp.addrid == 7 && " +
          sub(REMOVE_ADDR), 1))
def v4_remove_addr(path):
    with Lab(paths=2) as lab:
        client, server = joined(lab)
        lab.client.ip("mptcp endpoint delete id 7")
        lab.seen(REMOVE_ADDR)
        send(client, server, 3 * KIB)
        send(server, client, 1 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


@scenario("v4_mp_prio", "the second subflow becomes a backup and regular again: MP_PRIO twice",
          *JOINED, (sub(PRIO, "tcp.options.mptcp.backup.flag == 1"), 1),
          (sub(PRIO, "tcp.options.mptcp.backup.flag == 0"), 1))
def v4_mp_prio(path):
    with Lab(paths=2) as lab:
        client, server = joined(lab)
        for count, change in enumerate(("backup", "nobackup")):
            lab.client.ip("mptcp endpoint change id 7 " + change)
            lab.seen(PRIO, count + 1)
            send(client, server, 2 * KIB)
            send(server, client, 1 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


# Ends and failures

@scenario("v4_fastclose", "the client gives up with two subflows: MP_FASTCLOSE on RST, MP_TCPRST",
          (sub(FASTCLOSE), 1), ("tcp.flags.reset == 1", 2), ("tcp.options.mptcp.datafin.flag == 1",
          0, 0))
def v4_fastclose(path):
    with Lab(paths=2) as lab:
        client, server = joined(lab)
        server.sendall(text(1 * KIB))
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()
        lab.seen(FASTCLOSE)
        lab.quiet()
        write_pcap(path, lab.wire.record)


def damage(after):
    """Flip a payload byte of the client's data segment number `after` (as an ALG does)."""
    left = [after]

    def meddle(frame, up):
        segment = Segment.of(frame)
        if not segment or not up or segment.payload_len < 100:
            return [frame]
        left[0] -= 1
        if left[0]:
            return [frame]
        segment.flip(segment.options_end + 50)
        return [segment.sealed()]
    return meddle


@scenario("v4_mp_fail", "one subflow, checksum on, a payload byte changed on the way and the TCP "
          "checksum repaired: MP_FAIL both ways, infinite mapping, then TCP", (sub(FAIL), 2),
          ("tcp.options.mptcp.datalvllen == 0", 1), ("tcp.flags.reset == 1", 0, 0),
          (SUMMED, 2), GOOD, side="client")
def v4_mp_fail(path):
    with Lab(csum=True, meddle=damage(4)) as lab:
        client, server = lab.connect()
        for _ in range(8):
            client.sendall(text(1 * KIB))
            receive(server, 1 * KIB)
            server.sendall(text(KIB // 2))
            receive(client, KIB // 2)
        client.close()
        server.close()
        lab.quiet()
        write_pcap(path, lab.wire.record)


@scenario("v4_mp_fail_two", "the same on one of two subflows: RST with MP_FAIL and MP_TCPRST, the "
          "data is sent again on the other", *JOINED, (sub(FAIL, "tcp.flags.reset == 1"), 1),
          (sub(TCPRST), 1), side="client")
def v4_mp_fail_two(path):
    with Lab(paths=2, csum=True, meddle=damage(6)) as lab:
        client, server = joined(lab)
        send(client, server, 8 * KIB)
        lab.seen(FAIL)
        send(server, client, 1 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


def changing(condition, change):
    """Meddle with every segment that meets the condition."""
    def meddle(frame, up):
        segment = Segment.of(frame)
        if not segment or not condition(segment, up):
            return [frame]
        change(segment)
        return [segment.sealed()]
    return meddle


@scenario("v4_join_bad_token", "the token of the MP_JOIN SYN is changed on the way: RST with "
          "MP_TCPRST", (sub(JOIN, FLAG_SYN), 1), (sub(TCPRST, "tcp.flags.reset == 1"), 1),
          (sub(JOIN, FLAG_SYNACK), 0, 0), side="client")
def v4_join_bad_token(path):
    meddle = changing(lambda s, up: up and s.flags & SYN and s.has(JOIN),
                      lambda s: s.flip_option(JOIN, 5))
    refused(path, meddle, lambda lab: lab.seen(TCPRST))


@scenario("v4_join_bad_hmac", "the HMAC of the third packet of a join is changed on the way: RST "
          "with MP_TCPRST", *JOINED, (sub(TCPRST, "tcp.flags.reset == 1"), 1), side="client")
def v4_join_bad_hmac(path):
    meddle = changing(lambda s, up: up and not s.flags & SYN and s.has(JOIN),
                      lambda s: s.flip_option(JOIN, 9))
    refused(path, meddle, lambda lab: lab.seen(TCPRST))


def refused(path, meddle, happened):
    with Lab(paths=2, meddle=meddle) as lab:
        lab.client.ip("mptcp endpoint add %s dev c1 id 7 subflow" % lab.address(True, 1))
        client, server = lab.connect()
        send(client, server, 2 * KIB)
        send(server, client, 1 * KIB)
        happened(lab)
        send(client, server, 2 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


@scenario("v4_add_addr_bad_hmac", "the HMAC of ADD_ADDR is changed on the way: ignored, no echo, "
          "no join", (sub(ADD_ADDR, "tcp.options.mptcp.echo == 0"), 1),
          (sub(ADD_ADDR, "tcp.options.mptcp.echo == 1"), 0, 0), (sub(JOIN), 0, 0), side="client")
def v4_add_addr_bad_hmac(path):
    meddle = changing(lambda s, up: not up and s.has(ADD_ADDR),
                      lambda s: s.flip_option(ADD_ADDR, 15))
    with Lab(paths=2, meddle=meddle) as lab:
        lab.server.ip("mptcp endpoint add %s dev s1 id 9 signal" % lab.address(False, 1))
        client, server = lab.connect()
        send(client, server, 2 * KIB)
        send(server, client, 1 * KIB)
        lab.seen(ADD_ADDR)
        send(client, server, 2 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


# Fallback to TCP

@scenario("v4_plain_server", "the listener speaks plain TCP only", (sub(CAPABLE, FLAG_SYN), 1, 1),
          ("tcp.flags.ack == 1 && tcp.option_kind == 30", 0, 0), ("tcp.len > 0", 4))
def v4_plain_server(path):
    with Lab() as lab:
        chat(lab, plain_server=True)
        write_pcap(path, lab.wire.record)


@scenario("v4_plain_client", "a plain TCP client at an MPTCP listener", ("tcp.option_kind == 30",
          0, 0), ("tcp.len > 0", 3))
def v4_plain_client(path):
    with Lab() as lab:
        chat(lab, 2 * KIB, 1 * KIB, plain_client=True)
        write_pcap(path, lab.wire.record)


@scenario("v4_strip_syn", "MP_CAPABLE is replaced by no-operations in the SYN, seen before that",
          (sub(CAPABLE, FLAG_SYN), 1, 1), ("tcp.flags.ack == 1 && tcp.option_kind == 30", 0, 0),
          ("tcp.len > 0", 4), GOOD, side="client")
def v4_strip_syn(path):
    simple(path, meddle=changing(lambda s, up: up and s.flags & SYN, Segment.strip))


@scenario("v4_strip_synack", "MP_CAPABLE is replaced by no-operations in the SYN/ACK, seen behind "
          "that", (sub(CAPABLE, FLAG_SYN), 1, 1), ("tcp.flags.ack == 1 && tcp.option_kind == 30",
          0, 0), ("tcp.len > 0", 4), GOOD, side="client")
def v4_strip_synack(path):
    simple(path, meddle=changing(lambda s, up: not up and s.flags & SYN, Segment.strip))


@scenario("v4_strip_synack", "the same, seen at the server: its MP_CAPABLE is not answered",
          (sub(CAPABLE, FLAG_SYN), 1, 1), (sub(CAPABLE, FLAG_SYNACK), 1, 1), NO_MPTCP_AFTER,
          ("tcp.len > 0", 4), GOOD, side="server")
def v4_strip_synack_server(path):
    simple(path, side="server",
           meddle=changing(lambda s, up: not up and s.flags & SYN, Segment.strip))


@scenario("v4_strip_ack", "every MPTCP option is lost after the SYN/ACK, seen at the server",
          (sub(CAPABLE, FLAG_SYNACK), 1, 1), ("tcp.len > 0", 4), GOOD, side="server")
def v4_strip_ack(path):
    simple(path, side="server", meddle=changing(lambda s, up: not s.flags & SYN, Segment.strip))


@scenario("v4_synack_v0", "the version in the SYN/ACK's MP_CAPABLE is changed to 0, as a listener "
          "that knows only version 0 answers: the client goes on with TCP",
          (sub(CAPABLE, FLAG_SYN + " && tcp.options.mptcp.version == 1"), 1, 1),
          (sub(CAPABLE, FLAG_SYNACK + " && tcp.options.mptcp.version == 0"), 1, 1),
          NO_MPTCP_AFTER, ("tcp.len > 0", 4), GOOD, side="client")
def v4_synack_v0(path):
    simple(path, meddle=changing(lambda s, up: not up and s.flags & SYN,
                                 lambda s: s.flip_option(CAPABLE, 2, 0x01)))


# Tags, headers and fragments

@scenario("v4_vlan", "802.1Q tag, VLAN 100 + path, two subflows", ("vlan.id == 100", 8),
          ("vlan.id == 101", 4), ("!vlan", 0, 0), *JOINED)
def v4_vlan(path):
    join(path, tags=[(0x8100, 0x6000 + 100)])


@scenario("v6_qinq", "IPv6 in 802.1ad and 802.1Q tags (S-VLAN 200, C-VLAN 100)",
          ("ieee8021ad.id == 200 && vlan.id == 100", 8), ("ipv6 && " + sub(CAPABLE), 4), DATA_FIN)
def v6_qinq(path):
    simple(path, v6=True, csum=True, tags=[(0x88A8, 200), (0x8100, 0x2000 + 100)])


def v4_header_options(frame, _up):
    """Put a router alert and a no-operation word behind an IPv4 header."""
    if frame[12:14] != b"\x08\x00":
        return [frame]
    return [frame[:12] + ip_rebuilt(frame, frame[34:], b"\x94\x04\0\0\1\1\1\0", 0x4000)]


def ip_rebuilt(frame, payload, options=b"", fragment=0x4000):
    """EtherType, the frame's IPv4 header with these options and fragment field, and the payload."""
    head = bytearray(frame[14:34]) + options
    head[0] = 0x45 + len(options) // 4
    struct.pack_into("!HHH", head, 2, len(head) + len(payload),
                     int.from_bytes(frame[18:20], "big"), fragment)
    head[10:12] = b"\0\0"
    head[10:12] = struct.pack("!H", ones_sum(bytes(head)) ^ 0xFFFF)
    return frame[12:14] + bytes(head) + payload


@scenario("v4_ip_options", "IPv4 headers with options (router alert)", ("ip.hdr_len == 28", 10),
          (sub(CAPABLE), 4), ("ip.checksum.status == 0", 0, 0), GOOD, side="server")
def v4_ip_options(path):
    simple(path, mtu=1400, meddle=v4_header_options, side="server")


def v6_headers(frame, _up):
    """Put hop-by-hop and destination options headers behind an IPv6 header."""
    if frame[12:14] != b"\x86\xdd" or frame[20] != socket.IPPROTO_TCP:
        return [frame]
    length = struct.pack("!H", int.from_bytes(frame[18:20], "big") + 24)
    extra = b"\x3c\0\1\4\0\0\0\0" + b"\x06\1\x1e\x0c" + bytes(12)
    return [frame[:18] + length + b"\0" + frame[21:54] + extra + frame[54:]]


@scenario("v6_ext_headers", "IPv6 with hop-by-hop and destination options headers",
          ("ipv6.hopopts && ipv6.dstopts && tcp", 10), (sub(CAPABLE), 4), GOOD, side="server")
def v6_ext_headers(path):
    simple(path, v6=True, mtu=1400, meddle=v6_headers, side="server")


def v4_fragments_of(frame, _up):
    """Split large IPv4 packets into two fragments."""
    if frame[12:14] != b"\x08\x00" or len(frame) < 1000:
        return [frame]
    payload, cut = frame[34:], 800
    return [frame[:12] + ip_rebuilt(frame, payload[:cut], fragment=0x2000),
            frame[:12] + ip_rebuilt(frame, payload[cut:], fragment=cut // 8)]


@scenario("v4_fragments", "large IPv4 packets arrive in two fragments", ("ip.flags.mf == 1", 2),
          ("ip.frag_offset > 0", 2), (sub(CAPABLE), 3), side="server")
def v4_fragments(path):
    simple(path, meddle=v4_fragments_of, side="server")


# Loss and order

def lossy(lose, swap):
    """Lose one data segment of the client and swap two others."""
    state = {"data": 0, "held": None}

    def meddle(frame, up):
        held, state["held"] = state["held"], None
        segment = Segment.of(frame)
        if segment and up and segment.payload_len > 100:
            state["data"] += 1
            if state["data"] == lose:
                return [held] if held else []
            if state["data"] == swap:
                state["held"] = frame
                return [held] if held else []
        return [frame] + ([held] if held else [])
    return meddle


@scenario("v4_loss_reorder", "one data segment is lost and two change places, checksum on: SACK "
          "beside DSS, retransmission", ("tcp.options.sack_le", 1), (sub(DSS), 10),
          ("tcp.analysis.retransmission || tcp.analysis.out_of_order", 1), side="server")
def v4_loss_reorder(path):
    simple(path, 10 * KIB, csum=True, meddle=lossy(3, 6), side="server")


@scenario("v4_midstream", "seen from the middle: the handshake was missed", (sub(CAPABLE), 0, 0),
          (sub(DSS), 8), DATA_FIN)
def v4_midstream(path):
    with Lab(csum=True) as lab:
        client, server = lab.connect()
        send(client, server, 2 * KIB)
        send(server, client, 2 * KIB)
        lab.quiet()
        lab.wire.record.clear()
        send(client, server, 3 * KIB)
        send(server, client, 2 * KIB)
        lab.finish(client, server)
        write_pcap(path, lab.wire.record)


# Forms of capture files

@scenario("v4_snap96", "snap length 96: headers whole, payload cut", ("frame.cap_len == 96 && "
          "frame.len > 96", 4), (sub(CAPABLE), 4), (sub(DSS), 8))
def v4_snap96(path):
    with Lab(csum=True) as lab:
        chat(lab)
        write_pcap(path, lab.wire.record, snaplen=96)


@scenario("v4_snap76", "snap length 76: cut inside the TCP options", ("frame.cap_len == 76 && "
          "frame.len > 76", 8))
def v4_snap76(path):
    with Lab(csum=True) as lab:
        chat(lab)
        write_pcap(path, lab.wire.record, snaplen=76)


@scenario("v4_offload", "taken at a host with its offloads on: frames beyond the MTU, checksums "
          "left to hardware (csum_partial)", ("frame.len > 4000", 1), (sub(CAPABLE), 4),
          ("tcp.checksum.status == 0", 4))
def v4_offload(path):
    offloaded(path, v6=False)


@scenario("v6_offload", "the same over IPv6", ("frame.len > 4000", 1), (sub(CAPABLE), 4),
          ("tcp.checksum.status == 0", 4))
def v6_offload(path):
    offloaded(path, v6=True)


def offloaded(path, v6):
    with Lab(v6=v6, csum=True, offload=True) as lab:
        chat(lab, 16 * KIB, 4 * KIB)
        write_pcap(path, lab.wire.record)


@scenario("v4_nanoseconds", "pcap with nanoseconds", (sub(CAPABLE), 4), (sub(DSS), 8))
def v4_nanoseconds(path):
    with Lab() as lab:
        chat(lab, 2 * KIB, 1 * KIB)
        write_pcap(path, lab.wire.record, nanoseconds=True)


@scenario("v4_two_interfaces", "pcapng with an interface for each path, of different clocks: "
          "microseconds and nanoseconds", ("frame.interface_id == 0", 8), *JOINED,
          ("frame.interface_id == 1", 4), kind="pcapng")
def v4_two_interfaces(path):
    with Lab(paths=2) as lab:
        client, server = joined(lab)
        send(client, server, 4 * KIB)
        send(server, client, 1 * KIB)
        lab.finish(client, server)
        write_pcapng(path, lab.wire.record, (("path0", 6), ("path1", 9)))


# Version 0, which the kernel does not speak

@scenario("v0_scripted", "two version 0 connections, written packet by packet: MP_CAPABLE, DSS "
          "with checksums, ADD_ADDR with and without port, MP_JOIN, MP_PRIO with an address id, "
          "REMOVE_ADDR, DATA_FIN; the second ends by MP_FASTCLOSE",
          (sub(CAPABLE, "tcp.options.mptcp.version == 0"), 6, 6), (sub(JOIN), 3, 3),
          (sub(ADD_ADDR, "tcp.options.mptcp.ipver == 4"), 2, 2), (sub(PRIO), 1, 1),
          (sub(REMOVE_ADDR), 1, 1), (sub(FASTCLOSE), 1, 1), DATA_FIN, GOOD,
          ("mptcp.expected_token == 0xbb5a1ab0", 1),
          (sub(JOIN, "tcp.options.mptcp.recvtok == 0xbb5a1ab0"), 1))
def v0_scripted(path):
    write_pcap(path, conversation(text))
