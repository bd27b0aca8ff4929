# SPDX-License-Identifier: GPL-3.0-or-later
"""A role that owns one database for a moment, and has no other right.

What a foreign archive says while it is restored is said by such a role.
"""

import base64
import contextlib
import hashlib
import hmac
import secrets
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from harness.errors import DatabaseError
from harness.postgres.base import Address, connect

ROLE: Final = "harness_i_"
"""How their names begin."""
LEFT: Final = "SELECT rolname FROM pg_roles WHERE rolname LIKE 'harness\\_i\\_%'"


def name() -> str:
    """A name that no other has."""
    return ROLE + secrets.token_hex(6)


def sealed(password: str) -> str:
    """A password as PostgreSQL stores it (RFC 5803): nobody can log in with that."""
    salt, count = secrets.token_bytes(16), 4096
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, count)
    client = hmac.digest(salted, b"Client Key", "sha256")
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = (salt, hashlib.sha256(client).digest(), server)
    shown, stored, key = (base64.b64encode(part).decode() for part in parts)
    return f"SCRAM-SHA-256${count}:{shown}${stored}:{key}"


@contextlib.contextmanager
def lesser(address: Address, database: str) -> Iterator[Address]:
    """The server for such a role; what it has made is ours after the block.

    Where we are no superuser, there is nothing to give away.
    """
    from psycopg.sql import SQL, Identifier, Literal

    with connect(address) as connection:
        row = connection.execute(
            "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"
        ).fetchone()
        if row != (True,):
            yield address
            return
        user, password = name(), secrets.token_hex(16)
        role = Identifier(user)
        with connection.transaction():
            connection.execute(
                SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(
                    role, Literal(sealed(password))
                )
            )
            connection.execute(
                SQL("ALTER DATABASE {} OWNER TO {}").format(Identifier(database), role)
            )
    try:
        yield replace(address, user=user, password=password)
    finally:
        with connect(address, database) as connection:
            for statement in (
                "REASSIGN OWNED BY {} TO CURRENT_USER",
                "DROP OWNED BY {}",
                "DROP ROLE {}",
            ):
                connection.execute(SQL(statement).format(role))


def sweep(address: Address) -> None:
    """Remove roles that killed processes have left; those in use own a database."""
    import psycopg
    from psycopg.sql import SQL, Identifier

    with connect(address) as connection:
        for (role,) in connection.execute(LEFT).fetchall():
            with contextlib.suppress(psycopg.Error, DatabaseError):
                connection.execute(SQL("DROP ROLE {}").format(Identifier(role)))
