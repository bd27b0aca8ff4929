# SPDX-License-Identifier: GPL-3.0-or-later
"""A limit for all that a test may hang in: ``-p harness.plugins.limits``.

Set-up, test and tear-down of each test may take ``--harness-timeout`` seconds each,
and so may the import of each test file and the end of a session.  What takes longer is
interrupted and fails, with the stacks of all threads; what cannot be interrupted ends
its process.  A suite's own settings of pytest-timeout, the mark ``timeout`` among them,
win over what is configured.  Nothing is limited that a debugger is in.
"""

from __future__ import annotations

import glob
import sys
from contextlib import contextmanager
from typing import Any, Iterator

import pytest

from harness.plugins import notes
from harness.plugins.client import client, unwatched
from harness.plugins.limited import LIMITS, Limits, Section, StartTimeout, grace
from harness.plugins.unpatched import os

LEAST = 60.0
"""Seconds that imports and the end of a session get, be a test's limit shorter."""
START = "the import of conftest.py and plugins"
HUNG: dict[str, str] = {}
"""Test files whose import hung in the warm process: its forks do not try again."""
WARMING = "HARNESS_WARMING"
"""As `harness.plugins.workers.warm` has it."""
OVER = pytest.StashKey[Section]()
"""Of a test: the part of it that took too long."""
TAKEN = pytest.StashKey[float]()
"""Of a test: the limit that pytest-timeout has left to us."""


class Plugin:
    """Hooks of a process that imports and runs tests."""

    def __init__(self, config: pytest.Config, limits: Limits, *, fixed: bool) -> None:
        self.config = config
        self.limits = limits
        self.fixed = fixed
        """Whether the limit was asked for now: it counts more than configuration."""

    @pytest.hookimpl(tryfirst=True, specname="pytest_make_collect_report")
    def pytest_known(self, collector: Any) -> Any:
        """What hung in the process that this one is a fork of is not tried again."""
        text = HUNG.get(collector.nodeid)
        if text is None:
            return None
        return pytest.CollectReport(collector.nodeid, "failed", text, [])

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Any:
        """The import of a file has a limit."""
        name = collector.nodeid
        what = f"the import of {name}" if name else "the collection"
        with self.limits.section(what, self.limits.least, file=name) as section:
            report = yield
        if section.stacks:
            told(report, section)
            HUNG[name] = section.told
        return report

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Any:
        """Fixtures have a limit."""
        with self._of(item, "setup"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Any:
        """A test has a limit."""
        with self._of(item, "call"):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Any:
        """Their other half has one, too."""
        with self._of(item, "teardown"):
            return (yield)

    @contextmanager
    def _of(self, item: pytest.Item, phase: str) -> Iterator[None]:
        what = item.nodeid if phase == "call" else f"{phase} of {item.nodeid}"
        with self.limits.section(what, self.seconds(item), test=item.nodeid) as one:
            try:
                yield
            finally:
                item.stash[OVER] = one

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(self, item: pytest.Item) -> Any:
        """Add the stacks; what has hidden that it was interrupted has failed."""
        report = yield
        section = item.stash.get(OVER, None)
        if section is not None and section.stacks:
            told(report, section)
            section.stacks = ""
        return report

    def seconds(self, item: pytest.Item) -> float:
        """The limit of a test; behind that of pytest-timeout, which comes first."""
        taken = item.stash.get(TAKEN, None)
        if taken is not None:
            return taken
        own = marked(item)
        theirs = self.config.pluginmanager.hasplugin("timeout")
        if own is None and theirs and not self.fixed:
            own = configured(self.config)
        if own is None or not self.limits.seconds:
            return self.limits.seconds
        return own + grace(own) if theirs and own else own

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_timeout_set_timer(self, item: pytest.Item, settings: Any) -> Any:
        """In place of pytest-timeout's thread, whose stacks no report has."""
        if settings.method != "thread" or not self.limits.seconds:
            return None
        item.stash[TAKEN] = float(settings.timeout)
        return True

    def pytest_enter_pdb(self) -> None:
        """Who looks at a test has all the time in the world."""
        self.limits.stop()

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self) -> None:
        """So has the rest."""
        self.limits.last()

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """A session in a process that goes on has no limit any more."""
        client.waiting = unwatched
        if not hasattr(self.config, "workerinput"):
            self.limits.stop()


