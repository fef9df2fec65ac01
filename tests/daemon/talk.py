#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""One end of a connection over MPTCP that does what it is told, a line of stdin each.

talk.py ADDRESS PORT: connects. Answers each command with a line: send N (bytes, comes back from an
echoing peer), close, abort (SO_LINGER 0).
talk.py ADDRESS PORT --listen: echoes what comes.
"""

import contextlib
import socket
import sys
import threading

IPPROTO_MPTCP = 262


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def echo(client):
    with contextlib.suppress(OSError):  # some are reset, as tests want it
        while data := client.recv(65536):
            client.sendall(data)
    client.close()


def serve(address, port):
    listener = socket.socket(family(address), socket.SOCK_STREAM, IPPROTO_MPTCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((address, port))
    listener.listen(16)
    print("listening", flush=True)
    while True:
        threading.Thread(target=echo, args=(listener.accept()[0],), daemon=True).start()


def transfer(connection, count):
    """Sends that many bytes and takes them back."""
    data = bytes(i * 7 & 255 for i in range(count))
    sender = threading.Thread(target=connection.sendall, args=(data,))
    sender.start()
    got = b""
    while len(got) < count:
        part = connection.recv(65536)
        if not part:
            break
        got += part
    sender.join()
    return "same" if got == data else "different"


def main():
    address, port = sys.argv[1], int(sys.argv[2])
    if "--listen" in sys.argv:
        serve(address, port)
    connection = socket.socket(family(address), socket.SOCK_STREAM, IPPROTO_MPTCP)
    connection.settimeout(60)
    connection.connect((address, port))
    print("connected", flush=True)
    for line in sys.stdin:
        command, *words = line.split()
        if command == "send":
            print(transfer(connection, int(words[0])), flush=True)
        elif command == "abort":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  b"\x01\0\0\0\0\0\0\0")
            connection.close()
            print("aborted", flush=True)
        elif command == "close":
            connection.close()
            print("closed", flush=True)


if __name__ == "__main__":
    main()
