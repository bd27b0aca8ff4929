# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tests again that have failed, each time from a fresh start.

A test that finds its database as new (isolation ``test``) is run again alone.  Else
what has run before it on the same database is run first, silently: its class or its
module up to it, for a method of a sequence cannot be repeated by itself.  What was
known before the fresh start, such as leases, browsers and fixtures, is given up.

The mark ``flaky(reruns=2)`` of pytest-rerunfailures is understood; where that plugin
is installed, it is left to it.
"""

from __future__ import annotations

import copy
import re
import time
from typing import Any, Iterable

import pytest

# No hook runs a test again: what pytest's own `pytest_runtest_protocol` calls, and
# what it says to the conditions of `skipif`:
# https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/runner.py
from _pytest.runner import runtestprotocol  # a test's phases, as pytest runs them
from _pytest.skipping import evaluate_condition  # a text, as ``skipif`` has it

from harness.plugins import isolation, limited

CRASHED = "harness_crashed"
"""Key of ``workerinput``: tests that have ended a worker; they are not run first."""
STANDS = "harness_stands"
"""Attribute of a report: it was said before that it would be run again."""


def add_options(group: Any) -> None:
    """Options that the harness sets."""
    group.addoption(
        "--harness-reruns", type=int, default=0, help="how often failures are run again"
    )
    group.addoption(
        "--harness-repeat", type=int, default=1, help="how often each test is run"
    )


class Plugin:
    """Hooks of a process that runs tests."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.crashed = set(getattr(config, "workerinput", {}).get(CRASHED, ()))
        self.session: Any = None
        self.pieces: dict[int, tuple[Any, ...]] = {}
        self.ran: set[int] = set()
        """What has run since the last fresh start, by identity."""
        self.round = 1
        self.properties: dict[int, list[Any]] = {}
        """What a test had to say of itself before it ran, by identity."""
        self.inner: list[Any] | None = None
        """Collects the reports of a test that is run inside of our own loop."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Note what is run again as a whole."""
        self.session = session
        default = self.config.getoption("harness_isolation", "class")
        self.pieces = {id(item): piece(item, default) for item in session.items}

    def pytest_runtest_protocol(self, item: Any, nextitem: Any) -> bool | None:
        """Run a test, and again if it fails."""
        if self.inner is not None:
            self.inner += runtestprotocol(item, log=False, nextitem=nextitem)
            self.ran.add(id(item))
            return True
        limit = self._limit(item)
        if not limit and self.config.option.harness_repeat < 2:
            return None
        if nextitem is not None and _round(nextitem) != _round(item):
            nextitem = None
        hook = item.ihook
        hook.pytest_runtest_logstart(nodeid=item.nodeid, location=item.location)
        if _round(item) != self.round:
            self._fresh_start()
            self.round = _round(item)
        for report in self._times(item, nextitem, limit):
            hook.pytest_runtest_logreport(report=report)
        hook.pytest_runtest_logfinish(nodeid=item.nodeid, location=item.location)
        return True

    def pytest_report_teststatus(self, report: Any) -> Any:
        """A word for what is run again, as pytest-rerunfailures has it."""
        return teststatus(report)

    def _times(self, item: Any, nextitem: Any, limit: int) -> list[Any]:
        """Run a test until it passes or has failed often enough; its last reports."""
        reports = self._disturbed(item) if limit else []
        reports = reports or self._once(item, nextitem)
        for _ in range(limit):
            if not self._again(item, reports):
                break
            self._say_again(item, reports)
            self._fresh_start()
            now = self._disturbed(item) or self._once(item, nextitem)
            if skipped(now):  # what is skipped now has not passed
                for report in reports:
                    setattr(report, STANDS, True)
                break
            reports = now
        return reports

    def _again(self, item: Any, reports: list[Any]) -> bool:
        stopping = self.session.shouldstop or self.session.shouldfail
        return failed(reports) and not stopping and wanted(item, reports)

    def _disturbed(self, item: Any) -> list[Any]:
        """Run what a test needs before it; what fails then, reported as its own."""
        known = self.pieces[id(item)]
        for one in self.session.items:
            if one is item:
                break
            same = self.pieces[id(one)] == known and _round(one) == _round(item)
            if same and id(one) not in self.ran and one.nodeid not in self.crashed:
                reports = self._once(one, item)
                if failed(reports):
                    return [_told(report, item) for report in reports]
        return []

    def _once(self, item: Any, nextitem: Any) -> list[Any]:
        """A test's reports, with all that other plugins do around a test."""
        known = self.properties.setdefault(id(item), list(item.user_properties))
        item.user_properties[:] = known
        # What was captured before is said already; each report takes all of it:
        # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/nodes.py
        item._report_sections.clear()
        reports: list[Any] = []
        self.inner = reports
        try:
            item.ihook.pytest_runtest_protocol(item=item, nextitem=nextitem)
        finally:
            self.inner = None
        return reports

    def _fresh_start(self) -> None:
        """Tear down all fixtures, and let go of what outlives tests."""
        self.ran.clear()
        try:
            # There is no public way to tear down fixtures of the session:
            # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/runner.py
            with limited.within(self.config, "the teardown before another time"):
                self.session._setupstate.teardown_exact(None)
        except Exception:
            pass  # it was reported, or belongs to a time that does not count
        self.config.hook.pytest_fresh_start(config=self.config)

    def _say_again(self, item: Any, reports: list[Any]) -> None:
        """Report a time that does not count, in one piece and as no failure."""
        bad = next(report for report in reports if report.failed)
        said = copy.copy(bad)
        said.outcome = "rerun"
        said.when = "call" if bad.when == "call" else "setup"  # JUnit: not the end
        said.duration = sum(report.duration for report in reports)
        said.sections = reports[-1].sections
        item.ihook.pytest_runtest_logreport(report=said)

    def _limit(self, item: Any) -> int:
        """How often a test may be run again."""
        options = self.config.option
        if (
            getattr(options, "usepdb", False)
            or getattr(options, "capture", "no") == "no"
        ):
            return 0
        mark = item.get_closest_marker("flaky")
        if mark is None or self.config.pluginmanager.hasplugin("rerunfailures"):
            return int(options.harness_reruns)
        condition = mark.kwargs.get("condition", True)
        if isinstance(condition, str):
            condition, _ = evaluate_condition(item, mark, condition)
        if not condition:
            return 0
        return int(mark.kwargs.get("reruns", (*mark.args, 1)[0]))


