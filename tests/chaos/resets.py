# SPDX-License-Identifier: GPL-3.0-or-later
"""``python -m tests.chaos.resets``: what was written at random is put back.

Random tables of all types, random statements on them, marks at random moments, and ways
back to them; a dump of all rows and sequences is the judge.  An answer ``doubt``
without a reason is wrong too, and so is any other after a change that cannot be put
back.
"""

import argparse
import contextlib
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg

from harness.postgres import Address, LocalServer, connect
from harness.store import Store
from harness.template import undo
from harness.template.undo import PRISTINE, Undo
from tests.chaos import kinds
from tests.chaos.ground import Clock
from tests.chaos.table import Row, details, text

STATEMENTS = 10_000
ROUND = 150
"""Statements on the same tables."""
PATIENCE = 20.0
"""Seconds after which a way back hangs."""
PREFIX = "chaos_resets"
ROOT = Path(__file__).parents[2]
Dump = dict[str, object]


def run(
    seconds: float,
    seed: int,
    statements: int = STATEMENTS,
    address: Address | None = None,
) -> Row:
    """At most so many seconds or statements; the embedded server if no `address`."""
    row = Row(kind="reset")
    chance = random.Random(seed)
    clock = Clock()
    deadline = clock.now() + seconds
    with contextlib.ExitStack() as stack:
        if address is None:
            place = os.environ.get("TESTS_STATE", ROOT / ".harness" / "tests")
            server = LocalServer(Store(Path(place)), environ=os.environ)
            address = server.start()
            stack.callback(server.stop)
        while row.trials < statements and clock.now() < deadline:
            database = f"{PREFIX}_{os.getpid()}_{row.trials}"
            with _made(address, database):
                Round(address, database, chance, row, clock).go(
                    min(ROUND, statements - row.trials), deadline
                )
        row.leaked += _left(address)
    return row


@contextlib.contextmanager
def _made(address: Address, database: str) -> Iterator[None]:
    with connect(address) as connection:
        connection.execute(f"CREATE DATABASE {database}")  # type: ignore[call-overload]
        try:
            yield
        finally:
            for name in (f"{database}_again", database):
                drop = f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"
                connection.execute(drop)  # type: ignore[call-overload]


def _left(address: Address) -> list[str]:
    """Databases and sessions of ours that are still there."""
    ours = f"{PREFIX}_{os.getpid()}_%"
    with connect(address) as connection:
        return [
            str(name)
            for (name,) in connection.execute(
                "SELECT datname FROM pg_database WHERE datname LIKE %s UNION ALL"
                " SELECT query FROM pg_stat_activity WHERE datname LIKE %s",
                [ours, ours],
            )
        ]


def dump(connection: "psycopg.Connection[tuple[object, ...]]") -> Dump:
    """All rows, as texts in an order of their own, and where the sequences stand."""
    found: Dump = {}
    names = connection.execute(
        "SELECT relkind, oid::regclass::text FROM pg_class"
        " WHERE relkind IN ('r', 'S') AND relpersistence <> 't'"
        " AND relnamespace::regnamespace::text"
        " NOT IN ('pg_catalog', 'information_schema', 'harness')"
    ).fetchall()
    for kind, name in names:
        query = (
            f"SELECT (it.*)::text FROM ONLY {name} it ORDER BY 1"
            if kind == "r"
            else f"SELECT last_value, is_called FROM {name}"
        )
        found[str(name)] = connection.execute(query).fetchall()  # type: ignore[call-overload]
    return found


