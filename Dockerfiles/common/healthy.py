# SPDX-License-Identifier: GPL-3.0-or-later
"""``healthy.py URL``: whether a server answers at all; an error of its own is no.

It is called every few seconds as long as a container lives, so it imports little:
``python3 -IS`` and a socket take a quarter of the processor time of `urllib`.  How long
it may wait says who calls it.
"""

import socket
import sys

_, _, host, path = [*sys.argv[1].split("/", 3), ""][:4]
name, port = host.split(":")
try:
    with socket.create_connection((name, int(port)), timeout=20) as server:
        server.sendall(f"GET /{path} HTTP/1.0\r\nHost: {host}\r\n\r\n".encode())
        with server.makefile("rb") as answer:
            line = answer.readline()
except OSError as error:
    raise SystemExit(f"{sys.argv[1]}: {error}") from None
words = line.split()
if len(words) < 2 or not words[0].startswith(b"HTTP/") or words[1] >= b"500":
    raise SystemExit(f"{sys.argv[1]}: {line!r}")
