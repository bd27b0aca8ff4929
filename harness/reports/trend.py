# SPDX-License-Identifier: GPL-3.0-or-later
"""What the last runs tell together: durations, and tests that change their mind."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from harness.model import RunResult, StepResult, TestResult
from harness.reports import figures
from harness.reports.figures import RunVerdict
from harness.reports.past import BAD, FLAKY, GOOD, Past, family, joined

RUNS: Final = 30
"""Runs that are shown, at most."""


@dataclass(frozen=True, kw_only=True)
class Point:
    """A run in the trend; `percent` of the longest one."""

    id: str
    started: float
    seconds: float
    percent: float
    verdict: RunVerdict
    tests: int
    bad: int
    current: bool = False


@dataclass(frozen=True, kw_only=True)
class Unsteady:
    """A test that passed and failed in the last runs, oldest first.

    `flaky`: it did both with the same sources, unchanged since their commit.
    """

    family: str
    name: str
    outcomes: tuple[str, ...]
    failed: int
    flaky: bool


@dataclass(frozen=True, kw_only=True)
class Trend:
    """Runs of the same command, and the unsteady tests of the suites of this run."""

    points: tuple[Point, ...]
    unsteady: tuple[Unsteady, ...]


def of(run: RunResult, past: Sequence[Past]) -> Trend:
    """The trend that ends with `run`; `past` ascends."""
    runs = [*past[-RUNS + 1 :], present(run)]
    return Trend(points=_points(runs), unsteady=tuple(_unsteady(runs)))


def present(run: RunResult) -> Past:
    """A run as its successors will see it."""
    return Past(
        id=run.id,
        command=run.command,
        started=run.started,
        seconds=run.seconds,
        verdict=figures.verdict(run),
        outcomes=joined(
            ((_family(step), test.key or test.id), test.outcome.value)
            for step in run.steps
            for test in step.tests
        ),
        sources={_family(step): step.sources for step in run.steps},
        durations={
            (_family(step), test.key or test.id): test.duration
            for step in run.steps
            for test in step.tests
        },
    )


def _family(step: StepResult) -> str:
    return family(suite=step.suite, series=step.series, database=step.database)


def _points(runs: Sequence[Past]) -> tuple[Point, ...]:
    last = runs[-1]
    same = [one for one in runs if one.command == last.command]
    longest = max(one.seconds for one in same) or 1.0
    return tuple(
        Point(
            id=one.id,
            started=one.started,
            seconds=one.seconds,
            percent=100 * one.seconds / longest,
            verdict=one.verdict,
            tests=len(one.outcomes),
            bad=sum(outcome in BAD for outcome in one.outcomes.values()),
            current=one is last,
        )
        for one in same
    )


def _unsteady(runs: Sequence[Past]) -> Iterator[Unsteady]:
    """The flaky first, then those that change most often."""
    seen: dict[tuple[str, str], list[tuple[str, Past]]] = {}
    own = runs[-1].sources
    for run in runs:
        for test, outcome in run.outcomes.items():
            told = outcome in GOOD or outcome in BAD or outcome == FLAKY
            if told and test[0] in own:
                seen.setdefault(test, []).append((outcome, run))
    found = []
    for (kin, key), times in seen.items():
        flaky = _flaky(kin, times)
        outcomes = tuple(outcome for outcome, _ in times)
        changes = sum(a != b for a, b in pairwise(outcomes))
        if flaky or changes:
            failed = sum(outcome in BAD or outcome == FLAKY for outcome in outcomes)
            one = Unsteady(
                family=kin, name=key, outcomes=outcomes, failed=failed, flaky=flaky
            )
            found.append((not flaky, -changes, key, one))
    for *_, one in sorted(found, key=lambda entry: entry[:3]):
        yield one


def _flaky(kin: str, times: Sequence[tuple[str, Past]]) -> bool:
    by_sources: dict[tuple[str, ...], set[str]] = {}
    for outcome, run in times:
        if outcome == FLAKY:
            return True
        sources = run.sources.get(kin, ())
        if sources and not any(one.endswith(" dirty)") for one in sources):
            by_sources.setdefault(sources, set()).add(outcome)
    return any(kinds & BAD and kinds & GOOD for kinds in by_sources.values())


def since(test: TestResult, run: RunResult, past: Sequence[Past]) -> str:
    """``new`` for a failure that the run before did not have, the id of the run that
    had it first, or nothing where it is not known."""
    kin = next((_family(one) for one in run.steps if one.name == test.step), "")
    first = ""
    for one in reversed(past):
        outcome = one.outcomes.get((kin, test.key or test.id))
        if outcome in BAD:
            first = one.id
        elif outcome is not None:
            return first or "new"
    return first