class Round:
    """Some statements in one database, with marks and ways back."""

    def __init__(
        self,
        address: Address,
        database: str,
        chance: random.Random,
        row: Row,
        clock: Clock,
    ) -> None:
        self.clock = clock
        self.address = address
        self.database = database
        self.chance = chance
        self.row = row
        self.tables: list[kinds.Table] = []
        self.said: list[str] = []

    def go(self, statements: int, deadline: float) -> None:
        """Make the tables, then write and go back."""
        with connect(self.address, self.database) as connection:
            self._fill(connection)
        with connect(self.address, self.database) as connection:
            undo.track(connection, self.database)
        kept = Undo(self.address, self.database)
        with connect(self.address, self.database) as connection:
            self.known = [(PRISTINE, dump(connection))]
            end = self.row.trials + statements
            while self.row.trials < end and self.clock.now() < deadline:
                self._write(connection)
                if self.chance.random() < 0.3:
                    self.known.append((kept.mark(), dump(connection)))
                    continue
                if not self._back(kept, connection):
                    break
            else:
                for _ in range(len(self.known)):
                    self._back(kept, connection, at=len(self.known) - 1)
                    self.known.pop()
                self.known = [(PRISTINE, {})]
                self._doubt(kept, connection)
        kept.close()

    def _fill(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        connection.execute(kinds.TYPES)
        for number in range(6):
            one = kinds.table(number, self.chance)
            with contextlib.suppress(psycopg.Error):
                connection.execute(one.create)  # type: ignore[call-overload]
                self.tables.append(one)
                for _ in range(self.chance.randrange(12)):
                    row = f"INSERT INTO {one.name} VALUES ({one.row(self.chance)})"
                    with contextlib.suppress(psycopg.Error):
                        connection.execute(row)  # type: ignore[call-overload]

    def _write(self, connection: "psycopg.Connection[tuple[object, ...]]") -> None:
        """A transaction, or statements one by one; what fails is rolled back."""
        body = [
            kinds.statement(self.tables, self.chance)
            for _ in range(self.chance.randint(1, 6))
        ]
        self.row.trials += len(body)
        kind = self.chance.randrange(5)
        if kind == 1:
            half = self.chance.randrange(len(body) + 1)
            end = self.chance.choice(["ROLLBACK TO SAVEPOINT a", "RELEASE SAVEPOINT a"])
            body = [*body[:half], "SAVEPOINT a", *body[half:], end]
        if kind:
            body = ["BEGIN", *body, "ROLLBACK" if kind == 2 else "COMMIT"]
        for one in body:
            self.said.append(one)
            try:
                connection.execute(one)  # type: ignore[call-overload]
            except psycopg.Error as error:
                self.said.append(f"-- {str(error).splitlines()[0]}")
                connection.execute("ROLLBACK")
                connection.execute("RESET ALL")
                if kind:
                    break

    def _back(
        self,
        kept: Undo,
        connection: "psycopg.Connection[tuple[object, ...]]",
        at: int | None = None,
    ) -> bool:
        """Go back and compare; False if the database is of no use any more."""
        if at is None:
            at = self.chance.randrange(len(self.known))
        del self.known[at + 1 :]
        mark, known = self.known[at]
        began = self.clock.now()
        outcome = kept.back(mark)
        took = self.clock.now() - began
        if took > PATIENCE:
            self._note(self.row.hung, f"back took {took:.0f} s")
        if outcome.how not in {"clean", "reset"} or outcome.left:
            self._note(self.row.wrong, f"{outcome.how}: {outcome.reason}")
            return False
        now = dump(connection)
        differ = {k for k in {*now, *known} if now.get(k) != known.get(k)}
        if differ:
            self._note(self.row.wrong, f"{outcome.how}, but {', '.join(differ)} differ")
            return False
        self.said.clear()
        return True

    def _doubt(
        self, kept: Undo, connection: "psycopg.Connection[tuple[object, ...]]"
    ) -> None:
        """After what cannot be put back, anything but a doubt is wrong."""
        newer = connection.info.server_version >= 170000
        one = kinds.doubtful(self.tables, self.chance).format(
            database=self.database,
            off="SET event_triggers = off" if newer else "SELECT 1",
        )
        self.row.trials += 1
        self.said.append(one)
        try:
            connection.execute(one)  # type: ignore[call-overload]
        except psycopg.Error:
            return
        outcome = kept.back(PRISTINE)
        if outcome.how != "doubt":
            self._note(self.row.wrong, f"{outcome.how} where doubt was due")

    def _note(self, where: list[str], what: str) -> None:
        tables = "; ".join(one.create for one in self.tables)
        said = "; ".join(self.said[-12:])
        where.append(f"{self.database}: {what}; after: {said}; tables: {tables}")


def main(argv: list[str]) -> int:
    """Try, and print the table; the exit code is 1 if there is anything in it."""
    parser = argparse.ArgumentParser(prog="resets", description=__doc__)
    parser.add_argument("--statements", type=int, default=STATEMENTS)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--seed", type=int, default=None)
    parser.add_argument("--server", help="an address, postgresql://…")
    chosen = parser.parse_args(argv)
    seed = chosen.seed if chosen.seed is not None else random.randrange(10**6)
    address = Address.parse(chosen.server) if chosen.server else None
    row = run(chosen.seconds, seed, chosen.statements, address)
    lines = ["", text([row]), "", *details([row]), f"seed {seed}"]
    sys.stdout.write("\n".join(lines) + "\n")
    return int(row.count > 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
