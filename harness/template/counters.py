# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a database was written to, by the server's own statistics."""

import time
from typing import TYPE_CHECKING, Any

from harness.errors import DatabaseError
from harness.postgres.base import Address, connect

if TYPE_CHECKING:
    import psycopg

SINCE = 150000
"""Since PostgreSQL 15 no counter gets lost (shared memory statistics)."""
PATIENCE = 0.2
"""Seconds for the sessions of a database to end: only then are counters complete."""


STATE = """
    SELECT tup_inserted + tup_updated + tup_deleted > 0 OR stats_reset IS NOT NULL,
        concat_ws(E'\\n', datdba, datacl, datconnlimit, dattablespace,
            shobj_description(d.oid, 'pg_database'),
            (SELECT string_agg(setrole || ' ' || setconfig::text, ' ' ORDER BY setrole)
                FROM pg_db_role_setting WHERE setdatabase = d.oid),
            (SELECT count(*) FROM pg_prepared_xacts WHERE database = d.datname))
    FROM pg_database d JOIN pg_stat_database ON datid = d.oid WHERE d.datname = %s
"""
"""Whether the counters of a database tell of a write, and what is around it."""


def around(connection: "psycopg.Connection[Any]", database: str) -> str:
    """What belongs to a database, but is not in it: no counter tells of it.

    Its settings, by role too; its owner, rights, limit, comment; transactions that
    are prepared in it.
    """
    row = connection.execute(STATE, [database]).fetchone()
    return str(row[1]) if row else ""


def clean(
    connection: "psycopg.Connection[Any]", address: Address, database: str, before: str
) -> bool:
    """Whether no row was touched and no sequence moved; False in doubt.

    `before` is what was `around` it when it was made.
    """
    import psycopg

    try:
        if not _deserted(connection, database):
            return False
        if connection.execute(STATE, [database]).fetchone() != (False, before):
            return False
        with connect(address, database) as inside:
            moved = inside.execute(
                "SELECT EXISTS (SELECT FROM pg_statio_all_sequences"
                " WHERE blks_read + blks_hit > 0)"
            ).fetchone()
    except (psycopg.Error, DatabaseError):
        return False
    return moved is not None and not moved[0]


def _deserted(connection: "psycopg.Connection[Any]", database: str) -> bool:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = %s", [database]
        ).fetchone()
        if row == (0,):
            return True
        time.sleep(0.002)
    return False
