# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases as streams: out of a server, into it, from one to another."""

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, Final

from harness import proc
from harness.databases.client import PostgresPrograms
from harness.databases.sealing import Backup

CHUNK: Final = 1 << 18
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
    backup: Backup,
    database: str,
    seen: Seen,
    *,
    privileges: bool = True,
) -> None:
    """Fill an empty database from a backup."""
    size = 0
    words = restore_words(client, database, privileges=privileges)
    with (
        _running(client, "pg_restore", *words, stdin=proc.PIPE) as child,
        backup.opened() as file,  # what is wrong with it comes first
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
    backup: Backup,
    target: PostgresPrograms,
    database: str,
    seen: Seen,
) -> None:
    """Fill an empty database from a backup that only newer programs can read."""
    words = ("pg_restore", "--no-owner", "--no-privileges", "--file=-")
    with backup.opened() as file:
        _text(reader, words, target, database, seen, stdin=file)


def _text(
    source: PostgresPrograms,
    words: tuple[str, ...],
    target: PostgresPrograms,
    database: str,
    seen: Seen,
    stdin: proc.Output = proc.DEVNULL,
) -> None:
    size = 0
    with (
        _running(target, *_reading(target, database), stdin=proc.PIPE) as sink,
        _running(source, *words, stdin=stdin, stdout=proc.PIPE) as child,
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
    client: PostgresPrograms, program: str, *words: str, **streams: proc.Output
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


def tables(client: PostgresPrograms, backup: Backup) -> int:
    """The number of tables in a backup."""
    with backup.opened() as file, tempfile.TemporaryFile() as said:
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
