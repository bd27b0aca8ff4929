# SPDX-License-Identifier: GPL-3.0-or-later
"""Templates as databases of a PostgreSQL server.

``harness_t_DIGEST`` is a template, ``harness_b_RUN_DIGEST`` one under
construction, ``harness_g_RUN_DIGEST`` one that goes, ``harness_c_RUN_N`` a clone.  A
run proves that it lives by an advisory lock of its session, so a name is enough to
find what a dead run left.
"""

import contextlib
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path

import psycopg
from psycopg.sql import SQL, Identifier, Literal

from harness.errors import TemplateError
from harness.postgres import rights
from harness.postgres.base import Address, connect
from harness.template import counters, kept, presence, programs, settings, undo
from harness.template.base import Draft, Manifest, Waiting, sorted_by_use, whole
from harness.template.layer import Layer
from harness.template.presence import GRACE, Presence
from harness.template.sessions import Sessions
from harness.template.undo import ResetOutcome, Undos

OURS = re.compile(r"harness_[bcg]_(?P<run>[0-9a-f]+)_")


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
        living: Callable[[], Collection[str]] = frozenset,
        grace: float = GRACE,
        look_after: Callable[[], None] = lambda: None,
    ) -> None:
        """`file_copy` for storage in memory; `binaries` has ``pg_dump`` per version.

        `living` are runs that are known to live.  Others are dead when they have no
        session for `grace` seconds; none, where all runs that may be here are known.
        `look_after` puts back what the whole server was.
        """
        self.address = address
        self.run = run
        self.file_copy = file_copy
        self.binaries = binaries
        self.environ = environ
        self.living = living
        self.grace = grace
        self.look_after = look_after
        self._sessions = Sessions(address)
        self._execute = self._sessions.execute
        self._undos = Undos(address)
        self._around: dict[str, str] = {}
        self._presence = Presence(address, run)
        self.version = self._presence.version

    # -- templates ---------------------------------------------------------

    def find(self, digest: str) -> Manifest | None:
        """See `Shelf`."""
        rows = self._execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname = %s AND datistemplate",
            template(digest),
        )
        return whole(rows[0][0]) if rows else None

    def use(self, digest: str) -> None:
        """See `Shelf`."""
        self._presence.use(template(digest))

    def all(self) -> tuple[Manifest, ...]:
        """See `Shelf`."""
        rows = self._execute(
            "SELECT shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE datname LIKE 'harness\\_t\\_%' AND datistemplate"
        )
        found = (whole(text) for (text,) in rows)
        return sorted_by_use(one for one in found if one)

    @contextmanager
    def claim(
        self, digest: str, *, deadline: float, waiting: Waiting
    ) -> Iterator[None]:
        """See `Shelf`; the server gives a dead builder's claim to the next."""
        name = template(digest)
        with presence.claimed(self.address, name, deadline=deadline, waiting=waiting):
            yield

    def draft(self, layer: Layer) -> Draft:
        """See `Shelf`."""
        name = f"harness_b_{self.run}_{layer.digest}"
        self.drop(name)
        if layer.parent:
            self._copy(template(layer.parent.digest), name)
        else:
            self._alter("CREATE DATABASE {} TEMPLATE template0 ENCODING 'UTF8'", name)
        return Draft(layer=layer, database=name)

    def publish(self, draft: Draft, manifest: Manifest) -> Manifest:
        """See `Shelf`: rename, describe, close; in one transaction.

        What has the name and is no template was left by who was killed.
        """
        other = self.find(draft.layer.digest)
        if other:  # the claim's session was cut, and somebody else took it
            self.discard(draft)
            return other
        self.remove(draft.layer.digest)
        [(size,)] = self._execute("SELECT pg_database_size(%s::name)", draft.database)
        described = Manifest(**{**vars(manifest), "size": int(size)})
        new = template(draft.layer.digest)
        self.end_sessions(draft.database)
        with self._sessions.own.transaction():
            self._alter("ALTER DATABASE {} RENAME TO {}", draft.database, new)
            self._alter("COMMENT ON DATABASE {} IS {}", new, Literal(described.dump()))
            self._alter(
                "ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false", new
            )
        return described

    def discard(self, draft: Draft) -> None:
        """See `Shelf`."""
        self.drop(draft.database)

    def remove(self, digest: str) -> bool:
        """See `Shelf`: it gets a name that a sweeper knows, in the same moment."""
        name, gone = template(digest), f"harness_g_{self.run}_{digest}"
        with connect(self.address) as connection:
            key = [presence.use(name)]
            took = connection.execute("SELECT pg_try_advisory_lock(%s)", key)
            if took.fetchone() != (True,):
                return False
            if self._exists(name):
                self.drop(gone)
                with self._sessions.own.transaction():
                    self._alter("ALTER DATABASE {} WITH IS_TEMPLATE false", name)
                    self._alter("ALTER DATABASE {} RENAME TO {}", name, gone)
                self.drop(gone)
        return True

    # -- clones ------------------------------------------------------------

    def clone(self, digest: str, name: str) -> str:
        """See `Shelf`."""
        database = f"harness_c_{self.run}_{name}"
        self._copy(template(digest), database)
        self._around[database] = counters.around(self._sessions.own, database)
        return database

    def _copy(self, source: str, target: str) -> None:
        fast = self.file_copy and self.version >= counters.SINCE
        strategy = " STRATEGY FILE_COPY" if fast else ""
        try:
            self._alter(f"CREATE DATABASE {{}} TEMPLATE {{}}{strategy}", target, source)
        except psycopg.errors.InvalidCatalogName as error:
            raise TemplateError(
                f"the template {source} is gone", remedy="run again: it is rebuilt"
            ) from error
        settings.carry(self._execute, source, target)

    def clean(self, database: str) -> bool:
        """See `Shelf`: no row was touched, no sequence moved, by anybody."""
        self.look_after()
        return self.version >= counters.SINCE and counters.clean(
            self._sessions.own, self.address, database, self._around.get(database, "")
        )

    def drop(self, database: str) -> None:
        """See `Shelf`."""
        self._undos.forget(database)
        self._around.pop(database, None)
        self._alter("DROP DATABASE IF EXISTS {} WITH (FORCE)", database)

    def untracked(self) -> str | None:
        """See `Shelf`."""
        return undo.why_not(self._sessions.own)

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

    def back(self, database: str, mark: int, *, alone: bool = False) -> ResetOutcome:
        """See `Shelf`."""
        outcome = self._undos[database].back(mark, alone=alone)
        if alone or outcome.how == "doubt":
            self.look_after()
        if outcome.how == "doubt" and not self._exists(database):
            return replace(outcome, reason="its database was dropped")
        return outcome

    def keep(self, database: str, note: str) -> str:
        """See `Shelf`."""
        self._undos[database].close()
        self.end_sessions(database)
        name = kept.name(self.run)
        self._copy(database, name)
        for old in kept.describe(self._sessions.own, name, note):
            self.drop(old)
        return name

    def _alter(self, text: str, *names: str | Literal) -> None:
        """Execute a statement about databases, whose names are given."""
        given = (Identifier(one) if isinstance(one, str) else one for one in names)
        self._execute(SQL(text).format(*given))

    def _exists(self, database: str) -> bool:
        sql = "SELECT 1 FROM pg_database WHERE datname = %s"
        return bool(self._execute(sql, database))

    def end_sessions(self, database: str) -> None:
        """End what is connected to a database, and wait for it."""
        self._execute(
            "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity"
            " WHERE datname = %s", database,
        )  # fmt: skip

    def sweep(self) -> tuple[str, ...]:
        """See `Shelf`: a run is dead when its advisory lock is free.

        No template is one that is only called so: whoever made or removed it is gone.
        """
        rows = self._execute(
            "SELECT datname, datistemplate, shobj_description(oid, 'pg_database')"
            " FROM pg_database WHERE datname LIKE 'harness\\_%'"
        )
        named = {name: match["run"] for name, *_ in rows if (match := OURS.match(name))}
        strange = {*named.values()} - {self.run, *self.living()}
        dead = presence.dead(self.address, strange, grace=self.grace)
        going = [name for name, run in named.items() if run in dead]
        for name in going:
            self.drop(name)
        rights.sweep(self.address)
        for name, is_template, text in rows:
            digest = name.removeprefix(template(""))
            broken = digest != name and not (is_template and whole(text))
            # Unless somebody else is about to remove it, or owns it.
            with contextlib.suppress(psycopg.Error):
                if broken and self.remove(digest):
                    going.append(name)
        return tuple(going)

    # -- files -------------------------------------------------------------

    def save(self, digest: str, path: Path) -> None:
        """See `Shelf`: a dump in PostgreSQL's custom format."""
        database = self.clone(digest, "export")
        try:
            self._tool(self.address, "pg_dump", "-Fc", "-f", str(path), database)
        finally:
            self.drop(database)

    def restore(self, draft: Draft, path: Path, *, trusted: bool = False) -> None:
        """See `Shelf`."""
        words = ("-d", draft.database, "--no-owner", "--exit-on-error", str(path))
        lesser = rights.lesser(self.address, draft.database)
        with nullcontext(self.address) if trusted else lesser as address:
            self._tool(address, "pg_restore", *words)

    def _tool(self, address: Address, name: str, *words: str) -> None:
        env = {**self.environ, **address.environment()}
        programs.run(self.binaries(self.version), name, *words, env=env)

    def close(self) -> None:
        """See `Shelf`."""
        self._undos.close()
        self._presence.close()
        self._sessions.close()


def template(digest: str) -> str:
    """The name of the database of a template."""
    return f"harness_t_{digest}"
