# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL's own programs beside a server: on this machine or in its container.

One way for all servers, and each call is a line that can be pasted into a shell.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness import proc
from harness.errors import CommandFailed, DatabaseError

ADMIN: Final = "postgres"
"""The database that is there on every server; advisory locks are taken in it."""
SEPARATOR: Final = "\x1f"
PLAIN: Final = ("--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1")
QUIET: Final = (
    *PLAIN, "--tuples-only", "--no-align", f"--field-separator={SEPARATOR}",
)  # fmt: skip
LONGEST: Final = 63
"""Bytes of a name in PostgreSQL (NAMEDATALEN - 1)."""


def quoted(name: str) -> str:
    """A name as SQL has it."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """A string as SQL has it."""
    return "'" + text.replace("'", "''") + "'"


EXTENSION: Final = re.compile(
    r'extension "([^"]+)" is not available'
    r'|extension control file "[^"]*?([^/"]+)\.control"'
)


@dataclass(frozen=True, kw_only=True)
class PostgresPrograms:
    """Calls of ``psql``, ``pg_dump``, ``pg_restore`` for one server.

    `start` makes the beginning of a command line from the name of a program and
    whether it gets the terminal.  With `dry`, what would change anything is only
    shown, by `say`; `shown` are the variables that belong to a line.  Databases are
    made for the `owner`, if one is named, and their content is written as that role;
    `environment` is that of the stack, where it is one's;
    `rights` are statements that set who may do what in a database of a name.
    """

    kind: str
    title: str
    start: Callable[[str, bool], list[str]]
    env: Mapping[str, str]
    environment: str = ""
    dry: bool = False
    say: Callable[[str], None] = lambda text: None
    shown: tuple[str, ...] = ()
    owner: str = ""
    rights: Callable[[str], tuple[str, ...]] = lambda name: ()

    @property
    def production(self) -> bool:
        """Whether what is lost there is lost for good."""
        return self.environment == "production"

    @property
    def as_owner(self) -> tuple[str, ...]:
        """The words with which a program is the owner of databases."""
        return (f"--username={self.owner}",) if self.owner else ()

    def create(self, name: str, template: str) -> None:
        """Make a database, a copy of `template`."""
        owner = f" OWNER {quoted(self.owner)}" if self.owner else ""
        self.change(
            f"CREATE DATABASE {quoted(name)}{owner} TEMPLATE {quoted(template)}"
        )

    def protect(self, database: str, name: str) -> None:
        """Set who may do what in a database that has, or will have, a name."""
        statements = self.rights(name)
        if statements:
            self.change(*statements, database=database)

    def argv(self, program: str, *words: str, terminal: bool = False) -> list[str]:
        """The command line of a program."""
        return [*self.start(program, terminal), *words]

    def line(self, argv: list[str]) -> str:
        """The command line for a shell, with what it must know of the server."""
        where = [f"{name}={self.env[name]}" for name in self.shown if name in self.env]
        return proc.line([*where, *argv])

    def child(self, program: str, *words: str, **options: Any) -> proc.Child:
        """Start a program; the options are those of `proc.Child`."""
        argv = self.argv(program, *words)
        return proc.Child(argv, env=self.env, cwd=Path("/"), **options)

    def attach(self, program: str, *words: str, terminal: bool) -> int:
        """Run a program with this terminal; its exit code."""
        argv = self.argv(program, *words, terminal=terminal)
        with proc.Child(argv, env=self.env, stdin=None, foreground=True) as child:
            while True:
                try:
                    return child.code()
                except KeyboardInterrupt:  # psql has it too, and goes on
                    continue

    def sql(self, *statements: str, database: str = ADMIN) -> list[list[str]]:
        """The rows that statements answer; raises `DatabaseError`.

        A database of people is read as its owner: what looks like a table in there may
        be a program.
        """
        words = [f"--command={one}" for one in statements]
        whom = self.as_owner if database != ADMIN else ()
        argv = self.argv("psql", *QUIET, *whom, f"--dbname={database}", *words)
        return self._run(argv)

    def change(
        self, *statements: str, database: str = ADMIN, together: bool = False
    ) -> None:
        """Run statements that change something, `together` as one transaction."""
        more = ["--single-transaction"] if together else []
        words = [f"--command={one}" for one in statements]
        argv = self.argv("psql", *PLAIN, *more, f"--dbname={database}", *words)
        if self.dry:
            self.say(self.line(argv))
        else:
            self._run(argv)

    def _run(self, argv: list[str]) -> list[list[str]]:
        try:
            done = proc.run(argv, env=self.env, cwd=Path("/"), check=False)
        except CommandFailed as error:
            raise DatabaseError(str(error)) from error
        if done.code:
            raise self.refusal(done.stderr, argv)
        lines = done.stdout.split("\n")
        return [line.split(SEPARATOR) for line in lines if line]

    def refusal(self, said: str, argv: list[str]) -> DatabaseError:
        """The error for what a program said."""
        text = "\n".join(said.strip().splitlines()[-12:]) or "it said nothing"
        missing = re.search(r'database "([^"]+)" does not exist', text)
        if missing:
            return DatabaseError(
                f"there is no database {missing[1]} on {self.title}",
                remedy="harness db list says what is there",
            )
        role = re.search(r'role "([^"]+)" does not exist', text)
        if role:
            return DatabaseError(
                f"there is no role {role[1]} on {self.title}",
                checked=proc.line(argv),
                remedy="restore with --no-privileges, or make it: harness db psql"
                f" postgres -c 'CREATE ROLE \"{role[1]}\"'",
            )
        extension = EXTENSION.search(text)
        if extension:
            return DatabaseError(
                f"there is no extension {extension[1] or extension[2]} on {self.title}",
                checked=proc.line(argv),
                remedy="take a server that has it: --on stack, or a given one",
            )
        return DatabaseError(f"{self.title} refuses: {text}", checked=proc.line(argv))
