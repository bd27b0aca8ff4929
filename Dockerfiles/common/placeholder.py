# SPDX-License-Identifier: GPL-3.0-or-later
"""Stands in for a service whose source is not installed, and says so.

``placeholder.py NAME [PORT]``: with a port, every path answers with a page and
the header ``X-Harness-Placeholder``; without, it idles until it is ended.
"""

import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

NAME = sys.argv[1]
TEXT = f"{NAME}: no source that can be started is installed (harness build {NAME})\n"


class Page(BaseHTTPRequestHandler):
    """The one page there is."""

    def do_GET(self) -> None:
        body = TEXT.encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Harness-Placeholder", NAME)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET


def main() -> None:
    """Answer, or idle, until the signal comes."""
    ended = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ended.set())
    sys.stdout.write(TEXT)
    sys.stdout.flush()
    if len(sys.argv) > 2:
        server = ThreadingHTTPServer(("0.0.0.0", int(sys.argv[2])), Page)
        threading.Thread(target=server.serve_forever, daemon=True).start()
    ended.wait()


if __name__ == "__main__":
    main()
