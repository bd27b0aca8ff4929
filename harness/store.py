# SPDX-License-Identifier: GPL-3.0-or-later
"""The state directory: environments, template files, durations, the register.

A live run holds a lock on its own file in ``runs/``; the kernel releases it
when the run dies, however it dies.  That is the whole register.
"""

import contextlib
import errno
import hashlib
import json
import os
import secrets
import shutil
import stat
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

from harness import proc
from harness.errors import FREE, DiskFull, HarnessError, MissingTool
from harness.locks import Lock, locked


def default(environ: Mapping[str, str]) -> Path:
    """``$XDG_CACHE_HOME/harness``, else ``~/.cache/harness``."""
    home = environ.get("HOME") or tempfile.gettempdir()
    return Path(environ.get("XDG_CACHE_HOME") or Path(home, ".cache")) / "harness"


def named(path: Path) -> str:
    """A name for what the state directory keeps of a directory."""
    return f"{path.name}-{hashlib.sha256(os.fsencode(path)).hexdigest()[:12]}"


def private(path: Path, *, owners: Collection[int] = ()) -> Path:
    """A directory for our eyes only where others may make one before us.

    Raises `MissingTool` for a link, for one that is not ours (or one of the `owners`'),
    and for one that others may look into.
    """
    with contextlib.suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = path.lstat()
    ours = found.st_uid in (owners or {os.getuid()})
    if stat.S_ISDIR(found.st_mode) and ours and not found.st_mode & 0o077:
        return path
    raise _foreign(path)


def _foreign(path: Path) -> MissingTool:
    found = path.lstat()
    return MissingTool(
        f"{path} was made by somebody else, or is open to others: it is not used",
        checked=f"{stat.filemode(found.st_mode)}, owner {found.st_uid}",
        remedy=f"see who made it, and remove it: rm -r {path}",
    )


def check_place(path: Path) -> None:
    """Refuse a path that somebody else may have prepared: below ``/tmp`` and its like.

    Raises `MissingTool`.
    """
    for one in (path.absolute(), Path(os.path.realpath(path))):
        for place in (one, *one.parents):
            try:
                above, found = place.parent.stat(), place.lstat()
            except OSError:
                continue
            shared = above.st_mode & stat.S_ISVTX and above.st_mode & stat.S_IWOTH
            if shared and found.st_uid not in {0, os.getuid()}:
                raise _foreign(place)


class Store:
    """The state directory, made on first use.

    Raises `MissingTool` where it cannot be written, or may be somebody else's.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        check_place(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.path):
                pass
        except OSError as error:
            raise MissingTool(
                f"the state directory {self.path} cannot be written: {error.strerror}",
                checked="creating a file in it",
                remedy="make it writable, or name another one:"
                " export HARNESS_STATE=DIRECTORY",
            ) from error

    @property
    def id(self) -> str:
        """What is made outside of the directory for it carries this name."""
        return hashlib.sha256(os.fsencode(self.path.resolve())).hexdigest()[:12]

    def live(self) -> set[str]:
        """The ids of the runs that go on."""
        entries = self.directory("runs").iterdir()
        return {entry.name for entry in entries if Lock(entry).taken}

    def directory(self, *parts: str) -> Path:
        """A directory below the store, created if needed."""
        path = self.path.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def read(self, name: str) -> Any:
        """A JSON document; None where there is none or it is damaged."""
        try:
            return json.loads((self.path / name).read_text("utf-8"))
        except (OSError, ValueError):
            return None

    def write(self, name: str, value: Any) -> None:
        """Write a JSON document atomically."""
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, json.dumps(value, indent=1, sort_keys=True) + "\n")


def write_atomically(path: Path, text: str) -> None:
    """Write to a temporary neighbour, then rename over `path`."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
        os.replace(name, path)
    except BaseException as error:
        with contextlib.suppress(OSError):
            os.unlink(name)
        if isinstance(error, OSError) and error.errno in FULL:
            raise disk_full(path) from error
        raise


