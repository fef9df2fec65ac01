# SPDX-License-Identifier: BSD-3-Clause
"""What tshark says of a capture: for each frame, the values of each field in their order."""

import os
import subprocess
import tempfile

import frames

OPTIONS = ("ip.check_checksum:TRUE", "tcp.check_checksum:TRUE", "udp.check_checksum:TRUE",
           "ip.defragment:FALSE", "ipv6.defragment:FALSE", "tcp.desegment_tcp_streams:FALSE",
           "tcp.relative_sequence_numbers:FALSE", "tcp.analyze_sequence_numbers:FALSE",
           "mptcp.relative_sequence_numbers:FALSE", "ip.tso_support:FALSE")
# Protocols above TCP and UDP have nothing to say here, and take time
SILENT = ("http", "http2", "tls", "data", "dns", "amqp")


def ask(captured, fields):
    """Yield {field: [values as strings]} for each frame; a field that is not there is left out."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "frames.pcap")
        frames.write(path, captured)
        argv = ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=/t",
                "-E", "occurrence=a", "-E", "aggregator=;"]
        for option in OPTIONS:
            argv += ["-o", option]
        for protocol in SILENT:
            argv += ["--disable-protocol", protocol]
        for field in fields:
            argv += ["-e", field]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=120, check=False)
    if done.returncode:
        raise RuntimeError("tshark: " + done.stderr.strip())
    lines = done.stdout.split("\n")[:-1]
    if len(lines) != len(captured):
        raise RuntimeError("tshark: %d lines for %d frames" % (len(lines), len(captured)))
    for line in lines:
        yield {field: value.split(";") for field, value in zip(fields, line.split("\t")) if value}


def version():
    done = subprocess.run(["tshark", "--version"], capture_output=True, text=True, check=True)
    return done.stdout.split("\n")[0]
