# SPDX-License-Identifier: GPL-3.0-or-later
"""The supervisor's side of the embedded server: data directory and process."""

import contextlib
import os
import shutil
import signal
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from harness import proc
from harness.errors import DatabaseError
from harness.postgres.house import ALL
from harness.postgres.membership import LET_IN
from harness.postgres.tuning import settings

OWN: Final = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "dynamic_shared_memory_type": "mmap",  # in the data directory: it goes with it
}
MENDING: Final = f"""\
ALTER ROLE postgres {ALL}
ALTER ROLE postgres RESET ALL
ALTER ROLE ALL RESET ALL
"""
"""Said where nobody needs a role; a line each."""
PAUSE: Final = 0.05
PATIENCE: Final = 10.0
"""Seconds to end after SIGQUIT, and after SIGKILL."""


class Embedded:
    """``postgres`` as a child of the supervisor."""

    pause = PAUSE

    def __init__(self, order: Mapping[str, Any], environ: Mapping[str, str]) -> None:
        self.directory = Path(order["directory"])
        self.sockets: str = order["sockets"]
        self.binaries: str = order["binaries"]
        self.user: str | None = order["user"]
        self.durable: bool = order["durable"]
        self.encoding: str = order["encoding"]
        self.locale: str = order["locale"]
        self.env = {"PATH": environ.get("PATH", os.defpath), "LC_ALL": "C.UTF-8"}
        self.child: proc.Child | None = None

    def start(self) -> dict[str, Any]:
        """See `Backend`."""
        self._initialise()
        data = self.directory / "data"
        _end_orphan(data)
        # Its number may still be known: a zombie's is, and PostgreSQL believes it.
        for lock in Path(self.sockets).glob(".s.PGSQL.*.lock"):
            lock.unlink(missing_ok=True)
        self._as_made(data)
        self._flush(data)
        argv = [f"{self.binaries}/bin/postgres", "-D", str(data)]
        own = {**OWN, "unix_socket_directories": self.sockets}
        for name, value in {**settings(durable=self.durable), **own}.items():
            argv += ["-c", f"{name}={value}"]
        with (self.directory / "log").open("ab") as log:
            self.child = proc.Child(
                argv,
                env=self.env,
                cwd=Path("/"),
                stdout=log,
                stderr=proc.STDOUT,
                user=self.user,
            )
        self._await(self.child)
        return {"host": self.sockets, "durable": self.durable}

    def _initialise(self) -> None:
        """Make the data directory; it gets its name when it is complete."""
        data = self.directory / "data"
        if data.exists():
            return
        half = self.directory / "data.half"
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700)
        if self.user:
            for path in (half, Path(self.sockets)):
                shutil.chown(path, user=self.user)
        argv = [
            f"{self.binaries}/bin/initdb",
            f"--pgdata={half}",
            "--username=postgres",
            "--auth=trust",
            "--no-sync",
            "--no-instructions",
            f"--encoding={self.encoding}",
            f"--locale={self.locale}",
        ]
        proc.run(argv, env=self.env, cwd=Path("/"), user=self.user, timeout=60)
        half.rename(data)

    def _flush(self, data: Path) -> None:
        """Write what an earlier server may have left to the kernel, once."""
        flushed = self.directory / "flushed"
        if not self.durable:
            flushed.unlink(missing_ok=True)
        elif not flushed.exists():
            argv = [f"{self.binaries}/bin/initdb", "--sync-only", f"--pgdata={data}"]
            proc.run(argv, env=self.env, cwd=Path("/"), user=self.user)
            flushed.touch()

    def _as_made(self, data: Path) -> None:
        """Forget what ``ALTER SYSTEM`` has set: with that it may not start at all.

        Where it was asked for, our role gets its rights back, too.
        """
        settings = data / "postgresql.auto.conf"
        if settings.stat().st_size:
            settings.write_text("")
        asked = self.directory / LET_IN
        if asked.exists():
            argv = [f"{self.binaries}/bin/postgres", "--single", "-D", str(data)]
            with proc.Child(
                [*argv, "template1"],
                env=self.env,
                cwd=Path("/"),
                stdin=proc.PIPE,
                stdout=proc.DEVNULL,
                stderr=proc.STDOUT,
                user=self.user,
            ) as child:
                child.process.communicate(MENDING.encode())
            asked.unlink()

    def _await(self, child: proc.Child) -> None:
        """Wait until it takes connections; the client sets the deadline."""
        status = self.directory / "data" / "postmaster.pid"
        while child.process.poll() is None:
            try:
                lines = status.read_text("ascii").splitlines()
            except OSError:
                lines = []
            if len(lines) >= 8 and lines[7].strip() == "ready":
                return
            time.sleep(0.005)
        raise DatabaseError(f"postgres ended with exit code {child.code()}")

    def running(self) -> str | None:
        """See `Backend`."""
        assert self.child is not None
        if self.child.process.poll() is None:
            return None
        return f"postgres ended with exit code {self.child.code()}"

    def stop(self) -> None:
        """See `Backend`."""
        if self.child is not None:
            self.child.signal(signal.SIGINT)
            self.child.end(grace=20)
            self.child = None


def _end_orphan(data: Path) -> None:
    """End what is left of a server whose supervisor was killed.

    Raises `DatabaseError` for processes that do not end: two servers on one
    directory destroy it.
    """
    deadline = time.monotonic() + PATIENCE
    while left := _working(data.resolve()):
        if time.monotonic() > deadline + PATIENCE:
            raise DatabaseError(f"processes work in {data} and do not end: {left}")
        late = time.monotonic() > deadline
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL if late else signal.SIGQUIT)
        time.sleep(PAUSE)
    (data / "postmaster.pid").unlink(missing_ok=True)


def _working(data: Path) -> list[int]:
    """The processes of a server: all of them work in its directory.

    One that has ended has no directory any more, also where process 1 of a container
    never takes its exit code, and its number stays.
    """
    found = []
    for path in Path("/proc").glob("[0-9]*/cwd"):
        try:
            if path.readlink() == data:
                found.append(int(path.parent.name))
        except OSError:
            continue
    return found
