# SPDX-License-Identifier: GPL-3.0-or-later
"""The scratch project that is measured: a copy, with a state of its own.

The harness sees it as any stack: a ``pyproject.toml`` and ``src/NAME``.  Nothing
outside the scratch directory is changed, but for the server's data in memory,
which `Project.close` removes.
"""

import json
import shutil
import sys
import time
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path

from harness import config, plan, series
from harness.context import Context
from harness.environment import Environment
from harness.errors import DatabaseError, HarnessError
from harness.locks import Lock
from harness.model import Module, Source
from harness.output import Console
from harness.plan import Step
from harness.postgres import Address, LocalServer
from harness.postgres.base import connect
from harness.postgres.local import installation
from harness.run import needs, servers
from harness.runners import base
from harness.sources import module_of

HERE = Path(__file__).resolve().parent
LEFT_OUT = shutil.ignore_patterns(
    ".git", "*.egg-info", "__pycache__", ".pytest_cache", "build"
)
FOREIGN = ("PYTEST_", "TRYTOND_", "DB_", "PG", "COVERAGE_", "HARNESS_", "PYTHON")
"""Variables of the caller that must not reach what is measured."""
STOPPING = 30.0
"""Seconds that a server may take to stop."""


class Project:
    """A copy of one source (and of the sources below it) in a scratch directory."""

    def __init__(
        self,
        scratch: Path,
        source: str,
        *,
        path: str,
        environ: Mapping[str, str],
        console: Console,
    ) -> None:
        """`path` is where the source is, relative to the root; empty: by its name."""
        self.scratch = scratch
        self.source = source
        self.console = console
        self.root = scratch / "project"
        self.plain = {
            key: value
            for key, value in environ.items()
            if not key.startswith(FOREIGN) and key != "DB_CACHE"
        }
        self.environ = {**self.plain, "HARNESS_STATE": str(scratch / "state")}
        self._copy(path)
        self.server: LocalServer | None = None
        self.address: Address | None = None

    def _copy(self, path: str) -> None:
        """Copy the source and write the configuration."""
        place = {f"source.{self.source}.path": (path, "--path")} if path else {}
        here = Context(
            config=config.load(HERE.parent, self.plain, place),
            environ=self.plain,
            console=self.console,
            line="benchmark",
        )
        names = plan_of(here, (self.source,), "").sources
        lines = ["[tool.harness]", f"series = {json.dumps(here.config.series)}"]
        for name in names:
            table = here.config.source[name]
            target = self.root / "src" / name
            shutil.rmtree(target, ignore_errors=True)
            shutil.copytree(here.sources[name].path, target, ignore=LEFT_OUT)
            lines += [
                f"[tool.harness.source.{name}]",
                f"requirements = {json.dumps(table.requirements)}",
                f"constraints = {json.dumps(table.constraints)}",
            ]
        lines += ["[tool.harness.suite.tryton]", f'modules = ["{self.source}"]']
        (self.root / "pyproject.toml").write_text("\n".join(lines) + "\n", "utf-8")
        self.origin: Source = here.sources[self.source]

    def context(self, database: str) -> Context:
        """What the command line would make of ``--database``."""
        chosen = {"database.server": (database, "--database")}
        return Context(
            config=config.load(self.root, self.environ, chosen),
            environ=self.environ,
            console=self.console,
            line="benchmark",
        )

    def step(
        self, database: str, modules: tuple[str, ...] = (), wanted: str = ""
    ) -> Step:
        """The plan of a run of these modules; empty: the source."""
        return plan_of(self.context(database), modules or (self.source,), wanted)

    @cached_property
    def module(self) -> Module:
        """The module of the copy."""
        return module_of(self.context("sqlite").sources[self.source])

    @cached_property
    def environment(self) -> Environment:
        """The suite's own environment, installed by the harness."""
        return needs.prepare(self.context("sqlite"), self.step("sqlite"))

    @property
    def tests(self) -> Path:
        """Where the module's tests are."""
        return self.module.path / "tests"

    def plugins(self, *paths: Path) -> str:
        """``PYTHONPATH`` for a plain run: the recorder of outcomes, and `paths`."""
        link = base.link(self.context("sqlite").store)
        return ":".join(map(str, (link, *paths)))

    def command(self, *arguments: str) -> list[str]:
        """The command line that a user types."""
        return [sys.executable, "-m", "harness", *arguments]

    # -- the embedded server -------------------------------------------------

    def hold(self) -> Address:
        """Start the server and keep it until `release`."""
        if self.server is None or self.address is None:
            self.server = servers.local(self.context("local"))
            self.address = self.server.start()
        return self.address

    def release(self) -> None:
        """Leave the server and wait until it has stopped."""
        if self.server:
            self.server.stop()
            self.server = self.address = None
        self.settle()

    def settle(self) -> None:
        """Wait for the end of a server that the last run left behind."""
        directory = self.directory()
        deadline = time.monotonic() + STOPPING
        while directory and Lock(directory / "supervisor.lock").taken:
            if time.monotonic() > deadline:
                raise DatabaseError(f"the server in {directory} does not stop")
            time.sleep(0.02)

    def directory(self) -> Path | None:
        """Where the server keeps its data, in memory or on disk."""
        mark = self.scratch / "state" / "server"
        return mark.resolve() if mark.exists() else None

    def postgresql(self) -> dict[str, str]:
        """The environment of a plain run on the held server, its tools on PATH."""
        place = installation()
        path = self.plain.get("PATH", "")
        return {
            **self.hold().environment(),
            "PATH": f"{place / 'bin'}:{path}" if place else path,
            "TRYTOND_DATABASE_URI": "postgresql:///",
        }

    def drop(self, database: str) -> None:
        """Drop a database of the held server if it is there."""
        with connect(self.hold()) as connection:
            connection.execute(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def close(self) -> None:
        """Stop the server and remove its data."""
        directory = self.directory()
        try:
            self.release()
        finally:
            if directory and not directory.is_relative_to(self.scratch):
                shutil.rmtree(directory, ignore_errors=True)
                (self.scratch / "state" / "server").unlink(missing_ok=True)


def plan_of(context: Context, modules: tuple[str, ...], wanted: str) -> Step:
    """The one step that tests `modules`."""
    steps = plan.make(
        plan.PlanRequest(
            suite="tryton", modules=modules, series=wanted, coverage=False
        ),
        sources=context.sources,
        graph=context.graph,
        official=series.official(),
        default_series=context.config.series,
        database=servers.choose(context),
        reasons={},
    )
    if len(steps) != 1:
        raise HarnessError(f"{', '.join(modules)} are of {len(steps)} series")
    return steps[0]