class Pending:
    """Failures that were to be run again: they stand where the session ends before."""

    def __init__(self) -> None:
        self.last: dict[str, Any] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Note a time that does not count, until another one is reported."""
        if report.outcome == "rerun":
            self.last[report.nodeid] = report
        else:
            self.last.pop(report.nodeid, None)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Report them as what they are, to all who report."""
        for report in list(self.last.values()):
            stands = copy.copy(report)
            stands.outcome = "failed"
            setattr(stands, STANDS, True)
            hook = session.config.hook
            hook.pytest_runtest_logreport(report=stands)
            hook.pytest_runtest_logfinish(
                nodeid=stands.nodeid, location=stands.location
            )


def wanted(item: Any, reports: list[Any]) -> bool:
    """Whether the test's own mark lets such a failure be run again; waits as told."""
    mark = item.get_closest_marker("flaky")
    if mark is None:
        return True
    bad = next(report for report in reports if report.failed)
    text = str(getattr(getattr(bad.longrepr, "reprcrash", None), "message", ""))
    only, never = mark.kwargs.get("only_rerun"), mark.kwargs.get("rerun_except")
    if only is not None and not _matches(only, text):
        return False
    if never is not None and _matches(never, text):
        return False
    time.sleep(float(mark.kwargs.get("reruns_delay", 0)))
    return True


def _matches(patterns: Any, text: str) -> bool:
    several: Iterable[str] = [patterns] if isinstance(patterns, str) else patterns
    return any(re.search(one, text) for one in several)


def piece(item: Any, default: str) -> tuple[Any, ...]:
    """What is run again as a whole: all tests with the same answer."""
    level = isolation.of(item, default)
    place = str(item.path)
    if level in ("module", "worker"):
        return (place,)
    owner = getattr(item, "cls", None)
    if level == "class" and owner is not None:
        return (place, owner.__qualname__)
    return (place, item.nodeid)


def teststatus(report: Any) -> Any:
    """The category, letter and word of a time that does not count."""
    if report.outcome == "rerun":
        return "rerun", "R", ("RERUN", {"yellow": True})
    return None


def failed(reports: Iterable[Any]) -> bool:
    """Whether one time of a test has failed, in whichever phase."""
    return any(report.failed for report in reports)


def skipped(reports: Iterable[Any]) -> bool:
    """Whether it did not come to its end."""
    return any(report.skipped and not hasattr(report, "wasxfail") for report in reports)


def _told(report: Any, item: Any) -> Any:
    """A report of another test as one of this, which could not be run without it."""
    told = copy.copy(report)
    text = f"run again, {report.nodeid} has failed before it"
    told.sections = [*report.sections, ("harness", text)]
    told.nodeid, told.location = item.nodeid, item.location
    return told


def _round(item: Any) -> int:
    return int(getattr(item, "harness_round", 1))
