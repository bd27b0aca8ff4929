# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts a database back to a mark, from a log that its triggers write.

The log and all that reads it are SQL (``data/undo.sql``) and part of a tracked
template, so a clone is born with its first mark.  In doubt nothing is put back.
"""

import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal

from harness.errors import DatabaseError, TemplateError
from harness.postgres.base import Address, connect

if TYPE_CHECKING:
    import psycopg

PRISTINE = 1
"""The mark with which every clone of a tracked template is born."""
UNTRACKED = 0
"""The first mark of a database that has no log: the way back is another clone."""
NOWHERE = -1
"""Any later mark of it: there is no way back."""
PATIENCE = 0.05
"""Seconds for what a test left open to end by itself."""
RESETS = 300
"""After so many resets a database is worn: dead rows slow it down …"""
ROWS = 100_000
"""… or after so many rows."""

How = Literal["clean", "reset", "exchanged", "doubt"]


@dataclass(frozen=True, kw_only=True)
class LeftSession:
    """A session that a test left in a transaction, or at all; it was ended."""

    process: int
    state: str
    query: str


@dataclass(frozen=True, kw_only=True)
class ResetOutcome:
    """What became of the way back to a mark.

    ``clean``: nothing was written; ``reset``: `rows` of `tables` and `sequences`
    were put back; ``exchanged``: another clone took the database's place;
    ``doubt``: it is not what it was, for a `reason`.  A `worn` database should
    be exchanged when that is cheap.
    """

    how: How
    reason: str = ""
    rows: int = 0
    tables: int = 0
    sequences: int = 0
    left: tuple[LeftSession, ...] = ()
    worn: bool = False


@cache
def script() -> str:
    """The SQL that makes a database tracked."""
    return resources.files("harness.data").joinpath("undo.sql").read_text("utf-8")


@cache
def version() -> str:
    """Digest of the script: part of a tracked template's."""
    return hashlib.sha256(script().encode()).hexdigest()[:20]


def why_not(connection: "psycopg.Connection[Any]") -> str | None:
    """The reason why databases of this server cannot be tracked, or None."""
    row = connection.execute(
        "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
    ).fetchone()
    if not row or not row[0]:
        return (
            f"the role {connection.info.user!r} is no superuser,"
            " and only a superuser can make event triggers"
        )
    return None


def track(connection: "psycopg.Connection[Any]", name: str) -> None:
    """Make a database tracked, with its pristine mark; `name` is for errors."""
    import psycopg

    try:
        with connection.transaction():
            connection.execute(script())
    except psycopg.Error as error:
        raise TemplateError(
            f"layer {name} cannot be made: {str(error).strip()}",
            checked="the undo log, harness/data/undo.sql",
            remedy="report it: tracking must work with every schema",
        ) from error


class Undo:
    """The marks of one database, on one kept connection."""

    def __init__(self, address: Address, database: str) -> None:
        self.address = address
        self.database = database
        self.resets = 0
        self.rows = 0
        self.as_new = {PRISTINE}
        """Marks at which all was as in the template."""
        self.written = ""
        """What was written between the last mark and the one before, in words."""
        self._connection: psycopg.Connection[Any] | None = None

    def _open(self) -> "psycopg.Connection[Any]":
        if self._connection is None or self._connection.closed:
            self._connection = connect(self.address, self.database)
            self._connection.prepare_threshold = 0
            self._connection.execute("SELECT harness.ready()")
        return self._connection

    def mark(self) -> int:
        """Remember how the database is now; raises `DatabaseError`.

        A mark that is made while somebody writes is one of no return: `back`
        will be in doubt, and name who wrote.
        """
        import psycopg

        try:
            row = (
                self._open()
                .execute("SELECT id, as_new, written FROM harness.mark()")
                .fetchone()
            )
        except psycopg.Error as error:
            raise DatabaseError(
                f"the lease {self.database} cannot be marked: {str(error).strip()}",
                checked=str(self.address),
                remedy="look for a test that drops or locks its database",
            ) from error
        assert row is not None
        if row[1]:
            self.as_new.add(int(row[0]))
        self.written = row[2] or ""
        return int(row[0])

    def back(self, mark: int, *, alone: bool = False) -> ResetOutcome:
        """Put the database back to `mark`; `alone`: end all other sessions.

        Never raises for the database's sake: what fails is a doubt.
        """
        import psycopg

        try:
            left, (trouble, rows, tables, sequences) = self._back(mark, alone=alone)
        except (psycopg.Error, DatabaseError) as error:
            text = error.message if isinstance(error, DatabaseError) else str(error)
            return ResetOutcome(how="doubt", reason=text.strip())
        self.rows += rows
        self.resets += bool(rows or sequences)
        return ResetOutcome(
            how="doubt" if trouble else "reset" if rows or sequences else "clean",
            reason=trouble or "",
            rows=rows,
            tables=tables,
            sequences=sequences,
            left=left,
            worn=self.resets >= RESETS or self.rows >= ROWS,
        )

    def _back(
        self, mark: int, *, alone: bool
    ) -> "tuple[tuple[LeftSession, ...], tuple[Any, ...]]":
        connection = self._open()
        with connection.pipeline():
            quiet = connection.execute(
                "SELECT * FROM harness.quiet(%s, %s, %s * interval '1s')",
                [mark, alone, PATIENCE],
            )
            done = connection.execute("SELECT * FROM harness.back(%s)", [mark])
            left = tuple(
                LeftSession(process=process, state=state, query=query)
                for process, state, query in quiet
            )
            row = done.fetchone()
        assert row is not None
        return left, row

    def close(self) -> None:
        """Give the connection back."""
        if self._connection is not None:
            self._connection.close()


class Undos:
    """Those of all clones of a run."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._known: dict[str, Undo] = {}

    def __getitem__(self, database: str) -> Undo:
        return self._known.setdefault(database, Undo(self.address, database))

    def forget(self, database: str) -> None:
        """The clone goes."""
        known = self._known.pop(database, None)
        if known:
            known.close()

    def close(self) -> None:
        """Give all connections back."""
        for database in list(self._known):
            self.forget(database)
