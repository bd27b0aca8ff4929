# SPDX-License-Identifier: GPL-3.0-or-later
"""What belongs to a whole server of ours: looked at, and put back.

A test may change it like its own database; but it is nobody's lease, so nothing of
that may outlive the test: not the rights of our role, no setting of a role or the
server, no role.
"""

import contextlib
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from harness.errors import DatabaseError
from harness.postgres import rights
from harness.postgres.base import Address, connect

if TYPE_CHECKING:
    import psycopg

KEEPER: Final = "harness_keeper"
"""Another superuser: it can give ours its rights back."""
ALL: Final = (
    "SUPERUSER INHERIT CREATEROLE CREATEDB LOGIN REPLICATION BYPASSRLS"
    " CONNECTION LIMIT -1 VALID UNTIL 'infinity'"
)
WRONG: Final = """\
WITH mine AS (
    SELECT oid, rolname FROM pg_roles WHERE oid = 10 OR rolname = %(keeper)s
), own AS (
    SELECT oid, datname FROM pg_database
    WHERE datname IN ('postgres', 'template0', 'template1')
)
SELECT 'the role ' || rolname, format('ALTER ROLE %%I ' || %(all)s, rolname)
FROM pg_roles WHERE oid IN (SELECT oid FROM mine) AND NOT (
    rolsuper AND rolinherit AND rolcreaterole AND rolcreatedb AND rolcanlogin
    AND rolreplication AND rolbypassrls AND rolconnlimit = -1
    AND coalesce(rolvaliduntil, 'infinity') = 'infinity')
UNION ALL
SELECT 'the name of the role ' || %(user)s::text,
    format('ALTER ROLE %%I RENAME TO %%I', rolname, %(user)s::text)
FROM pg_roles WHERE oid = 10 AND rolname <> %(user)s
UNION ALL
SELECT 'settings of ' || coalesce(nullif(concat_ws(' in ', r.rolname, d.datname), ''),
        'all roles') || ' (' || array_to_string(setconfig, ', ') || ')',
    CASE WHEN setrole = 0 AND setdatabase <> 0
        THEN format('ALTER DATABASE %%I RESET ALL', d.datname)
        ELSE concat('ALTER ROLE ', coalesce(quote_ident(r.rolname), 'ALL'),
            ' IN DATABASE ' || quote_ident(d.datname), ' RESET ALL') END
FROM pg_db_role_setting
LEFT JOIN mine r ON r.oid = setrole LEFT JOIN own d ON d.oid = setdatabase
WHERE (setrole = 0 OR r.oid IS NOT NULL) AND (setdatabase = 0 OR d.oid IS NOT NULL)
UNION ALL
SELECT 'the database ' || d.datname, format(
    'ALTER DATABASE %%I WITH CONNECTION LIMIT -1 ALLOW_CONNECTIONS %%s IS_TEMPLATE %%s',
    d.datname, (d.datname <> 'template0')::text, (d.datname <> 'postgres')::text)
FROM pg_database d JOIN own USING (oid) WHERE NOT (d.datconnlimit = -1
    AND d.datallowconn = (d.datname <> 'template0')
    AND d.datistemplate = (d.datname <> 'postgres'))
UNION ALL
SELECT 'the database postgres', 'CREATE DATABASE postgres'
WHERE NOT EXISTS (SELECT FROM own WHERE datname = 'postgres')
UNION ALL
SELECT 'settings of the server: ' || string_agg(name, ', '), 'ALTER SYSTEM RESET ALL'
FROM pg_file_settings WHERE sourcefile LIKE '%%/postgresql.auto.conf'
HAVING count(*) > 0"""
"""What is not as it was made, and the statement that mends it."""
ROLES: Final = "roles"
"""File in the server's directory: roles that are people's, a name a line."""
MADE: Final = (
    "SELECT rolname FROM pg_roles WHERE oid >= 16384 AND rolname <> %s"
    " AND rolname NOT LIKE 'harness\\_i\\_%%' ORDER BY rolname"
)


