# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness report open | list | show | compare``: what runs have left."""

import difflib
import webbrowser
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from harness.context import Context
from harness.errors import ExitCode, ReportError, UsageError
from harness.output import GREEN, RED
from harness.quantities import duration
from harness.reports import changes, figures, past, record, terminal, trend
from harness.reports.figures import RunVerdict
from harness.reports.past import BAD


def list_(context: Context) -> int:
    """The runs whose reports are there, the newest first."""
    runs = past.read(_top(context), but="")
    there = [one.parent for one in _top(context).glob(f"*/{record.FILE}")]
    known = {one.id for one in runs}
    lost = [one.name for one in there if not one.is_symlink() and one.name not in known]
    if lost:
        names = ", ".join(sorted(lost))
        context.console.warn(f"reports that cannot be read are left out: {names}")
    if not runs:
        context.console.info("no run has left a report: harness test SUITE")
        return ExitCode.OK
    rows = [
        (
            one.id,
            datetime.fromtimestamp(one.started).strftime("%Y-%m-%d %H:%M"),
            one.verdict,
            len(one.outcomes),
            sum(outcome in BAD for outcome in one.outcomes.values()),
            duration(one.seconds),
            one.command,
        )
        for one in reversed(runs)
    ]
    headers = ("run", "started", "verdict", "tests", "failed", "time", "command")
    context.console.table(rows, headers, ("time",))
    return ExitCode.OK


def show(context: Context, run: str) -> int:
    """What a run has told in its end, and its failures."""
    place = _place(context, run)
    found = record.load(place)
    head, *more = terminal.terminal(found)
    passed = figures.verdict(found) is RunVerdict.PASSED
    context.console.info(head, GREEN if passed else RED)
    for text in more:
        context.console.info(text)
    for test in figures.failures(found):
        first, *_ = figures.plain(test.message).strip().splitlines() or [""]
        context.console.info(f"{test.outcome.upper()} {test.id}\n  {first}".rstrip())
    context.console.info(f"report: {context.console.link(place / 'index.html')}")
    return ExitCode.OK


def open_(context: Context, run: str) -> int:
    """Show a run's page in the browser; where there is none its path is enough."""
    place = _place(context, run)
    page = place / "index.html"
    if not page.exists():
        raise ReportError(f"{page} is not there", remedy="harness report list")
    context.console.info(context.console.link(page))
    webbrowser.open(page.as_uri())
    return ExitCode.OK


def compare(context: Context, before: str, after: str) -> int:
    """What became of tests from one run to another."""
    old, new = (
        trend.present(record.load(_place(context, one))) for one in (before, after)
    )
    for text in _told(changes.of(old, new)):
        context.console.info(text)
    return ExitCode.OK


def _told(found: changes.Changes) -> Iterator[str]:
    slower = [
        (f"{name}  {duration(was)} → {duration(now)}")
        for (_, name), was, now in found.slower
    ]
    named = {
        "fails now": [name for _, name in found.broken],
        "mended": [name for _, name in found.mended],
        "slower": slower,
        "vanished": [name for _, name in found.vanished],
        "new": [name for _, name in found.added],
    }
    for title, names in named.items():
        if names:
            yield "\n  ".join([f"{title} ({len(names)})", *names])
    if not found:
        yield "nothing has changed"


def _top(context: Context) -> Path:
    return context.config.root / context.config.reports


def _place(context: Context, run: str) -> Path:
    """The directory of a run's report; raises `UsageError` with those there are."""
    top = _top(context)
    for path in (top / run, Path(run), Path(run).parent):
        if run and (path / record.FILE).exists():
            return path.resolve()
    known = [one.parent.name for one in top.glob(f"*/{record.FILE}")]
    ends = [one for one in known if one.startswith(run) or one.endswith(run)]
    if len(ends) == 1:
        return top / ends[0]
    near = ends or difflib.get_close_matches(run, known, n=3)
    raise UsageError(
        f"there is no report of a run {run!r}",
        checked=str(top),
        remedy=f"did you mean {' or '.join(near[:3])}?"
        if near
        else "harness report list",
    )
