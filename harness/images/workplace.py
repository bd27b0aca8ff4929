# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories that builds work in: secrets are in them, so none may be left behind."""

import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from harness.locks import Lock, locked

WORK, LOCK = "harness-build-", "lock"
YOUNG: Final = 60.0
"""Seconds that a directory gets to be locked by who made it."""


@contextmanager
def opened() -> Iterator[Path]:
    """A directory that goes with the block; what killed builds have left goes first."""
    for path in left(Path(tempfile.gettempdir())):
        remove(path)
    with tempfile.TemporaryDirectory(prefix=WORK) as name, locked(Path(name, LOCK)):
        yield Path(name)


def left(place: Path) -> Iterator[Path]:
    """What killed builds of this user have left there."""
    for path in sorted(place.glob(f"{WORK}*")):
        if _dead(path):
            yield path


def remove(path: Path) -> bool:
    """Remove it, unless somebody has it by now."""
    if not _dead(path):
        return False
    shutil.rmtree(path, ignore_errors=True)
    return True


def _dead(path: Path) -> bool:
    try:
        found = path.lstat()
    except OSError:
        return False
    ours = stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid()
    if not ours or time.time() - found.st_mtime < YOUNG:
        return False
    lock = path / LOCK
    return not (lock.exists() and Lock(lock).taken)
