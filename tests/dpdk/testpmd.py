# SPDX-License-Identifier: BSD-3-Clause
"""The distribution's dpdk-testpmd at a terminal, with the plug-in that was built, for the tests of the driver."""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import tempfile
import time

MBUFS = 16384
PROMPT = b"testpmd> "


def private_folder():
    """EAL takes no plug-in from below a folder that all may write to."""
    for parent in ("/run", pathlib.Path.home()):
        if os.access(parent, os.W_OK):
            return pathlib.Path(tempfile.mkdtemp(prefix="mpnic-", dir=parent))
    raise SystemExit("no folder for the plug-in: neither /run nor the home directory can be written to")


def sanitizers(plugin):
    """A plug-in with AddressSanitizer needs its library from the program's start on. DPDK's own leaks are not ours."""
    needed = subprocess.run(["objdump", "-p", plugin], check=True, capture_output=True, text=True).stdout
    if "libasan" not in needed:
        return {}
    library = subprocess.run(["gcc", "-print-file-name=libasan.so"], check=True, capture_output=True, text=True).stdout
    return {"LD_PRELOAD": str(pathlib.Path(library.strip()).resolve()), "ASAN_OPTIONS": "detect_leaks=0",
            "UBSAN_OPTIONS": "print_stacktrace=1"}


class Testpmd:
    """One run. @vdevs: arguments of --vdev; @more: testpmd's own; @noisy: with `set verbose`;
    @memory: where DPDK has it from."""

    def __init__(self, plugin, folder, vdevs, *more, eal=(), mbufs=MBUFS, env=None, start=True, noisy=False,
                 memory=("--no-huge", "-m", "512")):
        self.plugin = folder / "librte_net_mpnic.so"
        if not self.plugin.exists():
            shutil.copy(plugin, self.plugin)
        master, slave = pty.openpty()
        command = ["dpdk-testpmd", "-l", "0,1", *memory, "--no-pci", f"--file-prefix=mpnic{os.getpid()}",
                   "--log-level=pmd.net.mpnic:info", "-d", str(self.plugin), *eal,
                   *(f"--vdev={v}" for v in vdevs), "--", f"--total-num-mbufs={mbufs}", "--no-flush-rx", "-i", *more]
        env = {**os.environ, "TERM": "dumb", **sanitizers(plugin), **(env or {})}
        self.process = subprocess.Popen(command, stdin=slave, stdout=slave, stderr=slave, close_fds=True,
                                        start_new_session=True, env=env)
        os.close(slave)
        self.terminal = master
        self.noisy = noisy
        self.said = b""        # and not looked at yet
        self.transcript = ""
        if start:
            self.log = self.wait_prompt(60)

    def read(self, seconds):
        ready, _, _ = select.select([self.terminal], [], [], seconds)
        if not ready:
            return False
        try:
            piece = os.read(self.terminal, 65536)
        except OSError:
            piece = b""
        self.said += piece
        self.transcript += piece.decode(errors="replace").replace("\r", "")
        return bool(piece)

    def wait_prompt(self, seconds):
        until = time.monotonic() + seconds
        while PROMPT not in self.said:
            if self.read(2 if self.noisy else max(0, until - time.monotonic())):
                continue
            if not self.noisy or time.monotonic() > until:
                raise AssertionError("testpmd said no more, but:\n" + self.said.decode(errors="replace"))
            # What forwarding cores print may stand in the middle of a prompt: have another one.
            os.write(self.terminal, b"\n")
        text, self.said = self.said.split(PROMPT, 1)
        return text.decode(errors="replace").replace("\r", "")

    def do(self, line, seconds=60):
        """What testpmd prints for a command."""
        if self.noisy:
            while self.read(0.3):
                pass
            self.said = b""
        os.write(self.terminal, line.encode() + b"\n")
        return self.wait_prompt(seconds)

    def wait_text(self, pattern, seconds=20):
        """Something that comes by itself."""
        until = time.monotonic() + seconds
        while not re.search(pattern, self.said.decode(errors="replace")):
            if time.monotonic() > until:
                raise AssertionError(f"{pattern} was not said, but:\n" + self.said.decode(errors="replace"))
            self.read(0.1)

    def stats(self, port):
        """RX-packets and the like, as a dictionary."""
        return {k: int(v) for k, v in re.findall(r"([RT]X-[a-z]+):\s+(\d+)", self.do(f"show port stats {port}"))}

    def xstats(self, port):
        return {k: int(v) for k, v in re.findall(r"^(\w+): (\d+)$", self.do(f"show port xstats {port}"), re.M)}

    def until(self, what, wanted, seconds=20):
        """Ask until wanted(what()) holds."""
        until = time.monotonic() + seconds
        while True:
            got = what()
            if wanted(got):
                return got
            if time.monotonic() > until:
                raise AssertionError(f"in {seconds} s it came to {got}")
            time.sleep(0.05)

    def mbufs(self, pool="mb_pool_0"):
        """How many are in the pool, caches included."""
        dump = self.do(f"dump_mempool {pool}")
        common = int(re.search(r"common_pool_count=(\d+)", dump).group(1))
        return common + sum(int(n) for n in re.findall(r"cache_count\[\d+\]=(\d+)", dump))

    def quit(self, code=0):
        os.write(self.terminal, b"quit\n")
        until = time.monotonic() + 60
        while self.read(max(0, until - time.monotonic())):
            pass
        got = self.process.wait(60)
        os.close(self.terminal)
        text = self.said.decode(errors="replace").replace("\r", "")
        assert got == code, f"testpmd ended with {got}:\n{text}"
        return text

    def end(self):
        """However it stands."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait()
        try:
            os.close(self.terminal)
        except OSError:
            pass
