# SPDX-License-Identifier: GPL-3.0-or-later
"""Settings of a database, which ``CREATE DATABASE … TEMPLATE`` does not carry."""

from collections.abc import Callable
from typing import Any

from psycopg.sql import SQL, Identifier, Literal


def carry(
    execute: Callable[..., list[tuple[Any, ...]]], source: str, target: str
) -> None:
    """Give `target` those of `source`, also those of roles in it."""
    rows = execute(
        "SELECT rolname, unnest(setconfig) FROM pg_db_role_setting s"
        " JOIN pg_database d ON d.oid = s.setdatabase"
        " LEFT JOIN pg_roles r ON r.oid = s.setrole WHERE d.datname = %s",
        source,
    )
    for role, setting in rows:
        name, _, value = setting.partition("=")
        whose = SQL("ROLE {} IN ").format(Identifier(role)) if role else SQL("")
        execute(
            SQL("ALTER {}DATABASE {} SET {} TO {}").format(
                whose, Identifier(target), Identifier(name), Literal(value)
            )
        )
