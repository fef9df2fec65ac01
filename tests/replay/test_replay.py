#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""mpnic-sim replay on captures of known scenarios and on crafted files.

test_replay.py --sim PROGRAM --san SANITIZED --small SMALL --faulty FAULTY --work FOLDER
test_replay.py --seeds FOLDER    write the seeds of the fuzz target
"""

import argparse
import json
import os
import pathlib
import re
import subprocess
import sys

import files

ROOT = pathlib.Path(__file__).resolve().parents[2]
CAPTURES = ROOT / "tests" / "captures"
SHARED = pathlib.Path(os.environ.get("MPNIC_PCAPS", "../shared/pcaps"))

TIMEOUT = 300
failures = []
checks = 0


def check(condition, what):
    global checks
    checks += 1
    if not condition:
        failures.append(what)
        print("FAILED:", what)


def equal(got, wanted, what):
    check(got == wanted, f"{what}: got {got!r}, wanted {wanted!r}")


def run(program, *args, stdin=None, env=None):
    done = subprocess.run([program, *map(str, args)], input=stdin, capture_output=True,
                          timeout=TIMEOUT, env={**os.environ, **(env or {})})
    return done.returncode, done.stdout, done.stderr.decode(errors="replace")


def objects(out, kind=None):
    lines = [json.loads(line) for line in out.decode().splitlines()]
    return [line for line in lines if kind in (None, line["type"])]


# ---- what captures must show ------------------------------------------------------------------


def events(conn, kind):
    return [event for event in conn["events"] if event["event"] == kind]


def joins(conn):
    return [flow["join"] for flow in conn["subflows"] if flow["join"]]


def good_joins(conn):
    return [j for j in joins(conn) if j["token_known"] and j["synack_hmac"] == "good"
            and j["ack_hmac"] == "good"]


def csum(conn, verdict):
    return conn["a"]["dss"]["checksum_" + verdict] + conn["b"]["dss"]["checksum_" + verdict]


def outcome(conn):
    return conn["outcome"], conn["reason"]


# Each scenario: outcome, reason, checksums, subflows, and what else must hold (name: function).
V1, V0 = ("v1", None), ("v0", None)
SILENT, ANSWERED_V0 = ("tcp_silent", None), ("tcp_answered_v0", None)
PLAIN_THIRD = ("refused", "third_ack_without_mp_capable")

no_errors = {"no errors": lambda c: not any(
    events(c, kind) for kind in ("option_error", "option_chain_error", "dss_checksum_bad",
                                 "dss_checksum_missing", "dss_checksum_extra",
                                 "too_many_options", "combination"))}
fins = {"DATA_FIN both ways": lambda c: {e["from"] for e in events(c, "data_fin")} == {"A", "B"}}
joined = {"one good join": lambda c: len(good_joins(c)) == 1}
announced = {
    "ADD_ADDR with a good HMAC": lambda c: [e["hmac"] for e in events(c, "add_addr")] == ["good"],
    "echo": lambda c: len(events(c, "add_addr_echo")) == 1}
announced_v0 = {"ADD_ADDR of v0": lambda c: {e["hmac"] for e in events(c, "add_addr")} == {"none"}}
fastclosed = {"fast close with the right key": lambda c: events(c, "mp_fastclose")
              and all(e["key_verdict"] == "good" for e in events(c, "mp_fastclose"))}
bad_addr = {"ADD_ADDR with a bad HMAC": lambda c: [e["hmac"] for e in events(c, "add_addr")] ==
            ["bad"], "no echo": lambda c: not events(c, "add_addr_echo")}
refused_join = {
    "a join refused by RST": lambda c: [j["refused"] for j in joins(c)] == [True],
    "MP_TCPRST reason 1": lambda c: [e["reason"] for e in events(c, "mp_tcprst")] == [1]}
fell_back = {
    "MP_FAIL": lambda c: events(c, "mp_fail"),
    "infinite mapping": lambda c: events(c, "infinite_mapping")}
prio = {"backup, then regular": lambda c: [e["backup"] for e in events(c, "mp_prio")] ==
        [True, False]}
small_good = {"every DSS checksum judged and good": lambda c: csum(c, "good") > 20
              and not csum(c, "bad") and not csum(c, "not_judged")}
all_good = {"every DSS checksum is good": lambda c: all(
    set(c[s]["data"]["checksum_verdicts"]) == {"good"} for s in "ab")}
some_good = {"DSS checksums judged, none bad": lambda c: csum(c, "good") > 0
             and not csum(c, "bad")}

def subflow_data(conn, side):
    return [flow[f"sent_by_{side}"]["data"] for flow in conn["subflows"]]


def whole(conn):
    """Every byte has a number: 1 to what was sent, but for what was sent again."""
    for side in "ab":
        data, sent = conn[side]["data"], conn[side]["bytes"]
        new = sent - data["retransmitted_bytes"] - data["reinjected_bytes"]
        if (data["relative_first"], data["relative_last"]) != (1, new):
            return False
        if set(data["segments_by_dsn_state"]) != {"mapped"} or data["unmapped_bytes"]:
            return False
        for key in ("retransmissions", "reinjections"):
            if data[key] != sum(one[key] for one in subflow_data(conn, side)):
                return False
    return True


def spans(conn):
    """The same where bytes come late, which look like bytes that come again."""
    for side in "ab":
        data, sent = conn[side]["data"], conn[side]["bytes"]
        new = sent - data["retransmitted_bytes"] - data["reinjected_bytes"]
        if data["relative_first"] != 1 or not new <= data["relative_last"] <= sent:
            return False
    return True


def signs(conn, name):
    return {s["from"]: s["count"] for s in conn["signs"] if s["sign"] == name}


numbered = {"every byte has its number": whole}
spanned = {"numbers from the first byte to the last": spans}
one_queue = {"all subflows share a queue": lambda c: len(
    {data["queue"] for side in "ab" for data in subflow_data(c, side)}) == 1
    and not any(data["queue_moves"] for side in "ab" for data in subflow_data(c, side))}
learnt = {"a flow is learnt": lambda c: signs(c, "JOIN_LEARNT"), **one_queue}

LOCAL = {
    "v4": (V1, False, 1, fins),
    "v4_csum": (V1, True, 1, {**fins, **all_good, **numbered, **one_queue}),
    "v6": (V1, False, 1, fins),
    "v6_csum": (V1, True, 1, {**fins, **all_good, **numbered, **one_queue}),
    "v4_small_csum": (V1, True, 1, {**fins, **small_good, **all_good, **numbered}),
    "v4_empty": (V1, False, 1, {**fins, "no bytes": lambda c: not c["a"]["bytes"]}),
    "v4_server_first": (V1, None, 1, {"no MP_CAPABLE data":
                                      lambda c: not c["a"]["dss"]["capable_data"]}),
    "v4_no_timestamps": (V1, None, 1, fins),
    "v4_join": (V1, False, 2, {**fins, **joined, **learnt, **numbered, "id 7":
                               lambda c: joins(c)[0]["opener_id"] == 7}),
    "v6_join_csum": (V1, True, 2, {**fins, **joined, **learnt, **all_good, **numbered}),
    "v4_join_backup": (V1, None, 2, {**joined, "backup": lambda c: joins(c)[0]["opener_backup"]}),
    "v4_add_addr": (V1, None, 2, {**joined, **announced, "address":
                                  lambda c: events(c, "add_addr")[0]["addr"] == "10.0.2.2"}),
    "v4_add_addr_port": (V1, None, 2, {**joined, **announced, "port":
                                       lambda c: events(c, "add_addr")[0]["port"] == 10100}),
    "v6_add_addr_csum": (V1, True, 2, {**joined, **announced, **some_good, "address":
                                       lambda c: events(c, "add_addr")[0]["addr"] == "fd00:2::2"}),
    "v6_add_addr_port": (V1, None, 2, {**joined, **announced, "port":
                                       lambda c: events(c, "add_addr")[0]["port"] == 10100}),
    "v4_remove_addr": (V1, None, 2, {**joined, "id 7 removed":
                                     lambda c: [e["addr_ids"] for e in events(c, "remove_addr")]
                                     == [[7]]}),
    "v4_mp_prio": (V1, None, 2, {**joined, **prio}),
    "v4_fastclose": (V1, None, 2, {**joined, **fastclosed, "MP_TCPRST":
                                   lambda c: events(c, "mp_tcprst")}),
    "v4_mp_fail.client": (V1, True, 1, {
        **fell_back,
        "MP_FAIL both ways": lambda c: {e["from"] for e in events(c, "mp_fail")} == {"A", "B"},
        "and as signs": lambda c: signs(c, "MP_FAIL") == {"A": 1, "B": 1}
        and signs(c, "INFINITE") == {"A": 1},
        "data behind the fallback": lambda c: all(
            c[s]["data"]["segments_by_dsn_state"]["not_mptcp"] for s in "ab")}),
    "v4_mp_fail_two.client": (V1, True, 2, {
        **joined, **learnt, "reinjected": lambda c: c["a"]["data"]["reinjected_bytes"] == 8192,
        "one MP_FAIL": lambda c: len(events(c, "mp_fail")) == 1,
        "reason 6": lambda c: [e["reason"] for e in events(c, "mp_tcprst")] == [6]}),
    "v4_join_bad_token.client": (V1, None, 2, refused_join),
    "v4_join_bad_hmac.client": (V1, None, 2, {"MP_TCPRST":
                                              lambda c: len(events(c, "mp_tcprst")) == 2}),
    "v4_add_addr_bad_hmac.client": (V1, None, 1, bad_addr),
    "v4_plain_server": (SILENT, None, 1, {}),
    "v4_strip_syn.client": (SILENT, None, 1, {}),
    "v4_strip_synack.client": (SILENT, None, 1, {}),
    "v4_strip_synack.server": (PLAIN_THIRD, None, 1, {}),
    "v4_strip_ack.server": (PLAIN_THIRD, None, 1, {}),
    "v4_synack_v0.client": (ANSWERED_V0, None, 1, {}),
    "v4_vlan": (V1, None, 2, joined),
    "v6_qinq": (V1, None, 1, fins),
    "v4_ip_options.server": (V1, None, 1, fins),
    "v6_ext_headers.server": (V1, None, 1, fins),
    "v4_fragments.server": (V1, None, 1, fins),
    "v4_loss_reorder.server": (V1, True, 1, {
        **some_good, **spanned, "retransmissions": lambda c: c["a"]["data"]["retransmissions"] == 2,
        "bytes out of order": lambda c: c["a"]["data"]["checksum_verdicts"] == {"order": 1}}),
    "v4_midstream": (("middle", None), None, 1, fins),
    "v4_snap96": (V1, None, 1, fins),
    "v4_offload": (V1, None, 1, some_good),
    "v6_offload": (V1, None, 1, some_good),
    "v4_nanoseconds": (V1, None, 1, fins),
    "v4_two_interfaces": (V1, None, 2, joined),
}

OTHERS = {
    "v0_j02_v4_csum": (V0, True, 1, {**fins, **small_good}),
    "v0_j05_v4_fullmesh_csum": (V0, True, 4, {**fins, **small_good, **announced_v0,
                                              "3 joins": lambda c: len(joins(c)) == 3}),
    "v0_j09_v4_remove_addr": (V0, True, 4, {"id 3 removed": lambda c: {
        tuple(e["addr_ids"]) for e in events(c, "remove_addr")} == {(3,)}}),
    "v0_j12_v4_fastclose": (V0, True, 4, fastclosed),
    "v0_j14_v4_small_writes": (V0, True, 1, small_good),
    "v0_j16_v4_mpfail_single.client": (V0, True, 1, fell_back),
    "v0_j18_v4_strip_syn.client": (SILENT, None, 1, {}),
    "v0_j22_v4_resegment.client": (V0, True, 1, some_good),
    "v0_j22_v4_resegment.server": (V0, True, 1, some_good),
    "v0_k04_cli_v1_srv_v0": (ANSWERED_V0, None, 1, {}),
    "v0_k05_cli_v0_srv_v1": (V0, False, 1, fins),
    "v1_a03_v4_small_writes_csum": (V1, True, 1, small_good),
    "v1_a03_v6_small_writes_csum": (V1, True, 1, small_good),
    "v1_a04_v4_empty": (V1, True, 1, {**fins, **some_good}),
    "v1_a05_v4_onebyte": (V1, True, 1, {**fins, "4 good": lambda c: csum(c, "good") == 4}),
    "v1_a07_v6_mtu1280": (V1, True, 1, some_good),
    "v1_b01_v4_join_csum1": (V1, True, 2, joined),
    "v1_b02_v6_addaddr_csum1": (V1, True, 2, {**joined, **announced}),
    "v1_b03_v4_addaddr_port": (V1, False, 2, {**joined, **announced}),
    "v1_c01_v4_mp_prio": (V1, True, 2, {**joined, **prio}),
    "v1_c03_v4_remove_addr_client": (V1, True, 2, {"id 1 removed": lambda c: [
        e["addr_ids"] for e in events(c, "remove_addr")] == [[1]]}),
    "v1_d01_v4_fastclose": (V1, True, 2, {**joined, **fastclosed}),
    "v1_e01_v4_server_plain_tcp": (SILENT, None, 1, {}),
    "v1_e03_v4_strip_syn.client": (SILENT, None, 1, {}),
    "v1_f01_v4_mpfail_single.client": (V1, True, 1, fell_back),
    "v1_f01_v4_mpfail_single.server": (V1, True, 1, {
        **fell_back, "no errors": lambda c: len(events(c, "dss_checksum_bad")) == 1,
        "bad, with its sign": lambda c: csum(c, "bad") == 1
        and signs(c, "CSUM_BAD") == {"A": 1}}),
    "v1_g01_v4_loss2pct_2paths.client": (V1, True, 2, {**joined, **learnt, **spanned}),
    "v1_g05_v4_resegment.client": (V1, True, 1, some_good),
    "v1_g05_v4_resegment.server": (V1, True, 1, some_good),
    "v1_h01_v4_vlan.client": (V1, True, 2, joined),
    "v1_h03_v4_qinq.client": (V1, True, 2, joined),
    "v1_i01_v4_join_bad_token.client": (V1, False, 2, refused_join),
    "v1_i04_v4_addaddr_bad_hmac.client": (V1, False, 1, bad_addr),
    "tcpdump__mptcp-v0": (V0, True, 2, {**joined, **announced_v0, **small_good}),
    "tcpdump__mptcp-fclose": (V0, True, 1, fastclosed),
    "tcpdump__mptcp-aa-v1": (V1, False, 1, bad_addr),
}


def check_pipeline(name, conn, totals):
    """Counts of the stateful half against those of the connection, which is the file's only one."""
    pipeline, host = totals["pipeline"], totals["host"]
    equal(sum(pipeline["flow"].values()), totals["frames"], f"{name}: every frame is looked up")
    equal(host["entries_left_out"], 0, f"{name}: all fits into the tables")
    equal(pipeline["token"].get("learnt", 0), host["flows_learnt"], f"{name}: learnt flows")
    equal(host["flows_confirmed"], len(good_joins(conn)), f"{name}: confirmed flows")
    verdicts = [conn[side]["data"]["checksum_verdicts"] for side in "ab"]
    for verdict in set().union(*verdicts):
        equal(pipeline["map_csum"][verdict], sum(v.get(verdict, 0) for v in verdicts),
              f"{name}: mappings {verdict}")
    tcp = outcome(conn) in (SILENT, ANSWERED_V0, PLAIN_THIRD) or events(conn, "infinite_mapping")
    equal(host["connections_fallen_back"], 1 if tcp else 0, f"{name}: fallen back")


