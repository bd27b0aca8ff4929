# SPDX-License-Identifier: GPL-3.0-or-later
"""Databases of failed tests, kept for people: ``harness_k_RUN_TIME``."""

import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psycopg

KEPT = 10
"""So many stay; the oldest go."""


def name(run: str) -> str:
    """The next name; later ones come after it."""
    return f"harness_k_{run}_{time.time_ns()}"


def describe(connection: "psycopg.Connection[Any]", name: str, note: str) -> list[str]:
    """Note what a database was of; the names of those that are too many."""
    from psycopg.sql import SQL, Identifier, Literal

    comment = SQL("COMMENT ON DATABASE {} IS {}")
    connection.execute(comment.format(Identifier(name), Literal(note)))
    rows = connection.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE 'harness\\_k\\_%%'"
        " ORDER BY datname DESC OFFSET %s",
        [KEPT],
    )
    return [old for (old,) in rows]
