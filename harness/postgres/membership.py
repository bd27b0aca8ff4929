# SPDX-License-Identifier: GPL-3.0-or-later
"""How a run shares a server that a supervisor owns, from the run's side.

Each run holds a shared lock on ``users.lock``; the supervisor stops the server
when it gets the exclusive one, that is when the last run ended, however it ended.
"""

import json
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from harness import proc, waiting
from harness.errors import DatabaseError, DiskFull, HarnessError
from harness.locks import Lock
from harness.postgres.base import Address
from harness.store import disk_full

LET_IN = "let-in"
"""File that asks the supervisor to give our role its rights before it starts."""
Ready = dict[str, Any]
"""What the supervisor says of a server that takes connections."""


class Membership:
    """One run's share in the server whose locks are in `directory`."""

    def __init__(
        self,
        directory: Path,
        *,
        name: str,
        gate: Path,
        timeout: float,
        keep: float,
        environ: Mapping[str, str],
        remedy: str,
    ) -> None:
        """`gate` lets one run start it at a time; `timeout`, `keep` in seconds.

        `remedy` is for a server that does not come up.
        """
        self.directory = directory
        self.name = name
        self.gate = gate
        self.timeout = timeout
        self.keep = keep
        self.environ = environ
        self.remedy = remedy
        self._users: Lock | None = None

    def join(
        self,
        order: Callable[[], Mapping[str, object]],
        answers: Callable[[Ready], bool],
    ) -> Ready:
        """Wait for a server that takes connections; launch it if nobody has.

        `order` says what the supervisor is to start.  Raises `DatabaseError` with
        the end of the log when it does not come up in time.
        """
        gate = Lock(self.gate)
        if not gate.acquire(wait=self.timeout):
            raise DatabaseError(
                f"another run holds {gate.path} for more than {self.timeout:g} s",
                remedy="end it, or raise [tool.harness.database] start_timeout",
            )
        try:
            self._users = Lock(self.directory / "users.lock")
            if not self._users.acquire(shared=True, wait=self.timeout):
                raise DatabaseError(f"{self._users.path} cannot be locked")
            if self.keep:
                until = str(time.time() + self.keep)
                (self.directory / "keep").write_text(until, encoding="ascii")
            with waiting.on(f"the start of {self.name}"):
                return self._await(order, answers)
        finally:
            gate.release()

    def _await(
        self,
        order: Callable[[], Mapping[str, object]],
        answers: Callable[[Ready], bool],
    ) -> Ready:
        """A supervisor that is found may be about to leave, because its server
        died: it is waited for, and replaced.
        """
        deadline = time.monotonic() + self.timeout
        failed = self.directory / "failed"
        launched = False
        while True:
            ready = self.ready() if self.alive() else None
            if ready is not None and answers(ready):
                return ready
            if not launched and not self.alive():
                self._launch(order())
                launched = True
            if (launched and failed.exists()) or time.monotonic() > deadline:
                raise self._error()
            time.sleep(0.01)

    def _error(self) -> HarnessError:
        log = tail(self.directory / "log") or tail(self.directory / "supervisor.log")
        if DiskFull.said(log):
            return disk_full(self.directory / "data")
        return DatabaseError(
            f"{self.name} did not start:\n{log}",
            checked=f"the logs in {self.directory}",
            remedy=self.remedy,
        )

    def _launch(self, order: Mapping[str, object]) -> None:
        for name in ("ready", "failed"):
            (self.directory / name).unlink(missing_ok=True)
        (self.directory / "supervisor.log").unlink(missing_ok=True)
        package = Path(__file__).parents[2]
        env = {**self.environ, "PYTHONPATH": str(package), "LC_ALL": "C.UTF-8"}
        argv = [sys.executable, "-m", "harness.postgres.supervisor", json.dumps(order)]
        proc.detach(argv, env=env, log=self.directory / "supervisor.log")

    def require_durable(self, ready: Ready, *, wanted: bool) -> None:
        """Leave, and raise `DatabaseError`, where data to keep would not be kept."""
        if wanted and not ready.get("durable"):
            self.leave()
            raise DatabaseError(
                "the server that runs was started for data that nobody keeps",
                checked="it was started by a run with another database.storage",
                remedy="wait for the other runs, or end them",
            )

    def ready(self) -> Ready | None:
        """What the supervisor says, once there is a server."""
        try:
            found: Ready = json.loads((self.directory / "ready").read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return found

    def leave(self) -> None:
        """Give the shared lock back; the supervisor does the rest."""
        if self._users:
            self._users.release()
            self._users = None

    def alive(self) -> bool:
        """Whether the supervisor, and with it the server, is there."""
        return Lock(self.directory / "supervisor.lock").taken


class Shared(Protocol):
    """A server that a supervisor owns."""

    def start(self) -> Address:
        """Join it, or have it started."""

    def stop(self) -> None:
        """Leave it."""

    def alive(self) -> bool:
        """Whether its supervisor is there."""


def anew(server: Shared, directory: Path, timeout: float = 30.0) -> Address:
    """Start a server again that nobody else uses, so that it lets us in."""
    (directory / LET_IN).touch()
    (directory / "keep").unlink(missing_ok=True)
    server.stop()
    deadline = time.monotonic() + timeout
    while server.alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    return server.start()


def tail(path: Path, count: int = 15) -> str:
    """The last lines of a log, nothing where there is none."""
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
