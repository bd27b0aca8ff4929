# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups as files: there when they are whole, with a checksum beside them."""

import hashlib
import os
from pathlib import Path
from typing import Final

from harness.databases import archive
from harness.databases.client import PostgresPrograms
from harness.databases.sealing import Backup, Seal
from harness.errors import CommandFailed, DatabaseError, UsageError
from harness.locks import Lock
from harness.store import FULL, disk_full

MAGIC: Final = b"PGDMP"
"""What a backup of PostgreSQL's custom format begins with."""
SUFFIX: Final = ".sha256"


def write(
    client: PostgresPrograms,
    name: str,
    path: Path,
    seen: archive.Seen,
    seal: Seal,
) -> archive.Sum:
    """Back a database up to a file, which is there when it is whole.

    Its checksum lies beside it, as ``sha256sum`` writes and checks it.
    """
    part = path.with_name(f".{path.name}.part")
    lock = Lock(part)
    try:
        if not lock.acquire(wait=0):
            raise UsageError(f"another backup is writing {path}")
        with part.open("wb") as stream:
            part.chmod(0o600)
            with seal.around(stream) as sink:
                done = archive.dump(client, name, sink.write, seen)
            stream.flush()
            os.fsync(stream.fileno())
        if seal.recipients:
            done = archive.Sum(size=part.stat().st_size, sha256=_sha256(part))
        beside = checksum(path)
        beside.unlink(missing_ok=True)
        part.replace(path)
        beside.write_text(f"{done.sha256}  {path.name}\n", "utf-8")
    except OSError as error:
        part.unlink(missing_ok=True)
        if error.errno in FULL:
            raise disk_full(path) from error
        raise CommandFailed(f"{path} cannot be written: {error.strerror}") from error
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    finally:
        lock.release()
    return done


def checksum(path: Path) -> Path:
    """Where the checksum of a backup is."""
    return path.with_name(path.name + SUFFIX)


def require(backup: Backup) -> bool:
    """Check that a file is a backup, and its checksum; whether it has one.

    Raises `UsageError` where it is none, or its key is not the one, `DatabaseError`
    where it is damaged.
    """
    path = backup.path
    try:
        with backup.opened() as stream:
            begin = stream.read(len(MAGIC))
        found = _sha256(path)
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}",
            remedy="name a file that harness db backup has written: without -o they"
            " are below backups/",
        ) from error
    if begin != MAGIC:
        raise UsageError(
            f"{path} is no backup of PostgreSQL's custom format",
            checked="how it begins",
            remedy="text goes in by: harness db psql NAME < FILE",
        )
    try:
        wanted = checksum(path).read_text("utf-8").split()[0]
    except (OSError, IndexError):
        return False
    if wanted != found:
        raise DatabaseError(
            f"{path} is damaged: its checksum is another one",
            checked=f"{checksum(path)} says {wanted[:16]}…, it is {found[:16]}…",
            remedy="take another backup; nothing was changed",
        )
    return True


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
