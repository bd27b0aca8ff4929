# SPDX-License-Identifier: GPL-3.0-or-later
"""The warm process: has imported and collected what a suite needs, and forks.

It runs a session of pytest of its own that collects and runs nothing.  Then it
serves the controller, which wants to know what was collected, and the interpreters
that pytest-xdist starts (`interpreter`), each of which becomes a fork of it.
"""

from __future__ import annotations

import gc
import json
import os
import socket
import sys
import types
from pathlib import Path
from typing import Any, Callable, Iterator

import pytest

from harness.plugins.workers import again, cold, forks, interpreter, units

WARMING = "HARNESS_WARMING"
"""Environment variable: set in the warm process alone."""
CONTROL = b"c"
"""The first byte that the controller says; its input for a worker follows."""
BEFORE = "a plugin or conftest.py"
"""What is imported before anything is collected."""
PATIENCE = 60.0
"""Seconds that the controller gets to say what it tells its workers."""


class Warm:
    """Plugin of the session that collects, seen by others as a worker."""

    def __init__(self, listener: socket.socket) -> None:
        self.listener = listener
        self.control: socket.socket | None = None
        self.watch = cold.Watch()
        self.before = dict(os.environ)
        self.roots: dict[str, set[Path]] = {}
        """Where packages and modules of a name have been collected."""
        self.lane = False
        """Whether it is in a container of its own: so is the environment."""
        self.plan: list[tuple[str, units.Place]] = []
        self.failed = ""
        self.used = ""
        """Who gives values that are used up by one collection."""

    def pytest_plugin_registered(self, plugin: object) -> None:
        """Note the conftest files: a fork has them already."""
        again.FIRST.note(plugin)

    @pytest.hookimpl(tryfirst=True)
    def pytest_cmdline_main(self, config: pytest.Config) -> None:
        """Be what the controller's plugins tell a worker to be."""
        self.watch.look(BEFORE)
        self.control, given = accept(self.listener)
        self.watch.settle()
        self.lane = bool(given.get("lane"))
        if given.get("basetemp"):
            config.option.basetemp = given["basetemp"]
        config.workerinput = given["input"]  # type: ignore[attr-defined]
        config.workeroutput = {}  # type: ignore[attr-defined]
        options = config.option  # as xdist.remote.setup_config
        options.loadgroup = options.looponfail = options.usepdb = False
        options.distload = False
        options.dist = "no"
        options.numprocesses = options.maxprocesses = None

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """A worker's plugins have connected already, those of a fork do it again."""
        self.watch.settle()

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Any:
        """Note which file has started or opened what; what fails is not kept.

        With ``--import-mode=importlib`` half a module stays in `sys.modules`: a worker
        would take it for the whole, and lose the error and all tests of the file.
        """
        try:
            report = yield
        except BaseException:  # a KeyboardInterrupt, an exit: no report is made of it
            forget(str(collector.path))
            raise
        if isinstance(collector, pytest.Module):
            self.watch.look(collector.nodeid)
        if not report.passed:
            forget(str(collector.path))
        elif isinstance(getattr(collector, "obj", None), types.ModuleType):
            name, place = origin(collector.obj.__name__, collector.path)
            self.roots.setdefault(name, set()).add(place)
        return report

    @pytest.hookimpl(wrapper=True, trylast=True, specname="pytest_make_collect_report")
    def pytest_captured(self) -> Any:
        """Note what a module finds as `sys.stdout` when it is imported."""
        again.FIRST.look((sys.stdout, sys.stderr))
        return (yield)

    @pytest.hookimpl(tryfirst=True)
    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Look for iterators: the tests of a fork's collection would be skipped."""
        for mark in metafunc.definition.iter_markers("parametrize"):
            given = (*mark.args, *mark.kwargs.values())
            if any(isinstance(one, Iterator) for one in given):
                name = metafunc.definition.nodeid
                self.used = f"{name} is parametrized by an iterator"

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Run nothing: prepare, and note what there is to run.

        Where two directories have modules of one name, each worker imports its own.
        """
        for name in [name for name, found in self.roots.items() if len(found) > 1]:
            for one in [one for one in sys.modules if f"{one}.".startswith(f"{name}.")]:
                again.FIRST.forget(sys.modules.pop(one))
        self.plan = units.places(session.config, session.items)
        again.FIRST.collected(session)
        if not self.why():
            session.config.hook.pytest_warm(session=session)
        gc.freeze()  # it all stays, and pytest looks for garbage five times at its end
        return True

    @pytest.hookimpl(tryfirst=True)
    def pytest_internalerror(self, excrepr: object) -> None:
        """Note it: the workers start cold, and meet it themselves."""
        self.failed = str(excrepr).strip().rpartition("\n")[2]

    @pytest.hookimpl(tryfirst=True)
    def pytest_keyboard_interrupt(self, excinfo: Any) -> None:
        """As an error: what has not been collected here is of no use to a worker."""
        self.failed = f"{excinfo.typename} at collection"

    def why(self) -> str:
        """Why no worker is forked; empty where all are."""
        return self.failed or self.used or self.watch.why()


def origin(name: str, path: Path) -> tuple[str, Path]:
    """What a module's name begins with, and the directory that it is imported from.

    To pytest 7 a package is its ``__init__.py``, which its name has no part for.
    """
    parts = name.split(".")
    file = path.parent if path.name == "__init__.py" else path
    return parts[0], file.parents[len(parts) - 1]


def forget(path: str) -> None:
    """Let a file, or a package's directory, be imported anew."""
    files = (path, os.path.join(path, "__init__.py"))
    for name, module in list(sys.modules.items()):
        if getattr(module, "__file__", None) in files:
            del sys.modules[name]


