# SPDX-License-Identifier: BSD-3-Clause
"""Network namespaces that end with the process that made them, however it ends.

A namespace belongs to a thread of this process and to nothing else, so that the kernel removes it,
with its devices and addresses. Programs that are started in it are killed by the kernel when that
thread is gone (PR_SET_PDEATHSIG); what they start themselves is theirs to end.
"""

import concurrent.futures
import ctypes
import fcntl
import os
import shutil
import signal
import socket
import struct
import subprocess

CLONE_NEWNET = 0x40000000
PR_SET_PDEATHSIG = 1
TUNSETIFF = 0x400454CA
IFF_TAP_NO_PI = 0x1002
IPPROTO_MPTCP = 262
TIMEOUT = 10.0  # seconds that anything may take before the scenario fails
OFFLOADS = "tso off gso off gro off tx off rx off"

libc = ctypes.CDLL(None, use_errno=True)


class LabError(Exception):
    """A scenario that did not do what it promises."""


def unshare_net():
    """Move the calling thread into a new, empty network namespace."""
    if libc.unshare(CLONE_NEWNET):
        err = ctypes.get_errno()
        raise OSError(err, "unshare(CLONE_NEWNET): " + os.strerror(err))


def run(*argv, stdin=None):
    """Run a program in the calling thread's namespace; its output, or an error with its words."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=TIMEOUT, input=stdin)
    if done.returncode:
        raise LabError("%s: %s" % (" ".join(argv), done.stderr.strip() or done.returncode))
    return done.stdout


def missing(*tools):
    """What this machine lacks for the laboratory, each in words; empty where nothing does."""
    lack = ["program " + tool for tool in ("ip",) + tools if not shutil.which(tool)]
    try:
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            pool.submit(unshare_net).result()
    except OSError as err:
        lack.append("right to make network namespaces (%s)" % err)
    try:
        os.close(os.open("/dev/net/tun", os.O_RDWR))
    except OSError as err:
        lack.append("TAP devices (%s)" % err)
    try:
        socket.socket(socket.AF_INET, socket.SOCK_STREAM, IPPROTO_MPTCP).close()
    except OSError as err:
        lack.append("MPTCP sockets in the kernel (%s)" % err)
    return lack


class Namespace:
    """A network namespace and the thread that lives in it."""

    def __init__(self):
        self.pool = concurrent.futures.ThreadPoolExecutor(1, initializer=unshare_net)
        self.fd = self.do(os.open, "/proc/thread-self/ns/net", os.O_RDONLY)
        self.path = "/proc/%d/fd/%d" % (os.getpid(), self.fd)
        self.started = []

    def close(self):
        for process in self.started:
            process.kill()
            process.wait()
            for stream in (process.stdin, process.stdout, process.stderr):
                if stream:
                    stream.close()
        os.close(self.fd)
        self.pool.shutdown()

    def do(self, function, *args, **named):
        """Call the function inside the namespace."""
        return self.pool.submit(function, *args, **named).result()

    def ip(self, words):
        self.do(run, "ip", *words.split())

    def batch(self, lines, *options):
        """Many commands of ip at once."""
        self.do(run, "ip", *options, "-batch", "-", stdin="\n".join(lines) + "\n")

    def sysctl(self, name, value):
        def write():
            with open("/proc/sys/net/" + name, "w", encoding="ascii") as file:
                file.write(str(value))
        self.do(write)

    def tap(self, name):
        def make():
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
            fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP_NO_PI))
            return fd
        return self.do(make)

    def socket(self, *args):
        return self.do(socket.socket, *args)

    def no_offloads(self, *devices):
        for device in devices:
            self.do(run, "ethtool", "-K", device, *OFFLOADS.split())

    def start(self, argv, **named):
        """A program in the namespace, as subprocess.Popen; killed with the namespace."""
        parent = os.getpid()

        def guard():
            # Before the program: who is killed right after start() returned leaves nothing either.
            if libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL) or os.getppid() != parent:
                os._exit(1)
            signal.signal(signal.SIGINT, signal.SIG_DFL)
        process = self.do(subprocess.Popen, argv, preexec_fn=guard, **named)
        self.started.append(process)
        return process

    def run(self, argv, timeout=TIMEOUT, check=True):
        """A program in the namespace until it ends: subprocess.CompletedProcess, with texts."""
        process = self.start(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, text=True)
        try:
            out, err = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired as late:
            raise LabError("%s: nothing after %g s" % (" ".join(argv), timeout)) from late
        finally:
            self.started.remove(process)
            if process.poll() is None:
                process.kill()
                process.communicate()
        if check and process.returncode:
            raise LabError("%s: exit code %d: %s" % (" ".join(argv), process.returncode, err))
        return subprocess.CompletedProcess(argv, process.returncode, out, err)

    def counters(self):
        """The kernel's counters of TCP and MPTCP in the namespace (nstat's names)."""
        def read():
            with open("/proc/thread-self/net/netstat", encoding="ascii") as file:
                return file.read().splitlines()
        lines, found = self.do(read), {}
        for names, values in zip(lines[::2], lines[1::2]):
            prefix = names.split(":")[0]
            found.update((prefix + name, int(value)) for name, value in
                         zip(names.split()[1:], values.split()[1:]))
        return found