def check_scenarios(sim, folder, scenarios):
    for name, (wanted, checksums, subflows, more) in scenarios.items():
        path = next(iter(sorted(folder.glob(name + ".pcap*"))), None)
        check(path, f"{name}: the capture is missing in {folder}")
        if not path:
            continue
        code, out, err = run(sim, "replay", "--json", path)
        equal((code, err), (0, ""), f"{name}: exit code and messages")
        conns = objects(out, "connection")
        equal(len(conns), 1, f"{name}: connections")
        if len(conns) != 1:
            continue
        conn = conns[0]
        equal(outcome(conn), wanted, f"{name}: outcome")
        if checksums is not None:
            equal(conn["checksums"], checksums, f"{name}: checksums")
        equal(len(conn["subflows"]), subflows, f"{name}: subflows")
        for what, holds in {**no_errors, **more}.items():
            check(holds(conn), f"{name}: {what}")
        engine = objects(out, "engine")[0]
        equal(engine["compared"], engine["packets"], f"{name}: all packets compared")
        check_pipeline(name, conn, objects(out, "totals")[0])


def check_counts(sim):
    """Two connections in a file, and verdicts that are no connection's."""
    _, out, _ = run(sim, "replay", "--json", CAPTURES / "v0_scripted.pcap")
    conns = objects(out, "connection")
    equal([outcome(conn) for conn in conns], [V0, V0], "two connections of version 0")
    equal([len(conn["subflows"]) for conn in conns], [2, 1], "their subflows")
    equal([e["addr_id"] for e in events(conns[0], "mp_prio")], [4], "MP_PRIO with an address id")
    equal([(e["port"], e["hmac"]) for e in events(conns[0], "add_addr")],
          [(None, "none"), (8081, "none")], "ADD_ADDR of version 0")
    check(fastclosed["fast close with the right key"](conns[1]), "fast close of version 0")
    code, out, _ = run(sim, "replay", "--json", CAPTURES / "v4_plain_client.pcap")
    totals = objects(out, "totals")[0]
    equal((code, totals["connections"], totals["plain_tcp_flows"]), (0, 0, 1), "plain TCP")
    _, out, _ = run(sim, "replay", "--json", CAPTURES / "v4_snap76.pcap")
    totals = objects(out, "totals")[0]
    equal((totals["cut_tcp_flows"], totals["truncated"], totals["tcpopt"].get("cut")), (1, 23, 22),
          "options cut off")
    _, out, _ = run(sim, "replay", "--json", CAPTURES / "v4_vlan.pcap")
    totals = objects(out, "totals")[0]
    equal(totals["vlan_1"], totals["frames"], "VLAN tags")
    _, out, _ = run(sim, "replay", "--json", CAPTURES / "v4_offload.pcap")
    equal(objects(out, "totals")[0]["tcp_checksums"], {"partial": 18}, "csum_partial")


