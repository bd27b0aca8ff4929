# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m harness.postgres.supervisor``: owns one server that runs share.

It starts the server and stops it when no run holds the shared lock any more:
the kernel gives that lock back when a run ends, also by ``kill -9``, so no
server is ever left alone.
"""

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any, Final, NoReturn, Protocol

from harness.errors import DatabaseError, HarnessError
from harness.locks import Lock
from harness.store import write_atomically

PAUSE = 0.05
"""Seconds between two looks at the locks and the server."""
ENDING: Final = (signal.SIGTERM, signal.SIGHUP)


class Backend(Protocol):
    """How one kind of server is started and stopped."""

    pause: float
    """Seconds between two looks at it."""

    def start(self) -> dict[str, Any]:
        """Start it and wait until it is ready: what a run must know of it."""

    def running(self) -> str | None:
        """None while it runs, else how it ended."""

    def stop(self) -> None:
        """Stop it, whatever state it is in; never raises."""


def backend(order: dict[str, Any]) -> Backend:
    """The backend that an order asks for."""
    if order["kind"] == "docker":
        from harness.postgres.contained import Contained

        return Contained(order, os.environ)
    from harness.postgres.embedded import Embedded

    return Embedded(order, os.environ)


def main(order: dict[str, Any]) -> int:
    """Run the server until nobody uses it; the exit code."""
    directory = Path(order["directory"])
    own = Lock(directory / "supervisor.lock")
    if not own.acquire(wait=5):
        return 0
    server = backend(order)
    try:
        facts = server.start()
        write_atomically(directory / "ready", json.dumps(facts))
        users = _watch(directory, server)
    except HarnessError as error:
        print(error, file=sys.stderr, flush=True)
        (directory / "failed").touch()
        return error.code
    except Exception as error:  # noqa: BLE001 - its log is all that is seen of it
        print(f"{type(error).__name__}: {error}", file=sys.stderr, flush=True)
        (directory / "failed").touch()
        return DatabaseError.code
    finally:
        server.stop()
        (directory / "ready").unlink(missing_ok=True)
    own.release()
    users.release()
    return 0


def _watch(directory: Path, server: Backend) -> Lock:
    """Until nobody uses the server; the exclusive lock that says so."""
    users = Lock(directory / "users.lock")
    look = 0.0
    while True:
        if time.monotonic() >= look:
            ended = server.running()
            if ended is not None:
                raise DatabaseError(ended)
            look = time.monotonic() + server.pause
        if users.acquire(wait=0):
            if time.time() >= _kept_until(directory):
                return users
            users.release()
            time.sleep(1)
        time.sleep(PAUSE)


def _kept_until(directory: Path) -> float:
    try:
        return float((directory / "keep").read_text("ascii"))
    except (OSError, ValueError):
        return 0.0


def _ended(number: int, frame: object) -> NoReturn:
    """End with the server: the runs see it, and a machine that halts loses nothing."""
    for one in ENDING:
        signal.signal(one, signal.SIG_IGN)
    raise SystemExit(128 + number)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for one in ENDING:
        signal.signal(one, _ended)
    raise SystemExit(main(json.loads(sys.argv[1])))
