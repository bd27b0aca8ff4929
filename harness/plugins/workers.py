# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a session's tests in worker processes forked from it.

The session collects once, with all imports paid, then forks: a worker is ready
in milliseconds, and one that crashes is replaced by another fork.  Reports go
through the session's own hooks, so ``-x``, ``--lf``, ``--durations``,
``--junitxml`` and all the other options of pytest work as without workers.

Units (a class, a scenario, the functions of a file) go to whoever is free, the
longest first by the durations of earlier runs.
"""

from __future__ import annotations

import gc
import json
import os
import selectors
import signal
import socket
import sys
import time
import warnings
from collections import deque
from types import SimpleNamespace
from typing import Any, Callable

import pytest

from harness.plugins import units
from harness.plugins.child import Child

NAME = "harness-workers"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption("--workers", type=int, default=1, help="number of worker processes")
    group.addoption(
        "--timings", default="", help="JSON file of durations (seconds) by test id"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Work in parallel where the options leave it possible."""
    if config.option.workers > 1 and not config.option.usepdb:
        config.pluginmanager.register(Dispatcher(config), NAME)


class Worker:
    """A forked process, seen from the session."""

    def __init__(self, name: str, pid: int, link: socket.socket) -> None:
        self.name = name
        self.gateway = SimpleNamespace(id=name)  # what pytest knows of xdist's
        self._workerinfocache = f"[{name}]"
        self.pid = pid
        self.link = link
        self.buffer = b""
        self.unit: units.Unit | None = None
        self.rest: deque[int] = deque()
        self.running: int | None = None
        self.template = ""

    def tell(self, **message: Any) -> None:
        """Send a message; a dead worker is noticed where it is read."""
        try:
            self.link.sendall(json.dumps(message).encode() + b"\n")
        except OSError:
            pass

    def hear(self) -> list[dict[str, Any]] | None:
        """The messages that have come; None at the end."""
        try:
            data = self.link.recv(1 << 16)
        except OSError:
            data = b""
        if not data:
            return None
        *lines, self.buffer = (self.buffer + data).split(b"\n")
        return [json.loads(line) for line in lines]


class Dispatcher:
    """Hands units to workers and passes on what they report."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.workers: list[Worker] = []
        self.queue: list[units.Unit] = []
        self.number = 0
        self.session: Any = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool | None:
        """Run all collected tests in workers."""
        options = session.config.option
        if options.collectonly or (
            session.testsfailed and not (options.continue_on_collection_errors)
        ):
            return None
        if len(session.items) < 2:
            return None
        self.session = session
        for prepare in BEFORE:
            prepare(session)
        gc.collect()
        gc.freeze()
        self.queue = units.plan(session.items, units.timings(options.timings))
        count = min(options.workers, len(self.queue))
        if count < 2:
            return None
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        if terminal is not None:
            terminal.showfspath = False
        with selectors.DefaultSelector() as selector:
            try:
                for _ in range(count):
                    self._fork(selector)
                self._loop(selector)
            finally:
                self._end()
        if session.shouldfail:
            raise session.Failed(session.shouldfail)
        if session.shouldstop:
            raise session.Interrupted(session.shouldstop)
        return True

    # -- the session's side ------------------------------------------------

    def _fork(self, selector: selectors.BaseSelector) -> None:
        ours, theirs = socket.socketpair()
        name = f"w{self.number + 1}"
        self.number += 1
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
        worker = Worker(name, pid, ours)
        self.workers.append(worker)
        selector.register(ours, selectors.EVENT_READ, worker)
        self._assign(worker)

    def _assign(self, worker: Worker) -> None:
        stop = bool(self.session.shouldfail or self.session.shouldstop)
        unit = None if stop else units.take(self.queue, worker.template)
        worker.unit = unit
        if unit is None:
            worker.tell(unit=None)
        else:
            worker.rest = deque(unit.indices)
            worker.template = unit.template
            worker.tell(unit=list(unit.indices))

    def _loop(self, selector: selectors.BaseSelector) -> None:
        while selector.get_map():
            for chosen, _ in selector.select():
                worker = chosen.data
                messages = worker.hear()
                if messages is None:
                    selector.unregister(worker.link)
                    worker.link.close()
                    self._gone(worker, selector)
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
            item = self.session.items[worker.running]
            hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        elif kind == "report":
            report = hook.pytest_report_from_serializable(
                config=self.config, data=message["data"]
            )
            if isinstance(report.longrepr, list):  # a skip: JSON has no tuples
                report.longrepr = tuple(report.longrepr)
            report.worker = worker.name
            report.node = worker  # as xdist's, so that -v names the worker
            report.waited = message["waited"]
            hook.pytest_runtest_logreport(report=report)
            self._check_stop()
        elif kind == "finish":
            item = self.session.items[worker.running]
            worker.running = None
            hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        elif kind == "next":
            self._assign(worker)
        elif kind == "warning":
            self._warn(message)

    def _check_stop(self) -> None:
        if self.session.shouldfail or self.session.shouldstop:
            self.queue.clear()
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

    def _gone(self, worker: Worker, selector: selectors.BaseSelector) -> None:
        """A worker has ended; a crash fails its test, and the rest goes on."""
        self.workers.remove(worker)
        _, status = os.waitpid(worker.pid, 0)
        code = os.waitstatus_to_exitcode(status)
        if worker.running is None and worker.unit is None and code == 0:
            return
        if worker.running is not None:
            self._crashed(worker, code)
        stop = self.session.shouldfail or self.session.shouldstop
        if worker.rest and worker.unit and not stop:
            self.queue.insert(0, worker.unit.keep(worker.rest))
        if self.queue and not stop:
            self._fork(selector)

    def _crashed(self, worker: Worker, code: int) -> None:
        item = self.session.items[worker.running]
        how = (
            f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
        )
        text = f"worker {worker.name} ended with {how} while it ran this test"
        report: Any = pytest.TestReport(
            item.nodeid, item.location, {}, "failed", text, "call", duration=0.0
        )
        report.worker = worker.name
        hook = self.config.hook
        hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)

    def _end(self) -> None:
        """End all workers; none outlives the session."""
        deadline = time.monotonic() + 5.0
        for worker in self.workers:
            worker.link.close()
            _kill(worker.pid, signal.SIGTERM)
        for worker in self.workers:
            while os.waitpid(worker.pid, os.WNOHANG) == (0, 0):
                if time.monotonic() > deadline:
                    _kill(worker.pid, signal.SIGKILL)
                time.sleep(0.005)
        self.workers.clear()


def _kill(pid: int, number: int) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


BEFORE: list[Callable[[Any], None]] = []
"""What the session does before it forks, so that each worker has it for free."""
