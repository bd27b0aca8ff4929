# SPDX-License-Identifier: GPL-3.0-or-later
"""The runs before this one, as far as their reports are still there."""

import json
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness.errors import ExitCode
from harness.model import Outcome, RunResult, StepResult
from harness.reports import figures, files, record
from harness.reports.figures import RunVerdict

FLAKY: Final = Outcome.FLAKY.value
GOOD: Final = frozenset({Outcome.PASSED.value, Outcome.XFAILED.value})
BAD: Final = frozenset(one.value for one in figures.BAD)


@dataclass(frozen=True, kw_only=True)
class Past:
    """A run in short; `outcomes` by (family, key of the test).

    A family is what can be compared: a suite, in all its shards, with its series and
    database.  `sources` are those of each family, with their revisions.
    """

    id: str
    command: str
    started: float
    seconds: float
    verdict: RunVerdict
    outcomes: Mapping[tuple[str, str], str]
    sources: Mapping[str, tuple[str, ...]]
    durations: Mapping[tuple[str, str], float] = field(default_factory=dict)
    """Seconds, as far as they are known."""


def read(reports: Path, *, but: str) -> tuple[Past, ...]:
    """The runs below `reports`, the oldest first, without the one called `but`.

    What is damaged, or of another version, is left out: it is only history.
    """
    found = []
    for path in reports.glob(f"*/{record.FILE}"):
        if path.parent.is_symlink() or path.parent.name == but:
            continue
        try:
            document = json.loads(path.read_bytes())
            if document["version"] == record.VERSION:
                found.append(_past(document["run"]))
        except (OSError, ValueError, KeyError, TypeError):
            continue
    return tuple(sorted(found, key=lambda one: one.started))


def keep(run: RunResult, directory: Path, *, newest: int) -> None:
    """Add a run in short to those in `directory`, where only the `newest` stay:
    this one in any case.

    What is there is read as reports are: CI has no reports of earlier runs.
    """
    short = {
        "version": record.VERSION,
        "run": {
            "id": run.id,
            "command": run.command,
            "started": run.started,
            "seconds": run.seconds,
            "exit_code": run.exit_code,
            "steps": [_short(step) for step in run.steps],
        },
    }
    place = directory / run.id
    place.mkdir(parents=True, exist_ok=True)
    files.replace(place / record.FILE, json.dumps(short) + "\n")
    old = sorted(
        path.parent
        for path in directory.glob(f"*/{record.FILE}")
        if path.parent != place and not path.parent.is_symlink()
    )
    for path in old[: len(old) + 1 - max(1, newest)]:
        shutil.rmtree(path, ignore_errors=True)


def _short(step: StepResult) -> dict[str, object]:
    return {
        "suite": step.suite,
        "series": step.series,
        "database": step.database,
        "sources": step.sources,
        "tests": [
            {
                "id": one.id,
                "key": one.key,
                "outcome": one.outcome,
                "duration": one.duration,
            }
            for one in step.tests
        ],
    }


def _past(run: Mapping[str, Any]) -> Past:
    return Past(
        id=run["id"],
        command=run["command"],
        started=run["started"],
        seconds=run["seconds"],
        verdict=_verdict(run["exit_code"]),
        outcomes=joined(
            ((family(**_named(step)), test["key"] or test["id"]), test["outcome"])
            for step in run["steps"]
            for test in step["tests"]
        ),
        sources={
            family(**_named(step)): tuple(step["sources"]) for step in run["steps"]
        },
        durations={
            (family(**_named(step)), test["key"] or test["id"]): test["duration"]
            for step in run["steps"]
            for test in step["tests"]
            if "duration" in test
        },
    )


def joined(
    pairs: Iterable[tuple[tuple[str, str], str]],
) -> dict[tuple[str, str], str]:
    """One outcome for each test: of all its rounds, of all jobs that ran it.

    One that passed and failed is flaky.
    """
    found: dict[tuple[str, str], set[str]] = {}
    for test, outcome in pairs:
        found.setdefault(test, set()).add(outcome)
    return {test: _joint(outcomes) for test, outcomes in found.items()}


def _joint(outcomes: set[str]) -> str:
    if FLAKY in outcomes or (outcomes & BAD and outcomes & GOOD):
        return FLAKY
    return min(outcomes, key=lambda one: (one not in BAD, one not in GOOD, one))


def family(*, suite: str, series: str, database: str) -> str:
    """``tryton 7.0 local``"""
    return " ".join((suite, series, database))


def _named(step: Mapping[str, Any]) -> dict[str, str]:
    return {key: step[key] for key in ("suite", "series", "database")}


def _verdict(code: int) -> RunVerdict:
    known: dict[int, RunVerdict] = {
        ExitCode.OK: RunVerdict.PASSED,
        ExitCode.NOTHING_SELECTED: RunVerdict.EMPTY,
        ExitCode.INTERRUPTED: RunVerdict.INTERRUPTED,
    }
    return known.get(code, RunVerdict.FAILED)
