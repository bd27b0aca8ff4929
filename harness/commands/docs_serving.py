# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness docs --serve``: pages on this machine, built again on change."""

import http.server
import os
import threading
import time
import webbrowser
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from harness.errors import UsageError
from harness.output import Console

MADE = ("_build", "autoapi")
"""Directories of documents that a build has made."""
SKIPPED = {"__pycache__", "node_modules", "build", "dist", *MADE}
LOOK = 1.0
"""Seconds between two looks for a change."""


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Pages, without a line for each."""

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


def serve(
    console: Console,
    pages: Path,
    places: Sequence[Path],
    build: Callable[[], object],
    *,
    port: int,
    show: bool,
) -> None:
    """Serve `pages` on 127.0.0.1 until Ctrl-C; what is made of `places` is built again.

    Raises `UsageError` for a port that cannot be had.
    """
    handler = partial(Quiet, directory=str(pages))
    try:
        server = http.server.ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise UsageError(
            f"the port {port} cannot be served: {error.strerror}",
            remedy="take another one: harness docs --serve --port 0",
        ) from error
    with server:
        seen = _state(places)  # before anybody is told that changes are followed
        url = f"http://127.0.0.1:{server.server_port}/"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        console.info(f"served at {url}, built again on change, Ctrl-C")
        if show:
            webbrowser.open(url)
        try:
            while True:
                time.sleep(LOOK)
                now = _state(places)
                if now != seen:
                    seen = now
                    build()
        except KeyboardInterrupt:
            server.shutdown()


def _state(places: Sequence[Path]) -> dict[str, int]:
    """Each document and module with its time."""
    found: dict[str, int] = {}
    for place in places:
        for root, directories, names in os.walk(place):
            directories[:] = [
                name
                for name in directories
                if name not in SKIPPED and not name.startswith(".")
            ]
            for name in names:
                if name.endswith((".md", ".rst", ".py", ".css")):
                    path = os.path.join(root, name)
                    found[path] = os.stat(path).st_mtime_ns
    return found
