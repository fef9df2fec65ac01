#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""mpnic-sim serve by its sockets and signals: configuration space, registers, commands, wires, end.

usage: test_serve.py MPNIC-SIM
What a driver does with the card is tests/driver/whole.c.
"""

import contextlib
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/vfu"))
sys.path.insert(0, str(ROOT / "hw/regs"))
import client as vfu  # noqa: E402
import generate  # noqa: E402

SIM = sys.argv[1]
KNOWN, DEVICE = {}, {}
for contract in generate.CONTRACTS:
    DEVICE = generate.load(ROOT, contract, KNOWN)
    KNOWN.update(DEVICE["records"])
CONST = {name: c["value"] for name, c in DEVICE["constants"].items()}
REG = {r[1]: r[0] for r in DEVICE["registers"]["host"]["regs"]}
RESET = {v[0]: v[1] for v in DEVICE["enums"]["reset"]["values"]}
BAR0, CONFIG = 0, 7
FRAME = bytes.fromhex("ffffffffffff" "020000000001" "88b5") + bytes(range(50))
checks = 0


def check(good, what=""):
    global checks
    checks += 1
    assert good, what


class Card:
    """A running mpnic-sim serve."""

    def __init__(self, folder, *more, wires=("none", "none")):
        self.path, self.control = folder / "s", folder / "c"
        self.process = subprocess.Popen(
            [SIM, "serve", "--socket", self.path, "--control", self.control, "--port0", wires[0], "--port1",
             wires[1], *more], stderr=subprocess.PIPE, text=True)
        for _ in range(500):
            if self.control.exists() and self.path.exists():
                break
            time.sleep(0.01)
        self.command = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.command.settimeout(20)
        self.command.connect(str(self.control))
        self.answers = self.command.makefile()

    def do(self, line):
        self.command.sendall(line.encode() + b"\n")
        return json.loads(self.answers.readline())

    def must(self, line):
        answer = self.do(line)
        check(answer["ok"], (line, answer))
        return answer["answer"]

    def end(self, code=0):
        """Its error output; it has been told to end."""
        _, said = self.process.communicate(timeout=30)
        check(self.process.returncode == code, (self.process.returncode, said))
        self.command.close()
        check(not self.path.exists() and not self.control.exists(), "a socket is left")
        return said


@contextlib.contextmanager
def card(*more, wires=("none", "none")):
    with tempfile.TemporaryDirectory(prefix="serve") as folder:
        c = Card(pathlib.Path(folder), *more, wires=wires)
        try:
            yield c
            if c.process.poll() is None:
                c.process.terminate()
                c.end()
        finally:
            if c.process.poll() is None:
                c.process.kill()
                c.process.wait()


def word(c, name):
    return int.from_bytes(c.read(BAR0, REG[name], 4), "little")


def capabilities(config):
    found, at = {}, config[0x34]
    while at:
        found[config[at]] = at
        at = config[at + 1]
    return found


def test_configuration_space():
    with card() as k, vfu.Client(str(k.path)) as c:
        config = c.read(CONFIG, 0, 256)
        check(int.from_bytes(config[0:2], "little") == CONST["PCI_VENDOR_ID"])
        check(int.from_bytes(config[2:4], "little") == CONST["PCI_DEVICE_ID"])
        caps = capabilities(config)
        check(set(caps) == {0x01, 0x10, 0x11, 0x09}, caps)
        check(int.from_bytes(config[caps[9] + 4:caps[9] + 8], "little") == CONST["SIGNATURE"])
        # The size of the BAR is what all ones read back as.
        c.write(CONFIG, 0x10, b"\xff" * 8)
        bar = int.from_bytes(c.read(CONFIG, 0x10, 8), "little")
        check((~(bar & ~15) + 1) & (1 << 64) - 1 == CONST["BAR_SIZE"], hex(bar))
        check(bar & 15 == 4, "a 64-bit BAR of memory")
        # Only what may be written is.
        c.write(CONFIG, 0, b"\xff" * 256)
        after = c.read(CONFIG, 0, 256)
        check(after[0:4] == config[0:4] and after[0x34] == config[0x34])
        check(after[caps[9]:caps[9] + 16] == config[caps[9]:caps[9] + 16])


def test_function_level_reset():
    with card() as k, vfu.Client(str(k.path)) as c:
        generation, caps = word(c, "GENERATION"), capabilities(c.read(CONFIG, 0, 256))
        c.write(CONFIG, caps[0x10] + 8, (1 << 15).to_bytes(2, "little"))
        check(word(c, "GENERATION") == generation + 1)
        check(word(c, "RESET") == RESET["POWER"])
        check(c.read(CONFIG, caps[0x10] + 9, 1)[0] & 0x80 == 0, "it reads 0")


def refused(action):
    try:
        action()
    except vfu.Refused:
        return True
    return False


def test_registers_by_bytes_and_words():
    with card() as k, vfu.Client(str(k.path)) as c:
        check(word(c, "SIGNATURE") == CONST["SIGNATURE"])
        check(c.read(BAR0, 1, 2) == CONST["SIGNATURE"].to_bytes(4, "little")[1:3])
        check(len(c.read(BAR0, 0, CONST["BAR_SIZE"])) == CONST["BAR_SIZE"], "all of it at once")
        check(refused(lambda: c.write(BAR0, REG["ADMIN_RING"] + 1, b"\1")), "a part of a register")
        check(refused(lambda: c.read(BAR0, CONST["BAR_SIZE"] - 2, 4)), "beyond the end")
        c.write(BAR0, REG["ADMIN_RING"], bytes(range(64, 72)))
        check(c.read(BAR0, REG["ADMIN_RING"], 8) == bytes(range(64, 72)))
        c.write(BAR0, CONST["BAR_DOORBELL"] + 0x40, b"\5\0\0\0")
        check(c.read(BAR0, CONST["BAR_DOORBELL"] + 0x40, 4) == b"\5\0\0\0")
        c.write(BAR0, CONST["BAR_MSIX_TABLE"] + 16, b"\7\0\0\0")
        check(c.read(BAR0, CONST["BAR_MSIX_TABLE"] + 16, 4) == b"\7\0\0\0")
        c.write(BAR0, CONST["BAR_KICK"], b"\0\0\0\0")


def test_dead_until_reset():
    with card() as k, vfu.Client(str(k.path)) as c:
        generation = word(c, "GENERATION")
        k.must("dead")
        check(word(c, "SIGNATURE") == 0xffffffff)
        c.call(vfu.RESET)
        check(word(c, "SIGNATURE") == CONST["SIGNATURE"])
        check(word(c, "GENERATION") == generation + 1)


def test_state_outlives_a_driver():
    with card() as k:
        with vfu.Client(str(k.path)) as c:
            c.write(BAR0, REG["ADMIN_RING"], b"\x40\0\0\0")
            generation = word(c, "GENERATION")
        with vfu.Client(str(k.path)) as c:
            check(c.read(BAR0, REG["ADMIN_RING"], 4) == b"\x40\0\0\0")
            check(word(c, "GENERATION") == generation)


def test_commands():
    with card() as k:
        stats = k.must("stats")
        check([p["wire"] for p in stats["ports"]] == ["none", "none"] and not stats["server"]["connected"])
        check(all(name in stats["ports"][0] for name in ("rx_frames", "tx_punted", "wire_rx", "faults")))
        for line, says in (("nonsense", "no such command"), ("", "no such command"), ("wire", "a port"),
                           ("wire 2 none", "a port"), ("wire 0 drop=7", "drop=7"), ("link 0 sideways", "up or down"),
                           ("fault", "fw-hang"), ("fault everything", "fw-hang")):
            answer = k.do(line)
            check(not answer["ok"] and says in answer["error"], (line, answer))
        check("stats" in k.do("help")["commands"])
        for line in ("wire 0 drop=0.5,rx,dup=1,seed=3", "wire 0 none", "link 1 down", "link 1 up", "fault fw-hang",
                     "fault fw-crash", "fault irq-lost", "fault cpl-phase", "fault cpl-buffers"):
            k.must(line)
        # Two lines at once are two commands; one that never ends ends the connection alone.
        k.command.sendall(b"link 0 up\nlink 0 up\n")
        check(json.loads(k.answers.readline())["ok"] and json.loads(k.answers.readline())["ok"])
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as other:
            other.settimeout(20)
            other.connect(str(k.control))
            other.sendall(b"x" * 4096)
            with contextlib.suppress(ConnectionResetError):
                check(other.recv(100) == b"")
        k.must("stats")
        k.must("stop")
        k.end()


def test_frames_reach_their_counters():
    with tempfile.TemporaryDirectory(prefix="serve") as folder:
        near, far = f"{folder}/near", f"{folder}/far"
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
            peer.bind(far)
            with card(wires=(f"unix:{near},{far}", "none")) as k:
                for _ in range(10):
                    peer.sendto(FRAME, near)
                for _ in range(200):
                    port = k.must("stats")["ports"][0]
                    if port["rx_down"] == 10:
                        break
                    time.sleep(0.01)
                check(port["rx_down"] == 10 and port["wire_rx"]["frames"] == 10, port)
                k.must("wire 0 rx,drop=1")
                for _ in range(5):
                    peer.sendto(FRAME, near)
                for _ in range(200):
                    port = k.must("stats")["ports"][0]
                    if port["faults"]["dropped"] == 5:
                        break
                    time.sleep(0.01)
                check(port["faults"]["dropped"] == 5 and port["rx_down"] == 10, port)


def test_signals():
    with card() as k:
        k.process.send_signal(signal.SIGUSR1)
        time.sleep(0.3)
        k.process.send_signal(signal.SIGINT)
        said = k.end()
        check('"ports":[' in said, said)


def test_refusals():
    def run(*args):
        return subprocess.run([SIM, "serve", *map(str, args)], capture_output=True, text=True, timeout=30, check=False)

    with tempfile.TemporaryDirectory(prefix="serve") as folder:
        path = f"{folder}/s"
        for args, code, says in (((), 2, "--socket"), (("--socket",), 2, "missing"), (("--nothing",), 2, "no option"),
                                 (("-s", path, "more"), 2, "more"), (("-s", path, "-f", "1000"), 2, "power of two"),
                                 (("-s", path, "-f", "131072"), 2, "power of two"),
                                 (("-s", path, "-e", "rtx"), 2, "model or rtl"),
                                 (("-s", path, "-e", "rtl", "-f", "1024"), 2, "RTL"),
                                 (("-s", path, "-S", "x" * 40), 2, "31"), (("-s", path, "-0", "ether:x"), 1, "port 0"),
                                 (("-s", path, "-1", "pcap:/nowhere"), 1, "port 1"),
                                 (("-s", f"{folder}/{'x' * 200}"), 1, "x")):
            r = run(*args)
            check(r.returncode == code and says in r.stderr and not r.stdout, (args, r))
        (pathlib.Path(folder) / "file").write_text("precious")
        for option in (("-s", f"{folder}/file"), ("-s", path, "-c", f"{folder}/file")):
            r = run(*option)
            check(r.returncode == 1 and "file" in r.stderr, r)
            check((pathlib.Path(folder) / "file").read_text() == "precious")
        check(run("--help").returncode == 0)
    with card() as k:
        r = run("--socket", k.path)
        check(r.returncode == 1, r)
        with vfu.Client(str(k.path)) as c:
            check(word(c, "SIGNATURE") == CONST["SIGNATURE"], "the first one lives on")


def main():
    os.umask(0)
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
    print(f"test_serve: {checks} checks passed")


if __name__ == "__main__":
    main()
