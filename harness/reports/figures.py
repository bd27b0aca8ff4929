# SPDX-License-Identifier: GPL-3.0-or-later
"""What the reports count, all from a `RunResult`; pure."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import groupby
from typing import Final

from harness.errors import ExitCode
from harness.model import (
    FileCoverage,
    LeaseCost,
    Outcome,
    RunResult,
    StepResult,
    TestResult,
)
from harness.quantities import minutes

BAD: Final = frozenset({Outcome.FAILED, Outcome.ERROR})
UNBROKEN: Final = (
    ExitCode.OK, ExitCode.TESTS_FAILED, ExitCode.NOTHING_SELECTED, ExitCode.INTERRUPTED,
)  # fmt: skip
"""Exit codes of steps that tests explain, or that there were none, or the user."""
LEASE_KINDS: Final = ("clean", "reset", "ready", "fresh")
_ANSI: Final = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?)")
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ufffe\uffff]")
"""What no terminal should be sent, or what no XML can have."""


class RunVerdict(StrEnum):
    """The one word for a run."""

    PASSED = "passed"
    FAILED = "failed"
    EMPTY = "no tests"
    INTERRUPTED = "interrupted"


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Tests by outcome, in the order of `Outcome`; `seconds` is their sum."""

    name: str
    total: int
    outcomes: dict[Outcome, int]
    seconds: float

    @property
    def bad(self) -> int:
        """Failed tests and errors."""
        return sum(self.outcomes[outcome] for outcome in BAD)


@dataclass(frozen=True, kw_only=True)
class LeaseFigures:
    """Waiting times of one kind of lease, in seconds."""

    kind: str
    count: int
    p50: float
    p95: float
    longest: float
    total: float


@dataclass(frozen=True, kw_only=True)
class TemplateFigures:
    """Built and reused templates, and the seconds that each took together."""

    built: int
    built_seconds: float
    reused: int
    reused_seconds: float


def verdict(run: RunResult) -> RunVerdict:
    """Never better than an exit code; zero tests are never 'passed'."""
    if run.exit_code == ExitCode.INTERRUPTED:
        return RunVerdict.INTERRUPTED
    tests = run.tests
    if any(test.outcome in BAD for test in tests) or broken_steps(run):
        return RunVerdict.FAILED
    if run.exit_code == ExitCode.NOTHING_SELECTED or (not run.exit_code and not tests):
        return RunVerdict.EMPTY
    return RunVerdict.FAILED if run.exit_code else RunVerdict.PASSED


def reason(run: RunResult) -> str:
    """Why the verdict is what it is, in half a sentence."""
    count = counts("", run.tests)
    parts = [
        plural(count.outcomes[outcome], word)
        for outcome, word in ((Outcome.FAILED, "failure"), (Outcome.ERROR, "error"))
        if count.outcomes[outcome]
    ]
    if count.outcomes[Outcome.FLAKY]:
        parts.append(f"{count.outcomes[Outcome.FLAKY]} flaky")
    if broken := broken_steps(run):
        parts.append(f"{plural(len(broken), 'step')} broken")
    planned = sum(step.planned for step in run.steps)
    if run.exit_code == ExitCode.INTERRUPTED and planned:
        parts.append(f"{sum(map(ran, run.steps))} of {plural(planned, 'test')} ran")
    elif run.exit_code and not (count.bad or broken):
        known = {code.value: code.name for code in ExitCode}
        name = known.get(run.exit_code, "unknown").lower().replace("_", " ")
        parts.append(f"exit code {run.exit_code}, {name}")
    return ", ".join(parts)


def ran(step: StepResult) -> int:
    """How many of the planned tests have run."""
    return sum(bool(test.phases) for test in step.tests)


def broken_steps(run: RunResult) -> tuple[StepResult, ...]:
    """Steps that ended with an error which none of their tests explains."""
    return tuple(
        step
        for step in run.steps
        if step.exit_code not in UNBROKEN
        or (
            step.exit_code == ExitCode.TESTS_FAILED
            and not any(test.outcome in BAD for test in step.tests)
        )
    )