class ControllerLimits:
    """Hooks of the session that hands out tests: tells of workers that were ended."""

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_xdist_setupnodes(self, config: pytest.Config) -> None:
        """The warm process cannot import a file: no worker could."""
        for path in glob.glob(notes.place("warm-*" + notes.STACKS) or "-"):
            self._uncollected(config, path[: -len(notes.STACKS)])

    @pytest.hookimpl(optionalhook=True)
    def pytest_handlecrashitem(self, report: Any) -> None:
        """Say why a worker was ended, with its stacks."""
        path = notes.place(report.node.gateway.id)
        why = notes.ended(path)
        if why:
            report.longrepr = why
            os.unlink(path + notes.STACKS)

    @pytest.hookimpl(optionalhook=True, tryfirst=True)
    def pytest_testnodedown(self, node: Any, error: Any) -> None:
        """No worker after this one could import the file."""
        if error:
            self._uncollected(node.config, notes.place(node.gateway.id))

    def _uncollected(self, config: pytest.Config, path: str) -> None:
        note, why = notes.read(path), notes.ended(path)
        if not why or "file" not in note:
            return
        os.unlink(path + notes.STACKS)
        report = pytest.CollectReport(note["file"], "failed", why, [])
        config.hook.pytest_collectreport(report=report)
        pytest.exit(why.partition("\n")[0], returncode=1)


def told(report: Any, section: Section) -> None:
    """Have a report say that a section took too long."""
    if report.passed:
        report.outcome, report.longrepr = "failed", section.told
    elif hasattr(report.longrepr, "addsection"):
        report.longrepr.addsection(notes.TITLE, section.stacks)
    elif report.failed:
        report.longrepr = section.told


def marked(item: pytest.Item) -> float | None:
    """What the mark ``timeout`` of a test says."""
    mark = item.get_closest_marker("timeout")
    if mark is None:
        return None
    given = mark.kwargs.get("timeout", (*mark.args, None)[0])
    return None if given is None else float(given)


def configured(config: pytest.Config) -> float | None:
    """What the suite says to pytest-timeout, by option, variable or configuration."""
    if config.option.timeout is not None:
        return float(config.option.timeout)
    given = os.environ.get("PYTEST_TIMEOUT") or config.getini("timeout")
    return float(given) if given else None


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-timeout", type=float, default=0.0, help="seconds that tests may take"
    )
    group.addoption(
        "--harness-timeout-fixed",
        action="store_true",
        help="whatever the suite's configuration says of it",
    )
    group.addoption("--harness-timeout-least", type=float, default=LEAST)


def limits_of(config: pytest.Config, options: Any, name: str) -> Limits:
    """The limits of this process; none where somebody looks at it."""
    given = getattr(options, "harness_debugger", None) or getattr(options, "trace", 0)
    seconds = (
        0.0 if getattr(options, "usepdb", False) or given else options.harness_timeout
    )
    made = Limits(seconds, options.harness_timeout_least, name)
    config.stash[LIMITS] = made
    client.waiting = made.waiting
    return made


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Any:
    """The first imports have a limit."""
    known = early_config.known_args_namespace
    name = f"warm-{os.uname().nodename}" if WARMING in os.environ else "main"
    limits = limits_of(early_config, known, name)
    with limits.section(START, limits.least) as section:
        section.kind = StartTimeout
        try:
            return (yield)
        finally:
            if section.stacks:
                sys.stderr.write(f"{section.told}\n")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Limit what this process does."""
    option = config.option
    theirs = config.pluginmanager.hasplugin("timeout")
    if not theirs:
        config.addinivalue_line("markers", "timeout(seconds): how long a test may take")
    elif option.harness_timeout_fixed:
        option.timeout = 0.0
    worker = getattr(config, "workerinput", {}).get("workerid", "")
    limits = config.stash.get(LIMITS, None)
    if limits is None or (worker and WARMING not in os.environ):
        limits = limits_of(config, option, worker or "main")
    if not worker and getattr(option, "dist", "no") != "no":
        config.pluginmanager.register(ControllerLimits(), "harness-limits")
    else:
        made = Plugin(config, limits, fixed=option.harness_timeout_fixed)
        config.pluginmanager.register(made, "harness-limits")
