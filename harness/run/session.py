# SPDX-License-Identifier: GPL-3.0-or-later
"""One step of ``harness test``: its processes, its databases, its results.

Where all templates are there, pytest is started first: it imports the modules
while the server comes up and clones are made.  Else they are built before it,
with nothing in the way of their progress.
"""

import itertools
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import BinaryIO

from harness import history, proc, results, store
from harness.browsers import Browsers
from harness.config import SuiteTable
from harness.context import Context
from harness.environment import Environment
from harness.errors import HarnessError
from harness.modules import Graph
from harness.plan import Step
from harness.run import browsing, distant, heading, lanes, needs, servers, templates
from harness.run.affected import Affected
from harness.run.container import side_of
from harness.run.expecting import Expecting
from harness.run.progress import Notes
from harness.run.running import Running
from harness.run.screening import StepScreen
from harness.runners import base
from harness.runners.image import TESTS, Image, Inside
from harness.store import Run
from harness.template.broker import Broker
from harness.template.build import TemplateBuilder
from harness.template.layer import Layer
from harness.template.layers import Layers
from harness.template.pool import Pool


class StepSession:
    """What a step needs while it runs; all of it ends with `stack`."""

    def __init__(
        self,
        context: Context,
        current: Run,
        step: Step,
        environment: Environment,
        graph: Graph,
        directory: Path,
    ) -> None:
        self.context = context
        self.current = current
        self.step = step
        self.environment = environment
        self.graph = graph
        self.files = base.Files(
            directory=directory,
            cache=needs.cache(context, step),
            timings=context.store.path / "timings.json",
            durations=context.config.root / context.config.durations,
            link=base.link(context.store),
            bytecode=environment.path / "bytecode",
        )
        self.expecting = Expecting(
            context=context, step=step, environment=environment, graph=graph
        )
        self.stack = ExitStack()
        self.failures: list[HarnessError] = []
        self.numbers = itertools.count(1)
        self.running: Running | None = None
        self.started = 0.0
        self.image: Image | None = None
        self.output: BinaryIO | None = None
        self.inside: Inside | None = None
        self.lanes: lanes.Lanes | None = None
        self.browser: tuple[Browsers, str] | None = None
        """What was chosen, and why."""
        self.browsers: Browsers | None = None
        self.distant: distant.Distant | None = None
        self.notes = Notes(current.scratch() / f"now-{step.name}")
        self.affected = Affected(current, self.expecting)
        self.screen: StepScreen | None = None
        self.make: TemplateBuilder | None = None
        self.pool: Pool | None = None
        self.expected: list[Layer] = []
        self.superseded: Callable[[list[Layer]], bool] | None = None
        """Whether it is no use to go on building these."""
        self.wrap: Callable[[list[str], dict[str, str]], list[str]]
        self.wrap = lambda argv, env: argv
        """Makes of the tests' command the one that is run."""

    def run(self, *, output: BinaryIO | None = None) -> results.Finished:
        """Run it to its end; what there is to tell, where it was interrupted.

        Its tests print to `output`.  Who interrupts it before the tests have begun, or
        twice, means all of it.  Raises what its server or its templates raise.
        """
        heading.step(self.context, self.step, self.environment, self.image)
        self.output = output
        with self.stack:
            try:
                return self._costed(self._run())
            except KeyboardInterrupt:
                if self.running is None:
                    raise
                code = self.running.interrupted()
                return self._costed(self._read(code, interrupted=True))

    def _run(self) -> results.Finished:
        """Start what is needed in the best order, and wait for the tests."""
        if not self.output:
            made = StepScreen(self.context, self.step, self.notes, self.files)
            self.screen = self.stack.enter_context(closing(made))
        broker, where, _ = self.begin()
        assert self.running is not None
        assert self.make is not None
        finished = self.wait(self.running)
        used = {**{one.digest: one for one in self.expected}, **broker.asked}
        with store.noting(self.failures):
            finished = self.affected.learn(finished, used.values(), self.make.digest)
            history.remember(self.context.store, self.step, broker.asked.values())
            self.expecting.touch(broker.asked.values(), self.make)
            if not self.running.lost:
                templates.keep_house(self.context, where.shelf)
        return finished

    def begin(self) -> tuple[Broker, servers.TemplatePlace, Layers]:
        """Start the tests, and all that they ask for."""
        if self._table.browser and not self.image:
            self._browse()
        broker = self.stack.enter_context(
            Broker(directory=self.current.scratch(), failed=self.failures.append)
        )
        label = servers.label(self.context, self.step.database)
        layers = self.expecting.layers(label) if label else None
        hosts = distant.hosts(self.context, self.step)
        here = not (self.image or hosts)
        if layers and here and self.expecting.ready(self.expecting.expected(layers)):
            self.launch(broker, layers)
        where = self.stack.enter_context(
            servers.place(self.context, self.current, self.step.database)
        )
        layers = layers or self.expecting.layers(where.label)
        if self.image:
            self._enter(self.image, where)
            if self._table.browser:
                self._browse()
        telling = templates.Telling(self.context)
        self.make = make = templates.builder(
            self.context,
            self.step,
            self.environment,
            where,
            self._variables(where.variables),
            telling,
            self.affected.given.side,
        )
        expected = self.expecting.expected(layers)
        templates.ensure_all(self.context, make, expected, telling, self.superseded)
        self.expecting.touch(expected, make)
        self.pool = pool = templates.pool(self.context, make, expected)
        self.stack.callback(pool.close)
        more = self.inside.connections if self.inside else {}
        broker.serve(
            pool,
            layers,
            {**where.variables, **more},
            self.expecting.templates(),
            self.browsers,
        )
        if hosts:
            self.distant = distant.Distant(self.context, self.stack, self.files)
            self.distant.reach(hosts, self.step, self.environment, broker, where)
        running = self.running or self.launch(broker, layers)
        running.server = where.server
        self.expected = expected
        return broker, where, layers

    def _costed(self, finished: results.Finished) -> results.Finished:
        return results.with_costs(
            finished,
            templates=tuple(self.make.costs) if self.make else (),
            leases=tuple(self.pool.costs) if self.pool else (),
            errors=tuple(self.failures),
            notes=self.lanes.close() if self.lanes else (),
        )

    @property
    def _table(self) -> SuiteTable:
        return self.context.config.suite[self.step.suite]

    def _browse(self) -> None:
        """Choose where browsers come from; they are started for each worker."""
        version = browsing.client(self.environment, self.step)
        given = self.context, self.current, self.step, self.inside
        chosen, why = self.browser or browsing.choose(*given)
        self.browsers = self.stack.enter_context(browsing.closing(self.context, chosen))
        text = f"{chosen.versions()}, Selenium {version} ({why})"
        self.context.console.info(f"browser: {text}")

    def _enter(self, image: Image, where: servers.TemplatePlace) -> None:
        self.lanes = lanes.prepare(
            self.context,
            self.current,
            self.step,
            chosen=image,
            place=where,
            directory=self.files.directory,
            stack=self.stack,
        )
        self.inside = self.lanes.all[0].inside
        side = side_of(self.context, self.step, self.inside, self._wrapped)
        self.affected.given.enter(side, self._variables(where.variables))

    def _wrapped(self, argv: Sequence[str], env: Mapping[str, str]) -> list[str]:
        """The command of a build inside the image."""
        assert self.inside is not None
        return self.inside.wrap(argv, env, f"build-{next(self.numbers)}")

    def _variables(self, database: dict[str, str]) -> dict[str, str]:
        return base.variables(
            self.step,
            measured=needs.measured(self.context, self.step, self.graph),
            files=self.files,
            environ={} if self.image else self.context.environ,
            database=database,
        )

    def environ(self, broker: Broker) -> dict[str, str]:
        """The environment of the tests' processes."""
        step = self.step
        return {
            **self._variables(servers.dialect(step.database)),
            **self.notes.variables,
            **broker.environment,
            **needs.own(self.context, self.current, step, self.browsers),
            **(self.distant.variables() if self.distant else {}),
        }

    def launch(self, broker: Broker, layers: Layers) -> Running:
        """Start the tests of the step as it is now."""
        step, env = self.step, self.environ(broker)
        argv = needs.command(
            step, self.graph, self.environment, self.files,
            browser=bool(self.browsers or self._table.servers),
            plugins=self.lanes.plugins() if self.lanes else (),
        )  # fmt: skip
        argv += [*base.loading(env), *self.affected.options(env, layers)]
        if self.distant:
            self.distant.bring_results()
            argv += ["-p", distant.PLUGIN]
        log = self.files.directory / f"{step.name}.command"
        log.write_text(proc.line(argv) + "\n", "utf-8")
        interactive = bool(base.serial(step.options))
        outer, outside = self.wrap(argv, env), env
        if self.inside and self.lanes:
            own = {**env, **self.lanes.variables(self.lanes.all[0])}
            outer = self.inside.wrap(argv, own, TESTS, interactive=interactive)
            outside = dict(self.context.environ)
            self.stack.callback(self.inside.end, TESTS)
        self.started = time.time()
        child = self.stack.enter_context(
            base.run(
                outer,
                env=outside,
                cwd=step.source.path if step.source else self.context.config.root,
                interactive=interactive,
                output=self.screen.file if self.screen else self.output,
            )
        )
        self.running = Running(tests=child, server=None, failures=self.failures)
        if self.lanes:
            self.lanes.start(self.stack, argv, env)
        return self.running

    def wait(self, running: Running) -> results.Finished:
        """Until they end; what they have found."""
        with self.notes.watched(self.files.results(self.step)):
            code = running.wait()
        temporary = self.context.environ.get("TMPDIR", "/tmp")
        missing = results.missing(self.files.results(self.step), code, temporary)
        self.failures += [missing] if missing else []
        return self._read(code)

    def _read(self, code: int, *, interrupted: bool = False) -> results.Finished:
        step = self.step
        if self.screen:
            self.screen.close()
        return results.read(
            step,
            self.files.results(step),
            junit=self.files.junit(step),
            code=code,
            started=self.started,
            sources=tuple(str(self.context.sources[name]) for name in step.sources),
            ended=self.notes.ended(),
            interrupted=interrupted,
        )
