# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories in shared memory that hold a server's data, and whose they are."""

import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

from harness.errors import DatabaseError
from harness.locks import Lock
from harness.postgres import people

MEMORY: Final = Path("/dev/shm")
ROOM: Final = 3 << 30
"""Bytes that must be free in memory before data is put there."""
OWNER: Final = "owner"
"""File that names the link in the state directory that leads here."""
GONE: Final = ".gone"
"""How the names end of what is being removed."""


def fits(memory: Path) -> bool:
    """Whether there is memory that may be written, and enough of it."""
    try:
        return os.access(memory, os.W_OK) and shutil.disk_usage(memory).free >= ROOM
    except OSError:
        return False


def make(memory: Path, mark: Path) -> Path:
    """A directory of its own for the state directory that `mark` lies in."""
    path = Path(tempfile.mkdtemp(prefix=f"harness-{os.getuid()}-", dir=memory))
    (path / OWNER).write_text(f"{mark.absolute()}\n", "utf-8")
    return path


def leave(mark: Path, locks: Path) -> None:
    """Data are to be on disk: the link to those in memory goes, if nobody needs them.

    `locks` is where the locks of their server are.  Raises `DatabaseError` where the
    data are in use, or some are people's.
    """
    if not mark.is_symlink() or not (mark / OWNER).exists():
        return
    path = mark.resolve()
    mine = people.noted(path)
    if mine or in_use(locks):
        what = f"with the databases {', '.join(mine)}" if mine else "and in use"
        raise DatabaseError(
            f"database.storage is disk, but the server's data are in memory, {what}",
            checked=str(path),
            remedy="harness db backup and harness db destroy with"
            " HARNESS_DATABASE_STORAGE=auto; then harness db restore",
        )
    mark.unlink()


def orphans(memory: Path) -> list[Path]:
    """This user's directories to which no state directory leads any more."""
    return [
        path
        for path in sorted(memory.glob(f"harness-{os.getuid()}-*"))
        if ((path / OWNER).exists() or path.name.endswith(GONE))
        and path.lstat().st_uid == os.getuid()
        and not owned(path)
        and not in_use(path)
    ]


def owned(path: Path) -> bool:
    """Whether the link that `path` was made for still leads to it."""
    try:
        mark = Path((path / OWNER).read_text("utf-8").strip())
    except OSError:
        return False
    return mark.is_symlink() and mark.resolve() == path


def in_use(path: Path) -> bool:
    """Whether a run or a supervisor holds one of the locks in `path`."""
    names = ("supervisor.lock", "users.lock")
    return any((path / name).exists() and Lock(path / name).taken for name in names)
