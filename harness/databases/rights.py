# SPDX-License-Identifier: GPL-3.0-or-later
"""A backup is restored by a role that owns the new database, and nothing else."""

import contextlib
import secrets
from collections.abc import Iterator
from dataclasses import replace

from harness.databases.client import PostgresPrograms, literal, quoted
from harness.errors import DatabaseError
from harness.postgres import rights


@contextlib.contextmanager
def lesser(client: PostgresPrograms, database: str) -> Iterator[PostgresPrograms]:
    """Programs that log in as such a role; what it has made is ours after the block.

    Where we are no superuser, there is nothing to give away, nor where the owner of
    the place's databases, who is none, restores.
    """
    if client.owner:
        yield client
        return
    rows = client.sql("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
    if rows != [["t"]]:
        yield client
        return
    if not client.dry:
        _sweep(client)
    role, password = rights.name(), secrets.token_hex(16)
    sealed = "***" if client.dry else rights.sealed(password)
    client.change(
        f"CREATE ROLE {role} LOGIN PASSWORD {literal(sealed)}",
        f"ALTER DATABASE {quoted(database)} OWNER TO {role}",
        together=True,
    )

    def start(program: str, terminal: bool) -> list[str]:
        return [*client.start(program, terminal), f"--username={role}"]

    env = {**client.env, "PGUSER": role, "PGPASSWORD": password}
    try:
        yield replace(client, start=start, env=env)
    finally:
        client.change(
            f"REASSIGN OWNED BY {role} TO CURRENT_USER",
            f"DROP OWNED BY {role}",
            f"DROP ROLE {role}",
            database=database,
        )


def _sweep(client: PostgresPrograms) -> None:
    """Roles that killed commands have left; those in use own a database."""
    for (role,) in client.sql(rights.LEFT):
        with contextlib.suppress(DatabaseError):
            client.change(f"DROP ROLE {quoted(role)}")
