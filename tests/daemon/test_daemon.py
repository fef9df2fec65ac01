#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""mpnicd and mpnicctl over mpnic-sim, with the kernel's own MPTCP at both ends.

test_daemon.py [--san] [--only NAME]: needs root; exit code 77 says what is missing. Each test is
a method test_*; they share one lab, and each leaves it as it found it.
"""

import argparse
import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))
import card as cards  # noqa: E402
import lab as labs  # noqa: E402

TALK = os.path.join(HERE, "talk.py")
ECHO = 9000
HOST_ECHO = 9001


class Failed(Exception):
    pass


def expect(right, what):
    if not right:
        raise Failed(what)


def until(condition, what, timeout=15):
    """Waits for it, and returns what it returned."""
    end = time.monotonic() + timeout
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise Failed("waited in vain: " + what)
        time.sleep(0.05)


class Talk:
    """talk.py in a namespace."""

    def __init__(self, space, *argv):
        self.process = space.start([sys.executable, TALK, *map(str, argv)], text=True,
                                   stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.first = self.process.stdout.readline().strip()

    def ask(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def start(self, command):
        self.process.stdin.write(command + "\n")
        self.process.stdin.flush()

    def answer(self):
        return self.process.stdout.readline().strip()

    def end(self):
        with contextlib.suppress(OSError):
            self.process.stdin.close()
        self.process.kill()
        self.process.wait()


class Tests:
    def __init__(self, lab, card):
        self.lab, self.card = lab, card
        self.v1 = lab.peer["v1"]
        self.echo = [Talk(self.v1.space, "::", ECHO, "--listen"),
                     Talk(lab.host, "::", HOST_ECHO, "--listen")]

    # ---- helpers

    def connect(self, v6=False):
        talk = Talk(self.lab.host, self.v1.address(0, v6), ECHO)
        expect(talk.first == "connected", "no connection to the peer")
        return talk

    def conns(self, *words):
        return self.card.ask("conns", *words)

    def conn_of(self, port, state="mptcp"):
        """The newest connection to or from that port, once it is in the state."""
        def look():
            found = [c for c in self.conns() if c["state"] == state and any(
                s["remote"].endswith(":%d" % port) or s["local"].endswith(":%d" % port)
                for s in c["subflows"])]
            return found[-1] if found else None
        return until(look, "a connection at port %d that is %s" % (port, state))

    def seq(self):
        return max([e["seq"] for e in self.card.ask("events")] + [0])

    def events(self, since, what=None):
        return [e for e in self.card.ask("events")
                if e["seq"] > since and (what is None or e["what"] == what)]

    def peer(self, address, port):
        return self.card.ask("peers", "show", address, port)[0]

    def stats(self):
        return self.card.ask("stats")[0]

    @contextlib.contextmanager
    def settings(self, defaults="", more=""):
        self.card.configure(defaults=defaults, more=more)
        self.card.ask("policy", "reload")
        try:
            yield
        finally:
            self.card.configure(defaults="", more="")
            self.card.ask("policy", "reload")

    # ---- connections

    def agree(self, conn):
        """The tracker's view and the kernel's (ss -M)."""
        text = self.lab.host.run(["ss", "-Mni", "state", "established"]).stdout
        tokens = re.findall(r"token:([0-9a-f]+)", text)
        expect(any(int(t, 16) in (int(conn["a"]["token"], 16), int(conn["b"]["token"], 16))
                   for t in tokens), "ss has tokens %s, not %s or %s" % (
                       tokens, conn["a"]["token"], conn["b"]["token"]))

    def outbound(self, v6):
        talk = self.connect(v6)
        expect(talk.ask("send 300000") == "same", "the echo differs")
        conn = self.conn_of(ECHO)
        self.agree(conn)
        expect(conn["version"] == "v1" and conn["initiator"] == "host", "%s" % conn)
        expect(conn["a"]["key_known"] and conn["b"]["key_known"], "keys are not known")
        expect(conn["confirmed"], "no Data ACK was seen")
        expect(conn["in_nic"], "the NIC does not know it")
        # The DATA_FIN of both sides tells how far they came.
        talk.ask("close")
        done = until(lambda: [c for c in self.conns("--all") if c["id"] == conn["id"] and
                              all(s["state"] == "closed" for s in c["subflows"])],
                     "the connection to be closed")[0]
        for side in "ab":
            expect(300000 <= done[side]["dsn"] <= 300002, "side %s: %d bytes" % (
                side, done[side]["dsn"]))
        talk.end()
        peer = self.peer(self.v1.address(0, v6), ECHO)
        expect(peer["speaks"] == "v1" and peer["how"] == "confirmed", "the cache: %s" % peer)

    def test_outbound_ipv4(self):
        self.outbound(False)

    def test_outbound_ipv6(self):
        self.outbound(True)

    def test_outbound_with_checksums(self):
        self.lab.host.sysctl("mptcp/checksum_enabled", 1)
        try:
            talk = self.connect()
            expect(talk.ask("send 300000") == "same", "the echo differs")
            conn = self.conn_of(ECHO)
            expect(conn["checksum"], "checksums were not negotiated")
            nic = self.stats()["nic"]["port0"]
            # The kernel's mappings have up to 64 KiB.
            expect(nic.get("rx_map_csum_good", 0) >= 4, "the card judged no checksum: %s" % nic)
            expect(nic.get("rx_map_csum_bad", 0) == 0, "the card found bad checksums")
            talk.end()
        finally:
            self.lab.host.sysctl("mptcp/checksum_enabled", 0)

    def test_inbound(self):
        talk = Talk(self.v1.space, labs.address(0, labs.HOST), HOST_ECHO)
        expect(talk.ask("send 100000") == "same", "the echo differs")
        conn = self.conn_of(HOST_ECHO)
        expect(conn["initiator"] == "peer" and conn["version"] == "v1", "%s" % conn)
        self.agree(conn)
        talk.end()
        # A role of its own: what it speaks as a client says nothing of its ports.
        client = until(lambda: [p for p in self.card.ask("peers") if p["port"] is None and
                                p["address"] == self.v1.addr4], "the peer as a client")[0]
        expect(client["seen"].get("client_v1"), "%s" % client)

    def test_join_and_addresses(self):
        since = self.seq()
        self.lab.two_paths()
        talk = self.connect()
        expect(talk.ask("send 100000") == "same", "the echo differs")
        joined = until(lambda: self.events(since, "joined"), "a subflow to join")
        expect(talk.ask("send 2000000") == "same", "the echo differs")
        conn = self.conn_of(ECHO)
        joins = [s for s in conn["subflows"] if not s["first"]]
        expect(len(joins) == 1 and joins[0]["synack_hmac"] == "good" and
               joins[0]["ack_hmac"] == "good", "%s" % conn["subflows"])
        expect(joined[0]["conn"] == conn["id"], "another connection joined")
        text = self.lab.host.run(["ss", "-tni", "state", "established", "dport", "=",
                                  ":%d" % ECHO]).stdout
        expect(text.count(":%d" % ECHO) >= 2, "the kernel has no two subflows:\n" + text)
        # The card learnt the join's flow by itself, and it was confirmed.
        until(lambda: [s for s in self.conn_of(ECHO)["subflows"]
                       if not s["first"] and s["in_nic"]], "the join in the card's table")
        # The other side announces an address, and takes it back.
        self.v1.space.ip("mptcp endpoint add 10.77.1.77 id 7 signal")
        until(lambda: self.events(since, "addr_added") or self.events(since, "address added"),
              "ADD_ADDR")
        self.v1.space.ip("mptcp endpoint del id 7")
        until(lambda: self.events(since, "addr_removed") or self.events(since, "address removed"),
              "REMOVE_ADDR")
        self.lab.host.ip("mptcp endpoint flush")
        talk.end()

    def test_backup_is_seen(self):
        since = self.seq()
        self.lab.host.ip("mptcp limits set subflows 4 add_addr_accepted 4")
        self.lab.host.ip("mptcp endpoint add %s id 9 subflow" % labs.address(1, labs.HOST))
        talk = self.connect()
        expect(talk.ask("send 100000") == "same", "the echo differs")
        until(lambda: self.events(since, "joined"), "a subflow to join")
        expect(talk.ask("send 100000") == "same", "the echo differs")
        self.lab.host.ip("mptcp endpoint change id 9 backup")
        until(lambda: [e for e in self.events(since) if "prio" in e["what"]], "MP_PRIO")
        until(lambda: [s for s in self.conn_of(ECHO)["subflows"] if s["backup"]],
              "the subflow to be a backup")
        self.lab.host.ip("mptcp endpoint flush")
        talk.end()

    def test_fastclose(self):
        def seen():
            return self.stats()["nic"]["port0"].get("tx_sign_fastclose", 0)

        def is_over():
            """It is gone from the list, or all its subflows are over."""
            return all(s["state"] in ("reset", "closed") for c in self.conns("--all")
                       if c["id"] == conn["id"] for s in c["subflows"])
        before = seen()
        talk = self.connect()
        expect(talk.ask("send 1000") == "same", "the echo differs")
        conn = self.conn_of(ECHO)
        expect(not is_over(), "it was over before it was closed")
        talk.ask("abort")
        until(lambda: seen() == before + 1, "the card to see MP_FASTCLOSE")
        until(is_over, "the connection to end by MP_FASTCLOSE")
        talk.end()

    # ---- fallback and policy

    def page(self, name, size=20000):
        """A page from a peer by curl: seconds to the connection."""
        done = self.lab.host.run(["mptcpize", "run", "curl", "-sS", "--max-time", "30", "-o",
                                  "/dev/null", "-w", "%{time_connect} %{size_download}",
                                  self.lab.peer[name].url("/bytes/%d" % size)])
        connect, got = done.stdout.split()
        expect(int(got) == size, "%s: %s bytes" % (name, got))
        return float(connect)

    def test_plain_tcp_is_found_by_two_connections_and_a_probe(self):
        peer = self.lab.peer["tcp"]
        self.page("tcp")
        until(lambda: self.peer(peer.addr4, labs.PORT)["seen"].get("probe_absent_v0"), "a probe")
        expect(self.peer(peer.addr4, labs.PORT)["speaks"] == "unknown", "one look was enough")
        time.sleep(1.1)  # connections of one second are one observation
        self.page("tcp")
        until(lambda: self.peer(peer.addr4, labs.PORT)["speaks"] == "none", "the cache to say none")
        before = self.lab.peer["tcp"].space.counters()
        stripped = self.stats()["offers"]["stripped"]
        self.page("tcp")
        expect(self.stats()["offers"]["stripped"] == stripped + 1, "the SYN was not stripped")
        after = self.lab.peer["tcp"].space.counters()
        expect(after["MPTcpExtMPCapableSYNRX"] == before["MPTcpExtMPCapableSYNRX"],
               "the peer still saw MP_CAPABLE")

    def test_a_strict_v0_listener_is_found_by_a_probe(self):
        peer = self.lab.peer["strict"]
        self.page("strict")
        found = until(lambda: [p for p in [self.peer(peer.addr4, labs.PORT)]
                               if p["speaks"] == "v0"], "the cache to say v0")[0]
        expect(found["source"] == "probe_v0" and not found["sure"], "%s" % found)

    def test_rule_07_an_answer_with_version_0_is_learnt_at_once(self):
        peer = self.lab.peer["answer-v0"]
        self.page("answer-v0")
        found = self.peer(peer.addr4, labs.PORT)
        expect(found["speaks"] == "v0" and found["seen"].get("answer_v0") == 1, "%s" % found)

    def test_rule_04_the_first_repeated_syn_is_plain(self):
        since = self.seq()
        cold = self.page("drop")
        expect(0.9 < cold < 2.9, "it took %.2f s to connect, not one time-out" % cold)
        again = [e for e in self.events(since, "offer") if e["again"] == 1]
        expect(len(again) == 1 and again[0]["offer"] == "tcp", "%s" % again)
        warm = self.page("drop")
        expect(warm < 0.9, "it took %.2f s though the cache knew" % warm)

    def test_operators_word_counts(self):
        peer = self.lab.peer["v1"]
        self.card.ask("peers", "pin", "10.77.0.0/28", "none")
        try:
            since = self.seq()
            self.page("v1")
            offers = self.events(since, "offer")
            expect(offers and offers[-1]["offer"] == "tcp", "%s" % offers)
            pins = [p for p in self.card.ask("peers")
                    if p["how"] == "pinned" and "/" in p["address"]]
            expect([p["address"] for p in pins] == ["10.77.0.0/28"], "%s" % pins)
        finally:
            self.card.ask("peers", "unpin", "10.77.0.0/28")
        since = self.seq()
        self.page("v1")
        expect(self.events(since, "offer")[-1]["offer"] == "v1", "the pin is still there")
        expect(self.peer(peer.addr4, labs.PORT)["speaks"] == "v1", "v1 was not learnt")

    def test_drain_and_observe(self):
        self.card.ask("drain", "on")
        since = self.seq()
        self.page("v1")
        self.card.ask("drain", "off")
        expect(self.events(since, "offer")[-1]["offer"] == "tcp", "drained, and still offered")
        self.card.ask("peers", "set", self.lab.peer["v1"].addr4, labs.PORT, "none")
        with self.settings('mode = "observe";'):
            since = self.seq()
            self.page("v1")
            expect(self.events(since, "offer")[-1]["offer"] == "v1", "observing, and stripped")
        self.card.ask("peers", "remove", self.lab.peer["v1"].addr4, labs.PORT)

    def test_reload_of_a_bad_file_changes_nothing(self):
        self.card.configure(defaults='unknown = "v0";')
        done = self.card.ctl("policy", "reload")
        expect(done.returncode == 1 and "gateway" in done.stderr, "%s" % done)
        rules = self.card.ask("policy", "show", self.v1.addr4)[0]
        expect(rules["unknown"]["value"] == "v1", "%s" % rules["unknown"])
        self.card.configure(defaults="")
        self.card.ask("policy", "reload")

    def test_probe_by_hand(self):
        self.page("answer-v0")
        done = self.card.ctl("probe", self.lab.peer["drop"].address(1), labs.PORT)
        expect(done.returncode == 1 and "no connection there" in done.stderr, "%s" % done)
        with self.settings("probe_interval = 60;"):
            self.card.ask("peers", "remove", self.lab.peer["answer-v0"].addr4, labs.PORT)
            done = self.card.ctl("--json", "probe", self.lab.peer["v1"].addr4, labs.PORT)
        if done.returncode:  # it was asked lately
            expect("too_soon" in done.stderr or "too soon" in done.stderr, "%s" % done)
        else:
            expect('"probe_v1"' in done.stdout, done.stdout)

    # ---- tools

    def test_metrics(self):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.card.metrics)
            s.sendall(b"GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
            got = b"".join(iter(lambda: s.recv(65536), b"")).decode()
        expect("200 OK" in got and got.rstrip().endswith("# EOF"), got[:200])
        expect("application/openmetrics-text" in got, got[:300])
        body = got.split("\r\n\r\n", 1)[1]
        lines = [line for line in body.splitlines() if not line.startswith("#")]
        bad = [line for line in lines if not re.fullmatch(
            r'mpnicd_[a-z0-9_]+(\{of="[^"]*"\})? \d+', line)]
        expect(not bad, "%s" % bad[:3])
        families = re.findall(r"^# TYPE (\S+)", body, re.M)
        expect(len(families) == len(set(families)), "a family stands twice")
        expect("mpnicd_conns_confirmed" in families, "%s" % families)

    def test_mpnicctl_says_what_is_wrong(self):
        for words, code, text in (
                (("nonsense",), 2, "no such command"), (("peers", "show", "x"), 2, "no address"),
                (("peers", "set", "10.0.0.1", "80", "v2"), 2, "v1, v0 or none"),
                (("peers", "flush"), 2, "--all"), (("peers", "pin", "10.0.0.0/40", "v1"), 1, "bits"),
                (("peers", "set", "10.0.0.1", "v1"), 1, "port"),
                (("peers", "remove", "10.9.9.9", "80"), 1, "nothing is known"),
                (("--network", "none", "peers"), 1, "no such one"),
                (("probe", "10.9.9.9", "0"), 2, "no port")):
            done = self.card.ctl(*words)
            expect(done.returncode == code and text in done.stderr, "%s: %s" % (words, done))
        done = subprocess.run([os.path.join(self.card.built, "mpnicctl"), "--socket",
                               "/nonexistent", "device"], capture_output=True, text=True,
                              check=False)
        expect(done.returncode == 3, "%s" % done)

    def test_export_and_import(self):
        self.card.ask("peers", "set", "10.9.0.1", 443, "v0")
        self.card.ask("peers", "pin", "10.8.0.0/16", "none")
        text = self.card.ctl("peers", "export").stdout
        self.card.ask("peers", "remove", "10.9.0.1", 443)
        self.card.ask("peers", "unpin", "10.8.0.0/16")
        done = self.card.ctl("peers", "import", "-", stdin=text)
        expect(done.returncode == 0, "%s" % done)
        expect(self.peer("10.9.0.1", 443)["speaks"] == "v0", "the peer did not come back")
        expect(self.peer("10.8.1.1", 443)["speaks"] == "none", "the pin did not come back")
        self.card.ask("peers", "remove", "10.9.0.1", 443)
        self.card.ask("peers", "unpin", "10.8.0.0/16")
        done = self.card.ctl("peers", "import", "-", stdin='{"key": "00", "value": "zz"}\n')
        expect(done.returncode == 1 and "line 1" in done.stderr, "%s" % done)

    def test_events_follow(self):
        follower = subprocess.Popen(
            [os.path.join(self.card.built, "mpnicctl"), "--socket", self.card.control, "--json",
             "events", "--follow"], stdout=subprocess.PIPE, text=True)
        try:
            self.card.ask("drain", "on")
            self.card.ask("drain", "off")
            for line in follower.stdout:
                if json.loads(line)["what"] == "drain off":
                    break
        finally:
            follower.terminate()
            follower.wait()

    # ---- deaths

    def test_the_simulator_is_killed(self):
        talk = self.connect()
        expect(talk.ask("send 100000") == "same", "the echo differs")
        before = self.stats()["daemon"]["nic_resets"]
        talk.start("send 3000000")
        time.sleep(0.05)
        self.card.end(self.card.sim, kill=True)
        until(lambda: self.card.ask("device")[0]["state"] == "failed", "mpnicd to notice")
        os.unlink(self.card.card)
        self.card.start_sim()
        until(lambda: self.stats()["daemon"]["nic_resets"] == before + 1, "mpnicd to reset the card")
        expect(talk.answer() == "same", "the connection did not survive")
        conn = self.conn_of(ECHO)
        expect(conn["in_nic"], "the card was not told of it again: %s" % conn)
        tables = self.card.ask("device")[0]["tables"]
        expect(tables["flow"]["used"] and tables["token"]["used"], "%s" % tables)
        talk.end()

    def test_mpnicd_is_killed(self):
        peer = self.peer(self.v1.addr4, ECHO)
        expect(peer["speaks"] == "v1", "%s" % peer)
        talk = self.connect()
        expect(talk.ask("send 100000") == "same", "the echo differs")
        time.sleep(1.5)  # the cache is written every half second
        self.card.end(self.card.daemon, kill=True)
        talk.start("send 1000000")
        self.card.start_daemon()
        found = self.peer(self.v1.addr4, ECHO)
        expect(found["speaks"] == "v1" and found["how"] == "confirmed", "the cache: %s" % found)
        expect(talk.answer() == "same", "the connection did not survive")
        talk.end()

    def test_zz_mpnicd_ends_as_told(self):
        self.card.daemon.terminate()
        code = self.card.daemon.wait(30)
        expect(code == 0, "exit code %d" % code)
        expect(not os.path.exists(self.card.control), "the control socket was left")


def run_all(tests, only):
    names = sorted(name for name in dir(tests) if name.startswith("test_"))
    failed = []
    for name in names:
        if only and only not in name:
            continue
        began = time.monotonic()
        try:
            getattr(tests, name)()
            print("ok      %-60s %5.1f s" % (name[5:], time.monotonic() - began), flush=True)
        except Exception as error:  # one failure must not hide the others
            failed.append(name)
            print("FAILED  %s: %s: %s" % (name[5:], type(error).__name__, error), flush=True)
    return failed


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--san", action="store_true", help="mpnicd with sanitizers")
    parser.add_argument("--only", help="tests with this in their name")
    args = parser.parse_args()
    if cards.lacks("test_daemon"):
        return 77
    with cards.running(san=args.san) as (lab, card):
        failed = run_all(Tests(lab, card), args.only)
        if failed:
            print(card.said()[-5000:])
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