def accept(listener: socket.socket) -> tuple[socket.socket, dict[str, Any]]:
    """The controller's connection, and what it says first."""
    listener.settimeout(PATIENCE)
    try:
        while True:
            link, _ = listener.accept()
            if interpreter.own(link):
                break
            link.close()
    except OSError as error:
        raise pytest.UsageError(f"no controller has asked: {error}") from None
    finally:
        listener.settimeout(None)
    _, size = forks.HEAD.unpack(_exactly(link, forks.HEAD.size))
    return link, json.loads(_exactly(link, size))


def _exactly(link: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        more = link.recv(size - len(data))
        if not more:
            raise pytest.UsageError("the controller has gone")
        data += more
    return data


def serve(listener: socket.socket, arguments: list[str]) -> Callable[[], int]:
    """Collect, then fork for whoever asks, until the controller is gone.

    Returns in this process, at the end, and in each fork: what is to be done then.
    """
    warm = Warm(listener)
    os.environ[WARMING] = "1"
    warm.watch.begin()
    again.FIRST.begin()
    try:
        pytest.main(arguments, plugins=[warm])
    except BaseException as error:
        warm.failed = f"{type(error).__name__}: {error}"
    if warm.control is None:
        return lambda: 1  # the controller has met the same mistake, and says so
    why = warm.why()
    warm.watch.end()
    answer = {"cold": why, "plan": warm.plan}
    if not forks.tell(warm.control, answer) or why:
        return lambda: 0
    gc.freeze()
    again.FIRST.end(str(listener.getsockname()))
    del os.environ[WARMING]
    own = dict(os.environ)
    changed = forks.changes(warm.before, own)
    with forks.Server(listener, warm.control) as server:
        order = server.run()
    if order is None:
        return lambda: 0
    if warm.lane:
        order, changed = order._replace(environ=own), {}
    return lambda: forks.become(order, changed)


def lines(plan: list[Any]) -> Iterator[tuple[str, units.Place]]:
    """A plan as it comes out of JSON."""
    for name, (group, *rest) in plan:
        yield name, units.Place(tuple(group), *rest)
