# SPDX-License-Identifier: GPL-3.0-or-later
"""A test's reports, described in one object."""

from __future__ import annotations

import copy
import os
import time
from typing import Any

from harness.plugins import notes, subtests

SECTION_LIMIT = 200_000
"""Characters kept of one captured output."""


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
        "worker": worker(reports[0]),
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


def worker(report: Any) -> str:
    """The worker that has reported."""
    gateway = getattr(getattr(report, "node", None), "gateway", None)
    return str(getattr(gateway, "id", "main"))


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
    text = str(longrepr or "").partition(f"\n{notes.TITLE}:\n")[0]
    lines = text.strip().splitlines()
    return lines[-1] if lines else ""


def uncollected(report: Any) -> str:
    """Why a file cannot be collected, in the words of the last error."""
    lines = str(report.longrepr).splitlines()
    errors = [line[2:].strip() for line in lines if line.startswith("E ")]
    return f"cannot be collected: {errors[-1]}" if errors else "cannot be collected"


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
