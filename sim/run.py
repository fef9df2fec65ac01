#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What `make run` shows: an unmodified Linux host whose traffic passes a simulated mpnic card.

run.py [--engine model|rtl] [--json]: makes the lab (docs/lab.md), starts mpnic-sim and mpnicd, runs
curl against a peer of every kind, first cold, then warm, then a large transfer over two paths, and
tells for each what was offered, what came back, what was decided and why, what the cache holds, what
the kernel says and what the card counted. Exit code 0: everything was as it should be; 1: something
was not; 77: this machine lacks something.
"""

import argparse
import hashlib
import json
import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
sys.path.insert(0, os.path.join(TOP, "tests", "lab"))
import card as cards  # noqa: E402
import httpd  # noqa: E402
import lab as labs  # noqa: E402

PAGE, LARGE = 100000, 20 << 20  # bytes of a page, of the transfer


def say(text=""):
    print(text, flush=True)


class Show:
    def __init__(self, lab, card, as_json):
        self.lab, self.card, self.json = lab, card, as_json
        self.wrong = []
        self.seen = 0  # events so far

    def check(self, right, what):
        if not right:
            self.wrong.append(what)
            say("WRONG: " + what)

    def events(self):
        """Those since the last call."""
        lines = [e for e in self.card.ask("events") if e["seq"] > self.seen]
        self.seen = max([self.seen] + [e["seq"] for e in lines])
        return lines

    def counters(self, host):
        return {name.replace("MPTcpExt", ""): value for name, value in host.counters().items()
                if name.startswith("MPTcpExt") or name in ("TcpExtTCPTimeouts",)}

    def fetch(self, peer, size, v6=False):
        """A page by curl: seconds to the connection, and to the end."""
        done = self.lab.host.run(
            ["mptcpize", "run", "curl", "-sS", "--max-time", "120", "-o",
             os.path.join(self.card.folder, "page"), "-w", "%{time_connect} %{time_total}",
             peer.url("/bytes/%d" % size, v6=v6)], timeout=150, check=False)
        with open(os.path.join(self.card.folder, "page"), "rb") as page:
            same = hashlib.sha256(page.read()).digest() == hashlib.sha256(
                httpd.pattern(size)).digest()
        self.check(done.returncode == 0 and same, "%s: curl: %s" % (peer.name, done.stderr))
        return [float(word) for word in done.stdout.split()]

    def peer_now(self, peer):
        return self.card.ask("peers", "show", peer.addr4, labs.PORT)[0]

    def settle(self, peer, cold):
        """Probes and confirmations take a moment."""
        end = time.monotonic() + (3 if cold else 0.3)
        while time.monotonic() < end:
            now = self.peer_now(peer)
            if now["sure"] and not now["note"]:
                break
            time.sleep(0.1)
        return self.peer_now(peer)

    def visit(self, peer, cold):
        before = self.counters(self.lab.host)
        connect, total = self.fetch(peer, PAGE)
        cache = self.settle(peer, cold)
        after = self.counters(self.lab.host)
        mine = [e for e in self.events()]
        offers = [e for e in mine if e["what"] == "offer" and e.get("address") == peer.addr4]
        probes = [e for e in mine if e["what"] == "probe" and e.get("address") == peer.addr4]
        fell = [e for e in mine if e["what"] in ("fell_back", "fell back")]
        kernel = {name: value - before.get(name, 0) for name, value in after.items()
                  if value != before.get(name, 0)}
        return {"peer": peer.name, "about": peer.about, "cold": cold,
                "offers": [{"offer": o["offer"], "reason": o["reason"], "why": o["detail"],
                            "again": o["again"]} for o in offers],
                "fell_back": [{"rule": e["rule"], "detail": e["detail"]} for e in fell],
                "probes": [p["report"] for p in probes],
                "connect_ms": round(connect * 1000, 1), "total_ms": round(total * 1000, 1),
                "syns": len(offers), "cache": cache, "kernel": kernel}

    def tell(self, visit):
        if self.json:
            say(json.dumps({"visit": visit}))
            return
        say("%s, %s: %s" % (visit["peer"], "cold" if visit["cold"] else "warm", visit["about"]))
        for offer in visit["offers"]:
            say("    SYN %d   %s" % (offer["again"] + 1, offer["why"]))
        for fell in visit["fell_back"]:
            say("    TCP     %s" % fell["detail"])
        for report in visit["probes"]:
            say("    probe   " + ", ".join("%s: %s" % (v, q["seen"]) for v, q in report.items()))
        cache = visit["cache"]
        say("    took    connect %.1f ms, all %.1f ms, %d SYN" % (
            visit["connect_ms"], visit["total_ms"], visit["syns"]))
        say("    cache   %s (%s)%s, seen: %s" % (
            cache["speaks"], cache["how"], ", " + cache["note"] if cache["note"] else "",
            ", ".join("%s %d" % item for item in cache["seen"].items()) or "nothing"))
        say("    kernel  " + (", ".join("%s %d" % item for item in visit["kernel"].items()) or "-"))

    def visits(self):
        expected = {"v1": "v1", "tcp": None, "strict": "v0", "answer-v0": "v0", "drop": None}
        for peer in self.lab.peer.values():
            for cold in (True, False):
                visit = self.visit(peer, cold)
                self.tell(visit)
                want = expected[peer.name]
                if want:
                    self.check(visit["cache"]["speaks"] == want, "%s: the cache says %s, not %s" % (
                        peer.name, visit["cache"]["speaks"], want))

    def two_paths(self):
        """A transfer with a second subflow, by the other port of the card."""
        peer = self.lab.peer["v1"]
        self.lab.two_paths()
        connect, total = self.fetch(peer, LARGE)
        joined = [e for e in self.events() if e["what"] == "joined"]
        stats = self.card.ask("stats")[0]
        nic = stats["nic"]
        result = {"bytes": LARGE, "seconds": total, "joined": len(joined),
                  "mapped": {port: values.get("rx_dsn_mapped", 0) for port, values in nic.items()},
                  "csum_bad": sum(v.get("rx_sign_csum_bad", 0) for v in nic.values())}
        self.check(joined, "no subflow joined")
        self.check(all(result["mapped"].values()), "a port saw no data of the connection")
        if self.json:
            say(json.dumps({"transfer": result}))
            return
        say("two paths: %d bytes in %.2f s, %d subflow joined; segments that the card gave a data "
            "sequence number: %s" % (LARGE, total, len(joined), ", ".join(
                "%s %d" % item for item in result["mapped"].items())))

    def close_up(self):
        stats = self.card.ask("stats")[0]
        if self.json:
            say(json.dumps({"stats": stats, "peers": self.card.ask("peers")}))
            return
        say()
        say("what each peer speaks, as mpnicctl peers shows it:")
        say(self.card.ctl("peers").stdout)
        conns = stats["conns"]
        say("connections: %d began, %d opened, %d confirmed, %d fell back; %d joins" % (
            conns["began"], conns["opened"], conns["confirmed"], conns["fell_back"],
            conns["joined"]))


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("model", "rtl"), default="model")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    if cards.lacks("run"):
        return 77
    with cards.running(args.engine) as (lab, card):
        show = Show(lab, card, args.json)
        show.visits()
        show.two_paths()
        show.close_up()
    return 1 if show.wrong else 0


if __name__ == "__main__":
    sys.exit(main())
