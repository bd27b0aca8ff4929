# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker process, seen from the session."""

from __future__ import annotations

import json
import os
import signal
import socket
from collections import deque
from types import SimpleNamespace
from typing import Any, Callable, Iterable

from harness.plugins import units


class Worker:
    """A forked process at the other end of a link."""

    def __init__(
        self, name: str, pid: int, link: socket.socket, place: str = ""
    ) -> None:
        self.name = name
        self.place = place
        """The lane that it is in; empty for a fork of the session."""
        self.code = -signal.SIGKILL
        """Its exit code, as a lane has said it."""
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

    def wait(self) -> int:
        """Its exit code."""
        if self.place:
            return self.code
        _, status = os.waitpid(self.pid, 0)
        return os.waitstatus_to_exitcode(status)

    def kill(self, number: int) -> None:
        """Send a signal; one in a lane ends with its link."""
        if not self.place:
            try:
                os.kill(self.pid, number)
            except ProcessLookupError:
                pass

    @property
    def gone(self) -> bool:
        """Whether its process is over, as far as that is the session's."""
        return bool(self.place) or os.waitpid(self.pid, os.WNOHANG) != (0, 0)

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


PLACES: list[str] = []
"""Lanes that there are: each has one worker, the session has one; see `lanes`."""
CONNECT: list[Callable[[str, str, Any], socket.socket | None]] = []
"""How a worker in a lane is had."""


def free(workers: Iterable[Worker]) -> str:
    """The lane that has no worker; none where the session is to fork one."""
    taken = {worker.place for worker in workers}
    return next((one for one in ["", *PLACES] if one not in taken), "")
