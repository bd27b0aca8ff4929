# SPDX-License-Identifier: GPL-3.0-or-later
"""A step that is run again and again: what its rounds share, and each of them.

Server, templates, leases and the base process are kept.  A round that needs other
databases than the one before opens them anew; the base process stays as long as the
environment does.
"""

import json
import shutil
import threading
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

from harness import results
from harness.context import Context
from harness.errors import CommandFailed
from harness.patience import watched
from harness.plan import Step
from harness.run import preparing, servers, session
from harness.run.basis import Basis
from harness.run.holding import HeldServer
from harness.run.known import KnownTests
from harness.run.progress import Notes
from harness.selection.affected import Traced
from harness.store import Run
from harness.template.broker import Broker
from harness.template.layer import Layer, Request
from harness.template.layers import Layers

LEARN = "harness.plugins.workers.learn"
TAIL = 3000
"""Characters shown of what a session has said that could not begin."""

Ended = Callable[[int, "results.Finished | BaseException"], None]


class KeptStep:
    """One step of a watch; ends with `close`."""

    def __init__(
        self, current: Run, ended: Ended, superseded: Callable[[list[Layer]], bool]
    ) -> None:
        """`ended` hears of the end of each round, by its number, in a thread.

        `superseded` is asked whether it is no use to go on building layers.
        """
        self.current = current
        self.ended = ended
        self.superseded = superseded
        self.server = HeldServer(current)
        self.basis = Basis(current.scratch())
        self.known = KnownTests()
        self.number = 0
        self.whole = 0
        """The last round that came to its end by itself."""
        self._session: session.StepSession | None = None
        self._former: session.StepSession | None = None
        """The last one that was closed: it knows what tests depend on."""
        self._broker: Broker | None = None
        self._where: servers.TemplatePlace | None = None
        self._layers: Layers | None = None
        self._digests: set[str] = set()
        self._directory: Path | None = None
        """Of the last round, in the run's private one."""
        self._thread: threading.Thread | None = None

    def prepare(self, context: Context, step: Step) -> None:
        """Have all that rounds of `step` need, its `tests` among it.

        Raises what stands in the way.
        """
        self.restart()
        self.number += 1
        self.known.left = ()
        try:
            made = self._made(context, replace(step, workers=1))
            self._learn(made)
        except BaseException:
            self._shut()
            raise

    def start(self, context: Context, step: Step, left: Collection[str] = ()) -> None:
        """Begin a round without the tests of the keys `left`.

        Raises what stands in the way of it.
        """
        self.cancel()
        self.number += 1
        self.known.left = left
        try:
            server = self._where.server if self._where else None
            if self.server.gone(context, server):
                self._shut()
                self.server.hold(context, step)
            if self._fits(context, step):
                self._again(step)
            else:
                self._anew(context, step)
        except BaseException:
            self._shut()
            raise
        self._thread = threading.Thread(target=self._wait, args=(self.number,))
        self._thread.start()

    def traced(self, *, failed: bool = False) -> Traced | None:
        """What traces say of the tests (`KnownTests.traced`)."""
        made = self._session or self._former
        if made is None or self._broker is None or self._where is None:
            return None
        layers = made.expecting.layers(self._where.label)
        return self.known.traced(made, self._broker, layers, failed=failed)

    def why_not(self) -> str:
        """Why nothing is traced; empty where it is."""
        return self._session.affected.why_not if self._session else ""

    @property
    def lost(self) -> bool:
        """Whether the last round has lost its database server."""
        running = self._session.running if self._session else None
        return running is not None and running.lost

    def cancel(self) -> None:
        """End the round that goes on, if one does; nobody hears of it."""
        self.number += 1
        if self._session is not None and self._session.running is not None:
            self._session.running.tests.end(grace=0)
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def restart(self) -> None:
        """Have nothing but the server."""
        self.cancel()
        self._shut()
        self._former = None
        self.basis.close()

    def close(self) -> None:
        """End all of it."""
        self.restart()
        self.server.close()

    def results(self) -> Path:
        """Where the last round writes what it finds."""
        assert self._session is not None
        return self._session.files.results(self._session.step)

    def output(self) -> str:
        """What the last round has printed, the end of it."""
        try:
            return self._output.read_text("utf-8", "replace")[-TAIL:]
        except OSError:
            return ""

    @property
    def _traces(self) -> Path:
        assert self._directory is not None
        return self._directory / "traces"

    @property
    def _output(self) -> Path:
        assert self._directory is not None
        return self._directory / "output"

    # -- what is kept --------------------------------------------------------

    def _fits(self, context: Context, step: Step) -> bool:
        """Whether a round finds the databases that it needs."""
        made = self._session
        if made is None or context is not made.context or self._where is None:
            return False
        assert self._broker is not None
        layers = made.expecting.layers(self._where.label)
        found = replace(made.expecting, step=step).expected(layers)
        found += [
            layers.resolve(
                Request(modules=one.closure, language=one.language, tracked=one.tracked)
            )
            for one in self._broker.asked.values()
            if not any(part.data or part.program for part in one.chain())
        ]
        known = self._digests | self._broker.asked.keys()
        return {one.digest for one in found} <= known

    def _anew(self, context: Context, step: Step) -> None:
        """Open databases, and launch a round, after a look at the suite if need be."""
        self._shut()
        made = self._made(context, step)
        if self.basis.python != made.environment.python:
            made.step = replace(step, workers=1)
            self._learn(made)
            self._again(step)
        else:
            made.wrap = self.basis.wrap
            self._begin(made)

    def _made(self, context: Context, step: Step) -> session.StepSession:
        made = preparing.make(context, self.current, step, self._place())
        made.notes = self._notes(step)
        made.superseded = self.superseded
        self._session = made
        self.known.leave(made.affected, self._traces)
        return made

    def _begin(self, made: session.StepSession) -> None:
        with self._output.open("wb") as made.output:
            self._broker, self._where, self._layers = made.begin()
        self._digests = {one.digest for one in made.expected}

    def _learn(self, made: session.StepSession) -> None:
        """Run no test, but see what there is; then have a base process.

        Raises `CommandFailed` where the suite cannot be imported.
        """
        path = made.files.directory / "learned.json"
        env: dict[str, str] = {}

        def wrap(argv: list[str], given: dict[str, str]) -> list[str]:
            env.update(given)
            return [*argv, "-p", LEARN, f"--harness-learn={path}"]

        made.wrap = wrap
        with made.context.console.step("tests", ticker=True):
            self._begin(made)
            assert made.running is not None
            made.wait(made.running)
        made.wrap = self.basis.wrap
        if not path.exists():
            raise CommandFailed(f"the tests cannot be collected:\n{self.output()}")
        known = json.loads(path.read_text("utf-8"))
        self.known.tests = {}
        self.known.found(known["tests"])
        self.basis.start(
            made.environment.python,
            known["modules"],
            env=env,
            cwd=made.step.source.path if made.step.source else made.context.config.root,
        )

    def _shut(self) -> None:
        """Close databases; templates and the base process stay."""
        if self._session is not None:
            made, self._session = self._session, None
            self._former = made
            made.stack.close()
            made.environment.lock.release()

    # -- a round ---------------------------------------------------------------

    def _again(self, step: Step) -> None:
        """Launch a round on what is there."""
        made = self._session
        assert made is not None
        assert self._broker is not None
        assert self._where is not None
        assert self._layers is not None
        made.step = step
        made.failures.clear()
        made.files = replace(made.files, directory=self._place())
        made.notes = self._notes(step)
        self.known.leave(made.affected, self._traces)
        with self._output.open("wb") as made.output:
            made.launch(self._broker, self._layers).server = self._where.server

    def _place(self) -> Path:
        """A directory for this round; that of the one before goes."""
        if self._directory is not None:
            shutil.rmtree(self._directory, ignore_errors=True)
        self._directory = self.current.scratch() / f"round-{self.number}"
        self._directory.mkdir()
        return self._directory

    def _notes(self, step: Step) -> Notes:
        assert self._directory is not None
        return Notes(self._directory / f"now-{step.name}")

    def _wait(self, number: int) -> None:
        made = self._session
        assert made is not None
        assert made.running is not None
        try:
            with watched(made.context.console, made.context.config.quiet):
                finished = made.wait(made.running)
        except BaseException as error:  # noqa: BLE001  (it is shown by who asked)
            self.whole = number
            self.ended(number, error)
        else:
            if number == self.number:  # else files may have changed while it went on
                assert self._broker is not None
                if not self.lost:
                    self.known.record(made, self._broker, self.current.id, finished)
                self.whole = number
            errors = tuple(made.failures)
            errors = errors[:1] if self.lost else (*finished.errors, *errors)
            self.ended(number, replace(finished, errors=errors))
