# SPDX-License-Identifier: GPL-3.0-or-later
"""The short forms of a report: Markdown for CI, a few lines for the terminal."""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from harness.model import Outcome, RunResult, TestResult
from harness.quantities import size
from harness.reports import figures, trend
from harness.reports.figures import RunVerdict, plural, span
from harness.reports.past import Past
from harness.reports.terminal import counted, middle, template_line, times

LIMIT: Final = 900_000
"""Characters: GitHub drops a job summary beyond 1 MiB as a whole."""
_LONGREPR: Final = 8_000
_MODULES: Final = 60
_ICONS: Final = {
    RunVerdict.PASSED: "✅",
    RunVerdict.FAILED: "❌",
    RunVerdict.EMPTY: "⚠️",
    RunVerdict.INTERRUPTED: "⚠️",
}
_SPECIAL: Final = re.compile(r"[\\`*_\[\]<>|&~#@!$]")


def markdown(run: RunResult, *, past: Sequence[Past] = ()) -> str:
    """``summary.md``, of GitHub's dialect; every value is escaped.

    `past` are the runs before, the oldest first: flaky tests are known from them.
    """
    blocks = [
        *_headline(run),
        *_gate(run),
        *_module_table(run),
        *_failures(run),
        *_rerun(run),
        *_flaky(run, past),
        *_slowest(run),
        *_databases(run),
        *_coverage(run),
    ]
    return "\n\n".join(blocks) + "\n"


# -- Markdown ----------------------------------------------------------------


def _headline(run: RunResult) -> Iterator[str]:
    verdict, reason = figures.verdict(run), figures.reason(run)
    what = f"{verdict.capitalize()}{f' — {reason}' if reason else ''}"
    yield f"## {_ICONS[verdict]} {what}"
    outcomes = ", ".join(counted(run)) or "no test ran"
    yield (
        f"**{outcomes}** in {span(run.seconds)}"
        f" · run {_code(run.id)} · {_code(run.command)}"
    )
    if run.order:
        yield f"Order: {_text(run.order)}"
    if run.again and reason:
        yield f"To run in this order again: {_code(run.again)}"
    sources = dict.fromkeys(source for step in run.steps for source in step.sources)
    if sources:
        yield "\n".join(f"- {_text(source)}" for source in sources)


def _gate(run: RunResult) -> Iterator[str]:
    if not run.judged:
        return
    lines = ["| part | status | why | to repeat it |", "|:--|:--|:--|:--|"]
    for row in run.judged:
        command = _code(row.command) if row.command else ""
        lines.append(
            f"| {_text(row.name)} | {_text(row.status)} | {_text(row.reason)}"
            f" | {command} |"
        )
    yield "\n".join(lines)


def _flaky(run: RunResult, past: Sequence[Past]) -> Iterator[str]:
    found = [one for one in trend.of(run, past).unsteady if one.flaky]
    if found:
        rows = "\n".join(
            f"| {_code(one.name)} | {one.failed} of {len(one.outcomes)} |"
            for one in found
        )
        head = "| test | failed |\n|:--|--:|"
        title = f"Flaky in the last runs: {plural(len(found), 'test')}"
        yield _folded(title, f"{head}\n{rows}")


def _rerun(run: RunResult) -> Iterator[str]:
    """The tests of this run that passed only when they were run again."""
    tests = figures.flaky(run)
    if tests:
        yield "### Flaky"
        yield from _blocks(tests)


def _module_table(run: RunResult) -> Iterator[str]:
    modules = figures.modules(run)
    if not modules:
        return
    lines = [
        "| module | tests | passed | failed | flaky | skipped | other | time |",
        "|:--|--:|--:|--:|--:|--:|--:|--:|",
    ]
    for count in modules[:_MODULES]:
        passed, flaky, skipped = (
            count.outcomes[outcome]
            for outcome in (Outcome.PASSED, Outcome.FLAKY, Outcome.SKIPPED)
        )
        other = count.total - passed - flaky - skipped - count.bad
        bad = f"**{count.bad}**" if count.bad else "0"
        lines.append(
            f"| {_text(count.name) or '—'} | {count.total} | {passed} | {bad}"
            f" | {flaky} | {skipped} | {other} | {span(count.seconds)} |"
        )
    yield "\n".join(lines)
    if left := modules[_MODULES:]:
        tests = plural(sum(count.total for count in left), "test")
        yield f"… and {plural(len(left), 'module')} with {tests}, none worse."


