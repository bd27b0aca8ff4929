# SPDX-License-Identifier: GPL-3.0-or-later
"""People's databases on a server that processes of this machine reach."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from harness import proc
from harness.commands import template
from harness.context import Context
from harness.databases.client import PostgresPrograms
from harness.databases.replace import building
from harness.errors import DatabaseError
from harness.postgres import Address, connect
from harness.postgres.local import installation
from harness.run import servers, templates
from harness.stack.database import Listener
from harness.template import limits
from harness.template.layer import Layer, Request
from harness.template.postgresql import template as template_name

BUILTIN: Final = ("ir", "res")
"""Modules that are part of trytond."""


def beside(
    context: Context, kind: str, address: Address, *, environment: str = "", dry: bool
) -> PostgresPrograms:
    """The programs on this machine that go well with a server."""
    with connect(address) as connection:
        place = servers.binaries(connection.info.server_version)

    def start(program: str, terminal: bool) -> list[str]:
        return [str(place / program) if place else program]

    title = {"local": "the embedded server", "docker": "the server of the tests"}
    return PostgresPrograms(
        kind=kind,
        title=title.get(kind, str(address)),
        start=start,
        env={**context.environ, **address.environment()},
        environment=environment,
        dry=dry,
        say=context.console.info,
        shown=("PGHOST", "PGPORT", "PGUSER"),
    )


def newest(context: Context) -> PostgresPrograms:
    """The newest programs of this machine, beside no server."""
    place = installation()

    def start(program: str, terminal: bool) -> list[str]:
        return [str(place / "bin" / program) if place else program]

    env = dict(context.environ)
    return PostgresPrograms(kind="none", title="this machine", start=start, env=env)


@dataclass(frozen=True, kw_only=True)
class DatabaseServer:
    """The embedded server, the one of the tests, a given one."""

    context: Context
    kind: str
    client: PostgresPrograms

    @contextlib.contextmanager
    def quiet(self, name: str) -> Iterator[None]:
        """See `DatabasePlace`: nothing of ours runs there."""
        yield

    def _bench(
        self, modules: Sequence[str]
    ) -> contextlib.AbstractContextManager[template.Bench]:
        """Tryton with the sources among `modules`, else with all of these."""
        sources = [name for name in modules if name in self.context.graph]
        official = [name for name in modules if name not in BUILTIN]
        wanted = sources or official or list(self.context.graph) or ["party"]
        return template.open_bench(on(self.context, self.kind), tuple(wanted), "")

    def settle(self, database: str) -> None:
        """See `DatabasePlace`: it has no passwords of its own."""

    def require(self, wanted: Request) -> None:
        """See `DatabasePlace`: a template that cannot be built says so itself."""

    def make(self, name: str, wanted: Request, listener: Listener) -> str:
        """See `DatabasePlace`: a clone of the template, built if it must be."""
        with self._bench(wanted.modules) as bench:
            layer = bench.layers.resolve(wanted)
            how = ensured(self.context, bench, layer, dry=self.client.dry)
            serving = template_name(bench.builder.digest(layer))
            with building(self.client, name, template=serving):
                pass
        return how

    def installed(self, modules: Sequence[str]) -> set[str]:
        """See `DatabasePlace`."""
        with self._bench(modules) as bench:
            return {*BUILTIN, *bench.layers.graph}

    def update(
        self,
        database: str,
        modules: Sequence[str],
        active: Sequence[str],
        listener: Listener,
    ) -> None:
        """See `DatabasePlace`."""
        with self._bench(active) as bench:
            argv = [
                str(bench.environment.path / "bin" / "trytond-admin"), "-v",
                "--database", database, "--update", *modules,
                "--activate-dependencies",
            ]  # fmt: skip
            if self.client.dry:
                uri = f"TRYTOND_DATABASE_URI={bench.variables['TRYTOND_DATABASE_URI']}"
                self.client.say(f"{uri} {self.client.line(argv)}")
            else:
                follow(argv, env=bench.variables, listener=listener)

    def updated(self, dump: Path | None) -> None:
        """See `DatabasePlace`: nothing goes back here but by a restore."""

    def console(self, name: str, active: Sequence[str], *, terminal: bool) -> int:
        """See `DatabasePlace`."""
        with self._bench(active) as bench:
            program = bench.environment.path / "bin" / "trytond-console"
            argv = [str(program), "--database", name]
            if self.client.dry:
                self.client.say(self.client.line(argv))
                return 0
            with proc.Child(
                argv, env=bench.variables, stdin=None, foreground=True
            ) as child:
                return child.code()


def on(context: Context, kind: str) -> Context:
    """The context with another database server."""
    if kind == "given":
        return context
    database = replace(context.config.database, server=kind)
    return replace(context, config=replace(context.config, database=database))


def ensured(context: Context, bench: template.Bench, layer: Layer, *, dry: bool) -> str:
    """The template of a layer is there; with `dry`, only whether it is."""
    there = bench.builder.finder.find(layer) is not None
    word = "is there" if there else "must be built first"
    if dry:
        context.console.info(f"template {layer.name} {layer.digest}: {word}")
    else:
        templates.ensure_all(context, bench.builder, [layer], bench.telling)
    for one in bench.builder.used(layer)[1]:
        limits.touch(context.store, one)
    return f"from the template {layer.name}"


MODULE: Final = re.compile(r".*trytond\.modules\S* ?(?:\[[^]]*\])? (\w+)$")
"""A line of trytond's log that names the module that it begins with."""


def follow(argv: list[str], *, env: Mapping[str, str], listener: Listener) -> None:
    """Run ``trytond-admin`` to its end; raises `DatabaseError` with its words."""
    tail: list[str] = []
    with proc.Child(argv, env=env, stdout=proc.PIPE, stderr=proc.STDOUT) as child:
        assert child.process.stdout
        for line in child.process.stdout:
            text = line.decode(errors="replace").rstrip()
            tail = [*tail[-30:], text]
            if match := MODULE.match(text):
                listener(match[1])
        code = child.code()
    if code:
        raise DatabaseError(
            "trytond-admin failed:\n" + "\n".join(tail),
            checked=proc.line(argv),
            remedy="mend the module; the database is as it was",
        )
