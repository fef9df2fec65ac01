# SPDX-License-Identifier: BSD-3-Clause
"""Our records in tshark's words: the values that each of its fields should have."""

import hashlib
import ipaddress
import struct


def number(text):
    if text in ("True", "False"):
        return int(text == "True")
    return int(text, 0)


def octets(text):
    return text.replace(":", "").lower()


# Every tshark field that is compared, and how its values are read
FIELDS = {"frame.len": number, "frame.cap_len": number, "eth.type": number, "vlan.etype": number}
for _word in ("priority", "dei", "id"):
    FIELDS["vlan." + _word] = number
    FIELDS["ieee8021ad." + _word] = number
for _word in ("version", "hdr_len", "len", "proto", "flags.mf", "frag_offset", "checksum.status"):
    FIELDS["ip." + _word] = number
for _word in ("src", "dst"):
    FIELDS["ip." + _word] = FIELDS["ipv6." + _word] = str
FIELDS["ipv6.plen"] = number
for _word in ("srcport", "dstport", "seq_raw", "ack_raw", "hdr_len", "flags", "window_size_value",
              "len", "checksum.status", "options.mss_val", "options.wscale.shift",
              "options.timestamp.tsval", "options.timestamp.tsecr", "option_kind", "option_len"):
    FIELDS["tcp." + _word] = number
FIELDS["tcp.options"] = octets
for _word in ("srcport", "dstport", "length", "checksum.status"):
    FIELDS["udp." + _word] = number
MPTCP = "tcp.options.mptcp."
for _word in ("subtype", "version", "checksumreq.flags", "extensibility.flag",
              "nomoresubflows.flag", "sha1.flag", "sha256.flag", "sendkey", "recvkey",
              "datalvllen", "checksum", "backup.flag", "addrid", "recvtok", "sendrand",
              "sendtrunchmac", "datafin.flag", "dseqn8.flag", "dseqnpresent.flag",
              "dataack8.flag", "dataackpresent.flag", "rawdataack", "rawdataseqno",
              "subflowseqno", "ipver", "echo", "port", "addaddrtrunchmac", "flag_U.flag",
              "flag_V.flag", "flag_W.flag", "flag_T.flag", "rst_reason"):
    FIELDS[MPTCP + _word] = number
FIELDS[MPTCP + "sendhmac"] = octets
FIELDS[MPTCP + "ipv4"] = FIELDS[MPTCP + "ipv6"] = str
for _word in ("rm_addr.count", "expected_token", "expected_idsn"):
    FIELDS["mptcp." + _word] = number

STATUS = {"bad": 0, "good": 1, "not_judged": 2, "zero": 3}


