#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Waveforms of mpnic-sim serve: what fst2vcd reads of them is the clocks and the frames that they are of.

usage: test_trace.py MPNIC-SIM
"""

import contextlib
import pathlib
import random
import re
import socket
import subprocess
import sys
import tempfile
import time

import test_serve as serve
from test_serve import check

BEAT = 64
PORTS = ("clk_i", "s_axis_tdata_i", "s_axis_tkeep_i", "s_axis_tlast_i", "s_axis_tvalid_i", "s_axis_tready_o")


def read(wave):
    """Times, and behind each what the ports of the device are, as integers."""
    check(wave.stat().st_size > 1000, f"{wave} holds something")
    vcd = subprocess.run(["fst2vcd", wave], capture_output=True, text=True, timeout=100, check=True).stdout
    head, _, changes = vcd.partition("$enddefinitions")
    found, scopes = {}, []
    for line in head.splitlines():
        words = line.split()
        if line.startswith("$scope"):
            scopes.append(words[2])
        elif line.startswith("$upscope"):
            scopes.pop()
        elif line.startswith("$var") and len(scopes) == 1 and words[4] in PORTS:
            found[words[3]] = words[4]
    check(sorted(found.values()) == sorted(PORTS), found)
    now, at, samples = dict.fromkeys(PORTS, 0), None, []
    for line in changes.splitlines():
        if line.startswith("#"):
            if at is not None:
                samples.append((at, dict(now)))
            at = int(line[1:])
            continue
        change = re.fullmatch(r"(?:b([01xz]+) |([01xz]))(\S+)", line)
        if change and change[3] in found:
            now[found[change[3]]] = int(change[1] or change[2], 2)
    return samples + [(at, now)]


def frames(samples):
    """What port 0 took from its wire, beat by beat; before the edge of each clock."""
    taken, frame = [], b""
    for at, s in samples:
        if at % 2 or not s["s_axis_tvalid_i"] & s["s_axis_tready_o"] & 1:
            continue
        data = (s["s_axis_tdata_i"] & (1 << 8 * BEAT) - 1).to_bytes(BEAT, "little")
        frame += data[:(s["s_axis_tkeep_i"] & (1 << BEAT) - 1).bit_count()]
        if s["s_axis_tlast_i"] & 1:
            taken.append(frame)
            frame = b""
    return taken


def holds(wave, state):
    """The file is of exactly those clocks, of two halves each. Returns what was read."""
    check(not state["open"], state)
    samples = read(wave)
    check([at for at, _ in samples] == list(range(2 * state["from"], 2 * state["end"])), (samples[0][0], state))
    check(all(s["clk_i"] == at % 2 for at, s in samples), "the clock ticks")
    return samples


def until(what):
    for _ in range(2000):
        state = what()
        if state:
            return state
        time.sleep(0.01)
    raise AssertionError(f"{what} did not come")


def closed(k):
    def done():
        state = k.must("trace")
        return None if state["open"] else state
    return until(done)


@contextlib.contextmanager
def traced(*more):
    """A card of the RTL, and who sends it frames."""
    with tempfile.TemporaryDirectory(prefix="trace") as folder, \
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as peer:
        near, far = f"{folder}/near", f"{folder}/far"
        peer.bind(far)
        with serve.card("--engine", "rtl", *map(str, more), wires=(f"unix:{near},{far}", "none")) as k:
            sent = 0

            def send(some):
                nonlocal sent
                for frame in some:
                    peer.sendto(frame, near)
                sent += len(some)
                until(lambda: k.must("stats")["ports"][0]["rx_down"] == sent)
            yield k, send


def some_frames():
    return [serve.FRAME[:14] + random.randbytes(n - 14) for n in (60, 64, 65, 128, 129, 1000)]


def test_command(folder):
    before, inside, behind = some_frames(), some_frames(), some_frames()
    wave = folder / "command.fst"
    with traced() as (k, send):
        send(before)
        state = k.must(f"trace {wave}")
        check(state["open"] and state["from"] == state["clock"] and state["end"] == state["from"] + 100000, state)
        send(inside)
        state = k.must("trace off")
        send(behind)
        check(frames(holds(wave, state)) == inside)
        # A second file of the same run, which ends by itself.
        again = folder / "again.fst"
        k.must(f"trace {again} 500")
        state = closed(k)
        check(state["end"] - state["from"] == 500, state)
        holds(again, state)
        for line in ("trace ", f"trace {again} 0", f"trace {again} -1", f"trace {again} 1x", f"trace {again} 1 2"):
            check("number of clocks" in k.do(line)["error"], line)
        check("/nowhere/x" in k.do("trace /nowhere/x")["error"])


def test_options(folder):
    wave = folder / "options.fst"
    with traced("--trace", wave, "--trace-for", 700) as (k, _):
        state = closed(k)
        check(state["end"] - state["from"] == 700, state)
        holds(wave, state)
    with traced("--trace", wave, "--trace-from", 300000, "--trace-for", 50) as (k, _):
        state = closed(k)
        check((state["from"], state["end"]) == (300000, 300050), state)
        holds(wave, state)


def test_end_closes(folder):
    """A card that ends leaves a file that can be read."""
    wave, some = folder / "end.fst", some_frames()
    with traced("--trace", wave) as (k, send):
        send(some)
        k.must("stop")
        k.end()
    check(frames(read(wave)) == some)


def test_refusals(folder):
    def run(*args):
        return subprocess.run([sim, "serve", "--socket", folder / "s", *map(str, args)], capture_output=True, text=True,
                              timeout=60, check=False)

    for args, code, says in ((("--trace", "x"), 2, "--engine rtl"), (("-e", "rtl", "--trace-for", "5"), 2, "--trace"),
                             (("-e", "rtl", "--trace", "x", "--trace-for", "0"), 2, "from 1 on"),
                             (("-e", "rtl", "--trace", "x", "--trace-from", "y"), 2, "not y"),
                             (("-e", "rtl", "--trace", "/nowhere/x"), 1, "/nowhere/x")):
        r = run(*args)
        check(r.returncode == code and says in r.stderr, (args, r))
    serve.SIM = sim
    for engine in ("model", "rtl"):
        with serve.card("--engine", engine) as k:
            for line in ("trace", f"trace {folder}/x", "trace off"):
                check("mpnic-sim-trace" in k.do(line)["error"], (engine, line))


def main():
    with tempfile.TemporaryDirectory(prefix="trace") as folder:
        folder = pathlib.Path(folder)
        test_options(folder)
        test_end_closes(folder)
        serve.SIM = sim + "-trace"
        test_command(folder)
        test_refusals(folder)
    print(f"test_trace: {serve.checks} checks passed")


if __name__ == "__main__":
    sim = sys.argv[1]
    main()
