# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what happened in a session to files that the harness reads.

One JSON object a line: a ``plan`` with the ids of all chosen tests, a ``start`` and a
``test`` for each that runs, then a ``session``.  Coverage of the sources is measured
from here on (`measuring`), before they are imported.
"""

from __future__ import annotations

import errno
import sys
from typing import Any, Iterator

import pytest

from harness.plugins import carry, measuring, subtests
from harness.plugins.carry import EVIDENCE
from harness.plugins.client import REACH
from harness.plugins.describing import describe, message, parted, uncollected
from harness.plugins.shuffle import ROUND
from harness.plugins.unpatched import json, os, time
from harness.plugins.workers import NAME, units
from harness.plugins.workers.reruns import STANDS

ATTEMPT = (
    "outcome", "worker", "started", "duration", "message", "longrepr", "sections",
    "fault", "evidence",
)  # fmt: skip
"""What is kept of a time that a test failed before it was run again."""
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
PASSED = frozenset({"passed", "xfailed", "xpassed"})


class Writer:
    """Collects the reports of each test and writes one line when it is over."""

    def __init__(self, path: str) -> None:
        self.stream = open(path, "a", encoding="utf-8")
        self.directory = os.path.join(os.path.dirname(os.path.abspath(path)), EVIDENCE)
        self.reports: dict[str, list[Any]] = {}
        self.attempts: dict[str, list[dict[str, Any]]] = {}
        self.rounds = 1
        self.root = ""
        self.keys: dict[str, str] = {}
        self.planned = False
        self.crashed: set[str] = set()
        self.full = ""
        """Why nothing more is written: the disk is full."""

    def pytest_sessionstart(self, session: Any) -> None:
        """Note where ids begin."""
        self.rounds = session.config.getoption("harness_repeat", 1)
        self.root = str(session.config.rootpath)

    def pytest_collection_finish(self, session: Any) -> None:
        """Say what is to be run, where no worker collects."""
        self.keys = {item.nodeid: units.key(item) for item in session.items}
        self._plan(list(self.keys))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, node: Any, ids: Any) -> None:
        """Say what is to be run; all workers have the same."""
        known = getattr(node.config.pluginmanager.get_plugin(NAME), "known", {})
        self.keys = {name: place.key for name, place in known.items()}
        self._plan(list(ids))

    def _plan(self, ids: list[str]) -> None:
        if not self.planned:
            self.planned = True
            self.write("plan", ids=ids, keys=[self.key(one) for one in ids])

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Say which test runs now: it is the one that ends the process, if one does."""
        self.write("start", id=nodeid)

    def key(self, nodeid: str) -> str:
        """A test's key, the same in each round."""
        known = self.keys.get(nodeid)
        if known:
            return known
        if self.rounds > 1:
            nodeid = ROUND.sub("", nodeid)
        return units.key_of(self.root, nodeid)

    def failed_before(
        self, nodeid: str, location: Any, failures: list[list[Any]]
    ) -> None:
        """Note the times that a test has failed before it was run again."""
        for reports in failures:
            described = self._described(nodeid, location, reports)
            attempt = {name: described[name] for name in ATTEMPT}
            self.attempts.setdefault(nodeid, []).append(attempt)

    def _described(
        self, nodeid: str, location: Any, reports: list[Any]
    ) -> dict[str, Any]:
        key = self.key(nodeid)
        carried: dict[str, bytes] = {}
        for report in reports:
            carried.update(getattr(report, carry.FILES, {}))
        kept = [
            carry.keep(one, self.directory, key, carried.get(one))
            for one in carry.evidence(reports)
        ]
        path = os.path.join(self.root, str(location[0]))
        told = describe(nodeid, location, reports)
        return {"key": key, "path": path, "evidence": kept, **told}

    def write(self, kind: str, **values: Any) -> None:
        """Write one line; on a full disk nothing more, that all may be seen."""
        if self.full:
            return
        try:
            self.stream.write(json.dumps({"kind": kind, **values}) + "\n")
            self.stream.flush()
        except OSError as error:
            if error.errno not in FULL:
                raise
            self.full = str(error)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep a report; of a test that has ended its worker it is the last."""
        self.reports.setdefault(report.nodeid, []).append(report)
        if report.nodeid in self.crashed:
            self.crashed.remove(report.nodeid)
            self.pytest_runtest_logfinish(report.nodeid, report.location)

    @pytest.hookimpl(optionalhook=True, trylast=True)
    def pytest_handlecrashitem(self, crashitem: str, report: Any) -> None:
        """Nobody says the end of such a test, unless it is run again."""
        if report.failed:
            self.crashed.add(crashitem)

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        """Write the test."""
        reports = self.reports.pop(nodeid, [])
        if reports:
            self._finish(nodeid, location, reports)

    def _finish(self, nodeid: str, location: Any, reports: list[Any]) -> None:
        before, reports = parted(reports)
        if before and any(hasattr(one, STANDS) for one in reports):
            before.pop()  # it was to be run again, but has not come to its end
        self.failed_before(nodeid, location, before)
        if before and all(report.when == "teardown" for report in reports):
            return  # pytest-rerunfailures ends a test once for each time
        attempts = self.attempts.pop(nodeid, [])
        own, parts = subtests.told(reports)
        bad = any(one.failed for one in parts)
        described = self._described(nodeid, location, reports if attempts else own)
        if attempts and described["outcome"] in PASSED and not bad:
            described["outcome"] = "flaky"
        self.write("test", **described, attempts=attempts)
        for part in parts:
            self._write_part(described, location, part)

    def _write_part(self, test: dict[str, Any], location: Any, report: Any) -> None:
        """Write a subtest, with what it shares with its test."""
        name = subtests.name(report)
        shared = {key: test[key] for key in ("worker", "started")}
        described = {**describe(f"{test['id']} {name}", location, [report]), **shared}
        key = f"{test['key']} {name}"
        self.write("test", **described, key=key, evidence=[], subtest=name)

    def pytest_collectreport(self, report: Any) -> None:
        """A file that cannot be collected, or skips itself, has a name."""
        if not report.passed:
            self.write(
                "collect",
                id=report.nodeid,
                outcome="skipped" if report.skipped else "error",
                message=message(report) if report.skipped else uncollected(report),
                longrepr=str(report.longrepr) if report.failed else "",
            )

    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Write the end."""
        planned = int(getattr(session, "testscollected", 0))
        ended = time.time()
        self.write("session", exitstatus=int(exitstatus), ended=ended, planned=planned)
        try:
            self.stream.close()
        except OSError:  # what did not fit was said
            pass


class Spared:
    """What pytest prints in the end is printed on a full disk, too."""

    @pytest.hookimpl(hookwrapper=True, trylast=True)
    def pytest_sessionfinish(self) -> Iterator[None]:
        """Reports that find no room (JUnit's) do not end the session."""
        outcome: Any = yield
        error = outcome.excinfo and outcome.excinfo[1]
        if isinstance(error, OSError) and error.errno in FULL:
            sys.stderr.write(f"\nreports are not complete: {error}\n")
            outcome.force_result([])


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-results", default="", help="file that results are added to"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Write results if a file is named; print ids as they are."""
    config.pluginmanager.register(subtests, "harness-subtests")
    if hasattr(config, "workerinput") and REACH in os.environ:
        config.pluginmanager.register(carry.Carrier(), "harness-carrier")
    if config.option.harness_results and not hasattr(config, "workerinput"):
        config.pluginmanager.register(
            Writer(config.option.harness_results), "harness-writer"
        )
        config.pluginmanager.register(Spared(), "harness-spared")
    if config.invocation_params.dir not in config.rootpath.parents:
        config.cwd_relative_nodeid = lambda nodeid: nodeid  # type: ignore[method-assign]


if "pytest" in sys.modules:
    measuring.measure()
