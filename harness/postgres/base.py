# SPDX-License-Identifier: GPL-3.0-or-later
"""What every database server offers, and how the harness connects to it."""

import logging
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, LiteralString, Protocol
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

from harness.errors import DatabaseError, DiskFull, HarnessError

if TYPE_CHECKING:
    import psycopg

NAMES = {"application_name": "APPNAME", "connect_timeout": "CONNECT_TIMEOUT"}
"""libpq's variables that are not the option's name without its underscores."""
OWN: Final = (
    (90600, "idle_in_transaction_session_timeout", "0"),
    (0, "statement_timeout", "0"),
    (0, "lock_timeout", "0"),
    (140000, "idle_session_timeout", "0"),
    (170000, "transaction_timeout", "0"),
    (0, "default_transaction_read_only", "off"),
    (0, "role", "none"),
)
"""What a role, a database or a server may be set to that our work does not stand:
since which version there is such a setting, its name, and what we want."""
KEEPALIVE = 30
"""Seconds after which a firewall is told that a quiet session lives."""
CONNECT_TIMEOUT = 10
"""Seconds that one attempt to connect may take."""


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a server answers; `host` is a name or a socket directory."""

    host: str
    port: int = 5432
    user: str = "postgres"
    password: str = ""
    options: tuple[tuple[str, str], ...] = ()

    @classmethod
    def parse(cls, url: str) -> "Address":
        """Read ``postgresql://[user[:password]@][host][:port][/][?options]``.

        Raises `DatabaseError` when it is none.
        """
        try:
            parts = urlsplit(url)
            options = dict(parse_qsl(parts.query))
            port = int(options.pop("port", parts.port or 5432))
        except ValueError as error:
            raise _bad_address(url, str(error)) from error
        if parts.scheme not in {"postgresql", "postgres"}:
            raise _bad_address(url, f"the scheme is {parts.scheme!r}")
        host = options.pop("host", "") or unquote(parts.hostname or "")
        user, password = options.pop("user", ""), options.pop("password", "")
        return cls(
            host=host or "/var/run/postgresql",
            port=port,
            user=unquote(parts.username or "") or user or "postgres",
            password=unquote(parts.password or "") or password,
            options=tuple(options.items()),
        )

    def url(self, database: str = "", *, secret: bool = True) -> str:
        """The address as a URL; without `secret` the password is ``***``."""
        login = quote(self.user, safe="")
        if self.password:
            login += ":" + (quote(self.password, safe="") if secret else "***")
        options = list(self.options)
        if self.host.startswith("/"):
            place = ""
            options.append(("host", self.host))
            if self.port != 5432:
                options.append(("port", str(self.port)))
        else:
            host = f"[{self.host}]" if ":" in self.host else self.host
            place = f"{host}:{self.port}"
        query = f"?{urlencode(options, quote_via=quote)}" if options else ""
        return f"postgresql://{login}@{place}/{database}{query}"

    def environment(self) -> Mapping[str, str]:
        """libpq's variables, so that ``postgresql:///NAME`` finds the server."""
        variables = {
            "PGHOST": self.host,
            "PGPORT": str(self.port),
            "PGUSER": self.user,
        }
        if self.password:
            variables["PGPASSWORD"] = self.password
        for key, value in self.options:
            name = NAMES.get(key) or key.replace("_", "").upper()
            variables[f"PG{name}"] = value
        return variables

    def __str__(self) -> str:
        return self.url(secret=False)


def _bad_address(url: str, reason: str) -> DatabaseError:
    shown = re.sub(r"://.*@", "://***@", url)
    shown = re.sub(r"password=.*", "password=***", shown)
    return DatabaseError(
        f"{shown!r} is no address of a PostgreSQL server: {reason}",
        remedy="write it as postgresql://USER:PASSWORD@HOST:PORT/",
    )


class PostgresServer(Protocol):
    """A database server; a context manager that yields where it answers."""

    kind: str

    def why_not(self) -> str | None:
        """The reason why it cannot be used here, or None."""

    def start(self) -> Address:
        """Start it, or join the one that runs; raises `DatabaseError`."""

    def stop(self) -> None:
        """Leave it; the last one to leave stops it."""

    def alive(self) -> bool:
        """Whether it still answers."""

    def ending(self) -> HarnessError:
        """Why it has ended while tests were running, as far as that can be told."""


def ended(checked: str) -> DatabaseError:
    """The error for a server that has ended while tests were running."""
    return DatabaseError(
        "the database server ended while tests were running",
        checked=checked,
        remedy="run again; a new server is started",
    )


def _parameters(address: Address, database: str) -> dict[str, Any]:
    return {
        "connect_timeout": CONNECT_TIMEOUT,
        "application_name": "harness",
        "keepalives_idle": KEEPALIVE,
        **dict(address.options),
        "host": address.host,
        "port": address.port,
        "user": address.user,
        "password": address.password or None,
        "dbname": database,
    }


def answers(address: Address, database: str = "postgres") -> bool:
    """Whether a server is there, also one that lets nobody in just now.

    See ``PQping`` in the manual of libpq.
    """
    from psycopg import conninfo, pq

    options = {**_parameters(address, database), "connect_timeout": 2}
    line = conninfo.make_conninfo(**options)
    return pq.PGconn.ping(line.encode()) in {pq.Ping.OK, pq.Ping.REJECT}


def own_settings(version: int) -> LiteralString:
    """What our sessions begin with, on a server of a version (150004)."""
    return "; ".join(
        f"SET {name} = {value}" for since, name, value in OWN if version >= since
    )


LOST: Final = ("08", "57P")
"""Classes of error codes that end a connection; without a code, it was cut."""


def connect(
    address: Address, database: str = "postgres"
) -> "psycopg.Connection[tuple[Any, ...]]":
    """An autocommit connection; raises `DatabaseError` with what was tried."""
    import psycopg

    # what it would log of a lost connection, it also raises
    logging.getLogger("psycopg").addHandler(logging.NullHandler())
    try:
        connection = psycopg.connect(autocommit=True, **_parameters(address, database))
        connection.execute(own_settings(connection.info.server_version))
        return connection
    except psycopg.OperationalError as error:
        raise DatabaseError(
            f"the database server does not let us in: {str(error).strip()}",
            checked=f"{address}, database {database}",
            remedy="start the server, or choose another one: --database local",
        ) from error


def lost(error: Exception, address: Address | None = None) -> DatabaseError | None:
    """The error for a server that is lost or full, wherever it was met.

    None for what is no psycopg's `OperationalError`.  A server may end in any
    statement: that is no defect of who asks.
    """
    if "psycopg" not in sys.modules:
        return None
    from psycopg import errors

    if not isinstance(error, errors.OperationalError):
        return None
    said = str(error).strip()
    checked = str(address or "the statements of this command")
    if isinstance(error, errors.DiskFull) or DiskFull.said(said):
        return DatabaseError(
            f"the database server has no space left: {said}",
            checked=checked,
            remedy="harness template prune --all,"
            ' or [tool.harness.database] storage = "disk"',
        )
    if error.sqlstate and not error.sqlstate.startswith(LOST):
        return DatabaseError(f"PostgreSQL: {said}", checked=checked)
    return DatabaseError(
        f"the database server was lost: {said}",
        checked=checked,
        remedy="run again; a lost embedded server is started anew",
    )
