# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller says to a warm process, and hears from it."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import struct
import time
from typing import Any

from harness.plugins.workers import forks, interpreter, units, warm

PATIENCE = 300.0
"""Seconds that a suite gets to be imported and collected."""


class GoneError(Exception):
    """The warm process does not answer."""


class Link:
    """The connection to a warm process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.plan: dict[str, units.Place] = {}
        self.tests = 0
        self._socket: socket.socket | None = None

    def prepare(self, given: dict[str, Any]) -> str:
        """Hand over what a worker is told; why its workers start cold, once known.

        Raises `GoneError` where nobody answers.
        """
        try:
            self._connect()
            data = json.dumps(given, default=str).encode()
            self._send(forks.HEAD.pack(warm.CONTROL, len(data)) + data)
            said = self._receive(PATIENCE)
        except TimeoutError:
            raise GoneError(f"it has imported for {PATIENCE:.0f} s") from None
        except OSError as error:
            raise GoneError(str(error)) from None
        self.plan = dict(warm.lines(said["plan"]))
        self.tests = len(self.plan)
        return str(said["cold"])

    def status(self, pid: int) -> int | None:
        """How a fork has ended, as ``waitpid(2)`` says it; None: nobody knows."""
        try:
            self._send(struct.pack("!i", pid))
            said = self._receive(interpreter.PATIENCE)
        except OSError:
            return None
        status: int | None = said["status"]
        return status

    def close(self) -> None:
        """End the warm process, and what it has forked; a stopped one as well."""
        if self._socket is not None:
            process, _ = interpreter.peer(self._socket)
            self._socket.close()
            if interpreter.stopped(process):
                with contextlib.suppress(OSError):
                    os.kill(process, signal.SIGCONT)

    def _connect(self) -> None:
        """Connect as soon as it listens: it may have been started just now."""
        deadline = time.monotonic() + interpreter.PATIENCE
        while True:
            link = socket.socket(socket.AF_UNIX)
            try:
                link.connect(self.path)
                break
            except FileNotFoundError:
                link.close()
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.02)
        self._socket = link
        if not interpreter.own(link):
            raise PermissionError("the socket is somebody else's")

    def _send(self, data: bytes) -> None:
        assert self._socket is not None
        self._socket.sendall(data)

    def _receive(self, patience: float) -> dict[str, Any]:
        assert self._socket is not None
        interpreter.wait(self._socket, patience)
        self._socket.settimeout(patience)
        with self._socket.makefile("rb", buffering=0) as stream:
            (size,) = struct.unpack("!I", _exactly(stream, 4))
            said: dict[str, Any] = json.loads(_exactly(stream, size))
        return said


def _exactly(stream: Any, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = stream.read(size - len(data))
        if not more:
            raise ConnectionError("it has ended")
        data += more
    return data