class Packet:
    """A frame, and our records of it."""

    def __init__(self, layout, place, length, frame, hdr, csum):
        self.layout, self.place, self.length, self.frame = layout, place, length, frame
        self.hdr, self.csum = hdr, csum
        self.parse = layout.name("parse", hdr.parse)
        self.tcpopt = layout.name("tcpopt", hdr.tcpopt)
        self.options = hdr.opt[:hdr.mptcp_count]

    def flag(self, name):
        return bool(self.hdr.flags & self.layout.bits["hdr"][name])

    def subtype(self, opt):
        return self.layout.name("subtype", opt.subtype)

    def has(self, opt, field):
        return bool(opt.fields & self.layout.bits["field"][field])

    def error(self, opt):
        return self.layout.name("opt_error", opt.error)

    def kinds(self):
        """The TCP options that the walk started at: (kind, length; none for kinds 0 and 1)."""
        hdr = self.hdr
        for at in range(hdr.opt_len):
            if hdr.opt_starts >> at & 1:
                kind = hdr.opts[at]
                yield kind, hdr.opts[at + 1] if kind > 1 and at + 1 < hdr.opt_len else None

    def words(self):
        """{tshark's field: its values} as our records have them."""
        said = {"frame.len": [self.length], "frame.cap_len": [self.csum.frame_len]}
        self.ethernet(said)
        if self.flag("L3"):
            self.ip(said)
        if self.flag("TCP"):
            self.tcp(said)
        elif self.flag("L4"):
            self.udp(said)
        for opt in self.options:
            self.mptcp(said, opt)
        return said

    def ethernet(self, said):
        hdr = self.hdr
        types = [struct.unpack_from("!H", self.frame, 12 + 4 * tag)[0]
                 for tag in range(hdr.vlan_count)] + [hdr.ethertype]
        said["eth.type"] = [kind for kind in types[:1] if kind >= 0x600]
        for tpid, tci, inner in zip(types, (hdr.vlan_outer, hdr.vlan_inner), types[1:]):
            name = "vlan." if tpid == 0x8100 else "ieee8021ad."
            if tpid == 0x8100:
                said.setdefault("vlan.etype", []).append(inner)
            for word, value in (("priority", tci >> 13), ("dei", tci >> 12 & 1),
                                ("id", tci & 0xFFF)):
                said.setdefault(name + word, []).append(value)

    def ip(self, said):
        hdr = self.hdr
        said["ip.version"] = [hdr.ip_version]
        if hdr.ip_version == 4:
            head = hdr.l4_off - hdr.l3_off
            said.update({"ip.hdr_len": [head], "ip.len": [head + hdr.l4_len],
                         "ip.proto": [hdr.ip_proto],
                         "ip.src": [str(ipaddress.IPv4Address(hdr.src[:4]))],
                         "ip.dst": [str(ipaddress.IPv4Address(hdr.dst[:4]))],
                         "ip.checksum.status": [STATUS[self.layout.name("csum", self.csum.ip)]]})
            fragment = struct.unpack_from("!H", self.frame, hdr.l3_off + 6)[0]
            said["ip.flags.mf"] = [fragment >> 13 & 1]
            said["ip.frag_offset"] = [fragment & 0x1FFF]
            if self.flag("FRAG") != bool(fragment & 0x3FFF):
                said["ip.frag_offset"] = ["flag FRAG"]
            return
        said.update({"ipv6.plen": [hdr.l4_off - hdr.l3_off - 40 + hdr.l4_len],
                     "ipv6.src": [str(ipaddress.IPv6Address(hdr.src))],
                     "ipv6.dst": [str(ipaddress.IPv6Address(hdr.dst))]})

    def tcp(self, said):
        hdr = self.hdr
        said.update({"tcp.srcport": [hdr.sport], "tcp.dstport": [hdr.dport],
                     "tcp.seq_raw": [hdr.seq], "tcp.ack_raw": [hdr.ack],
                     "tcp.hdr_len": [4 * hdr.doff], "tcp.flags": [hdr.tcp_flags],
                     "tcp.window_size_value": [hdr.window], "tcp.len": [hdr.payload_len],
                     "tcp.checksum.status": [self.l4_status()]})
        if hdr.opt_len:
            said["tcp.options"] = [hdr.opts[:hdr.opt_len].hex()]
        pairs = list(self.kinds())
        said["tcp.option_kind"] = [kind for kind, _ in pairs]
        said["tcp.option_len"] = [length for _, length in pairs if length is not None]
        for flag, field, value in (("MSS", "mss_val", hdr.mss), ("WSCALE", "wscale.shift",
                                   hdr.wscale), ("TIMESTAMPS", "timestamp.tsval", hdr.ts_val),
                                   ("TIMESTAMPS", "timestamp.tsecr", hdr.ts_ecr)):
            if self.flag(flag):
                said["tcp.options." + field] = [value]

    def udp(self, said):
        hdr = self.hdr
        said.update({"udp.srcport": [hdr.sport], "udp.dstport": [hdr.dport],
                     "udp.length": [8 + hdr.payload_len],
                     "udp.checksum.status": [self.l4_status()]})

    def l4_status(self):
        return STATUS.get(self.layout.name("csum", self.csum.l4), "partial")

    def mptcp(self, said, opt):
        def say(field, value):
            said.setdefault(MPTCP + field, []).append(value)
        subtype = self.subtype(opt)
        if subtype != "none":
            say("subtype", opt.subtype)
        if not opt.error and subtype in FORMS:
            FORMS[subtype](self, opt, say)
        if self.has(opt, "SENDER_KEY"):
            key = self.body(opt, "capable")["sender_key"].to_bytes(8, "big")
            digest = hashlib.new(("sha1", "sha256")[opt.version], key).digest()
            for field, part in (("token", digest[:4]), ("idsn", digest[-8:])):
                said.setdefault("mptcp.expected_" + field, []).append(int.from_bytes(part, "big"))
        if subtype == "remove_addr" and not opt.error:
            said.setdefault("mptcp.rm_addr.count", []).append(opt.length - 3)

    def body(self, opt, form):
        return self.layout.body(form, opt.body)


