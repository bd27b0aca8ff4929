# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases as streams: to a file and back, from one server to another."""

import contextlib
import hashlib
import os
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

from harness import proc
from harness.databases.client import PostgresPrograms
from harness.errors import CommandFailed, DatabaseError, UsageError
from harness.locks import Lock
from harness.store import FULL, disk_full

CHUNK: Final = 1 << 18
MAGIC: Final = b"PGDMP"
"""What a backup of PostgreSQL's custom format begins with."""
SUFFIX: Final = ".sha256"
UNKNOWN: Final = re.compile(rb"^SET transaction_timeout = .*\n", re.MULTILINE)
"""What a newer server's dump says to an older server in vain."""

Seen = Callable[[int], None]
"""Hears how many bytes have passed."""


@dataclass(frozen=True, kw_only=True)
class Sum:
    """What has passed: the number of bytes and their SHA-256."""

    size: int
    sha256: str


def dump_words(client: PostgresPrograms, name: str) -> tuple[str, ...]:
    """The words of a backup's ``pg_dump``."""
    return ("--format=custom", *_unprivileged(client), f"--dbname={name}")


def _unprivileged(client: PostgresPrograms) -> tuple[str, ...]:
    """Roles of a place with rights of its own mean nothing elsewhere."""
    return ("--no-privileges",) if client.owner else ()


def dump(
    client: PostgresPrograms, name: str, write: Callable[[bytes], object], seen: Seen
) -> Sum:
    """Hand the backup of a database to `write`, piece by piece."""
    digest, size = hashlib.sha256(), 0
    with _running(
        client, "pg_dump", *dump_words(client, name), stdout=proc.PIPE
    ) as child:
        for chunk in _chunks(child.process.stdout):
            digest.update(chunk)
            size += len(chunk)
            write(chunk)
            seen(size)
    return Sum(size=size, sha256=digest.hexdigest())


def restore_words(
    client: PostgresPrograms, database: str, *, privileges: bool = True
) -> tuple[str, ...]:
    """The words of a restoring ``pg_restore``; without `privileges` none is granted."""
    without = _unprivileged(client) if privileges else ("--no-privileges",)
    # One transaction: only then rows come to lie in the order of the backup.
    words = ("--single-transaction", "--no-owner", *without)
    return (*words, *client.as_owner, f"--dbname={database}")


def load(
    client: PostgresPrograms,
    path: Path,
    database: str,
    seen: Seen,
    *,
    privileges: bool = True,
) -> None:
    """Fill an empty database from a backup."""
    size = 0
    words = restore_words(client, database, privileges=privileges)
    with (
        path.open("rb") as file,
        _running(client, "pg_restore", *words, stdin=proc.PIPE) as child,
    ):
        for chunk in _chunks(file):
            size += len(chunk)
            if not _wrote(child, chunk):
                break
            seen(size)
        _close(child)


def copy(
    source: PostgresPrograms,
    name: str,
    target: PostgresPrograms,
    database: str,
    seen: Seen,
) -> None:
    """Fill an empty database with the content of another, whatever their servers.

    It goes as text: older programs do not read what newer ones have written.
    """
    _text(source, _writing(name), target, database, seen)


def convert(
    reader: PostgresPrograms,
    path: Path,
    target: PostgresPrograms,
    database: str,
    seen: Seen,
) -> None:
    """Fill an empty database from a backup that only newer programs can read."""
    words = ("pg_restore", "--no-owner", "--no-privileges", "--file=-", str(path))
    _text(reader, words, target, database, seen)


def _text(
    source: PostgresPrograms,
    words: tuple[str, ...],
    target: PostgresPrograms,
    database: str,
    seen: Seen,
) -> None:
    size = 0
    with (
        _running(target, *_reading(target, database), stdin=proc.PIPE) as sink,
        _running(source, *words, stdout=proc.PIPE) as child,
    ):
        for chunk in _chunks(child.process.stdout):
            # The header is in the first piece: before any data.
            text = chunk if size else UNKNOWN.sub(b"", chunk)
            size += len(chunk)
            if not _wrote(sink, text):
                break
            seen(size)
        _close(sink)


def copy_line(
    source: PostgresPrograms, name: str, target: PostgresPrograms, database: str
) -> str:
    """What `copy` does, as a line."""
    writing = source.argv(*_writing(name))
    reading = target.argv(*_reading(target, database))
    return f"{source.line(writing)} | {target.line(reading)}"


def _writing(name: str) -> tuple[str, ...]:
    return ("pg_dump", "--no-owner", "--no-privileges", f"--dbname={name}")


def _reading(target: PostgresPrograms, database: str) -> tuple[str, ...]:
    return (
        "psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", *target.as_owner,
        "--single-transaction", "--output=/dev/null", f"--dbname={database}",
    )  # fmt: skip


def _wrote(child: proc.Child, data: bytes) -> bool:
    """Whether a child took it; one that ended says why when its code is read."""
    assert child.process.stdin
    try:
        child.process.stdin.write(data)
    except BrokenPipeError:
        return False
    return True


def _close(child: proc.Child) -> None:
    assert child.process.stdin
    with contextlib.suppress(BrokenPipeError):
        child.process.stdin.close()


@contextlib.contextmanager
def _running(
    client: PostgresPrograms, program: str, *words: str, **streams: int
) -> Iterator[proc.Child]:
    """A program; leaving the block waits for its end.

    Raises `DatabaseError` with its words when it fails.
    """
    with (
        tempfile.TemporaryFile() as said,
        client.child(program, *words, stderr=said, **streams) as child,
    ):
        yield child
        code = child.code()
        if code:
            said.seek(0)
            text = said.read().decode(errors="replace")
            raise client.refusal(text, child.argv)


def _chunks(stream: IO[bytes] | None) -> Iterator[bytes]:
    assert stream
    read = getattr(stream, "read1", stream.read)
    while chunk := read(CHUNK):
        yield chunk


# -- files ---------------------------------------------------------------------


def write(client: PostgresPrograms, name: str, path: Path, seen: Seen) -> Sum:
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
            done = dump(client, name, stream.write, seen)
            stream.flush()
            os.fsync(stream.fileno())
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


def require(path: Path) -> bool:
    """Check that a file is a backup, and its checksum; whether it has one.

    Raises `UsageError` where it is none, `DatabaseError` where it is damaged.
    """
    try:
        with path.open("rb") as stream:
            if stream.read(len(MAGIC)) != MAGIC:
                raise UsageError(
                    f"{path} is no backup of PostgreSQL's custom format",
                    checked="how it begins",
                    remedy="text goes in by: harness db psql NAME < FILE",
                )
            stream.seek(0)
            found = hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise UsageError(
            f"{path} cannot be read: {error.strerror}",
            remedy="name a file that harness db backup has written: without -o they"
            " are below backups/",
        ) from error
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


def tables(client: PostgresPrograms, path: Path) -> int:
    """The number of tables in a backup."""
    with path.open("rb") as file, tempfile.TemporaryFile() as said:
        child = client.child(
            "pg_restore", "--list", stdin=file, stdout=proc.PIPE, stderr=said
        )
        with child:
            out, _ = child.process.communicate()
            if child.code():
                said.seek(0)
                text = said.read().decode(errors="replace")
                raise client.refusal(text, child.argv)
    entry = re.compile(rb"^\d+; \d+ \d+ TABLE (?!DATA |ATTACH )", re.MULTILINE)
    return len(entry.findall(out))
