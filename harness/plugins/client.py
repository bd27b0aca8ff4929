# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's side of the broker: ask for a lease, give it back."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import time
from typing import Any, NamedTuple

BROKER = "HARNESS_BROKER"


class Lease(NamedTuple):
    """A clone that belongs to this process until it is given back."""

    key: str
    database: str
    files: str
    modules: tuple[str, ...]
    digest: str
    kind: str
    seconds: float


class Back(NamedTuple):
    """How a lease came back to the state of a mark.

    `how` is ``clean``, ``reset``, ``exchanged`` (another clone stands behind
    `lease`) or ``lost`` (another clone, without what the mark had over the
    template); `left` are the sessions that had to be ended.
    """

    how: str
    reason: str
    left: tuple[str, ...]
    lease: Lease


class LeaseError(Exception):
    """The harness could not provide the database that a test asked for."""


class Client:
    """One connection a process; a fork opens one of its own."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._pid = 0
        self.worker = "main"
        self.waited = 0.0
        """Seconds this process has waited for leases."""

    @property
    def available(self) -> bool:
        """Whether a harness is there to be asked."""
        return BROKER in os.environ

    def _ask(self, **message: Any) -> dict[str, Any]:
        started = time.perf_counter()
        try:
            if self._stream is None or self._pid != os.getpid():
                self._connect()
            self._stream.write(json.dumps(message).encode() + b"\n")
            self._stream.flush()
            line = self._stream.readline()
        except OSError as error:
            raise LeaseError(f"the harness has gone: {error}") from error
        self.waited += time.perf_counter() - started
        if not line:
            raise LeaseError("the harness has gone")
        answer: dict[str, Any] = json.loads(line)
        if not answer["ok"]:
            raise LeaseError(answer["error"])
        return answer

    def _connect(self) -> None:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(os.environ[BROKER])
            self._stream = connection.makefile("rwb")
        self._pid = os.getpid()

    def lease(self, modules: list[str], language: str) -> Lease:
        """A clone with exactly these modules and what they depend on.

        Raises `LeaseError` with the harness's own words.
        """
        return self._leased(ask="lease", modules=modules, language=language)

    def lease_of(self, template: str) -> Lease:
        """A clone of a template of the suite's configuration.

        Raises `LeaseError` with the harness's own words.
        """
        return self._leased(ask="lease", template=template)

    def _leased(self, **message: Any) -> Lease:
        answer = self._ask(worker=self.worker, **message)
        os.environ.update(answer["environment"])
        return Lease(
            key=answer["lease"],
            database=answer["database"],
            files=answer["files"],
            modules=tuple(answer["modules"]),
            digest=answer["digest"],
            kind=answer["kind"],
            seconds=answer["seconds"],
        )

    def mark(self, lease: Lease) -> int:
        """Note the state of a lease."""
        return 0

    def back(self, lease: Lease, mark: int) -> Back:
        """Return a lease to the state of `mark`."""
        self.give_back(lease)
        fresh = self.lease_of("portal")
        return Back(how="exchanged", reason="", left=(), lease=fresh)

    def give_back(self, lease: Lease) -> None:
        """Give a lease back; a harness that has gone has it already."""
        try:
            self._ask(ask="return", lease=lease.key)
        except LeaseError:
            pass

    def close(self) -> None:
        """Close the connection of this process."""
        if self._stream is not None and self._pid == os.getpid():
            with contextlib.suppress(OSError):
                self._stream.close()
        self._stream = None


client = Client()
