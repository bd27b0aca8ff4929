# SPDX-License-Identifier: GPL-3.0-or-later
"""Kept connections to a server, one for each thread."""

import threading
from typing import Any, LiteralString

import psycopg
from psycopg.sql import SQL, Composed

from harness.postgres.base import Address, connect, lost


class Sessions:
    """Runs statements in the connection of the thread that asks."""

    def __init__(self, address: Address) -> None:
        self.address = address
        self._local = threading.local()
        self._all: list[psycopg.Connection[Any]] = []

    @property
    def own(self) -> psycopg.Connection[Any]:
        """This thread's kept connection."""
        connection: psycopg.Connection[Any] | None
        connection = getattr(self._local, "connection", None)
        if connection is None or connection.closed:
            connection = connect(self.address)
            self._local.connection = connection
            self._all.append(connection)
        return connection

    def execute(
        self, statement: LiteralString | SQL | Composed, *values: object
    ) -> list[tuple[Any, ...]]:
        """The rows that a statement answers.

        Raises `DatabaseError` when the server is lost, or full.
        """
        try:
            cursor = self.own.execute(statement, values or None)
            return cursor.fetchall() if cursor.description else []
        except psycopg.OperationalError as error:
            raise lost(error, self.address) or error from error

    def close(self) -> None:
        """Close those of all threads."""
        for connection in self._all:
            connection.close()
