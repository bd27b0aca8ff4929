# SPDX-License-Identifier: GPL-3.0-or-later
"""lock → build under another name → swap in one transaction → forget the former.

Whatever ends it, and whenever, the database of that name is whole: the former one
until the swap, the new one from then on.
"""

import contextlib
import tempfile
import time
from collections.abc import Callable, Iterator
from typing import Final

from harness import proc
from harness.databases.client import (
    ADMIN,
    LONGEST,
    QUIET,
    PostgresPrograms,
    literal,
    quoted,
)
from harness.errors import DatabaseError, HarnessError, UsageError
from harness.template.presence import key

BUILDING: Final = "building_"
"""Before the name of a database that is not whole."""
FORMER: Final = "former_"
"""Before the name of the one that was there, for the moment of a swap."""
DEADLINE: Final = 900.0
"""Seconds to wait for somebody else's work on the same database."""
UNLIMITED: Final = (
    "SELECT count(set_config(name, '0', false)) FROM pg_settings"
    " WHERE name IN ('idle_session_timeout', 'statement_timeout')"
)
"""A claim lasts as long as the work, though its session is idle."""
PATIENCE: Final = 10.0
"""Seconds in which sessions that were ended may come back."""


def require_name(name: str) -> str:
    """The name, if a database may be given it; raises `UsageError`."""
    room = LONGEST - len(BUILDING)
    why = ""
    if len(name.encode()) > room:
        why = f"it is longer than {room} bytes"
    elif not name or "/" in name or "\0" in name or name.startswith("-"):
        why = "it is empty, or has a slash, or begins with a dash"
    elif name in {ADMIN, "template0", "template1"}:
        why = "it is one of PostgreSQL's own"
    elif name.startswith((BUILDING, FORMER, "harness_")):
        why = "names of that kind are the harness's"
    if why:
        raise UsageError(
            f"{name!r} is no name for a database: {why}",
            remedy="take letters, digits and _, such as society_test",
        )
    return name


@contextlib.contextmanager
def claim(
    client: PostgresPrograms,
    name: str,
    *,
    waiting: Callable[[], None],
    deadline: float = DEADLINE,
) -> Iterator[None]:
    """Be the only one who makes or removes `name`, on all machines.

    It is the lock of the builders of templates: their names are databases, too.
    The server gives it back when the session ends, so also by ``kill -9``.
    """
    if client.dry:
        yield
        return
    number = key(name)
    words = (*QUIET, f"--dbname={ADMIN}")
    streams = {"stdin": proc.PIPE, "stdout": proc.PIPE}
    with (
        tempfile.TemporaryFile() as said,
        client.child("psql", *words, **streams, stderr=said) as child,
    ):
        _ask(child, UNLIMITED)
        answer = _ask(child, f"SELECT pg_try_advisory_lock({number})")
        if answer == "f":
            waiting()
            limit = f"SET lock_timeout = {int(deadline * 1000)};"
            wait = f"{limit} SELECT pg_advisory_lock({number}), 't'"
            answer = _ask(child, wait)[-1:]
        if answer != "t":
            child.ended(within=PATIENCE)
            said.seek(0)
            text = said.read().decode(errors="replace")
            raise _unclaimed(client, name, text, child.argv)
        try:
            yield
        finally:
            _leave(child)


def _unclaimed(
    client: PostgresPrograms, name: str, said: str, argv: list[str]
) -> DatabaseError:
    if "lock timeout" not in said:
        return client.refusal(said, argv)
    return DatabaseError(
        f"somebody has been working on {name} for too long",
        checked=f"advisory lock {key(name)} on {client.title}",
        remedy="wait for it, or end it",
    )


def _leave(child: proc.Child) -> None:
    """End a session as psql expects it."""
    assert child.process.stdin
    with contextlib.suppress(BrokenPipeError):
        child.process.stdin.close()
    child.ended(within=PATIENCE)


def _ask(child: proc.Child, statement: str) -> str:
    """The first line that a session answers, nothing where it ended."""
    stdin, stdout = child.process.stdin, child.process.stdout
    assert stdin
    assert stdout
    try:
        stdin.write(f"{statement};\n".encode())
        stdin.flush()
        return stdout.readline().decode(errors="replace").strip()
    except BrokenPipeError:
        return ""


