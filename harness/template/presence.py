# SPDX-License-Identifier: GPL-3.0-or-later
"""That a run lives, and what it uses: advisory locks of one kept session.

A session that is cut gives its locks back, though the run goes on.  So it is looked
at every second, and all locks are taken again by another one; who finds a run dead
looks again after a while.
"""

import contextlib
import hashlib
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from harness.errors import DatabaseError, TemplateError
from harness.postgres.base import Address, connect, lost
from harness.template.base import Waiting
from harness.waiting import on

if TYPE_CHECKING:
    import psycopg

BEAT = 1.0
"""Seconds between two looks at the session."""
GRACE = 4.0
"""Seconds in which a run that lives has its locks again."""


def key(text: str) -> int:
    """A 64-bit key for ``pg_advisory_lock``."""
    data = hashlib.sha256(text.encode()).digest()[:8]
    return int.from_bytes(data, "big", signed=True)


def use(template: str) -> int:
    """The key of those who use a template, and of who removes it."""
    return key(f"use {template}")


class Presence:
    """The shared locks of one run on one server; for any thread."""

    def __init__(self, address: Address, run: str) -> None:
        self.address = address
        self._keys = {key(run)}
        self._guard = threading.Lock()
        self._session = self._open()
        self.version = self._session.info.server_version
        self._ended = threading.Event()
        threading.Thread(target=self._watch, name="presence", daemon=True).start()

    def _open(self) -> "psycopg.Connection[Any]":
        import psycopg

        session = connect(self.address)
        try:
            for number in self._keys:
                session.execute("SELECT pg_advisory_lock_shared(%s)", [number])
        except psycopg.OperationalError as error:
            raise lost(error, self.address) or error from error
        return session

    def use(self, template: str) -> None:
        """Nobody removes a template until the run ends.

        Raises `DatabaseError` when the server is lost.
        """
        import psycopg

        number = use(template)
        with self._guard:
            if number in self._keys:
                return
            self._keys.add(number)
            try:
                self._session.execute("SELECT pg_advisory_lock_shared(%s)", [number])
            except psycopg.OperationalError:
                self._session = self._open()

    def _watch(self) -> None:
        import psycopg

        while not self._ended.wait(BEAT):
            with self._guard, contextlib.suppress(DatabaseError, psycopg.Error):
                if self._ended.is_set():
                    return
                try:
                    self._session.execute("SELECT 1")
                except psycopg.OperationalError:
                    self._session.close()
                    self._session = self._open()

    def close(self) -> None:
        """The run ends."""
        self._ended.set()
        with self._guard:
            self._session.close()


@contextlib.contextmanager
def claimed(
    address: Address, template: str, *, deadline: float, waiting: Waiting
) -> Iterator[None]:
    """Be the only one who builds a template; raises `TemplateError`.

    The server gives a dead builder's claim to the next.
    """
    import psycopg
    from psycopg.sql import SQL, Literal

    number = key(template)
    with connect(address) as connection:
        took = connection.execute(
            "SELECT pg_try_advisory_lock(%s)", [number]
        ).fetchone()
        if not (took and took[0]):
            waiting()
            limit = Literal(int(deadline * 1000))
            connection.execute(SQL("SET lock_timeout = {}").format(limit))
            try:
                with on("another run, which builds it"):
                    connection.execute("SELECT pg_advisory_lock(%s)", [number])
            except psycopg.errors.LockNotAvailable as error:
                raise TemplateError(
                    f"another run has been building {template}"
                    f" for more than {deadline:g} s",
                    checked=f"advisory lock {number} on {address}",
                    remedy="end it, or raise [tool.harness.templates] deadline",
                ) from error
        yield


def dead(address: Address, runs: set[str], *, grace: float) -> set[str]:
    """Those of some runs that do not hold their lock, now and after `grace` seconds."""
    found = _without(address, runs) if runs else runs
    if found and grace:
        time.sleep(grace)
        found = _without(address, found)
    return found


def _without(address: Address, runs: set[str]) -> set[str]:
    found = set()
    with connect(address) as connection:
        for run in runs:
            row = connection.execute(
                "SELECT pg_try_advisory_lock(%s)", [key(run)]
            ).fetchone()
            if row and row[0]:
                found.add(run)
    return found