def spoiled(data, flip):
    """The frame with its payload's first word changed, and a TCP checksum that is right again."""
    tcp = 14 + (data[14] & 15) * 4
    at = tcp + (data[tcp + 12] >> 4) * 4
    old, csum_field = (int.from_bytes(data[i:i + 2], "big") for i in (at, tcp + 16))
    total = (csum_field ^ 0xFFFF) + (old ^ 0xFFFF) + (old ^ flip)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    data = bytearray(data)
    data[at:at + 2] = (old ^ flip).to_bytes(2, "big")
    data[tcp + 16:tcp + 18] = (total ^ 0xFFFF).to_bytes(2, "big")
    return bytes(data)


def check_bad_mapping(sim, work):
    """One changed payload: its mapping, and no other, is bad."""
    _, frames = files.read_pcap(CAPTURES / "v4_small_csum.pcap")
    _, out, _ = run(sim, "replay", "--engine", "model", "--json", "--packets",
                    CAPTURES / "v4_small_csum.pcap")
    packets = objects(out, "packet")
    judged = [p["frame"] for p in packets if p["result"]["map_csum"] == "good"]
    equal(len(judged), 30, "30 mappings, each in a segment; there are two DATA_FIN besides")
    made = work / "spoiled.pcap"
    for frame in (judged[0], judged[7], judged[-1]):
        changed = [(s, f, spoiled(d, 0x0110) if i == frame else d, n)
                   for i, (s, f, d, n) in enumerate(frames, 1)]
        made.write_bytes(files.pcap(changed, nano=True))
        code, out, _ = run(sim, "replay", "--engine", "model", "--json", "--packets", made)
        conn, = objects(out, "connection")
        bad = {p["frame"] for p in objects(out, "packet") if p["result"]["map_csum"] == "bad"}
        equal((code, bad, csum(conn, "good"), csum(conn, "bad")), (0, {frame}, 31, 1),
              f"frame {frame} was changed on the way")
        equal([e["frame"] for e in events(conn, "dss_checksum_bad")], [frame],
              f"frame {frame}: the event")
        dsn = [p["result"]["dsn"] for p in objects(out, "packet") if p["frame"] == frame]
        equal([e["dsn"] for e in events(conn, "dss_checksum_bad")], dsn, f"frame {frame}: DSN")


