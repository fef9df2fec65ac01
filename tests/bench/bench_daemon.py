#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What mpnicd costs a host, beside the same kernel without it.

Two labs of the same peers (docs/lab.md): in one the host is joined to the wires by veths, in the
other by a simulated card (C model, mpnic-sim serve) and mpnicd. In each, three times in turns:
- connections a second: one client, one after the other: connect() over MPTCP, a byte there and back,
  close; 2 s
- round trip: the median of 300 pings, 2 ms apart
- how long curl's connection takes, first cold (nothing is known of the peer), then warm
Medians are printed. It needs root; exit code 77 says what is missing.
"""

import os
import re
import statistics
import sys
import tempfile
import shutil

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "lab"))
import card as cards  # noqa: E402
import lab as labs  # noqa: E402

TALK = os.path.join(HERE, "..", "daemon", "talk.py")
ECHO = 9000
ROUNDS = 3
CLIENT = """
import socket, sys, time
end, n = time.monotonic() + 2, 0
while time.monotonic() < end:
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    s.connect((sys.argv[1], int(sys.argv[2])))
    s.sendall(b"x")
    s.recv(1)
    s.close()
    n += 1
print(n / 2)
"""


def measure(lab, forget):
    """One round: name to value."""
    peer, found = lab.peer["v1"], {}
    found["connections a second"] = float(lab.host.run(
        [sys.executable, "-c", CLIENT, peer.addr4, str(ECHO)]).stdout)
    text = lab.host.run(["ping", "-n", "-c", "300", "-i", "0.002", peer.addr4]).stdout
    found["round trip, us"] = statistics.median(
        float(ms) * 1000 for ms in re.findall(r"time=([0-9.]+)", text))
    for name in ("v1", "tcp", "strict", "answer-v0", "drop"):
        forget(name)
        for when in ("cold", "warm"):
            done = lab.host.run(["mptcpize", "run", "curl", "-sS", "-o", "/dev/null", "-w",
                                 "%{time_connect}", lab.peer[name].url("/bytes/1000")])
            found["connect to %s, %s, ms" % (name, when)] = float(done.stdout) * 1000
    return found


def echo(lab):
    """The far end of the connections."""
    lab.peer["v1"].space.start([sys.executable, TALK, "::", str(ECHO), "--listen"],
                               stdout=open(os.devnull, "w", encoding="utf-8"))


def main():
    if cards.lacks("bench_daemon"):
        return 77
    if not shutil.which("ping"):
        print("bench_daemon: missing: program ping (package iputils-ping)", file=sys.stderr)
        return 77
    folder = tempfile.mkdtemp(prefix="mpnic-bench-")
    rounds = {"kernel": [], "mpnicd": []}
    try:
        with labs.Lab(nic=True) as lab, labs.Lab() as plain:
            card = cards.Card(lab, folder)
            card.start()
            for one in (lab, plain):
                echo(one)
                # One path that drops SYNs must not end MPTCP for the namespace.
                one.host.sysctl("mptcp/blackhole_timeout", 0)

            def forget(name):
                card.ctl("peers", "remove", lab.peer[name].addr4, labs.PORT)
            try:
                for _ in range(ROUNDS):
                    rounds["mpnicd"].append(measure(lab, forget))
                    rounds["kernel"].append(measure(plain, lambda name: None))
            finally:
                card.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print("%-34s %12s %12s" % ("", "kernel alone", "with mpnicd"))
    for name in rounds["kernel"][0]:
        print("%-34s %12.1f %12.1f" % (name, *(
            statistics.median(r[name] for r in rounds[who]) for who in ("kernel", "mpnicd"))))
    return 0


if __name__ == "__main__":
    sys.exit(main())