class House:
    """The server at an address; `file` names the roles that are people's."""

    def __init__(
        self, address: Address, file: Path, tell: Callable[[str], None]
    ) -> None:
        self.address = address
        self.file = file
        self.tell = tell
        self._keeper = replace(address, user=KEEPER)
        self._guard = threading.Lock()
        self._session: psycopg.Connection[Any] | None = None

    def enter(self, *, alone: bool) -> None:
        """Put everything back when a run begins; `alone`, also remove roles.

        Raises `DatabaseError` where nobody is let in who could do it.
        """
        self.look_after()
        with connect(self.address) as connection:
            self._have_keeper(connection)
            if alone:
                self._remove_roles(connection)

    def look_after(self) -> None:
        """Put back what everybody needs, while others may be at work."""
        import psycopg

        with self._guard:
            try:
                if self._session is None or self._session.closed:
                    self._session = connect(self.address)
                self._mend(self._session)
            except (psycopg.Error, DatabaseError) as error:
                with self._by_keeper(error) as connection:
                    self._mend(connection)

    def close(self) -> None:
        """Give the connection back."""
        with self._guard:
            if self._session is not None:
                self._session.close()

    def after_lease(self) -> None:
        """The same, where nothing else depends on it."""
        with contextlib.suppress(DatabaseError):
            self.look_after()

    def _by_keeper(self, error: Exception) -> "psycopg.Connection[Any]":
        for database in ("postgres", "template1"):
            with contextlib.suppress(DatabaseError):
                return connect(self._keeper, database)
        raise DatabaseError(
            f"the database server lets nobody in who may mend it: {error}",
            checked=f"the roles {self.address.user} and {KEEPER} on {self.address}",
            remedy="harness clean --all makes it anew: templates are rebuilt",
        ) from error

    def _mend(self, connection: "psycopg.Connection[Any]") -> None:
        wanted = {"keeper": KEEPER, "user": self.address.user, "all": ALL}
        found = connection.execute(WRONG, wanted).fetchall()
        for what, statement in found:
            connection.execute(statement.encode())
            self.tell(f"a test had changed {what} on the server: put back")
        if found:
            connection.execute("SELECT pg_reload_conf()")
        if self.address.password and connection.info.user == KEEPER:
            self._set_password(connection, self.address.user)

    def _set_password(self, connection: "psycopg.Connection[Any]", role: str) -> None:
        from psycopg.sql import SQL, Identifier, Literal

        sealed = Literal(rights.sealed(self.address.password))
        connection.execute(
            SQL("ALTER ROLE {} PASSWORD {}").format(Identifier(role), sealed)
        )

    def _have_keeper(self, connection: "psycopg.Connection[Any]") -> None:
        there = "SELECT 1 FROM pg_roles WHERE rolname = %s"
        if not connection.execute(there, [KEEPER]).fetchone():
            with contextlib.suppress(*_duplicate()):
                connection.execute(f"CREATE ROLE {KEEPER} {ALL}".encode())
        if self.address.password:
            self._set_password(connection, KEEPER)

    def _remove_roles(self, connection: "psycopg.Connection[Any]") -> None:
        """Roles that tests have left; what owns something is somebody's."""
        import psycopg
        from psycopg.sql import SQL, Identifier

        roles = {name for (name,) in connection.execute(MADE, [KEEPER]).fetchall()}
        known = self._known()
        for name in sorted(roles - known) if known is not None else ():
            with contextlib.suppress(psycopg.Error):
                connection.execute(SQL("DROP ROLE {}").format(Identifier(name)))
                self.tell(f"a test had left the role {name} on the server: removed")
        if known is None:
            self.know()

    def _known(self) -> set[str] | None:
        try:
            return set(self.file.read_text("utf-8").splitlines())
        except OSError:
            return None

    def know(self) -> None:
        """The roles that are there now are people's."""
        with connect(self.address) as connection:
            names = [name for (name,) in connection.execute(MADE, [KEEPER]).fetchall()]
        self.file.write_text("\n".join(names), "utf-8")


def _duplicate() -> tuple[type[Exception], ...]:
    """Somebody else was faster."""
    import psycopg

    return psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject
