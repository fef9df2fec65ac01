# SPDX-License-Identifier: BSD-3-Clause
"""A simulated card between the lab's wires and its host: mpnic-sim, and mpnicd, which drives it."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)
import lab as labs  # noqa: E402

BUILD = os.path.join(HERE, "..", "..", "build")
PROGRAMS = ("sim/mpnic-sim", "host/mpnicd", "host/mpnicctl")
CONFIG = """
device = "net_mpnic0,socket=%(card)s,timeout_ms=%(timeout)d";
taps = [ "port0", "port1" ];
user = "";
control = { socket = "%(control)s"; group = ""; };
cache = { file = "%(cache)s"; entries = 10000; };
metrics = "%(metrics)s";
probes = { %(probes)s };
defaults = { %(defaults)s };
%(more)s
"""


def lacking():
    """What this machine lacks, in words."""
    return labs.lacking() + ["program build/%s (make)" % name for name in PROGRAMS
                             if not os.access(os.path.join(BUILD, name), os.X_OK)]


def lacks(name):
    """Whether something is missing; what, is said on stderr."""
    lack = lacking()
    for what in lack:
        print("%s: missing: %s" % (name, what), file=sys.stderr)
    return bool(lack)


@contextlib.contextmanager
def running(engine="model", san=False):
    """A lab, and the card in it, started."""
    folder = tempfile.mkdtemp(prefix="mpnic-card-")
    try:
        with labs.Lab(nic=True) as lab:
            card = Card(lab, folder, engine, san)
            try:
                card.start()
                yield lab, card
            finally:
                card.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Card:
    """The card, with what it needs in a folder. san: mpnicd with sanitizers."""

    def __init__(self, lab, folder, engine="model", san=False):
        self.lab, self.folder, self.engine = lab, folder, engine
        self.built = os.path.join(BUILD, "host-san" if san else "host")
        self.control = os.path.join(folder, "control")
        self.card = os.path.join(folder, "card")
        self.metrics = os.path.join(folder, "metrics")
        self.cache = os.path.join(folder, "peers.mdb")
        self.config = os.path.join(folder, "mpnicd.conf")
        self.settings = {"defaults": "", "probes": "", "more": ""}
        self.log = open(os.path.join(folder, "log"), "w+", encoding="utf-8")
        self.sim = self.daemon = None

    def start(self):
        self.start_sim()
        self.start_daemon()

    def start_sim(self):
        self.sim = self.lab.wire.start(
            [os.path.join(BUILD, "sim", "mpnic-sim"), "serve", "--engine", self.engine, "--socket",
             self.card, "--port0", "tap:nic0", "--port1", "tap:nic1"], stdout=self.log,
            stderr=self.log)
        self.wait(lambda: os.path.exists(self.card), "mpnic-sim", self.sim)
        for wire in range(labs.WIRES):
            self.lab.attach(wire, "nic%d" % wire)

    def start_daemon(self):
        """The interfaces of the ports go with mpnicd, and come to the host with it."""
        self.configure()
        env = dict(os.environ, MPNIC_FIRMWARE_PATH=os.path.join(BUILD, "firmware"),
                   ASAN_OPTIONS="detect_leaks=0")
        self.daemon = self.lab.wire.start(
            [os.path.join(self.built, "mpnicd"), "--config", self.config], stdout=self.log,
            stderr=self.log, env=env)
        self.wait(lambda: self.ctl("device").returncode == 0, "mpnicd", self.daemon, 120)
        self.lab.adopt(["port0", "port1"])

    def configure(self, **settings):
        self.settings.update(settings)
        with open(self.config, "w", encoding="utf-8") as out:
            out.write(CONFIG % dict(self.settings, card=self.card, control=self.control,
                                    cache=self.cache, metrics=self.metrics,
                                    timeout=60000 if self.engine == "rtl" else 2000))

    def wait(self, condition, what, process, timeout=30):
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end or process.poll() is not None:
                raise labs.LabError("%s does not start:\n%s" % (what, self.said()))
            time.sleep(0.05)

    def said(self):
        """All that the programs printed so far."""
        self.log.flush()
        with open(self.log.name, encoding="utf-8") as log:
            return log.read()

    def ctl(self, *words, stdin=None):
        return subprocess.run([os.path.join(self.built, "mpnicctl"), "--socket", self.control,
                               *map(str, words)], capture_output=True, text=True, timeout=60,
                              check=False, input=stdin)

    def ask(self, *words):
        """What mpnicctl says, a list of its lines of JSON."""
        done = self.ctl("--json", *words)
        if done.returncode:
            raise labs.LabError("mpnicctl %s: %s" % (" ".join(map(str, words)), done.stderr))
        return [json.loads(line) for line in done.stdout.splitlines()]

    @staticmethod
    def end(process, kill=False):
        """Ends a program of ours: its exit code."""
        if process.poll() is None:
            (process.kill if kill else process.terminate)()
        return process.wait(60)

    def close(self):
        for process in (self.daemon, self.sim):
            if process:
                self.end(process)
        self.log.close()
