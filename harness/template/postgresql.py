# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as databases of a PostgreSQL server.

``harness_t_DIGEST`` is a template, ``harness_b_RUN_DIGEST`` one under
construction, ``harness_c_RUN_N`` a clone.  A run proves that it lives by an
advisory lock of its session, so a name is enough to find what a dead run left.
"""

import hashlib
import re
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Composed, Identifier, Literal

from harness.errors import DatabaseError, TemplateError
from harness.postgres.base import Address, connect
from harness.template import counters, kept, programs, settings, undo
from harness.template.base import Draft, Manifest, Waiting, sorted_by_use
from harness.template.layer import Layer
from harness.template.undo import Outcome, Undos

OURS = re.compile(r"harness_[bc]_(?P<run>[0-9a-f]+)_")
COUNTERS_SINCE = 150000
"""Since PostgreSQL 15 no counter gets lost (shared memory statistics)."""


def key(text: str) -> int:
    """A 64-bit key for ``pg_advisory_lock``."""
    data = hashlib.sha256(text.encode()).digest()[:8]
    return int.from_bytes(data, "big", signed=True)


class PostgreSQL:
    """Templates and clones on one server, for one run."""

    kind = "postgresql"

    def __init__(
        self,
        address: Address,
        run: str,
        *,
        file_copy: bool,
        binaries: Callable[[int], Path | None],
        environ: Mapping[str, str],
    ) -> None:
        """`file_copy` for storage in memory; `binaries` has ``pg_dump`` per version."""
        self.address = address
        self.run = run
        self.file_copy = file_copy
        self.binaries = binaries
        self.environ = environ
        self._local = threading.local()
        self._all: list[psycopg.Connection[Any]] = []
        self._undos = Undos(address)
        self._around: dict[str, str] = {}
        self._alive = connect(address)
        self._alive.execute("SELECT pg_advisory_lock(%s)", [key(run)])
        self.version = self._alive.info.server_version

    @property
    def _connection(self) -> psycopg.Connection[Any]:
        """This thread's kept connection."""
        connection: psycopg.Connection[Any] | None
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = connect(self.address)
            self._local.connection = connection
            self._all.append(connection)
        return connection

    def _execute(
        self, statement: LiteralString | SQL | Composed, *values: object
    ) -> list[tuple[Any, ...]]:
        try:
            cursor = self._connection.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
        except psycopg.errors.DiskFull as error:
            raise self._full(error) from error
        except psycopg.errors.IoError as error:
            if "No space left" in str(error):
                raise self._full(error) from error
            raise DatabaseError(f"PostgreSQL: {error}") from error
        except psycopg.OperationalError as error:
            raise DatabaseError(
                f"the database server was lost: {str(error).strip()}",
                checked=str(self.address),
                remedy="run again; a lost embedded server is started anew",
            ) from error

    def _full(self, error: psycopg.Error) -> DatabaseError:
        return DatabaseError(
            f"the database server has no space left: {str(error).strip()}",
            checked=str(self.address),
            remedy="harness template prune --all,"
            ' or [tool.harness.database] storage = "disk"',
        )

    # -- templates ---------------------------------------------------------

    def find(self, digest: str) -> Manifest | None:
        """See `Shelf`."""
        rows = self._execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = %s AND datistemplate",
            template(digest),
        )
        return Manifest.parse(rows[0][0]) if rows and rows[0][0] else None

    def all(self) -> tuple[Manifest, ...]:
        """See `Shelf`."""
        rows = self._execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname LIKE 'harness\\_t\\_%' AND datistemplate"
        )
        return sorted_by_use(Manifest.parse(text) for (text,) in rows if text)

    @contextmanager
    def claim(
        self, digest: str, *, deadline: float, waiting: Waiting
    ) -> Iterator[None]:
        """See `Shelf`; the server gives a dead builder's claim to the next."""
        number = key(template(digest))
        with connect(self.address) as connection:
            took = connection.execute(
                "SELECT pg_try_advisory_lock(%s)", [number]
            ).fetchone()
            if not (took and took[0]):
                waiting()
                connection.execute(
                    SQL("SET lock_timeout = {}").format(Literal(int(deadline * 1000)))
                )
                try:
                    connection.execute("SELECT pg_advisory_lock(%s)", [number])
                except psycopg.errors.LockNotAvailable as error:
                    raise TemplateError(
                        f"another run has been building template {digest}"
                        f" for more than {deadline:g} s",
                        checked=f"advisory lock {number} on {self.address}",
                        remedy="end it, or raise [tool.harness.templates] deadline",
                    ) from error
            yield

    def draft(self, layer: Layer) -> Draft:
        """See `Shelf`."""
        name = f"harness_b_{self.run}_{layer.digest}"
        self.drop(name)
        if layer.parent:
            self._copy(template(layer.parent.digest), name)
        else:
            self._execute(
                SQL("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'").format(
                    Identifier(name)
                )
            )
        return Draft(layer=layer, database=name)

    def publish(self, draft: Draft, manifest: Manifest) -> Manifest:
        """See `Shelf`: rename, describe, close; in one transaction."""
        [(size,)] = self._execute("SELECT pg_database_size(%s::name)", draft.database)
        described = Manifest(**{**vars(manifest), "size": int(size)})
        old, new = Identifier(draft.database), template(draft.layer.digest)
        self.end_sessions(draft.database)
        connection = self._connection
        with connection.transaction():
            self._execute(
                SQL("ALTER DATABASE {} RENAME TO {}").format(old, Identifier(new))
            )
            self._execute(
                SQL("COMMENT ON DATABASE {} IS {}").format(
                    Identifier(new), Literal(described.dump())
                )
            )
            self._execute(
                SQL(
                    "ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false"
                ).format(Identifier(new))
            )
        return described

    def discard(self, draft: Draft) -> None:
        """See `Shelf`."""
        self.drop(draft.database)

    def remove(self, digest: str) -> None:
        """See `Shelf`."""
        name = template(digest)
        if self.find(digest):
            self._execute(
                SQL("ALTER DATABASE {} WITH IS_TEMPLATE false").format(Identifier(name))
            )
        self.drop(name)

    # -- clones ------------------------------------------------------------

    def clone(self, digest: str, name: str) -> str:
        """See `Shelf`."""
        database = f"harness_c_{self.run}_{name}"
        self._copy(template(digest), database)
        self._around[database] = counters.around(self._connection, database)
        return database

    def _copy(self, source: str, target: str) -> None:
        strategy = SQL(" STRATEGY FILE_COPY")
        statement = SQL("CREATE DATABASE {} TEMPLATE {}").format(
            Identifier(target), Identifier(source)
        )
        fast = self.file_copy and self.version >= COUNTERS_SINCE
        try:
            self._execute(statement + strategy if fast else statement)
        except psycopg.errors.InvalidCatalogName as error:
            raise TemplateError(
                f"the template {source} is gone", remedy="run again: it is rebuilt"
            ) from error
        settings.carry(self._execute, source, target)

    def clean(self, database: str) -> bool:
        """See `Shelf`: no row was touched, no sequence moved, by anybody."""
        return self.version >= COUNTERS_SINCE and counters.clean(
            self._connection, self.address, database, self._around.get(database, "")
        )

    def drop(self, database: str) -> None:
        """See `Shelf`."""
        self._undos.forget(database)
        self._around.pop(database, None)
        self._execute(
            SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(Identifier(database))
        )

    def untracked(self) -> str | None:
        """See `Shelf`."""
        return undo.why_not(self._connection)

    def track(self, draft: Draft) -> None:
        """See `Shelf`."""
        with connect(self.address, draft.database) as connection:
            undo.track(connection, draft.layer.name)

    def mark(self, database: str) -> int:
        """See `Shelf`."""
        return self._undos[database].mark()

    def written(self, database: str) -> str:
        """See `Shelf`."""
        return self._undos[database].written

    def as_new(self, database: str, mark: int) -> bool:
        """See `Shelf`."""
        return mark in self._undos[database].as_new

    def back(self, database: str, mark: int, *, alone: bool = False) -> Outcome:
        """See `Shelf`."""
        outcome = self._undos[database].back(mark, alone=alone)
        if outcome.how == "doubt" and not self._exists(database):
            return replace(outcome, reason="its database was dropped")
        return outcome

    def keep(self, database: str, note: str) -> str:
        """See `Shelf`."""
        self._undos[database].close()
        self.end_sessions(database)
        name = kept.name(self.run)
        self._copy(database, name)
        for old in kept.describe(self._connection, name, note):
            self.drop(old)
        return name

    def _exists(self, database: str) -> bool:
        sql = "SELECT 1 FROM pg_database WHERE datname = %s"
        return bool(self._execute(sql, database))

    def end_sessions(self, database: str) -> None:
        """End what is connected to a database, and wait for it."""
        self._execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = %s",
            database,
        )

    def sweep(self) -> tuple[str, ...]:
        """See `Shelf`: a run is dead when its advisory lock is free."""
        rows = self._execute(
            "SELECT datname FROM pg_database WHERE datname LIKE 'harness\\_%'"
        )
        swept: list[str] = []
        for (name,) in rows:
            match = OURS.match(name)
            if match and match["run"] != self.run and self._dead(match["run"]):
                self.drop(name)
                swept.append(name)
        return tuple(swept)

    def _dead(self, run: str) -> bool:
        with connect(self.address) as connection:
            row = connection.execute(
                "SELECT pg_try_advisory_lock(%s)", [key(run)]
            ).fetchone()
        return bool(row and row[0])

    # -- files -------------------------------------------------------------

    def save(self, digest: str, path: Path) -> None:
        """See `Shelf`: a dump in PostgreSQL's custom format."""
        database = self.clone(digest, "export")
        try:
            self._tool("pg_dump", "-Fc", "-f", str(path), database)
        finally:
            self.drop(database)

    def restore(self, draft: Draft, path: Path) -> None:
        """See `Shelf`."""
        self._tool("pg_restore", "-d", draft.database, "--no-owner", str(path))

    def _tool(self, name: str, *arguments: str) -> None:
        env = {**self.environ, **self.address.environment()}
        programs.run(self.binaries(self.version), name, *arguments, env=env)

    def close(self) -> None:
        """See `Shelf`."""
        self._undos.close()
        for connection in (*self._all, self._alive):
            connection.close()


def template(digest: str) -> str:
    """The name of the database of a template."""
    return f"harness_t_{digest}"
