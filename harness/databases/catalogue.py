# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on a server and in a database: names, sizes, modules, differences."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Final

from harness.databases.client import PostgresPrograms
from harness.databases.replace import BUILDING, FORMER
from harness.errors import DatabaseError

OWN: Final = ("template0", "template1", "postgres")


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A database: its size in bytes, who is connected, what it is for."""

    name: str
    size: int
    sessions: int
    what: str

    def document(self) -> dict[str, object]:
        """For ``--json``."""
        return asdict(self)


def all_(client: PostgresPrograms) -> list[Entry]:
    """All databases but PostgreSQL's own."""
    rows = client.sql(
        "SELECT d.datname, pg_database_size(d.oid), count(a.pid)"
        " FROM pg_database d LEFT JOIN pg_stat_activity a ON a.datid = d.oid"
        " GROUP BY d.datname, d.oid ORDER BY d.datname"
    )
    return [
        Entry(name=name, size=int(size), sessions=int(count), what=kind(name))
        for name, size, count in rows
        if name not in OWN
    ]


def kind(name: str) -> str:
    """What a database is for, by its name."""
    for prefix, what in (
        ("harness_t_", "template"),
        ("harness_b_", "template under construction"),
        ("harness_g_", "template that goes"),
        ("harness_c_", "lease of a test run"),
        ("harness_k_", "kept of a failed test"),
        (BUILDING, "unfinished"),
        (FORMER, "replaced, left over"),
    ):
        if name.startswith(prefix):
            return what
    return ""


def people(client: PostgresPrograms) -> list[str]:
    """The databases that are nobody's but people's."""
    return [one.name for one in all_(client) if not one.what]


def size(client: PostgresPrograms, name: str) -> int:
    """In bytes; raises `DatabaseError` where it is not there."""
    rows = client.sql("SELECT pg_database_size(current_database())", database=name)
    return int(rows[0][0])


def relations(client: PostgresPrograms, name: str) -> list[tuple[str, int, int]]:
    """Each table with its size, indexes and all, and an estimate of its rows."""
    rows = client.sql(
        "SELECT relname, pg_total_relation_size(oid), greatest(reltuples, 0)::bigint"
        " FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " ORDER BY 2 DESC, 1",
        database=name,
    )
    return [(table, int(bytes_), int(count)) for table, bytes_, count in rows]


def tables(client: PostgresPrograms, name: str) -> int:
    """The number of tables."""
    rows = client.sql(
        "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p')"
        " AND relnamespace NOT IN (SELECT oid FROM pg_namespace"
        " WHERE nspname = 'information_schema' OR nspname LIKE 'pg\\_%')",
        database=name,
    )
    return int(rows[0][0])


def modules(client: PostgresPrograms, name: str) -> dict[str, str]:
    """Tryton's modules in a database, each with its state.

    Raises `DatabaseError` where it is none of Tryton's.
    """
    try:
        rows = client.sql("SELECT name, state FROM ir_module", database=name)
    except DatabaseError as error:
        if "ir_module" not in str(error):
            raise
        raise DatabaseError(
            f"the database {name} is none of Tryton's",
            checked="it has no table ir_module",
            remedy="harness db list says what is there",
        ) from error
    return {module: state for module, state in rows}  # noqa: C416 (rows are lists)


Facts = Mapping[str, str]
"""What an update may change: a description → its content."""


def facts(client: PostgresPrograms, name: str) -> Facts:
    """Columns, and the records that modules define."""
    columns = client.sql(
        "SELECT table_name || '.' || column_name, data_type || ' ' || is_nullable"
        " FROM information_schema.columns WHERE table_schema = 'public'",
        database=name,
    )
    found = {f"column {column}": text for column, text in columns}
    records = client.sql(
        "SELECT module || '.' || fs_id || ' (' || model || ')', md5(values)"
        " FROM ir_model_data WHERE db_id IS NOT NULL",
        database=name,
    )
    found |= {f"record {record}": text for record, text in records}
    states = modules(client, name)
    return found | {f"module {module}": state for module, state in states.items()}


def differences(before: Facts, after: Facts) -> Iterator[str]:
    """What has changed, one line each."""
    for key in sorted({*before, *after}):
        old, new = before.get(key), after.get(key)
        if old is None:
            yield f"new: {key}"
        elif new is None:
            yield f"gone: {key}"
        elif old != new:
            shown = "" if key.startswith("record ") else f" ({old} → {new})"
            yield f"changed: {key}{shown}"