def check_events(sim):
    path = CAPTURES / "v4_join.pcap"
    _, out, _ = run(sim, "replay", "--engine", "model", "--json", "--events", path)
    got = objects(out, "event")
    equal([e["seq"] for e in got], list(range(len(got))), "events are numbered")
    equal(len(got), objects(out, "totals")[0]["pipeline"]["events"], "events are counted")
    join, = [e for e in got if "JOIN_LEARNT" in e["signs"]]
    flow = objects(out, "connection")[0]["subflows"][1]
    equal((join["frame"], join["token"], join["src"]),
          (flow["syn_frame"], flow["join"]["token"], flow["from"]["addr"]), "the join's event")
    _, text, _ = run(sim, "replay", "--engine", "model", "--events", path)
    lines = [line for line in text.decode().splitlines() if re.match(r"\d+ event \d+ ", line)]
    equal(len(lines), len(got), "a line for each event")
    check(any("JOIN,JOIN_LEARNT" in line and join["token"] in line for line in lines),
          "the join's line")


def check_packet_lines(sim):
    _, out, _ = run(sim, "replay", "--engine", "model", "--packets", CAPTURES / "v4_csum.pcap")
    lines = out.decode().splitlines()
    check(any("; DSN 0x" in line and " (1 to " in line for line in lines), "a number in a line")
    check(any("; DSS checksum good" in line for line in lines), "a verdict in a line")
    check(any("; queue " in line and "signs CAPABLE_SYN,HANDSHAKE" in line for line in lines),
          "queue and signs in a line")


def model(sim, *args):
    code, out, err = run(sim, "replay", "--engine", "model", "--json", "--packets", *args)
    equal((code, err), (0, ""), f"{args}")
    return objects(out)


