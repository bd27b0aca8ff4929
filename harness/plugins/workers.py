# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a session's tests in worker processes forked from it.

The session collects once, with all imports paid, then forks: a worker is ready
in milliseconds, and one that crashes is replaced by another fork.  Reports go
through the session's own hooks, so ``-x``, ``--lf``, ``--durations``,
``--junitxml`` and all the other options of pytest work as without workers.

Units (a class, a scenario, the functions of a file) go to whoever is free, the
longest first by the durations of earlier runs.

What has failed may be run again (`again`), by a worker forked for it; and all tests
several times, in rounds, each with new workers.
"""

from __future__ import annotations

import gc
import os
import selectors
import signal
import socket
import sys
import time
import warnings
from collections import deque
from typing import Any, Callable

import pytest

from harness.plugins import isolation, shuffle, units
from harness.plugins import worker as worker_
from harness.plugins.child import Child
from harness.plugins.telling import Telling
from harness.plugins.worker import Worker

NAME = "harness-workers"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-workers", type=int, default=1, help="number of worker processes"
    )
    group.addoption(
        "--harness-timings", default="", help="JSON file of seconds by test id"
    )
    group.addoption(
        "--harness-reruns", type=int, default=0, help="how often failures are run again"
    )
    group.addoption(
        "--harness-repeat", type=int, default=1, help="how often each test is run"
    )
    shuffle.add_options(group)


def pytest_configure(config: pytest.Config) -> None:
    """Work in parallel where the options leave it possible."""
    config.pluginmanager.register(shuffle.Plugin(), "harness-shuffle")
    options = config.option
    if (options.harness_workers > 1 or apart(config)) and not options.usepdb:
        config.pluginmanager.register(Dispatcher(config), NAME)


def apart(config: pytest.Config) -> bool:
    """Whether even a single test runs in a worker."""
    options = config.option
    asked = options.harness_reruns or options.harness_repeat > 1
    return bool(asked or options.harness_exact)


class Dispatcher:
    """Hands units to workers and passes on what they report."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.workers: list[Worker] = []
        self.queue: list[units.Unit] = []
        self.fresh: list[units.Unit] = []
        """Units for workers that have run nothing yet."""
        self.number = 0
        self.count = 0
        self.session: Any = None
        self.telling: Telling
        self.selector: Any = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all collected tests in workers."""
        options = session.config.option
        if options.collectonly or (
            session.testsfailed and not (options.continue_on_collection_errors)
        ):
            return None
        if len(session.items) < (1 if apart(self.config) else 2):
            return None
        self.session = session
        for prepare in BEFORE:
            prepare(session)
        gc.collect()
        gc.freeze()
        self._plan()
        self.count = min(options.harness_workers, len(self.queue))
        if self.count < 2 and not apart(self.config):
            return None
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.showfspath = False
        with selectors.DefaultSelector() as selector:
            self.selector = selector
            try:
                self._fill()
                self._loop(selector)
            finally:
                running = [one.running for one in self.workers]
                self._end()
                self.telling.flush([one for one in running if one is not None])
                self.telling.forget_rounds()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    # -- the session's side ------------------------------------------------

    def _plan(self) -> None:
        """Put units of all tests into the queue."""
        options, items = self.config.option, self.session.items
        default = self.config.getoption("harness_isolation", "class")
        self.telling = Telling(self.config, items)
        self.session.testscollected = len(self.telling.tests)
        if options.harness_exact:
            self.queue = [units.Unit(tuple(range(len(items))), 0.0, "")]
            return
        known = units.timings(options.harness_timings)
        for round in range(options.harness_repeat):
            planned = units.plan(
                items,
                known,
                order=shuffle.order(self.config, items, round)
                if options.harness_seed
                else None,
                level=lambda item: (
                    isolation.of(item, default) if options.harness_reruns else "class"
                ),
            )
            self.queue += units.repeat(planned, round, len(items))

    @property
    def _stopping(self) -> bool:
        return bool(self.session.shouldfail or self.session.shouldstop)

    def _fill(self) -> None:
        """Have as many workers as there may be."""
        while (self.queue or self.fresh) and len(self.workers) < max(1, self.count):
            self._start()

    def _start(self) -> None:
        name = f"w{self.number + 1}"
        self.number += 1
        place = worker_.free(self.workers)
        link = worker_.CONNECT[0](place, name, self.session) if place else None
        if place and link is None:  # done without
            worker_.PLACES.remove(place)
            self.count -= 1
            return
        worker = Worker(name, 0, link, place) if link else self._fork(name)
        self.workers.append(worker)
        self.selector.register(worker.link, selectors.EVENT_READ, worker)
        self._assign(worker, new=True)

    def _fork(self, name: str) -> Worker:
        ours, theirs = socket.socketpair()
        sys.stdout.flush()
        sys.stderr.flush()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            pid = os.fork()
        if pid == 0:
            ours.close()
            for worker in self.workers:
                worker.link.close()
            Child(self.config, self.session, theirs, name).run()
        theirs.close()
        return Worker(name, pid, ours)

    def _assign(self, worker: Worker, *, new: bool = False) -> None:
        unit = worker.unit = None if self._stopping else self._next(worker, new=new)
        if unit is None:
            worker.tell(unit=None)
        else:
            worker.rest = deque(unit.indices)
            worker.template = unit.template
            worker.round = unit.round
            worker.tell(unit=list(unit.indices))

    def _next(self, worker: Worker, *, new: bool) -> units.Unit | None:
        """What a worker does next; None where another one is to take its place."""
        if self.fresh:
            return self.fresh.pop(0) if new else None
        if self.config.option.maxfail and self.telling.lost(worker.current):
            return None  # the session has not been told yet that it is to stop
        if self.queue and worker.round not in (None, self.queue[0].round):
            return None
        if self.config.option.harness_seed:
            return self.queue.pop(0) if self.queue else None
        return units.take(self.queue, worker.template)

    def _loop(self, selector: selectors.BaseSelector) -> None:
        while selector.get_map():
            for chosen, _ in selector.select():
                worker = chosen.data
                messages = worker.hear()
                if messages is None:
                    selector.unregister(worker.link)
                    worker.link.close()
                    self._gone(worker)
                    continue
                for message in messages:
                    self._handle(worker, message)

    def _handle(self, worker: Worker, message: dict[str, Any]) -> None:
        hook = self.config.hook
        kind = message["kind"]
        if kind == "start":
            worker.running = message["index"]
            if worker.rest and worker.rest[0] == worker.running:
                worker.rest.popleft()
            if not worker.current or worker.running not in worker.current.indices:
                worker.current = worker.unit
            self.telling.begin(worker.running)
        elif kind == "report":
            report = hook.pytest_report_from_serializable(
                config=self.config, data=message["data"]
            )
            if isinstance(report.longrepr, list):  # a skip: JSON has no tuples
                report.longrepr = tuple(report.longrepr)
            report.worker = worker.name
            report.node = worker  # as xdist's, so that -v names the worker
            report.waited = message["waited"]
            assert worker.running is not None
            self.telling.add(worker.running, report)
            self._check_stop()
        elif kind == "finish":
            self._finish(worker)
        elif kind == "next":
            self._assign(worker)
        elif kind == "warning":
            self._warn(message)
        elif kind == "ended":
            worker.code = message["code"]

    def _finish(self, worker: Worker) -> None:
        """A test is over, and perhaps its unit."""
        assert worker.running is not None and worker.current is not None
        number, worker.running = worker.running, None
        self.telling.finish(number)
        self._check_stop()
        if number == worker.current.indices[-1]:
            self._settle(worker)

    def _settle(self, worker: Worker) -> list[int]:
        """A worker's unit is over; those of its tests that are run again."""
        unit, worker.current = worker.current, None
        if unit is None:
            return []
        repeated = self.telling.settle(unit, stop=lambda: self._stopping)
        self._check_stop()
        if repeated and not self._stopping:
            self.fresh.append(unit.keep(repeated)._replace(attempt=unit.attempt + 1))
            self._fill()
        return repeated

    def pytest_report_teststatus(self, report: Any) -> Any:
        """A word for what is run again, as pytest-rerunfailures has it."""
        if report.outcome == "rerun":
            return "rerun", "R", ("RERUN", {"yellow": True})
        return None

    def _check_stop(self) -> None:
        if self._stopping:
            self.queue.clear()
            self.fresh.clear()
            for worker in self.workers:
                worker.tell(stop=True)

    def _warn(self, message: dict[str, Any]) -> None:
        category = getattr(__builtins__, message["category"], None)
        if not (isinstance(category, type) and issubclass(category, Warning)):
            category = type(message["category"], (Warning,), {})
        self.config.hook.pytest_warning_recorded.call_historic(
            kwargs={
                "warning_message": warnings.WarningMessage(
                    category(message["text"]),
                    category,
                    message["file"],
                    message["line"],
                ),
                "when": message["when"],
                "nodeid": message["nodeid"],
                "location": None,
            }
        )

    def _gone(self, worker: Worker) -> None:
        """A worker has ended; a crash fails its test, and the rest goes on."""
        self.workers.remove(worker)
        code = worker.wait()
        if worker.running is not None:
            self._crashed(worker, code)
        repeated = self._settle(worker)
        rest = [one for one in worker.rest if one not in repeated]
        if rest and worker.unit and not self._stopping:
            self.queue.insert(0, worker.unit.keep(rest))
        if not self._stopping:
            self._fill()

    def _crashed(self, worker: Worker, code: int) -> None:
        assert worker.running is not None
        test = self.telling.tests[worker.running]
        how = (
            f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        )
        text = f"worker {worker.name} ended with {how} while it ran this test"
        report: Any = pytest.TestReport(
            test.nodeid, test.location, {}, "failed", text, "call", duration=0.0
        )
        report.worker = worker.name
        report.node = worker
        self.telling.add(worker.running, report)
        self._finish(worker)

    def _end(self) -> None:
        """End all workers; none outlives the session."""
        deadline = time.monotonic() + 5.0
        for worker in self.workers:
            worker.link.close()
            worker.kill(signal.SIGTERM)
        for worker in self.workers:
            while not worker.gone:
                if time.monotonic() > deadline:
                    worker.kill(signal.SIGKILL)
                time.sleep(0.005)
        self.workers.clear()


BEFORE: list[Callable[[Any], None]] = []
"""What the session does before it forks, so that each worker has it for free."""