def capable(packet, opt, say):
    body = packet.body(opt, "capable")
    say("version", opt.version)
    say("checksumreq.flags", opt.flags >> 7)
    say("extensibility.flag", opt.flags >> 6 & 1)
    if opt.version:
        say("nomoresubflows.flag", opt.flags >> 5 & 1)
        say("sha256.flag", opt.flags & 1)
    else:
        say("sha1.flag", opt.flags & 1)
    for field, name, value in (("SENDER_KEY", "sendkey", body["sender_key"]),
                               ("RECEIVER_KEY", "recvkey", body["receiver_key"]),
                               ("DATA_LEN", "datalvllen", opt.data_len),
                               ("CHECKSUM", "checksum", opt.checksum)):
        if packet.has(opt, field):
            say(name, value)


def join(packet, opt, say):
    if packet.has(opt, "TOKEN"):
        body = packet.body(opt, "join_syn")
        say("backup.flag", opt.flags & 1)
        say("addrid", opt.addr_id)
        say("recvtok", body["token"])
        say("sendrand", body["nonce"])
    elif packet.has(opt, "NONCE"):
        body = packet.body(opt, "join_synack")
        say("backup.flag", opt.flags & 1)
        say("addrid", opt.addr_id)
        say("sendtrunchmac", body["hmac64"])
        say("sendrand", body["nonce2"])
    else:
        say("sendhmac", packet.body(opt, "join_ack")["hmac"].hex())


def dss(packet, opt, say):
    body = packet.body(opt, "dss")
    for bit, name in enumerate(("dataackpresent", "dataack8", "dseqnpresent", "dseqn8",
                                "datafin")):
        say(name + ".flag", opt.flags >> bit & 1)
    if packet.has(opt, "DATA_ACK"):
        say("rawdataack", body["data_ack"])
    if packet.has(opt, "MAPPING"):
        say("rawdataseqno", body["dsn"])
        say("subflowseqno", body["ssn"])
        say("datalvllen", opt.data_len)
    if packet.has(opt, "CHECKSUM"):
        say("checksum", opt.checksum)


def add_addr(packet, opt, say):
    body = packet.body(opt, "add_addr")
    if opt.version:
        say("echo", opt.flags & 1)
    else:
        say("ipver", opt.flags)
    say("addrid", opt.addr_id)
    if packet.has(opt, "ADDR4"):
        say("ipv4", str(ipaddress.IPv4Address(body["addr"][:4])))
    if packet.has(opt, "ADDR6"):
        say("ipv6", str(ipaddress.IPv6Address(body["addr"])))
    if packet.has(opt, "PORT"):
        say("port", opt.port)
    if packet.has(opt, "HMAC"):
        say("addaddrtrunchmac", body["addr_hmac"])


def remove_addr(packet, opt, say):
    for at in range(opt.offset + 3, opt.offset + opt.length):
        say("addrid", packet.hdr.opts[at])


def prio(packet, opt, say):
    say("backup.flag", opt.flags & 1)
    if packet.has(opt, "ADDR_ID"):
        say("addrid", opt.addr_id)


def fail(packet, opt, say):
    say("rawdataseqno", packet.body(opt, "fail")["fail_dsn"])


def fastclose(packet, opt, say):
    say("recvkey", packet.body(opt, "fastclose")["fastclose_key"])


def tcprst(packet, opt, say):
    for bit, name in enumerate("TWVU"):
        say("flag_%s.flag" % name, opt.flags >> bit & 1)
    say("rst_reason", packet.body(opt, "tcprst")["reason"])


FORMS = {"mp_capable": capable, "mp_join": join, "dss": dss, "add_addr": add_addr,
         "remove_addr": remove_addr, "mp_prio": prio, "mp_fail": fail, "mp_fastclose": fastclose,
         "mp_tcprst": tcprst}
