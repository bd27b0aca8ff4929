# SPDX-License-Identifier: GPL-3.0-or-later
"""Ends a session on somebody else's browsers when the one that asked for it is gone.

``python -I closer.py``: the first line of our standard input is the session's
address; when the other end of it is closed, also by ``kill -9``, the session is
deleted.  A program of its own: it imports nothing of the harness.
"""

from __future__ import annotations

import base64
import http.client
import os
import subprocess
import sys
from urllib.parse import unquote, urlsplit

PATIENCE = 120.0
"""Seconds that the grid gets to answer: it ends what the browser does first."""


class Closer:
    """The one who asked for a session."""

    def __init__(self, address: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_of_nobody(),
            start_new_session=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(f"{address}\n".encode())
        self._process.stdin.flush()

    def end(self, *, done: bool) -> None:
        """The session has ended by itself (`done`), or is to be deleted."""
        assert self._process.stdin is not None
        if done:
            self._process.kill()
        self._process.stdin.close()
        self._process.wait()


def _of_nobody() -> dict[str, str]:
    """Our environment without the run's mark: the end of the run is not that of it."""
    mark = "HARNESS_"
    return {k: v for k, v in os.environ.items() if not k.startswith(mark)}


def main() -> int:
    """Wait, then delete."""
    address = sys.stdin.readline().strip()
    sys.stdin.read()
    parts = urlsplit(address)
    secure = parts.scheme == "https"
    make = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = make(parts.hostname or "", parts.port, timeout=PATIENCE)
    headers = {}
    if parts.username:
        who = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Authorization"] = f"Basic {base64.b64encode(who.encode()).decode()}"
    try:
        connection.request("DELETE", parts.path, headers=headers)
        return 0 if connection.getresponse().status == 200 else 1
    except (OSError, http.client.HTTPException):
        return 1


if __name__ == "__main__":
    sys.exit(main())
