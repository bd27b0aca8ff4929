# SPDX-License-Identifier: GPL-3.0-or-later
"""The files: one directory per place, every file called by its UUID.

A file appears in a place whole or not at all: it is moved by renaming, or written
under a name with ``.part``, flushed to the disk and renamed.
"""

import errno
import fcntl
import filecmp
import os
import re
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from .errors import WorkerError

PLACES: Final = (
    "archived",
    "previewed",
    "checksummed",
    "uploaded",
    "rejected",
    "dropped",
)
"""Where a file can lie; the furthest come first."""
EXCERPTS: Final = "excerpts"
LOCKS: Final = "locks"
PART: Final = ".part"
_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)


def is_uuid(name: str) -> bool:
    """Whether `name` can be the name of a file: nothing else becomes a path."""
    return _UUID.fullmatch(name) is not None


class Files:
    """All places below one directory."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def prepare(self) -> None:
        """Make what is missing below the root."""
        for name in (*PLACES, EXCERPTS, LOCKS):
            (self.root / name).mkdir(exist_ok=True)

    def path(self, place: str, uuid: str) -> Path:
        """Where the file is when it is at `place`."""
        if not is_uuid(uuid):
            raise WorkerError(f"{uuid!r} is not a UUID in its usual spelling")
        return self.root / place / uuid

    def copies(self, uuid: str) -> list[Path]:
        """Every place where the file is; more than one after a death between two
        file systems."""
        paths = (self.path(place, uuid) for place in PLACES)
        return [path for path in paths if path.is_file()]

    def find(self, uuid: str) -> Path | None:
        """The file, wherever it is."""
        return next(iter(self.copies(uuid)), None)

    def names(self, place: str) -> list[str]:
        """UUIDs of the files at `place`."""
        directory = self.root / place
        if not directory.is_dir():
            return []
        return sorted(name for name in os.listdir(directory) if is_uuid(name))

    def place(self, uuid: str, place: str) -> Path:
        """Bring the file to `place`; nothing happens if it is there."""
        target = self.path(place, uuid)
        for source in self.copies(uuid):
            if source == target:
                continue
            if not target.exists():
                move(source, target)
            elif filecmp.cmp(source, target, shallow=False):
                source.unlink()
            else:
                raise WorkerError(
                    f"{source} and {target} differ, both are kept; remove the wrong one"
                )
        return target

    def excerpts(self, uuid: str) -> list[Path]:
        """The preview of a file, if there is one."""
        found = (self.root / EXCERPTS).glob(f"{uuid}.*")
        return sorted(path for path in found if path.suffix != PART)

    def discard_excerpts(self, uuid: str) -> None:
        """Remove the preview of a file that is not for hearing."""
        for path in self.excerpts(uuid):
            path.unlink(missing_ok=True)

    def sweep(self, age: float) -> list[Path]:
        """Remove each ``.part`` that nobody has written to for `age` seconds."""
        limit = time.time() - age
        swept = []
        for place in (*PLACES, EXCERPTS):
            for path in (self.root / place).glob(f"*{PART}"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < limit:
                        path.unlink()
                        swept.append(path)
        self._sweep_locks(limit)
        return swept

    def _sweep_locks(self, limit: float) -> None:
        """A dead worker's lock is free, its empty file stays: taking it removes it."""
        for path in (self.root / LOCKS).iterdir():
            with suppress(FileNotFoundError):
                if path.stat().st_mtime < limit:
                    with self.lock(path.name):
                        pass

    @contextmanager
    def lock(self, name: str, *, wait: bool = False) -> Iterator[bool]:
        """Whether `name` is ours for the block; the kernel frees it when we die."""
        path = self.root / LOCKS / name
        descriptor = _locked(path, wait)
        if descriptor is None:
            yield False
            return
        try:
            yield True
        finally:
            path.unlink(missing_ok=True)
            os.close(descriptor)


def _locked(path: Path, wait: bool) -> int | None:
    """A descriptor that holds the lock on what `path` names now.

    Its last owner may have removed the file between our open and our lock.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return None
        with suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
        os.close(descriptor)


def move(source: Path, target: Path) -> None:
    """Rename, or copy where the target is on another file system."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        with published(target) as part:
            shutil.copyfile(source, part)
        source.unlink()
    flush(target.parent)
    flush(source.parent)


@contextmanager
def published(target: Path) -> Iterator[Path]:
    """A path to write to; after the block its content is `target`, on the disk."""
    part = target.with_name(target.name + PART)
    try:
        yield part
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    flush(part)
    os.rename(part, target)
    flush(target.parent)


def flush(path: Path) -> None:
    """Have the kernel write a file or a directory to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