def _failures(run: RunResult) -> Iterator[str]:
    broken, failed = figures.broken_steps(run), figures.failures(run)
    if not broken and not failed:
        return
    yield "### Failures"
    for step in broken:
        if step.error:
            yield f"- **{_text(step.name)}** {_text(step.error)}"
            continue
        log = f"; log: {_code(step.log)}" if step.log else ""
        yield (
            f"- step **{_text(step.name)}** ended with exit code {step.exit_code},"
            f" and no failed test explains it{log}"
        )
    yield from _blocks(failed)


def _blocks(tests: Sequence[TestResult]) -> Iterator[str]:
    used = 0
    for number, test in enumerate(tests):
        block = _failure(test)
        used += len(block.encode("utf-8", "replace"))
        if used > LIMIT // 2:
            yield f"… and {len(tests) - number} more; the page has them all."
            return
        yield block


def _failure(test: TestResult) -> str:
    """A failed test, or the first failure of a flaky one, folded."""
    told = test.attempts[0] if test.outcome is Outcome.FLAKY else test
    message = middle(" ".join(figures.plain(told.message).split()), 300)
    text = figures.plain(told.longrepr).strip("\n") or figures.plain(told.message)
    text = figures.shortened(text, _LONGREPR)
    ticks = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, ticks + 1)
    summary = f"<b>{test.outcome}</b> {_code(test.id)}"
    if message:
        summary += f"<br>{_text(message)}"
    if test.attempts:
        how = times(test) if told is not test else f"failed {len(test.attempts) + 1}×"
        summary += f" ({how})"
    named = [_code(one.file) for one in test.files if one.file]
    evidence = f"\n\nEvidence: {', '.join(named)}" if named else ""
    return (
        f"<details><summary>{summary}</summary>\n\n"
        f"{fence}python\n{text}\n{fence}{evidence}\n\n</details>"
    )


def _slowest(run: RunResult) -> Iterator[str]:
    tests = figures.slowest(run, 10)
    if not tests:
        return
    rows = "\n".join(f"| {_code(test.id)} | {span(test.duration)} |" for test in tests)
    yield _folded("Slowest tests", f"| test | duration |\n|:--|--:|\n{rows}")


def _databases(run: RunResult) -> Iterator[str]:
    if run.templates:
        rows = "\n".join(
            f"| {_code(cost.name)} | {_text(cost.layer)} | {_text(cost.action)}"
            f" | {span(cost.seconds)} | {_size(cost.size)} |"
            for cost in run.templates
        )
        head = "| template | layer | action | time | size |\n|:--|:--|:--|--:|--:|"
        yield _folded(f"Templates: {template_line(run)}", f"{head}\n{rows}")
    if run.leases:
        rows = "\n".join(
            f"| {_text(lease.kind)} | {lease.count} | {span(lease.p50)}"
            f" | {span(lease.p95)} | {span(lease.longest)} |"
            for lease in figures.leases(run)
        )
        head = "| lease | count | p50 | p95 | max |\n|:--|--:|--:|--:|--:|"
        title = f"Leases: {len(run.leases)} handed out"
        yield _folded(title, f"{head}\n{rows}")


def _size(number: int) -> str:
    return size(number) if number else "—"


def _coverage(run: RunResult) -> Iterator[str]:
    if (percent := figures.coverage_total(run.coverage)) is not None:
        yield (
            f"Coverage: **{percent:.1f} %** of the lines and branches of"
            f" {plural(len(run.coverage), 'file')}."
        )


def _folded(title: str, body: str) -> str:
    return f"<details><summary>{title}</summary>\n\n{body}\n\n</details>"


def _text(text: str) -> str:
    """`text` as it is, whatever Markdown or HTML would make of it."""
    line = " ".join(figures.plain(text).split())
    return _SPECIAL.sub(lambda match: f"&#{ord(match[0])};", line)


def _code(text: str) -> str:
    return f"<code>{_text(text)}</code>"