@contextlib.contextmanager
def building(
    client: PostgresPrograms, name: str, *, template: str = "template0"
) -> Iterator[str]:
    """A database to fill, a copy of `template`; it gets `name` when the block ends.

    Call it with the claim on `name`.  Where the block fails, the unfinished one
    goes; where the process is killed, the next call removes it.
    """
    new, there = BUILDING + name, not client.dry and exists(client, name)
    finished = False
    _forget(client, new, FORMER + name)
    if template != "template0":
        end_sessions(client, template)
    client.create(new, template)
    try:
        if template != "template0":
            carry_settings(client, template, new)
        client.protect(new, name)  # tables to come are protected as they come
        yield new
        settle(client, new)
        client.protect(new, name)
        finished = True
        publish(client, name)
    except BaseException as error:
        if isinstance(error, HarnessError) and not finished:
            error.state = (
                f"{name} is {'as it was' if there else 'not there, as before'}"
            )
        if not client.dry:
            with contextlib.suppress(DatabaseError):
                _forget(client, new)
        raise
    _forget(client, FORMER + name)


@contextlib.contextmanager
def scratch(client: PostgresPrograms, name: str) -> Iterator[str]:
    """An empty database beside `name`, which goes with the block."""
    new = BUILDING + name
    _forget(client, new)
    client.create(new, "template0")
    try:
        yield new
    finally:
        _forget(client, new)


def _forget(client: PostgresPrograms, *names: str) -> None:
    drops = [f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)" for name in names]
    client.change(*drops)


def publish(client: PostgresPrograms, name: str) -> None:
    """Put the finished database in the place of the former one."""
    new, former = BUILDING + name, FORMER + name
    there = exists(client, name)
    swap = [f"ALTER DATABASE {quoted(new)} RENAME TO {quoted(name)}"]
    if there:
        swap.insert(0, f"ALTER DATABASE {quoted(name)} RENAME TO {quoted(former)}")
        carry_settings(client, name, new)
    deadline = time.monotonic() + PATIENCE
    while True:
        end_sessions(client, name, new)
        try:
            client.change(*swap, together=True)
        except DatabaseError as error:
            busy = "is being accessed by other users" in str(error)
            if not busy or time.monotonic() > deadline:
                raise
            time.sleep(0.2)
        else:
            return


def exists(client: PostgresPrograms, name: str) -> bool:
    """Whether the database is there."""
    query = f"SELECT 1 FROM pg_database WHERE datname = {literal(name)}"
    return bool(client.sql(query))


def end_sessions(client: PostgresPrograms, *names: str) -> None:
    """End all that is connected to databases, and wait for it."""
    among = ", ".join(map(literal, names))
    client.change(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
        f" WHERE datname IN ({among}) AND pid <> pg_backend_pid()"
    )


def carry_settings(client: PostgresPrograms, source: str, target: str) -> None:
    """Settings of the database, which neither a copy nor a dump of it has."""
    rows = client.sql(
        "SELECT unnest(setconfig) FROM pg_db_role_setting s"
        " JOIN pg_database d ON d.oid = s.setdatabase"
        f" WHERE setrole = 0 AND d.datname = {literal(source)}"
    )
    for (setting,) in rows:
        name, _, value = setting.partition("=")
        client.change(
            f"ALTER DATABASE {quoted(target)} SET {quoted(name)} TO {literal(value)}"
        )


def settle(client: PostgresPrograms, database: str) -> None:
    """Write indexes as a backup will: it then brings back the very same text.

    PostgreSQL itself words ``IN`` in an index anew when it reads its own text, once.
    """
    if client.dry:
        return
    rows = client.sql(
        "SELECT indexrelid::regclass, pg_get_indexdef(indexrelid) FROM pg_index"
        " WHERE indpred IS NOT NULL AND NOT indisunique"
        " AND pg_get_indexdef(indexrelid) LIKE '%])::text[])%'",
        database=database,
    )
    again = [part for name, text in rows for part in (f"DROP INDEX {name}", text)]
    if again:
        client.change(*again, database=database, together=True)


def drop(client: PostgresPrograms, name: str) -> None:
    """Delete a database, and what an interrupted work on it has left."""
    _forget(client, name, BUILDING + name, FORMER + name)