def check_tables(sim, work):
    path = CAPTURES / "v4_add_addr.pcap"
    tables = work / "a.tables"
    tables.write_text("""# peers without MPTCP, no joins, one flow with an action
host-source 0
peer 10.0.1.2 none strip
rule 0 dst 10.0.2.2 option MP_JOIN drop prio 1
flow tcp 10.0.1.1 50132 10.0.1.2 8080 queue 9 mark 0xabc
""")
    lines = model(sim, "--tables", tables, path, path)
    results = {p["frame"]: p["result"] for p in lines if p["type"] == "packet"}
    equal((results[3]["speaks"], results[3]["strip"]), ("none", "0x0001"), "a SYN is stripped")
    equal((results[16]["drop"], results[16]["rule"]), ("action", 0), "an MP_JOIN is dropped")
    equal((results[6]["mark"], results[6]["rx_queue"]), ("0x00000abc", 9), "an action of a flow")
    conns = [line for line in lines if line["type"] == "connection"]
    equal([whole(conn) for conn in conns], [True, True], "a flow of the file gets its connection")
    totals = [line["pipeline"] for line in lines if line["type"] == "totals"]
    equal([t["drop"]["action"] for t in totals], [2, 2], "each file begins with these tables")

    # As it leaves: the SYN without MP_CAPABLE, the joins not at all, and all else as it came.
    left = work / "left.pcapng"
    run(sim, "replay", "--engine", "model", "--tables", tables, "--deparsed", left, path)
    before = [p for p in lines if p["type"] == "packet"][:42]
    after = [p for p in model(sim, left) if p["type"] == "packet"]
    kept = [p for p in before if p["result"]["drop"] == "none"]
    equal((len(before), len(after)), (42, 40), "--deparsed: dropped frames are not there")
    equal([p["hdr"]["opts"] for p in after[3:]], [p["hdr"]["opts"] for p in kept[3:]],
          "--deparsed: the others are as they came")
    syn = after[2]
    equal((syn["hdr"]["opt"], syn["csum"]["l4"], syn["hdr"]["mss"]), ([], "good", 1460),
          "--deparsed: no MP_CAPABLE, the checksum is right")
    check("STRIPPED" in before[2]["result"]["flags"], "the flag of a stripped frame")
    code, _, err = run(sim, "replay", "--engine", "model", "--deparsed", left, left)
    check(code == 2 and "--deparsed would overwrite" in err, "--deparsed over an input")

    code, _, err = run(sim, "replay", "--pcapng", left, "--deparsed", left, path)
    check(code == 2 and "name one file" in err, "--pcapng and --deparsed to one file")

    # The join alone, without the handshake of its connection: its token and IDSNs are told.
    conn, = [line for line in model(sim, CAPTURES / "v4_mp_fail_two.client.pcap")
             if line["type"] == "connection"]
    flow = conn["subflows"][1]
    _, frames = files.read_pcap(CAPTURES / "v4_mp_fail_two.client.pcap")
    ports = flow["from"]["port"].to_bytes(2, "big"), flow["to"]["port"].to_bytes(2, "big")
    alone = work / "join.pcap"
    alone.write_bytes(files.pcap([f for f in frames if {f[2][34:36], f[2][36:38]} == set(ports)],
                                 nano=True))
    tables.write_text(f"connection 0 idsn-a {conn['a']['idsn']} idsn-b {conn['b']['idsn']} "
                      f"checksums queue 3\ntoken {flow['join']['token']} 0 b\n")
    for args, state in (((), "no_flow"), (("--tables", tables), "mapped")):
        got, = [line for line in model(sim, *args, alone) if line["type"] == "connection"]
        equal(set(got["a"]["data"]["segments_by_dsn_state"]), {state}, f"a join alone: {args}")
    want = flow["sent_by_a"]["data"]
    equal([got["a"]["data"][k] for k in ("dsn_first", "dsn_last", "queue", "checksum_verdicts")],
          [want["dsn_first"], want["dsn_last"], 3, want["checksum_verdicts"]],
          "a join alone: numbers, queue, verdicts")

    tables.write_text("\n  reta 0 x\n")
    code, out, err = run(sim, "replay", "--engine", "model", "--tables", tables, path)
    equal((code, out), (1, b""), "a broken table file")
    check(f"{tables}: line 2, column 10: 'x' is no queue" in err, "its message: " + err)
    code, out, err = run(sim, "replay", "--engine", "model", "--tables", work / "none", path)
    equal((code, out), (1, b""), "a missing table file")
    check("No such file" in err, "its message")


def check_refused_links(sim, work):
    """Captures of other link types are refused; with an Ethernet header they are read."""
    wanted = {
        "tcpdump__mptcp-v1": lambda conns, totals: outcome(conns[0]) == V1
        and conns[0]["offer"]["flags"] == "H",
        "tcpdump__mptcp-aa-echo": lambda conns, totals: any(events(c, "add_addr_echo")
                                                            for c in conns),
        "tcpdump__mptcp-tcprst": lambda conns, totals: any(events(c, "mp_tcprst") for c in conns),
    }
    for name, holds in wanted.items():
        path = SHARED / (name + ".pcap")
        code, out, err = run(sim, "replay", "--json", path)
        totals = objects(out, "totals")[0]
        equal((code, totals["not_ethernet"]), (1, totals["frames"]), f"{name}: refused")
        check("link type" in err and "interface 0" in err, f"{name}: the message names both")
        link, frames = files.read_pcap(path)
        made = work / (name + ".pcap")
        made.write_bytes(files.pcap([(s, f, files.to_ethernet(link, d), max(n - 2, len(d)))
                                     for s, f, d, n in frames], nano=True))
        code, out, _ = run(sim, "replay", "--json", made)
        equal(code, 0, f"{name} as Ethernet")
        check(holds(objects(out, "connection"), objects(out, "totals")[0]),
              f"{name} as Ethernet: {out.decode()[:2000]}")
    code, out, _ = run(sim, "replay", "--json", SHARED / "tcpdump__mptcp-dss-oobr.pcap")
    malformed = objects(out, "totals")[0]["malformed"]
    equal([(m["option"], m["error"], m["frames"]) for m in malformed], [("DSS", "segment", [1])],
          "DSS of length 3 on a SYN")


# ---- keys -------------------------------------------------------------------------------------


