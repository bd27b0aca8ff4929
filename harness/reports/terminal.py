# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a run for the terminal: a few lines."""

import shlex
from collections.abc import Iterator
from typing import Final

from harness.model import RunResult, StepResult, TestResult
from harness.reports import figures
from harness.reports.figures import LeaseFigures, plural, span

NOTHING: Final = 0.001
"""Seconds: who has waited less for a database has not waited."""
_FLAKY: Final = 10
_WIDTH: Final = 88


def terminal(run: RunResult) -> list[str]:
    """The block at the end of a run: at most 15 lines for the known lease kinds, and
    two for each of a few flaky tests."""
    verdict, reason = figures.verdict(run), figures.reason(run)
    tests = plural(len(run.tests), "test")
    head = f"{verdict.upper()}{f': {reason}' if reason else ''}"
    lines = [f"{head} — {tests} in {span(run.seconds)}"]
    if run.tests:
        lines.append(_row("counts", ", ".join(counted(run))))
    lines += _flaky_lines(run)
    lines += _order_lines(run)
    for number, test in enumerate(figures.slowest(run, 5)):
        label = "" if number else "slowest"
        name = figures.plain(test.id).replace("\n", " ")  # whole: it may be pasted
        lines.append(_row(label, f"{span(test.duration):>10}  {name}"))
    if run.templates:
        lines.append(_row("templates", template_line(run)))
    waited = [one for one in figures.leases(run) if one.longest >= NOTHING]
    for number, lease in enumerate(waited):
        lines.append(_row("" if number else "leases", _lease_line(lease)))
    if (percent := figures.coverage_total(run.coverage)) is not None:
        text = f"{percent:.1f} % of {plural(len(run.coverage), 'file')}"
        lines.append(_row("coverage", text))
    return lines


def failures(step: StepResult) -> str:
    """The failures of a step whose tests could not print them any more."""
    blocks = [
        f"{test.outcome.upper()} {test.id}\n{test.longrepr or test.message}"
        for test in step.tests
        if test.outcome in figures.BAD
    ]
    return figures.plain("\n\n".join(blocks)) or "no test has failed so far"


def _flaky_lines(run: RunResult) -> Iterator[str]:
    """Each flaky test by its whole name, and why it failed the first time."""
    tests = figures.flaky(run)
    for number, test in enumerate(tests[:_FLAKY]):
        name = figures.plain(test.id).replace("\n", " ")
        yield _row("" if number else "flaky", f"{name} ({times(test)})")
        first, *_ = figures.plain(test.attempts[0].message).strip().splitlines() or [""]
        if first:
            yield _row("", f"  {middle(first, _WIDTH)}")
    if len(tests) > _FLAKY:
        yield _row("", f"… and {len(tests) - _FLAKY} more")
    suites = {step.name: step.suite for step in run.steps}
    for test in tests[:1]:
        words = ["harness", "test", suites.get(test.step, ""), "--bisect", test.id]
        yield _row("disturbed?", f" {shlex.join(words)}")


def _order_lines(run: RunResult) -> Iterator[str]:
    if run.order:
        planned = sum(step.planned for step in run.steps)
        ran = sum(map(figures.ran, run.steps))
        short = f"; {ran} of {planned} ran" if _cut(run) else ""
        yield _row("order", f"{run.order}{short}")
    if run.again and figures.reason(run):
        yield _row("again", run.again)


def _cut(run: RunResult) -> bool:
    return any(figures.ran(step) < step.planned for step in run.steps)


def times(test: TestResult) -> str:
    return f"failed {plural(len(test.attempts), 'time')}, then passed"


def _row(label: str, text: str) -> str:
    return f"{label:<10}{text}".rstrip()


def counted(run: RunResult) -> list[str]:
    outcomes = figures.counts("", run.tests).outcomes
    return [f"{count} {outcome}" for outcome, count in outcomes.items() if count]


def template_line(run: RunResult) -> str:
    cost = figures.templates(run)
    built = f"{cost.built} built ({span(cost.built_seconds)})" if cost.built else ""
    reused = f"{cost.reused} reused" if cost.reused else ""
    if cost.reused_seconds >= NOTHING:
        reused += f" ({span(cost.reused_seconds)})"
    return ", ".join(filter(None, (built, reused)))


def _lease_line(lease: LeaseFigures) -> str:
    p50, p95, longest = (
        f"{value * 1000:.1f}" for value in (lease.p50, lease.p95, lease.longest)
    )
    return (
        f"{lease.count:>6} {lease.kind:<6}"
        f" p50 {p50:>5}  p95 {p95:>5}  max {longest:>5} ms"
    )


def middle(text: str, width: int) -> str:
    """At most `width` characters; the tail of a test id tells more than its head."""
    if len(text) <= width:
        return text
    tail = width * 2 // 3
    return f"{text[: width - tail - 1]}…{text[-tail:]}"
