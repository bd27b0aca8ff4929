# SPDX-License-Identifier: GPL-3.0-or-later
"""Where people's databases are: the stack, the embedded server, a given address."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, Protocol

from harness.commands import db_stack
from harness.commands.db_server import DatabaseServer, beside
from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.databases import catalogue
from harness.databases.client import PostgresPrograms
from harness.errors import DatabaseError, UsageError
from harness.postgres import people
from harness.run import housing, servers
from harness.stack.database import Listener
from harness.template.layer import Request

OTHERWISE: Final = "not the stack"
"""How the reason begins for a place that nobody has asked for."""


class DatabasePlace(Protocol):
    """A server that people's databases are on, and Tryton beside it."""

    @property
    def client(self) -> PostgresPrograms:
        """PostgreSQL's programs there."""

    def quiet(self, name: str) -> contextlib.AbstractContextManager[None]:
        """A block in which no service of ours uses the database."""

    def settle(self, database: str) -> None:
        """Let people into a database of elsewhere by the passwords of this place."""

    def require(self, wanted: Request) -> None:
        """Raises `UsageError` where what is wanted cannot be made there."""

    def make(self, name: str, wanted: Request, listener: Listener) -> str:
        """Make a database, or another in its place; how, in a word or two."""

    def installed(self, modules: Sequence[str]) -> set[str]:
        """The modules whose code is there, where databases have `modules`."""

    def update(
        self,
        database: str,
        modules: Sequence[str],
        active: Sequence[str],
        listener: Listener,
    ) -> None:
        """Update modules in a database that has the `active` ones."""

    def updated(self, dump: Path | None) -> None:
        """Note that the stack's own database was updated, and the backup of before."""

    def console(self, name: str, active: Sequence[str], *, terminal: bool) -> int:
        """``trytond-console``; its exit code."""


def choose(context: Context, wanted: str, environment: str) -> tuple[str, str]:
    """The place and why it is taken; starts nothing."""
    server = context.config.database.server
    if wanted == "given" and not server.startswith("postgresql://"):
        raise UsageError(
            "no address is given",
            checked=f"database.server = {server}",
            remedy="--database postgresql://USER:PASSWORD@HOST:PORT/",
        )
    if wanted:
        return wanted, "--on"
    if server.startswith("postgresql://"):
        return "given", "its address is given"
    if server in ("local", "docker"):
        return server, f"database.server = {server}"
    reason = _why_no_stack(open_(context, environment))
    if reason:
        return "local", f"{OTHERWISE}: {reason}"
    return "stack", "its engine and its image are there"


def _why_no_stack(stack: Stack) -> str:
    reason = stack.engine.why_not()
    if reason:
        return reason
    image = stack.project.image("db")
    found = stack.engine.inspect("image", image)
    return "" if found else f"the image {image} is not built"


@dataclass(frozen=True, kw_only=True)
class DatabaseRequest:
    """What the command line says of the place; with `dry` only lines are shown."""

    on: str = ""
    environment: str = ""
    dry: bool = False


@contextlib.contextmanager
def opened(
    context: Context, wish: DatabaseRequest, *, start: bool = False
) -> Iterator[DatabasePlace]:
    """The place; with `start`, the stack's server is started if it must be."""
    kind, why = choose(context, wish.on, wish.environment)
    with contextlib.ExitStack() as stack:
        if kind == "stack":
            yield stack.enter_context(
                db_stack.opened(context, wish.environment, dry=wish.dry, start=start)
            )
            return
        server = servers.server(context, kind)
        stack.callback(server.stop)
        address, house = housing.entered(context, server, alone=False)
        if house:
            stack.callback(house.close)
        environment = wish.environment
        if kind == "given":  # servers of ours are of no environment, unless told
            environment = environment or context.config.stack.environment
        client = beside(context, kind, address, environment=environment, dry=wish.dry)
        if why.startswith(OTHERWISE):  # it may be the stack's that was meant
            client = replace(client, title=f"{client.title} ({why})")
        if data := data_of(context, kind):
            stack.callback(note, client, data)
            stack.callback(housing.know, context, server, address)
        yield DatabaseServer(context=context, kind=kind, client=client)


def data_of(context: Context, kind: str) -> Path | None:
    """Where the data of a server of ours is, if it is on this machine."""
    if kind == "given":
        return None
    docker = servers.docker(context)
    mark = docker.directory() / "data" if kind == "docker" else None
    return (mark or context.store.path / "server").resolve()


def note(client: PostgresPrograms, data: Path) -> None:
    """Leave word beside the data of databases that are people's."""
    with contextlib.suppress(OSError, DatabaseError):
        names = catalogue.people(client)
        (data / people.FILE).write_text("\n".join(names), "utf-8")