def check_keys(sim, faulty, work):
    for path in sorted(CAPTURES.glob("*.pcap*")):
        _, out, _ = run(sim, "replay", "--engine", "model", "--json", "--show-keys", path)
        keys = {conn[side]["key"][2:] for conn in objects(out, "connection") for side in "ab"
                if "key" in conn[side]}
        if path.name == "v4.pcap":
            equal(len(keys), 2, "keys are printed where they are asked for")
        made = work / "keys.pcapng"
        text = b""
        for args in (["--packets"], ["--json", "--packets"], ["--pcapng", made]):
            _, out, err = run(sim, "replay", "--engine", "model", *args, path)
            text += out + err.encode()
        text += subprocess.run(["tshark", "-r", made, "-Tfields", "-e", "frame.comment"],
                               capture_output=True, check=True, timeout=TIMEOUT).stdout
        for frame in range(3, 8) if path.name in ("v4.pcap", "v4_fastclose.pcap") else ():
            for fault in (f"{frame}:hdr:98", f"{frame}:hdr:160", f"{frame}:frame:60"):
                _, out, err = run(faulty, "replay", path, env={"MPNIC_FAULT": fault})
                text += out + err.encode()
        flat = re.sub(rb"[\s:]", b"", text).lower()
        for key in keys:
            swapped = bytes.fromhex(key)[::-1].hex()
            check(key.encode() not in flat and swapped.encode() not in flat,
                  f"{path.name}: a key was printed")


# ---- the engines differ -----------------------------------------------------------------------


def check_difference(faulty):
    path = CAPTURES / "v4.pcap"
    code, out, err = run(faulty, "replay", path, env={"MPNIC_FAULT": "4:hdr:28"})
    text = out.decode()
    equal(code, 3, "a difference in hdr: exit code")
    check("frame 4 " in text and str(path) in text, "the difference names file and frame")
    marked = [line.split()[1] for line in text.splitlines() if line.startswith("* ")]
    equal(marked, ["seq"], "the field that differs is marked, and no other")
    check(re.search(r"clocks: entered \d+ to \d+, left \d+", text), "the clock is named")
    check("\nconnection" not in text, "it stops there")
    code, out, _ = run(faulty, "replay", path, env={"MPNIC_FAULT": "26:csum:1"})
    equal(code, 3, "a difference in the last frame's csum: exit code")
    check("\n* l4 " in out.decode(), "csum.l4 is marked")
    code, out, _ = run(faulty, "replay", path, env={"MPNIC_FAULT": "9:frame:3"})
    equal(code, 3, "a changed frame: exit code")
    check("frame as it left the RTL" in out.decode(), "both frames are shown")
    code, out, err = run(faulty, "replay", "--json", path, env={"MPNIC_FAULT": "4:hdr:28"})
    equal((code, [line["frame"] for line in objects(out, "difference")]), (3, [4]),
          "a difference in JSON")
    check("* seq" in err, "with --json the records go to stderr")
    code, out, _ = run(faulty, "replay", path, env={"MPNIC_FAULT": "5:result:20"})
    equal(code, 3, "a difference in a result: exit code")
    check("\n* hash " in out.decode(), "result.hash is marked")
    code, out, _ = run(faulty, "replay", path, env={"MPNIC_FAULT": "2:event:8"})
    equal(code, 3, "a difference in an event: exit code")
    check("\n* time_ns " in out.decode(), "event.time_ns is marked")
    # The last answers are counters; events_lost is the last of them.
    commands = objects(run(faulty, "replay", "--json", path)[1], "engine")[0]["commands"]
    code, out, _ = run(faulty, "replay", path, env={"MPNIC_FAULT": f"{commands}:answer:0"})
    equal(code, 3, "a difference in a counter: exit code")
    check('counter "events_lost" is 0 in the model, 255 in the RTL' in out.decode(),
          "the counter is named")
    for byte in range(0, 296, 15):
        code, out, _ = run(faulty, "replay", path, env={"MPNIC_FAULT": f"6:hdr:{byte}"})
        equal((code, len(re.findall(r"\n\* \w", out.decode()))), (3, 1), f"byte {byte} of hdr")
    code, _, err = run(faulty, "replay", path, env={"MPNIC_FAULT": "4:stall:0"})
    equal(code, 1, "an RTL that hangs: exit code")
    check("RTL engine failed" in err, "an RTL that hangs: message")
    code, _, err = run(faulty, "replay", path)
    equal((code, err), (0, ""), "the double without a fault")


# ---- waveforms --------------------------------------------------------------------------------


def check_trace(sim, work):
    wave = work / "replay.fst"
    wave.unlink(missing_ok=True)
    code, out, err = run(sim, "replay", "--trace", wave, CAPTURES / "v4_empty.pcap")
    equal((code, err), (0, ""), "--trace: exit code and messages")
    check(wave.is_file() and wave.stat().st_size > 1000, "--trace writes a file")
    check(b"0 differences" in out, "--trace compares too")


# ---- pcapng -----------------------------------------------------------------------------------


def tshark(path, *fields):
    args = [arg for field in fields for arg in ("-e", field)]
    done = subprocess.run(["tshark", "-r", path, "-Tfields", *args], capture_output=True,
                          timeout=TIMEOUT, check=True)
    return done.stdout.decode().splitlines()


def check_pcapng(sim, work):
    made = work / "comments.pcapng"
    both = ("frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "frame.encap_type",
            "ip.id", "tcp.seq_raw", "tcp.payload", "tcp.options")
    for path in sorted(CAPTURES.glob("*.pcap*")):
        code, _, err = run(sim, "replay", "--engine", "model", "--pcapng", made, path)
        equal((code, err), (0, ""), f"{path.name}: --pcapng")
        fields = both + (("frame.interface_id",) if path.suffix == ".pcapng" else ())
        equal(tshark(made, *fields), tshark(path, *fields), f"{path.name}: round trip")
        comments = tshark(made, "frame.comment")
        check(all(c.startswith("mpnic: ") for c in comments), f"{path.name}: comments")
    code, _, _ = run(sim, "replay", "--engine", "model", "--pcapng", made,
                     CAPTURES / "v4_two_interfaces.pcapng", CAPTURES / "v4_nanoseconds.pcap")
    names = [set(tshark(p, "frame.interface_name")) for p in
             (CAPTURES / "v4_two_interfaces.pcapng", made)]
    check(names[0] <= names[1] or names[0] == {""}, "interface names are kept")
    equal(max(int(i) for i in tshark(made, "frame.interface_id")), 2,
          "two files: three interfaces")
    precise = [line for line in tshark(made, "frame.time_epoch") if not line.endswith("000")]
    check(precise, "nanoseconds are kept")
    code, _, err = run(sim, "replay", "--engine", "model", "--pcapng", made, made)
    equal(code, 2, "--pcapng over an input")
    check("overwrite" in err, "--pcapng over an input: message")
    code, _, err = run(sim, "replay", "--engine", "model", "--pcapng", work / "no" / "x", made)
    equal(code, 1, "--pcapng where nothing can be written")


