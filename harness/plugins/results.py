# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what happened in a session to files that the harness reads.

One JSON object a line: a ``test`` for each finished test, then a ``session``.
Branch coverage of the sources is measured here too, so that it starts before
they are imported and reaches the worker processes.
"""

from __future__ import annotations

import copy
import hashlib
import json
import os
import re
import shutil
import sys
import time
from typing import Any

import pytest

from harness.plugins import subtests, units

COVERAGE = "HARNESS_COVERAGE"
"""JSON: ``data`` (file name to begin with), ``sources`` (directories), ``settings``
(the file that configures coverage for them, or nothing)."""
SECTION_LIMIT = 200_000
"""Characters kept of one captured output."""
EVIDENCE = "evidence"
"""The property by which a test hands a file to the report:
``record_property("evidence", "/tmp/screenshot.png")``; also the name of the
directory, beside the results, that it is copied to."""
ATTEMPT = (
    "outcome", "worker", "started", "duration", "message", "longrepr", "sections",
    "fault", "evidence",
)  # fmt: skip
"""What is kept of a time that a test failed before it was run again."""
PASSED = frozenset({"passed", "xfailed", "xpassed"})
ROUND = re.compile(r"\[\d+/\d+\]$")
"""What the rounds of a test are told apart by."""


class Writer:
    """Collects the reports of each test and writes one line when it is over."""

    def __init__(self, path: str) -> None:
        self.stream = open(path, "a", encoding="utf-8")
        self.directory = os.path.join(os.path.dirname(os.path.abspath(path)), EVIDENCE)
        self.reports: dict[str, list[Any]] = {}
        self.attempts: dict[str, list[dict[str, Any]]] = {}
        self.keys: dict[str, str] = {}

    def pytest_collection_finish(self, session: Any) -> None:
        """Note the key of each test."""
        self.keys = {item.nodeid: units.key(item) for item in session.items}

    def key(self, nodeid: str) -> str:
        """A test's key, the same in each round."""
        return self.keys.get(nodeid) or self.keys.get(ROUND.sub("", nodeid), nodeid)

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
        kept = [keep(one, self.directory, key) for one in evidence(reports)]
        return {"key": key, "evidence": kept, **describe(nodeid, location, reports)}

    def write(self, kind: str, **values: Any) -> None:
        """Write one line."""
        self.stream.write(json.dumps({"kind": kind, **values}) + "\n")
        self.stream.flush()

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep a report."""
        self.reports.setdefault(report.nodeid, []).append(report)

    def pytest_runtest_logfinish(self, nodeid: str, location: Any) -> None:
        """Write the test."""
        reports = self.reports.pop(nodeid, [])
        if not reports:
            return
        before, reports = parted(reports)
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
                message=message(report) if report.skipped else "cannot be collected",
                longrepr=str(report.longrepr) if report.failed else "",
            )

    def pytest_sessionfinish(self, session: Any, exitstatus: int) -> None:
        """Write the end."""
        planned = int(getattr(session, "testscollected", 0))
        ended = time.time()
        self.write("session", exitstatus=int(exitstatus), ended=ended, planned=planned)
        self.stream.close()


def parted(reports: list[Any]) -> tuple[list[list[Any]], list[Any]]:
    """The times before the last, where pytest-rerunfailures has run a test again."""
    before: list[list[Any]] = []
    rest: list[Any] = []
    for report in reports:
        rest.append(report)
        if getattr(report, "outcome", "") == "rerun":
            failed = copy.copy(report)
            failed.outcome = "failed"
            before.append([*rest[:-1], failed])
            rest = []
    return before, rest


def describe(nodeid: str, location: Any, reports: list[Any]) -> dict[str, Any]:
    """A test in one object; times in seconds."""
    worst = next((one for one in reports if one.failed), None)
    phases: dict[str, float] = {}
    for report in reports:
        if report.when in ("setup", "call", "teardown") and not subtests.is_one(report):
            phases[report.when] = round(report.duration, 6)
    shown = worst or next((one for one in reports if one.skipped), None)
    starts = [one.start for one in reports if getattr(one, "start", 0)]
    duration = sum(phases.values())
    return {
        "id": nodeid,
        "file": str(location[0]),
        "line": (location[1] or 0) + 1,
        "worker": getattr(reports[0], "worker", "main"),
        "outcome": outcome(reports),
        "started": min(starts) if starts else time.time() - duration,
        "phases": phases,
        "duration": round(duration, 6),
        "waits": round(sum(getattr(one, "waited", 0.0) for one in reports), 6),
        "fault": fault(shown, str(location[0])) if worst else 0,
        "message": message(shown) if shown else "",
        "longrepr": getattr(shown, "longreprtext", "") if shown else "",
        "sections": [
            [title, text[-SECTION_LIMIT:]]
            for title, text in (reports[-1].sections if worst else ())
        ],
    }


def outcome(reports: list[Any]) -> str:
    """The outcome in pytest's words: the worst of the phases."""
    for report in reports:
        if report.failed:
            return "failed" if report.when == "call" else "error"
    for report in reports:
        if hasattr(report, "wasxfail"):
            return "xfailed" if report.skipped else "xpassed"
        if report.skipped:
            return "skipped"
    return "passed"


