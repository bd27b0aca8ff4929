# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers the files of a lease, and puts them back.

A copy, never a hard link: a test may write into a file in place.
"""

import filecmp
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GRAIN = 0.05
"""Seconds within which two changes of a file may carry the same time."""


@dataclass(frozen=True)
class Fact:
    """One entry; what cannot tell a change (times of directories) is 0."""

    mode: int
    target: str = ""
    size: int = 0
    inode: int = 0
    changed: int = 0
    sure: bool = True
    """Whether a later change must show in `changed`; else contents are compared."""


class Snapshot:
    """What a directory holds; `beside` is where the copy may lie."""

    def __init__(self, directory: Path, beside: Path) -> None:
        self.directory = directory
        self._facts = {path: _fact(directory / path) for path in _walk(directory)}
        self._mode = stat.S_IMODE(directory.lstat().st_mode)
        self._copy: Path | None = None
        if self._facts:
            self._copy = Path(tempfile.mkdtemp(prefix="kept-", dir=beside))
            for path, fact in self._facts.items():
                _copy(directory / path, self._copy / path, fact)

    def restore(self) -> int:
        """Put the directory back as it was; how many entries had to be."""
        self.directory.mkdir(exist_ok=True)
        self.directory.chmod(self._mode | stat.S_IRWXU)
        wrong = [path for path in _walk(self.directory) if not self._same(path)]
        for path in reversed(wrong):  # what is inside comes first
            _remove(self.directory / path)
        number = len(wrong)
        for path, fact in self._facts.items():
            place = self.directory / path
            if self._copy and not os.path.lexists(place):
                number += path not in wrong
                _copy(self._copy / path, place, fact)
                self._facts[path] = _fact(place)
        for path, fact in reversed(self._facts.items()):
            if stat.S_ISDIR(fact.mode):
                (self.directory / path).chmod(stat.S_IMODE(fact.mode))
        self.directory.chmod(self._mode)
        return number

    def _same(self, path: Path) -> bool:
        known = self._facts.get(path)
        place = self.directory / path
        found = _fact(place)
        if known is None or stat.S_IFMT(found.mode) != stat.S_IFMT(known.mode):
            return False
        if stat.S_ISDIR(found.mode):
            return True  # its mode is put right in the end
        same = (found.mode, found.target, found.size, found.inode, found.changed) == (
            known.mode, known.target, known.size, known.inode, known.changed,
        )  # fmt: skip
        if not same or known.sure or self._copy is None:
            return same
        return filecmp.cmp(place, self._copy / path, shallow=False)

    def forget(self) -> None:
        """Remove the copy."""
        if self._copy:
            shutil.rmtree(self._copy, ignore_errors=True)


def _walk(directory: Path) -> Iterator[Path]:
    """All that lies below, relative, a directory before what it holds."""
    todo = [Path()]
    while todo:
        here = todo.pop()
        for entry in sorted(os.scandir(directory / here), key=lambda one: one.name):
            path = here / entry.name
            yield path
            if entry.is_dir(follow_symlinks=False):
                if not os.access(entry.path, os.R_OK | os.W_OK | os.X_OK):
                    os.chmod(entry.path, entry.stat().st_mode | stat.S_IRWXU)
                todo.append(path)


def _fact(place: Path) -> Fact:
    found = place.lstat()
    if stat.S_ISLNK(found.st_mode):
        return Fact(found.st_mode, target=os.readlink(place))
    if not stat.S_ISREG(found.st_mode):
        return Fact(found.st_mode)
    return Fact(
        found.st_mode,
        size=found.st_size,
        inode=found.st_ino,
        changed=found.st_ctime_ns,
        sure=time.time() - found.st_ctime > GRAIN,
    )


def _copy(source: Path, target: Path, fact: Fact) -> None:
    if stat.S_ISDIR(fact.mode):
        target.mkdir()
    elif stat.S_ISLNK(fact.mode):
        target.symlink_to(fact.target)
    elif stat.S_ISREG(fact.mode):
        shutil.copy2(source, target)


def _remove(place: Path) -> None:
    if place.is_dir() and not place.is_symlink():
        shutil.rmtree(place)
    else:
        place.unlink(missing_ok=True)