# ---- crafted files ----------------------------------------------------------------------------


def some_frames():
    _, frames = files.read_pcap(CAPTURES / "v4_empty.pcap")
    return [data for _, _, data, _ in frames if data[12:14] == b"\x08\x00"]


def crafted(order="<"):
    """Two Ethernet interfaces, one of another type, all kinds of packet blocks."""
    frames = some_frames()
    out = files.section(order) + files.interface(order, name=b"one", tsresol=9)
    out += files.interface(order, link=113, name=b"any")
    out += files.interface(order, snaplen=64, tsresol=0x80 | 20) + files.unknown_block(order)
    for number, frame in enumerate(frames):
        out += files.packet(frame, order, iface=0 if number % 2 else 2, time=number << 32)
    out += files.packet(b"not Ethernet", order, iface=1)
    out += files.obsolete_packet(frames[0], order, time=5) + files.simple_packet(b"", order)
    return out, len(frames) + 3


def check_crafted(san, work):
    for order in "<>":
        path = work / "crafted.pcapng"
        raw, count = crafted(order)
        path.write_bytes(raw)
        code, out, err = run(san, "replay", "--json", path)
        totals = objects(out, "totals")[0]
        equal((code, totals["frames"], totals["not_ethernet"]), (1, count, 1), f"order {order}")
        check("interface 1 (any) has link type LINUX_SLL (113)" in err,
              "the refused interface is named with its type")
        equal(objects(out, "connection")[0]["outcome"], "v1", "over two interfaces")
        equal(objects(out, "engine")[0]["empty"], 1, "a frame of no bytes: the model alone")
        path.write_bytes(raw[:-3])
        code, out, err = run(san, "replay", path)
        equal(code, 1, "broken at its end")
        check(re.search(r"at byte \d+: the file ends inside", err), "where and what it is")
        check(b"connection 1" in out and b"MPTCP version 1" in out,
              "what could be read is reported")
    frames = [(1, 999999999, data, len(data) + 10) for data in some_frames()]
    for order in "<>":
        path.write_bytes(files.pcap(frames, order, nano=True))
        code, out, _ = run(san, "replay", "--json", "--packets", path)
        packets = objects(out, "packet")
        equal({p["time"] for p in packets}, {"1.999999999"}, "nanoseconds")
        equal(objects(out, "totals")[0]["truncated"], len(frames), "snap length")
    raw = path.read_bytes()
    code, out, _ = run(san, "replay", "--json", "-", stdin=raw)
    equal((code, objects(out, "totals")[0]["frames"]), (0, len(frames)), "stdin")
    huge = files.pcap([(0, 0, bytes(70000), 70000)])
    code, out, _ = run(san, "replay", "--json", "-", stdin=huge)
    equal((code, objects(out, "totals")[0]["overlong"]), (0, 1), "a frame above 65535 bytes")


def broken_run(code, out, err, paths):
    """What is wrong with a run over hostile files, and the file, or None if that is not known.

    A file is judged by a totals line or, where it is no capture at all, by an error alone; each
    error is told on stderr too, and is what makes the exit code.
    """
    if code not in (0, 1) or "Sanitizer" in err or "runtime error" in err:
        return f"exit code {code}, {err[-2000:]}", None
    try:
        lines = objects(out)
    except ValueError as error:
        return f"not JSON: {error}", None
    kinds = {str(path): [] for path in paths}
    for line in lines:
        if line["type"] in ("totals", "error"):
            kinds[line["file"]].append(line["type"])
        if line["type"] == "error" and f"{line['file']}: at byte {line['offset']}: " not in err:
            return "an error without a message", line["file"]
    for path, said in kinds.items():
        if not said or said.count("totals") > 1:
            return f"judged by {said}", path
    bad = sum("error" in said for said in kinds.values())
    if code != (1 if bad else 0):
        return f"exit code {code} with {bad} broken files", None
    if lines[-1]["type"] != "engine":
        return "the run has no end", None
    return None, None


def hostile(program, paths, what):
    """Hostile files, all in a run; if it fails, each alone, so that the one to blame is named.

    Returns the report.
    """
    code, out, err = run(program, "replay", "--engine", "model", "--json", "--packets", *paths)
    wrong, name = broken_run(code, out, err, paths)
    if not wrong or len(paths) == 1:
        check(not wrong, f"{what}: {paths[0]}: {wrong}")
        return out
    before = len(failures)
    for path in paths:
        hostile(program, [path], what)
    check(len(failures) > before and not name,
          f"{what}: {name or f'{paths[0]} to {paths[-1]}, not one alone'}: {wrong}")
    return out


def in_batches(san, small, work, raws, what):
    """Hostile files, many to a run: no crash, no sanitizer message, a verdict on each.

    Each with small tables, every tenth with a card's too, where the report must be the same.
    """
    paths = []
    for number, raw in enumerate(raws):
        path = work / f"hostile{number}"
        path.write_bytes(raw)
        paths.append(path)
    before = len(failures)
    for at in range(0, len(paths), 200):
        hostile(small, paths[at:at + 200], what)
    some = paths[::10]
    check(hostile(san, some, f"{what}, a card's tables") == hostile(small, some, what),
          f"{what}: the report depends on the size of tables")
    for path in paths if len(failures) == before else ():
        path.unlink()


