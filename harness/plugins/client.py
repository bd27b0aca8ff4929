# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's side of the broker: ask for a lease, give it back."""

from __future__ import annotations

import contextlib
import socket
from typing import Any, Callable, ContextManager, NamedTuple

from harness.plugins.unpatched import json, os, time

BROKER = "HARNESS_BROKER"
REACH = "HARNESS_REACH"
"""JSON: variables that lead to the database server from another machine."""


WAITS = {"lease": "a database", "browser": "a browser"}
"""What the questions that may take long are for."""


class Lease(NamedTuple):
    """A clone that belongs to this process until it is given back."""

    key: str
    database: str
    files: str
    modules: tuple[str, ...]
    digest: str
    kind: str
    seconds: float
    mark: int = 0
    """The mark that it came with: `Client.back` to it makes it as new."""
    untracked: str = ""
    """Why it cannot be put back in place, though that was asked for."""


class Left(NamedTuple):
    """A session that a test left in a transaction; the harness ended it."""

    process: int
    state: str
    query: str


class Way(NamedTuple):
    """How a lease came back to a mark; see `harness.template.undo.ResetOutcome`.

    ``exchanged``: `lease` names another database now.  ``doubt``: it is not what
    it was; a lease's own first mark never ends in doubt.
    """

    how: str
    reason: str
    left: tuple[Left, ...]
    lease: Lease


class LeaseError(Exception):
    """The harness could not provide the database that a test asked for."""


def unwatched(what: str) -> ContextManager[None]:
    """Nobody is told."""
    return contextlib.nullcontext()


class Client:
    """One connection a process; a fork opens one of its own."""

    def __init__(self) -> None:
        self._stream: Any = None
        self._pid = 0
        self.worker = "main"
        self.waited = 0.0
        """Seconds this process has waited for leases."""
        self.waiting: Callable[[str], ContextManager[None]] = unwatched
        """Is told what is waited for, around each question."""
        self.written = ""
        """What was written before the last mark and after the one before, in words."""

    @property
    def available(self) -> bool:
        """Whether a harness is there to be asked."""
        return BROKER in os.environ

    def _ask(self, **message: Any) -> dict[str, Any]:
        with self.waiting(WAITS.get(message["ask"], "the harness")):
            return self._answer(message)

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
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

    def lease(
        self,
        modules: list[str],
        language: str,
        *,
        template: str = "",
        tracked: bool = False,
    ) -> Lease:
        """A clone with exactly these modules and what they depend on.

        `template` asks for a configured one by its name instead, `tracked` for one
        that `mark` and `back` work with.  Raises `LeaseError` with the harness's
        own words.
        """
        answer = self._ask(
            ask="lease",
            modules=modules,
            language=language,
            worker=self.worker,
            template=template,
            tracked=tracked,
        )
        os.environ.update(answer["environment"])
        os.environ.update(json.loads(os.environ.get(REACH, "{}")))
        if REACH in os.environ:  # made where the broker is, which is elsewhere
            os.makedirs(answer["files"], exist_ok=True)
        return Lease(
            key=answer["lease"],
            database=answer["database"],
            files=answer["files"],
            modules=tuple(answer["modules"]),
            digest=answer["digest"],
            kind=answer["kind"],
            seconds=answer["seconds"],
            mark=answer["mark"],
            untracked=answer["untracked"],
        )

    def mark(self, lease: Lease) -> int:
        """Remember how a lease is now, its files too; marks may be nested."""
        answer = self._ask(ask="mark", lease=lease.key)
        self.written = str(answer["written"])
        return int(answer["mark"])

    def back(self, lease: Lease, mark: int) -> Way:
        """Put a lease and its files back to a mark; marks made later are gone.

        Close the connections of this process to a database that is exchanged.
        """
        answer = self._ask(ask="back", lease=lease.key, mark=mark)
        return Way(
            how=answer["how"],
            reason=answer["reason"],
            left=tuple(Left(**one) for one in answer["left"]),
            lease=lease._replace(database=answer["database"]),
        )

    def keep(self, lease: Lease, note: str) -> str:
        """A copy of a lease that outlives the run; nothing where none can be made.

        All connections to the lease are ended by it.
        """
        return str(self._ask(ask="keep", lease=lease.key, note=note)["database"])

    def give_back(self, lease: Lease) -> None:
        """Give a lease back; a harness that has gone has it already."""
        try:
            self._ask(ask="return", lease=lease.key)
        except LeaseError:
            pass

    def browser(self) -> dict[str, Any]:
        """A new browser for this worker: a WebDriver, and what to ask it for.

        One that it had is ended.  Raises `LeaseError` with the harness's own words.
        """
        answer: dict[str, Any] = self._ask(ask="browser", worker=self.worker)
        return dict(answer["browser"])

    def close(self) -> None:
        """Close the connection of this process."""
        if self._stream is not None and self._pid == os.getpid():
            with contextlib.suppress(OSError):
                self._stream.close()
        self._stream = None


client = Client()
