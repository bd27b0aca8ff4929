# SPDX-License-Identifier: GPL-3.0-or-later
"""A PostgreSQL server that somebody else runs, named by its address."""

from harness.errors import DatabaseError
from harness.postgres.base import Address, answers, connect, ended


class GivenServer:
    """``--database postgresql://…``: used, never started, never stopped."""

    kind = "given"

    def __init__(self, url: str) -> None:
        self.address = Address.parse(url)

    def why_not(self) -> str | None:
        """The server's own words, when it does not answer or forbids databases."""
        try:
            self.start()
        except DatabaseError as error:
            return str(error)
        return None

    def start(self) -> Address:
        """Check that it answers and that the role may create databases."""
        with connect(self.address) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles"
                " WHERE rolname = current_user"
            ).fetchone()
        if not row or not row[0]:
            raise DatabaseError(
                f"the role {self.address.user!r} may not create databases",
                checked=f"pg_roles on {self.address}",
                remedy=f'ALTER ROLE "{self.address.user}" CREATEDB',
            )
        return self.address

    def stop(self) -> None:
        """It is not ours: nothing to do."""

    def alive(self) -> bool:
        """Whether it answers at all, be it to say that it is full."""
        return answers(self.address)

    def ending(self) -> DatabaseError:
        """See `PostgresServer`: it may come again."""
        return ended(str(self.address))
