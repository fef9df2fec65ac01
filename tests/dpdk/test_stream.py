#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The example mptcp_stream between two unmodified kernels: the stream of a live transfer over two subflows.

usage: test_stream.py MPTCP_STREAM FIRMWARE [TEST...]
Client, card and server have a network namespace each. What is lost, late or out of order on the card's wires is
the model's doing (docs/wires.md). Exits 77 where a right, a program or the kernel's MPTCP is missing, and names it.
"""

import contextlib
import hashlib
import json
import pathlib
import random
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/captures"))
import lab  # noqa: E402

PROGRAM, FIRMWARE = (str(pathlib.Path(p).resolve()) for p in sys.argv[1:3])
SECONDS = 60
PORT = 8080
SOL_MPTCP, MPTCP_INFO = 284, 1
LATE = "delay=2000"  # both ways at both wires: 8 ms there and back, so that one subflow's window is soon full
checks = 0


def check(good, what=""):
    global checks
    checks += 1
    assert good, what


def equal(got, wanted, what):
    check(got == wanted, f"{what}: {got}, not {wanted}")


class Net:
    """Client and server, and the program between them."""

    def __init__(self, folder, v6=False, csum=False):
        self.v6, self.control, self.log, self.process = v6, folder / "control", folder / "log", None
        self.client, self.middle, self.server = (lab.Namespace() for _ in range(3))
        try:
            self.start()
            for end, device, hosts in ((self.client, "A", (1, 2)), (self.server, "B", (9,))):
                self.middle.ip(f"link set {device} netns {end.path}")
                self.configure(end, device, hosts, csum)
        except BaseException:
            self.end()
            raise

    def address(self, host):
        return f"fd00::{host}" if self.v6 else f"10.0.0.{host}"

    def start(self):
        vdev = f"net_mpnic0,engine=model,port0=tap:A,port1=tap:B,metadata=1,control={self.control},firmware={FIRMWARE}"
        command = [PROGRAM, "-l", "0,1", "--no-huge", "-m", "256", "--no-pci", "--no-telemetry",
                   f"--file-prefix=mpnic-{self.control.parent.name}", f"--vdev={vdev}", "--", "--json", f"--idle={SECONDS}"]
        with open(self.log, "w", encoding="utf-8") as log:
            self.process = self.middle.do(lambda: subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True))
        until = time.monotonic() + SECONDS
        while "forwarding" not in self.log.read_text():
            check(self.process.poll() is None and time.monotonic() < until, self.log.read_text())
            time.sleep(0.01)

    def configure(self, end, device, hosts, csum):
        end.sysctl("mptcp/enabled", 1)
        end.sysctl("mptcp/checksum_enabled", int(csum))
        end.sysctl("ipv6/conf/default/accept_dad", 0)
        end.ip("mptcp limits set subflows 4 add_addr_accepted 4")
        end.ip("link set lo up")
        end.ip(f"link set {device} up")
        for host in hosts:
            end.ip(f"addr add {self.address(host)}/{64 if self.v6 else 24} dev {device}" + " nodad" * self.v6)
        for host in hosts[1:]:
            end.ip(f"mptcp endpoint add {self.address(host)} dev {device} subflow")

    def command(self, line):
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(SECONDS)
            s.connect(str(self.control))
            s.sendall(line.encode() + b"\n")
            answer = s.makefile().readline()
            check('"ok":true' in answer, answer)
            return json.loads(answer)["answer"]

    def wires(self, faults):
        for port in range(2):
            self.command(f"wire {port} {faults}")

    def report(self):
        """What the program prints when the connection is over, and how it ends."""
        out, _ = self.process.communicate(timeout=SECONDS)
        check(out, f"the program ended with {self.process.returncode}:\n{self.log.read_text()}")
        return json.loads(out), self.process.returncode

    def end(self):
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for end in (self.client, self.middle, self.server):
            end.close()


@contextlib.contextmanager
def net(**kw):
    with tempfile.TemporaryDirectory() as name:
        n = Net(pathlib.Path(name), **kw)
        try:
            yield n
        except BaseException:
            print(f"the program ({n.process.poll()}) said:\n{n.log.read_text()}")
            raise
        finally:
            n.end()


def data_of(length, seed):
    return random.Random(seed).randbytes(length)


def read_all(listener, accepted, got):
    """The server: all up to the end, which it answers with its own."""
    with listener.accept()[0] as s:
        s.settimeout(SECONDS)
        accepted.append(s)
        while piece := s.recv(1 << 16):
            got.append(piece)


def joined(accepted):
    """Whether the server has a second subflow, by what its kernel says (struct mptcp_info)."""
    return accepted and accepted[0].getsockopt(SOL_MPTCP, MPTCP_INFO, 1)[0] >= 1


def open_ends(n, client_protocol=lab.IPPROTO_MPTCP):
    family = socket.AF_INET6 if n.v6 else socket.AF_INET
    listener = n.server.socket(family, socket.SOCK_STREAM, lab.IPPROTO_MPTCP)
    client = n.client.socket(family, socket.SOCK_STREAM, client_protocol)
    for s in (listener, client):
        s.settimeout(SECONDS)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("::" if n.v6 else "0.0.0.0", PORT))
    listener.listen()
    # The second subflow has an address of its own: this is the first one's.
    client.bind((n.address(1), 0))
    return listener, client


def transfer(n, data, first, **kw):
    """From client to server: the first part at once, the rest when there are two subflows. What the server got."""
    listener, client = open_ends(n, **kw)
    got, accepted = [], []
    server = threading.Thread(target=read_all, args=(listener, accepted, got), daemon=True)
    with listener, client:
        server.start()
        client.connect((n.address(9), PORT))
        client.sendall(data[:first])
        until = time.monotonic() + SECONDS
        while first < len(data) and not joined(accepted):
            check(time.monotonic() < until, "no second subflow")
            time.sleep(0.005)
        client.sendall(data[first:])
        client.shutdown(socket.SHUT_WR)
        equal(client.recv(1), b"", "the server's end")
        server.join(SECONDS)
    return b"".join(got)


def whole(n, data, first=1 << 16):
    """Transfer, and compare both ends with the program. Its report."""
    got = transfer(n, data, first)
    check(got == data, f"the server got {len(got)} bytes, not the {len(data)} that were sent")
    report, code = n.report()
    print("  ", json.dumps(report))
    equal((report["whole"], code), (True, 0), report)
    equal(report["bytes"], len(data), "bytes")
    equal(report["sha256"], hashlib.sha256(data).hexdigest(), "SHA-256")
    equal(sum(s["bytes"] for s in report["subflows"]), len(data), "bytes of all subflows")
    check(report["again"] >= 1, "the third packet is looked at again")
    return report


def two_subflows(report, length):
    equal([s["verified"] for s in report["subflows"]], [True, True], report)
    check(min(s["bytes"] for s in report["subflows"]) > length // 50, report)


def judged(report, csum):
    verdicts = report["checksums"]
    check(verdicts.get("good" if csum else "absent", 0) > 10, verdicts)
    for other in ("bad", "missing", "extra", "absent" if csum else "good"):
        check(other not in verdicts, verdicts)


def test_two_subflows():
    data = data_of(4 << 20, 1)
    with net() as n:
        n.wires(LATE)
        report = whole(n, data)
    two_subflows(report, len(data))
    judged(report, False)


def test_checksums():
    data = data_of(4 << 20, 2)
    with net(csum=True) as n:
        n.wires(LATE)
        report = whole(n, data)
    two_subflows(report, len(data))
    judged(report, True)


def test_ipv6():
    data = data_of(2 << 20, 3)
    with net(v6=True, csum=True) as n:
        n.wires(LATE)
        report = whole(n, data)
    two_subflows(report, len(data))
    judged(report, True)


def test_lossy_wires():
    """Loss on either side of the program, frames that come twice, late, and damaged."""
    data = data_of(2 << 20, 4)
    with net(csum=True) as n:
        n.wires(f"{LATE},drop=0.005,dup=0.005,reorder=0.01,corrupt=0.002,seed=7")
        report = whole(n, data)
    two_subflows(report, len(data))
    judged(report, True)
    equal(report["unnumbered"], 0, "segments without number")
    check(report["repeated"] > 0, "what was lost behind the program came again")
    check(sum(s["retransmissions"] for s in report["subflows"]) > 0, report)


def test_small():
    """Nothing but the first segments, which hasten behind the handshake."""
    for length in (1, 1000):
        with net() as n:
            whole(n, data_of(length, length))


def test_stream_that_breaks_off():
    """The program must not call it whole."""
    with net() as n:
        n.wires(LATE)
        listener, client = open_ends(n)
        with listener, client:
            client.connect((n.address(9), PORT))
            with listener.accept()[0] as server:
                client.sendall(bytes(100000))
                server.recv(1000)
                n.process.send_signal(signal.SIGTERM)
                report, code = n.report()
    equal((report["whole"], code), (False, 1), report)
    check(0 < report["bytes"] <= 100000, report)


def test_plain_tcp():
    """Forwarded, and no connection to speak of."""
    data = data_of(100000, 5)
    with net() as n:
        equal(transfer(n, data, len(data), client_protocol=socket.IPPROTO_TCP), data, "what the server got")
        ports = n.command("stats")["ports"]
        check(all(p["rx_frames"] > 10 and p["tx_frames"] > 10 and not p["tx_punted"] for p in ports), ports)
        n.process.send_signal(signal.SIGTERM)
        out, _ = n.process.communicate(timeout=SECONDS)
        equal((out, n.process.returncode), ("", 1), "what the program says")
        check("no MPTCP connection" in n.log.read_text(), n.log.read_text())


def main():
    lack = lab.missing()
    if lack:
        print("skipped: this machine lacks: " + "; ".join(lack))
        return 77
    wanted = sys.argv[3:]
    tests = [(k, v) for k, v in globals().items() if k.startswith("test_") and (not wanted or k in wanted)]
    for name, test in tests:
        print(name, flush=True)
        test()
    print(f"{len(tests)} tests, {checks} checks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
