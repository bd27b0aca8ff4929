# SPDX-License-Identifier: GPL-3.0-or-later
"""Which database trytond opens under the name in ``DB_NAME``.

Tests read ``DB_NAME`` once, when they are imported, so the name stays and the
database behind it changes: a lease more does not mean a process more.
"""

from __future__ import annotations

import os
import sqlite3
from typing import Any, NamedTuple

from trytond import backend
from trytond.cache import Cache
from trytond.pool import Pool
from trytond.transaction import Transaction

current: str | None = None
"""What stands behind ``DB_NAME`` now: a database, or an SQLite file."""
generation = 0
"""How often connections were closed: one in memory has had another content since."""


def install() -> None:
    """Let trytond's PostgreSQL backend follow `switch`."""
    if backend.name != "postgresql":
        return
    # The one place where trytond's backend makes an address of a name:
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/backend/postgresql/database.py
    original = backend.Database._connection_params.__func__

    def parameters(cls: Any, name: str) -> Any:
        return original(cls, current if current and name == logical() else name)

    backend.Database._connection_params = classmethod(parameters)


def logical() -> str:
    """The name that tests use."""
    return os.environ["DB_NAME"]


def close() -> None:
    """Close all connections to the database, and forget what is known of it."""
    global generation
    generation += 1
    name = logical()
    # `Database(name)` would make one where there is none, and keep it for ever:
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/backend/postgresql/database.py
    databases = getattr(backend.Database, "_databases", {}).get(os.getpid(), {})
    database = databases.get(name)
    if database is not None:
        database.close()
    elif backend.name == "sqlite":
        memory = getattr(backend.Database._local, "memory_database", None)
        if memory is not None:
            memory._conn = None
    # What the backend remembers of a database by its name, with no way to forget it:
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/backend/postgresql/database.py
    for attribute in ("_has_proc", "_extensions", "_search_full_text_languages"):
        known = getattr(backend.Database, attribute, None)
        if isinstance(known, dict):
            known.pop(name, None)
    forget()


def forget() -> None:
    """Forget what is known of the database's content: it was put back."""
    for attribute in ("_list_cache", "_list_cache_timestamp"):
        getattr(backend.Database, attribute, {}).clear()
    Cache.drop(logical())


def list_modules() -> None:
    """Have the database know all modules that are installed.

    trytond activates what it knows, and a template of released modules may be older
    than the others.
    """
    from trytond import modules

    find = getattr(modules, "get_modules", None) or modules.get_module_list
    with Transaction().start(logical(), 0) as transaction:
        Module = Pool().get("ir.module")
        if set(find()) - {one.name for one in Module.search([])}:
            Module.update_list()
            transaction.commit()


def switch(target: str | None) -> None:
    """Open `target` under the name from now on; None: there is no database."""
    global current
    close()
    current = target
    if target and backend.name == "sqlite":
        load(target)


def load(path: str) -> None:
    """Fill the database in memory from an SQLite file."""
    with sqlite3.connect(f"file:{path}?mode=ro&immutable=1", uri=True) as source:
        _fill(source)
    source.close()


def _fill(source: sqlite3.Connection) -> None:
    database = backend.Database(logical()).connect()
    connection = database.get_connection()
    try:
        source.backup(connection)
    finally:
        database.put_connection(connection)


def save(path: str) -> None:
    """Write the database in memory to an SQLite file."""
    database = backend.Database(logical()).connect()
    connection = database.get_connection()
    try:
        with sqlite3.connect(path) as target:
            connection.backup(target)
        target.close()
    finally:
        database.put_connection(connection)


class MemoryContent(NamedTuple):
    """A copy of the database in memory, and what tells whether that was changed."""

    copy: sqlite3.Connection
    state: list[tuple[int, int, int]]


CONTENT: list[MemoryContent] = []
"""The last copy: it serves until something changes."""


def in_memory() -> bool:
    """Whether databases are in this process's memory."""
    return bool(backend.name == "sqlite")


def content() -> MemoryContent | None:
    """The content of the database in memory; None while a transaction writes there."""
    database = backend.Database(logical()).connect()
    connection = database.get_connection()
    try:
        if connection.in_transaction:
            return None
        now = _state(connection)
        if CONTENT and now in CONTENT[0].state:
            return CONTENT[0]
        made = MemoryContent(sqlite3.connect(":memory:"), [now])
        connection.backup(made.copy)
    finally:
        database.put_connection(connection)
    CONTENT[:] = [made]
    return made


def refill(kept: MemoryContent) -> None:
    """Have that content again; where nothing has changed it, that costs nothing."""
    database = backend.Database(logical()).connect()
    connection = database.get_connection()
    same = not connection.in_transaction and _state(connection) in kept.state
    database.put_connection(connection)
    if not same:
        close()
        _fill(kept.copy)
        # There is one connection, and no public way to it:
        # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/backend/sqlite/database.py
        kept.state[:] = [_state(backend.Database(logical()).connect()._conn)]


def _state(connection: Any) -> tuple[int, int, int]:
    """Changes with each row that is written, and with the schema."""
    [(schema,)] = connection.execute("PRAGMA schema_version")
    return generation, connection.total_changes, schema


def loaded() -> tuple[str, ...]:
    """The modules whose classes were set up for the database."""
    # https://foss.heptapod.net/tryton/tryton/-/blob/branch/7.0/trytond/trytond/pool.py
    return tuple(getattr(Pool(logical()), "_modules", None) or ())


def stop_pool() -> None:
    """Forget the classes that were set up for the database."""
    Pool.stop(logical())
