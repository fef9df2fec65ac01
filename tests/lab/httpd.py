#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The web server of the lab's Linux peers; the same addresses and data as v0peer's.

httpd.py [--tcp] [--port PORT]: over MPTCP sockets, or TCP ones. GET /bytes/N, POST.
"""

import argparse
import hashlib
import http.server
import re
import socket

IPPROTO_MPTCP = 262


def pattern(length):
    """Byte i is i * 31 + (i >> 8) * 17 + (i >> 16)."""
    line = bytes(i * 31 & 255 for i in range(256))
    tables = [bytes(byte + add & 255 for byte in line) for add in range(256)]
    blocks = (tables[n * 17 + (n >> 8) & 255] for n in range(length // 256 + 1))
    return b"".join(blocks)[:length]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        found = re.fullmatch(r"/bytes/(\d{1,9})", self.path)
        self.answer(200 if found else 404, pattern(int(found[1])) if found else b"/bytes/N\n")

    def do_POST(self):
        left, total = int(self.headers.get("Content-Length", 0)), hashlib.sha256()
        while left:
            part = self.rfile.read(min(left, 65536))
            if not part:
                return
            total.update(part)
            left -= len(part)
        self.answer(200, (total.hexdigest() + "\n").encode())

    do_PUT = do_POST

    def log_message(self, *_):
        pass


class Server(http.server.ThreadingHTTPServer):
    request_queue_size = 64

    def __init__(self, port, tcp):
        super().__init__(("::", port), Handler, bind_and_activate=False)
        self.socket.close()
        self.socket = socket.socket(socket.AF_INET6, socket.SOCK_STREAM, 0 if tcp else IPPROTO_MPTCP)
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        self.server_bind()
        self.server_activate()

    def handle_error(self, *_):
        """Who goes away goes away."""

    def server_bind(self):
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_name, self.server_port = "lab", self.server_address[1]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tcp", action="store_true")
    parser.add_argument("--port", type=int, default=8080)
    args = parser.parse_args()
    server = Server(args.port, args.tcp)
    print('{"event":"ready"}', flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
