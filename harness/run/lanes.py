# SPDX-License-Identifier: GPL-3.0-or-later
"""Stages of a step whose workers are in containers of their own.

The first is in the container of the tests, where the session is that hands them out.
Each has a network, a WebDriver on it where the suite wants one, and directories that
its evidence is taken from.
"""

import json
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness import proc
from harness.browsers import Browsers
from harness.config import SuiteTable
from harness.context import Context
from harness.errors import MissingTool, UsageError
from harness.plan import Step
from harness.postgres import DockerServer
from harness.run import browsing
from harness.run import container as into
from harness.run.servers import TemplatePlace
from harness.runners import base, image, suite
from harness.runners.image import TESTS, Image, Inside
from harness.store import Run

LANES: Final = "HARNESS_LANES"
KEPT: Final = "HARNESS_KEPT"
"""As `harness.plugins.workers.controller` and `harness.plugins.kept` have them."""
SAID: Final = re.compile(r"^asked for .*$", re.MULTILINE)


@dataclass(kw_only=True)
class Lane:
    """A worker's container: the way into it, and what it has beside it."""

    inside: Inside
    socket: Path
    kept: Mapping[str, str]
    browsers: Browsers | None = None
    log: Path | None = None
    child: proc.Child | None = None


@dataclass(kw_only=True)
class Lanes:
    """All of a step; they end with the stack that they were made on."""

    context: Context
    step: Step
    all: list[Lane] = field(default_factory=list)

    @property
    def _table(self) -> SuiteTable:
        return self.context.config.suite[self.step.suite]

    def plugins(self) -> list[str]:
        """What the session needs of the harness's plugins."""
        return [suite.KEPT] if self._table.evidence else []

    def variables(self, lane: Lane) -> dict[str, str]:
        """What the session in a lane is told."""
        given = {
            "when": self.context.config.browser.evidence,
            "directories": list(lane.kept.values()),
        }
        found = {KEPT: json.dumps(given)} if lane.kept else {}
        if lane is self.all[0]:
            others = [str(one.socket) for one in self.all[1:]]
            return {**found, **({LANES: os.pathsep.join(others)} if others else {})}
        return found

    def start(
        self, stack: ExitStack, argv: Sequence[str], env: Mapping[str, str]
    ) -> None:
        """Start the session in each lane but the first, and all WebDrivers."""
        for lane in self.all[1:]:
            order = lane.inside.wrap(
                base.in_lane(argv, lane.socket), {**env, **self.variables(lane)}, TESTS
            )
            lane.log = lane.socket.with_suffix(".log")
            stream = stack.enter_context(lane.log.open("wb"))
            stack.callback(lane.inside.end, TESTS)
            lane.child = stack.enter_context(
                proc.Child(
                    order,
                    env=self.context.environ,
                    stdout=stream,
                    stderr=proc.STDOUT,
                )
            )
        for number, lane in enumerate(self.all, 1):
            if lane.browsers:
                lane.browsers.open(f"lane{number}")

    def close(self) -> tuple[str, ...]:
        """After the tests: which browsers there were, in the WebDrivers' words."""
        self._warn()
        found: dict[str, None] = {}
        for path in sorted(self.all[0].inside.scratch.glob("browser-lane*.log")):
            said = SAID.findall(path.read_text("utf-8", errors="replace"))
            found |= dict.fromkeys(said)
        for one in found:
            self.context.console.info(f"browser: {one}")
        return tuple(found)

    def _warn(self) -> None:
        """Name the lanes that have ended before the tests, and not with them."""
        for lane in self.all:
            if lane.child and lane.log and lane.child.process.poll():
                words = lane.log.read_text("utf-8", errors="replace")[-2000:].strip()
                self.context.console.warn(
                    f"the container {lane.inside.container(TESTS)} ended before the"
                    f" tests, others ran what was its; it has said:\n{words}"
                )


def prepare(
    context: Context,
    current: Run,
    step: Step,
    *,
    chosen: Image,
    place: TemplatePlace,
    directory: Path,
    stack: ExitStack,
) -> Lanes:
    """The lanes of a step, each on its network; nothing runs in them yet."""
    table = context.config.suite[step.suite]
    inside = stack.enter_context(
        into.prepare(
            context, current, step, chosen=chosen, place=place, directory=directory
        )
    )
    if inside.network == "host" and (table.apart or table.browser_aliases):
        raise UsageError(
            f"the suite {step.suite} needs names on a network of its own, which a"
            " given database server is not on",
            checked="apart and browser_aliases of the suite; --database",
            remedy="--database docker",
        )
    server = place.server.name if isinstance(place.server, DockerServer) else ""
    ways = [inside]
    for number in range(2, _count(table, step) + 1):
        there = image.network(
            image.beside(inside, f"lane{number}"),
            server=server,
            aliases=table.database_aliases,
        )
        ways.append(stack.enter_context(there))
    made = Lanes(context=context, step=step)
    for number, way in enumerate(ways, 1):
        way, kept = image.keeping(way, table.evidence, inside.scratch)
        lane = Lane(inside=way, socket=inside.scratch / f"lane{number}", kept=kept)
        made.all.append(lane)
    if table.browser_aliases:
        _browse(context, current, step, made.all, stack)
    return made


def _browse(
    context: Context, current: Run, step: Step, lanes: list[Lane], stack: ExitStack
) -> None:
    """A WebDriver for each; where none can be had, tests that need none still run."""
    names = context.config.suite[step.suite].browser_aliases
    try:
        for lane in lanes:
            found = browsing.beside(context, current, step, lane.inside, names)
            lane.browsers = stack.enter_context(browsing.closing(context, found))
    except MissingTool as error:
        context.console.warn(
            f"tests that look for a browser at {', '.join(names)} will find none:"
            f" {error.message}"
        )


def _count(table: SuiteTable, step: Step) -> int:
    """How many workers have a container of their own; at least the session's."""
    alone = bool(base.serial(step.options))
    return 1 if alone or not table.apart else min(table.apart, step.workers)
