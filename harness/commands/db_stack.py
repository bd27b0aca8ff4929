# SPDX-License-Identifier: GPL-3.0-or-later
"""People's databases in the stack, reached through its containers only."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from harness import locks, proc, store
from harness.commands import (
    stack_before,
    stack_dump,
    stack_health,
    stack_release,
    stack_saving,
    stack_up,
    template,
)
from harness.commands.db_server import BUILTIN, beside, ensured, on
from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.databases import archive
from harness.databases.client import PostgresPrograms
from harness.databases.replace import BUILDING, building, exists
from harness.errors import DatabaseError, UsageError
from harness.quantities import size
from harness.run import servers
from harness.stack import access
from harness.stack import database as databases
from harness.stack import project as projects
from harness.stack.compose import Container
from harness.stack.database import Listener, StackDatabase
from harness.template.layer import Layer, Request
from harness.template.postgresql import template as template_name

PATIENCE: Final = 60.0
"""Seconds in which the stack's server must answer."""
UP: Final = ("running", "restarting")
"""States of containers that are, or will be again, in the way of a database."""


@contextlib.contextmanager
def opened(
    context: Context, environment: str, *, dry: bool, start: bool
) -> Iterator["OfStack"]:
    """The stack's server; with `start`, it is started if it must be."""
    stack = open_(context, environment)
    there = [one for one in stack.looking.ps() if one.service == "db"]
    running = any(one.state == "running" for one in there)
    own = context.config.stack.database
    if not running:
        if not start:
            raise UsageError(
                f"the database server of the stack {stack.project.name} does not run",
                checked="docker compose ps",
                remedy=stack.line("up") + ", or another place: --on local",
            )
        if dry:
            context.console.info(proc.line(stack.compose.argv(*stack_dump.DATABASE)))
            raise UsageError(
                f"what is in the server of {stack.project.name} decides the other"
                " lines, and it does not run",
                checked="docker compose ps",
                remedy=stack.line("up", "db") + ", then this again",
            )
        stack.require_images(["db"])
        stack_before.check_cluster(stack, there)
        with context.console.step("start db", ticker=True):
            stack.compose.run(*stack_dump.DATABASE)

    client = stack_saving.client(stack, dry=dry)
    made = OfStack(stack=stack, client=client)
    if not dry:
        database = made.database(own)
        if running:
            database.names(patience=PATIENCE)
        else:
            stack_up.prepared(stack, database)
    yield made