def message(report: Any) -> str:
    """The one line that says why."""
    longrepr = report.longrepr
    crash = getattr(longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)
    if isinstance(longrepr, tuple):
        return str(longrepr[2])
    lines = str(longrepr or "").strip().splitlines()
    return lines[-1] if lines else ""


def fault(report: Any, file: str) -> int:
    """The line of the test's own file that the traceback comes through last."""
    chain = getattr(report.longrepr, "chain", None) or ()
    for traceback, _, _ in reversed(list(chain)):
        for entry in reversed(traceback.reprentries):
            place = getattr(entry, "reprfileloc", None)
            if place is not None and os.path.basename(place.path) == (
                os.path.basename(file)
            ):
                return int(place.lineno)
    return 0


def evidence(reports: list[Any]) -> list[str]:
    """The files that a test has named, in their order."""
    named: dict[str, None] = {}
    for report in reports:
        for name, value in getattr(report, "user_properties", ()):
            if name == EVIDENCE:
                named[str(value)] = None
    return list(named)


def keep(path: str, directory: str, key: str) -> dict[str, str]:
    """Copy a file into the report; its name there tells tests apart."""
    title = os.path.basename(path)
    digest = hashlib.sha256(os.fsencode(f"{key} {path}")).hexdigest()[:12]
    name = f"{digest}-{title}"
    try:
        os.makedirs(directory, exist_ok=True)
        shutil.copyfile(path, os.path.join(directory, name))
    except OSError as error:
        return {"title": title, "file": "", "missing": str(error)}
    return {"title": title, "file": f"{EVIDENCE}/{name}", "missing": ""}


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-results", default="", help="file that results are added to"
    )


def pytest_configure(config: pytest.Config) -> None:
    """Write results if a file is named; print ids as they are."""
    config.pluginmanager.register(subtests, "harness-subtests")
    if config.option.harness_results:
        config.pluginmanager.register(
            Writer(config.option.harness_results), "harness-writer"
        )
    if config.invocation_params.dir not in config.rootpath.parents:
        config.cwd_relative_nodeid = lambda nodeid: nodeid  # type: ignore[method-assign]


def measure() -> None:
    """Measure branch coverage in this process and the workers forked from it."""
    order = json.loads(os.environ.get(COVERAGE) or "null")
    if order is None:
        return
    import atexit

    from coverage import Coverage

    from harness.plugins import child, measuring

    coverage = Coverage(
        data_suffix=True, config_file=measuring.written(order), messages=False
    )
    coverage._warn_no_data = False
    coverage.start()

    def stop() -> None:
        coverage.stop()
        coverage.save()

    child.FAREWELL.append(stop)
    atexit.register(stop)


if "pytest" in sys.modules:
    measure()