def failures(run: RunResult) -> tuple[TestResult, ...]:
    """Failed tests and errors, in the order they ran."""
    bad = (test for test in run.tests if test.outcome in BAD)
    return tuple(sorted(bad, key=lambda test: test.started))


def flaky(run: RunResult) -> tuple[TestResult, ...]:
    """Tests that failed, then passed, in the order they ran."""
    found = (test for test in run.tests if test.outcome is Outcome.FLAKY)
    return tuple(sorted(found, key=lambda test: test.started))


def counts(name: str, tests: Iterable[TestResult]) -> Counts:
    """Count `tests` under `name`."""
    outcomes = dict.fromkeys(Outcome, 0)
    seconds = 0.0
    for test in tests:
        outcomes[test.outcome] += 1
        seconds += test.duration
    total = sum(outcomes.values())
    return Counts(name=name, total=total, outcomes=outcomes, seconds=seconds)


def modules(run: RunResult) -> tuple[Counts, ...]:
    """Counts per module: those with failures first, then by name."""

    def module(test: TestResult) -> str:
        return test.module

    grouped = groupby(sorted(run.tests, key=module), key=module)
    found = [counts(name, tests) for name, tests in grouped]
    return tuple(sorted(found, key=lambda count: (-count.bad, count.name)))


def slowest(run: RunResult, number: int) -> tuple[TestResult, ...]:
    """The `number` slowest tests, slowest first."""
    tests = (test for test in run.tests if not test.subtest)
    ordered = sorted(tests, key=lambda test: test.duration, reverse=True)
    return tuple(ordered[:number])


def leases(run: RunResult) -> tuple[LeaseFigures, ...]:
    """Waiting times per kind, the cheapest kind first."""

    def kind(lease: LeaseCost) -> tuple[bool, int, str]:
        known = lease.kind in LEASE_KINDS
        rank = LEASE_KINDS.index(lease.kind) if known else 0
        return not known, rank, lease.kind

    return tuple(
        _lease_figures(name, sorted(lease.seconds for lease in group))
        for (_, _, name), group in groupby(sorted(run.leases, key=kind), key=kind)
    )


def _lease_figures(kind: str, waits: Sequence[float]) -> LeaseFigures:
    return LeaseFigures(
        kind=kind,
        count=len(waits),
        p50=percentile(waits, 0.5),
        p95=percentile(waits, 0.95),
        longest=waits[-1],
        total=sum(waits),
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """Nearest rank, so always a measured value; `ordered` ascends, not empty."""
    return ordered[max(math.ceil(share * len(ordered)) - 1, 0)]


def templates(run: RunResult) -> TemplateFigures:
    """What templates cost together."""
    built = [cost.seconds for cost in run.templates if cost.action == "built"]
    reused = [cost.seconds for cost in run.templates if cost.action != "built"]
    return TemplateFigures(
        built=len(built),
        built_seconds=sum(built),
        reused=len(reused),
        reused_seconds=sum(reused),
    )


def coverage_total(files: Iterable[FileCoverage]) -> float | None:
    """Percent of all lines and branches; None if there are none."""
    weighed = [(file.statements + file.branches, file.percent) for file in files]
    whole = sum(weight for weight, _ in weighed)
    if not whole:
        return None
    return sum(weight * percent for weight, percent in weighed) / whole


def span(seconds: float) -> str:
    """A duration to read: ``0.4 ms``, ``85 ms``, ``2.31 s``, ``3 min 05 s``."""
    if seconds < 0.00995:
        return f"{seconds * 1000:.1f} ms"
    if seconds < 0.9995:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 9.995:
        return f"{seconds:.2f} s"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    return minutes(seconds)


def plural(number: int, noun: str) -> str:
    """``1 test``, ``2 tests``."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def plain(text: str) -> str:
    """`text` without terminal colours; other control characters made visible."""
    text = _ANSI.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)


def shortened(text: str, limit: int) -> str:
    """At most about `limit` characters: head and tail, and how much is between."""
    cut = len(text) - limit
    if cut <= 0:
        return text
    head, tail = text[: limit // 3], text[len(text) - (limit - limit // 3) :]
    return f"{head}\n[… {cut} characters left out …]\n{tail}"