@dataclass(frozen=True, kw_only=True)
class OfStack:
    """The server of the stack, reached through its containers only."""

    stack: Stack
    client: PostgresPrograms

    @property
    def context(self) -> Context:
        """Of this invocation."""
        return self.stack.context

    def database(self, name: str) -> StackDatabase:
        """What makes databases in the stack."""
        return stack_dump.maker(self.stack, name)

    @contextlib.contextmanager
    def quiet(self, name: str) -> Iterator[None]:
        """See `DatabasePlace`: those that use the stack's own database are stopped."""
        place = self.context.store.directory("stack", self.stack.project.name)
        with locks.locked(place / "up.lock"):
            mine = name == self.context.config.stack.database
            found = self._users(place) if mine else []
            self._stop([one.name for one in found if one.state in UP])
            again = partial(self._begin, place, found)
            with (
                stack_health.served(self.stack),
                stack_health.otherwise(self.stack, again),
            ):
                yield
            again()
            if mine and not found and not self.client.dry:
                stack_health.tell_idle(self.stack)

    def _users(self, place: Path) -> list[Container]:
        """The containers that use the database, and those that a killed command
        has stopped; noted, for the case that this one is killed.
        """
        there = self.stack.looking.ps()
        try:
            noted = (place / stack_health.STOPPED).read_text("utf-8").split()
        except OSError:
            noted = []
        found = [
            one
            for one in there
            if one.service in projects.PYTHON and (one.state in UP or one.name in noted)
        ]
        if not self.client.dry:
            names = "\n".join(one.name for one in found)
            store.write_atomically(place / stack_health.STOPPED, names)
        return found

    def _stop(self, containers: list[str]) -> None:
        if not self.client.dry:
            stack_health.stop(self.stack, containers)
        elif containers:
            self.client.say(proc.line(self.stack.engine.argv("stop", *containers)))

    def _begin(self, place: Path, containers: list[Container]) -> None:
        """Start what was stopped, if there is a database for it.

        Else it stays noted: who makes the database starts it.
        """
        own = self.context.config.stack.database
        if not containers:
            return
        if self.client.dry:
            for names in stack_health.staged(containers):
                self.client.say(proc.line(self.stack.engine.argv("start", *names)))
            return
        if not exists(self.client, own):
            idle = ", ".join(one.name for one in containers)
            self.context.console.warn(
                f"{idle} stay stopped, there is no database {own}:"
                f" {self.stack.line('db create')} makes it and starts them"
            )
            return
        self._employ()
        stack_health.begin(self.stack, containers)
        (place / stack_health.STOPPED).unlink(missing_ok=True)

    def _employ(self) -> None:
        """Processing's user has the password of this environment, whoever's data."""
        made = self.database(self.context.config.stack.database)
        try:
            stack_up.employed(self.stack, made)
        except DatabaseError as error:
            self.context.console.warn(f"{error.message}: {error.remedy}")

    def settle(self, database: str) -> None:
        """See `DatabasePlace`: admin's is that of this environment, whoever's data."""
        own = self.context.config.stack.database
        query = "SELECT 1 FROM pg_tables WHERE tablename = 'res_user'"
        served = database.removeprefix(BUILDING) == own
        if not served or not self.client.sql(query, database=database):
            return
        made = self.database(own)
        file = self.stack.project.secret("admin_password")
        why = access.admit(made, database)
        if why:
            self.context.console.warn(
                f"admin's password is still the backup's, not that of {file}: {why}"
            )
        else:
            self.context.console.info(f"  admin's password is that of {file}")

    def require(self, wanted: Request) -> None:
        """See `DatabasePlace`: erpserver has all modules."""
        if self.client.dry:
            return
        lost = sorted({*wanted.modules} - self.installed(wanted.modules))
        if lost:
            project = self.stack.project
            raise UsageError(
                f"erpserver has no Tryton module {', '.join(lost)}",
                checked=f"the image {project.image('erpserver')}; nothing was changed",
                remedy="name its package in the requirements of a source, then"
                f" harness build --variant {project.variant} erpserver;"
                " or another place: --on local",
            )

    def make(self, name: str, wanted: Request, listener: Listener) -> str:
        """See `DatabasePlace`: modules by the stack itself, data from templates."""
        if wanted.data:
            return self._from_template(name, wanted)
        made = self.database(name)
        recipe = replace(stack_dump.recipe(self.stack), modules=wanted.modules)
        with building(self.client, name) as new:
            if self.client.dry:
                self._say(made, new, *databases.activating(wanted.modules))
                return ""
            password = self.stack.secrets["admin_password"]
            return made.fill(new, recipe, password, listener)

    def _from_template(self, name: str, wanted: Request) -> str:
        kind, _ = servers.choose(self.context)
        near = on(self.context, kind if kind in {"docker", "given"} else "local")
        with template.open_bench(near, wanted.modules, "") as bench:
            layer = bench.layers.resolve(wanted)
            how = ensured(self.context, bench, layer, dry=self.client.dry)
            with building(self.client, name) as new:
                self._copied(bench, layer, new)
                made = self.database(name)
                if self.client.dry:
                    self._say(made, new, "--password")
                else:
                    made.admin(new, "--password", listener=lambda _: None)
        return how

    def _say(self, made: StackDatabase, database: str, *words: str) -> None:
        command = made.command(database, *words)
        self.client.say(proc.line(self.stack.compose.argv(*command)))

    def _copied(self, bench: template.Bench, layer: Layer, new: str) -> None:
        """A template takes no sessions: a clone of it is read."""
        shelf, address = bench.builder.shelf, bench.place.address
        assert address is not None
        source = beside(self.context, "tests", address, dry=False)
        if self.client.dry:
            clone = template_name(bench.builder.digest(layer))
            self.client.say(archive.copy_line(source, clone, self.client, new))
            return
        clone = shelf.clone(bench.builder.digest(layer), "copy")
        try:
            with self.context.console.step("copy", ticker=True) as step:
                archive.copy(
                    source, clone, self.client, new,
                    lambda count: step.update(size(count)),
                )  # fmt: skip
        finally:
            shelf.drop(clone)

    def installed(self, modules: Sequence[str]) -> set[str]:
        """See `DatabasePlace`: those of the image, with the sources mounted over it."""
        code = (
            "from trytond.modules import get_modules as g;"
            " import inspect as i;"
            " print(*g(**({'with_test': False} if i.signature(g).parameters else {})))"
        )
        words = ("run", "--rm", "--no-TTY", "--no-deps", "--env", "DEBUGGER_PORT=0")
        done = self.stack.compose.run(*words, "erpserver", "python3", "-c", code)
        return {*BUILTIN, *done.stdout.split()}

    def update(
        self,
        database: str,
        modules: Sequence[str],
        active: Sequence[str],
        listener: Listener,
    ) -> None:
        """See `DatabasePlace`."""
        made = self.database(self.context.config.stack.database)
        if self.client.dry:
            self._say(made, database, *databases.activating(modules))
            return
        try:
            made.activate(database, modules, listener)
        except DatabaseError as error:
            error.remedy = "mend it, and do it again"
            raise

    def updated(self, dump: Path | None) -> None:
        """See `DatabasePlace`: ``harness rollback`` goes back to it."""
        stack_release.updated(self.stack, dump)

    def console(self, name: str, active: Sequence[str], *, terminal: bool) -> int:
        """See `DatabasePlace`: in a container, with the server's environment."""
        options = [] if terminal else ["--no-TTY"]
        words = (
            "run", "--rm", "--no-deps", "--env", "DEBUGGER_PORT=0", *options,
            "erpserver", "trytond-console", "--database", name,
        )  # fmt: skip
        if self.client.dry:
            self.client.say(proc.line(self.stack.compose.argv(*words)))
            return 0
        return self.stack.compose.attach("--progress=quiet", *words)