def check_hostile(san, small, work):
    tiny = files.section() + files.interface(name=b"one", tsresol=9)
    tiny += b"".join(files.packet(frame) for frame in some_frames()[:4])
    pcap = files.pcap([(0, 0, frame, len(frame)) for frame in some_frames()[:4]])
    for raw, what in ((tiny, "pcapng"), (pcap, "pcap")):
        in_batches(san, small, work, [raw[:at] for at in range(len(raw))], f"{what} cut")
        for value in (0x00, 0xFF, 0x80):
            in_batches(san, small, work, [raw[:at] + bytes([value]) + raw[at + 1:]
                                          for at in range(len(raw))], f"{what} with {value:#x}")


# ---- the command line -------------------------------------------------------------------------


def check_usage(sim, work):
    path = CAPTURES / "v4.pcap"
    for args in (["--help"], ["replay", "--help"]):
        code, out, err = run(sim, *args)
        equal((code, err), (0, ""), f"{args}")
        check(b"Usage: mpnic-sim" in out, f"{args}: text")
    for args in ([], ["nothing"], ["replay"], ["replay", "--engine", "x", path],
                 ["replay", "--nothing", path], ["replay", "--engine"],
                 ["replay", "--engine", "model", "--trace", work / "x.fst", path]):
        code, out, err = run(sim, *args)
        equal((code, out), (2, b""), f"{args}")
        check("--help" in err, f"{args}: message")
    code, out, err = run(sim, "replay", "--engine", "model", work / "missing", path)
    equal(code, 1, "a missing file")
    check("missing" in err and "No such file" in err, "a missing file: message")
    check(b"== all" not in out and b"v4.pcap" in out, "the other file is reported")
    (work / "empty").write_bytes(b"")
    code, out, err = run(sim, "replay", "--engine", "model", work / "empty")
    equal(code, 1, "an empty file")
    check("the file is empty" in err, "an empty file: message")
    code, _, err = run(sim, "replay", "--engine", "model", ROOT)
    equal(code, 1, "a folder")
    for engine in ("model", "rtl", "both"):
        code, out, _ = run(sim, "replay", "--engine", engine, "--json", "--packets", path)
        equal((code, objects(out, "engine")[0]["engine"]), (0, engine), f"--engine {engine}")
        lines = [line for line in out.splitlines() if b'"type":"engine"' not in line]
        if engine == "model":
            first = lines
        equal(lines, first, f"--engine {engine}: the same report as the model")
    code, _, err = run(sim, "replay", "--engine", "model", "--progress", path)
    equal(code, 0, "--progress")
    with open("/dev/full", "wb") as full:
        done = subprocess.run([sim, "replay", "--engine", "model", path], stdout=full,
                              stderr=subprocess.PIPE, timeout=TIMEOUT)
    equal(done.returncode, 1, "a report that cannot be written")


# ---- documentation ----------------------------------------------------------------------------


def names(value):
    if isinstance(value, list):
        return set().union(*map(names, value), set())
    if isinstance(value, dict):
        counts = {"segments_by_dsn_state", "bytes_by_dsn_state", "checksum_verdicts"}
        return set(value) | names([v for k, v in value.items() if k not in counts])
    return set()


def check_schema(sim):
    """Every member that is written is described in docs/json.md, but for names that are values."""
    described = set(re.findall(r"`([a-zA-Z0-9_]+)`", (ROOT / "docs" / "json.md").read_text()))
    _, out, _ = run(sim, "replay", "--engine", "model", "--json", "--packets", "--show-keys",
                    "--events", *sorted(CAPTURES.glob("*.pcap*")))
    counted = {"parse", "tcpopt", "ip_checksums", "tcp_checksums", "udp_checksums",
               "mptcp_options", "event_counts"}
    written = set()
    for line in objects(out):
        for member in counted & set(line):
            line[member] = 0
        for member in line.get("pipeline", {}):
            line["pipeline"][member] = 0
        written |= names(line)
    check("subflows" in written, "the schema check saw connections")
    equal(sorted(written - described), [], "members that docs/json.md does not describe")


def write_seeds(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for path in sorted(CAPTURES.glob("*.pcap*")):
        (folder / path.name).write_bytes(path.read_bytes()[:16384])
    for order, name in (("<", "little"), (">", "big")):
        (folder / name).write_bytes(crafted(order)[0])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--sim")
    parser.add_argument("--san")
    parser.add_argument("--small")
    parser.add_argument("--faulty")
    parser.add_argument("--work", type=pathlib.Path)
    parser.add_argument("--seeds", type=pathlib.Path)
    args = parser.parse_args()
    if args.seeds:
        write_seeds(args.seeds)
        return 0
    args.work.mkdir(parents=True, exist_ok=True)
    check_scenarios(args.sim, CAPTURES, LOCAL)
    check_counts(args.sim)
    check_bad_mapping(args.sim, args.work)
    check_events(args.sim)
    check_packet_lines(args.sim)
    check_tables(args.sim, args.work)
    if SHARED.is_dir():
        check_scenarios(args.sim, SHARED, OTHERS)
        check_refused_links(args.sim, args.work)
    else:
        print(f"not checked: the captures of {SHARED} (MPNIC_PCAPS), which is not here")
    check_usage(args.sim, args.work)
    check_difference(args.faulty)
    check_trace(args.sim, args.work)
    check_pcapng(args.sim, args.work)
    check_crafted(args.san, args.work)
    check_hostile(args.san, args.small, args.work)
    check_keys(args.sim, args.faulty, args.work)
    check_schema(args.sim)
    print(f"replay: {checks} checks, {len(failures)} failed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