def changed(path: Path) -> float:
    """When a file was changed; 0 for one that has vanished meanwhile."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0


FULL: Final = frozenset({errno.ENOSPC, errno.EDQUOT})
"""What the system says of a full disk, and of a full quota."""


def disk_full(path: Path) -> DiskFull:
    """The error for a full disk at `path`."""
    try:
        free = f"{shutil.disk_usage(path.parent).free} bytes are free"
    except OSError as error:
        free = f"{error.strerror}"
    return DiskFull(
        f"no space left for {path}",
        checked=f"{free} in {path.parent}",
        remedy=FREE,
    )


def full(error: Exception) -> DiskFull | None:
    """The error for a full disk, wherever it was met; None for any other."""
    if not isinstance(error, OSError) or error.errno not in FULL:
        return None
    return disk_full(Path(error.filename or tempfile.gettempdir(), "…"))


@contextlib.contextmanager
def whole(path: Path) -> Iterator[None]:
    """Make a directory anew in the block: all of it, or nothing."""
    shutil.rmtree(path, ignore_errors=True)
    try:
        yield
    except BaseException:
        shutil.rmtree(path, ignore_errors=True)
        raise


@contextlib.contextmanager
def noting(errors: list[HarnessError]) -> Iterator[None]:
    """Go on after an error in the block, a full disk among them: it is noted."""
    try:
        yield
    except HarnessError as error:
        errors.append(error)
    except OSError as error:
        known = full(error)
        if known is None:
            raise
        errors.append(known)


class Run:
    """This invocation's entry in the register, live while the lock is held."""

    def __init__(self, store: Store) -> None:
        self.started = time.time()
        stamp = time.strftime("%Y%m%d%H%M%S", time.gmtime(self.started))
        self.id = f"{stamp}{secrets.token_hex(3)}"
        self.store = store
        self._lock = Lock(store.directory("runs") / self.id)

    def __enter__(self) -> Self:
        with locked(self.store.path / "runs.lock"):
            sweep(self.store)
            self._lock.acquire()
        return self

    def __exit__(self, *exc: object) -> None:
        _forget(self._lock.path)
        self._lock.release()

    def scratch(self) -> Path:
        """A private directory with a short path; it goes with the run."""
        path = private(scratches() / f"{SCRATCH}{self.id}")
        (path / STATE).write_text(f"{self.store.path}\n", "utf-8")
        # for who sweeps: temporary files may be elsewhere for him
        self._lock.path.write_text(f"{path}\n", "utf-8")
        return path

    def end_left(self, tell: Callable[[str], None]) -> None:
        """End what tests have left running, and tell it."""
        for what in proc.end_marked(_scratch(self._lock.path)):
            tell(f"a test has left the process {what}: ended")


SCRATCH = "harness-run-"
SHORT = 50
"""Characters of a directory in which a run's sockets have names that a kernel takes."""


def scratches() -> Path:
    """Where runs have their private directories: where temporary files are, or /tmp."""
    usual = tempfile.gettempdir()
    return Path(usual if len(os.fsencode(usual)) <= SHORT else "/tmp")


STATE = "state"
"""File in a run's private directory that names the state directory."""


def _scratch(entry: Path) -> Path:
    """The private directory of a run in the register, be it there or not."""
    name = f"{SCRATCH}{entry.name}"
    try:
        noted = Path(entry.read_text("utf-8").strip())
    except OSError:
        noted = Path()
    return noted if noted.name == name else scratches() / name


def _forget(entry: Path) -> None:
    """Remove a run from the register, after all that carries its id."""
    scratch = _scratch(entry)
    proc.end_marked(scratch)
    shutil.rmtree(scratch, ignore_errors=True)
    entry.unlink(missing_ok=True)


def sweep(store: Store) -> tuple[str, ...]:
    """Tidy up after runs that could not do it themselves; their ids."""
    dead = [
        entry
        for entry in sorted(store.directory("runs").iterdir())
        if not Lock(entry).taken
    ]
    for entry in dead:
        _forget(entry)
    return tuple(entry.name for entry in dead)
