# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker process, seen from the session."""

from __future__ import annotations

import json
import socket
from collections import deque
from types import SimpleNamespace
from typing import Any

from harness.plugins import units


class Worker:
    """A forked process at the other end of a link."""

    def __init__(self, name: str, pid: int, link: socket.socket) -> None:
        self.name = name
        self.gateway = SimpleNamespace(id=name)  # what pytest knows of xdist's
        self._workerinfocache = f"[{name}]"
        self.pid = pid
        self.link = link
        self.buffer = b""
        self.unit: units.Unit | None = None
        """What it was handed last."""
        self.current: units.Unit | None = None
        """What it reports on, until that is over."""
        self.round: int | None = None
        self.rest: deque[int] = deque()
        self.running: int | None = None
        self.template = ""

    def tell(self, **message: Any) -> None:
        """Send a message; a dead worker is noticed where it is read."""
        try:
            self.link.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def hear(self) -> list[dict[str, Any]] | None:
        """The messages that have come; None at the end."""
        try:
            data = self.link.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]
