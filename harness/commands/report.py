# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness report merge``: the reports of any number of jobs become one."""

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from harness import __version__, reports
from harness.context import Context
from harness.errors import CommandFailed, ReportError, UsageError
from harness.model import FileCoverage, Judged, RunResult
from harness.reports import coverage, files, merge, past, terminal
from harness.reports.merge import ReportPart
from harness.run import carried, publish, traces
from harness.runners import base
from harness.store import Run


def merge_(
    context: Context,
    *,
    directories: tuple[Path, ...],
    output: Path | None,
    expected: tuple[str, ...],
    gate: Path | None,
    history: Path | None = None,
) -> int:
    """Write one report of all; its exit code is that of the worst of them.

    `expected` are names of parts that must be there, `gate` has the rows of the
    gate as a whole, instead of those in the parts; `history` has earlier runs in short,
    and this one in the end.  Raises `ReportError` that names
    each missing or broken part, after the report of the others is there.
    """
    parts = merge.read(directories, expected=expected)
    if not output and not gate and not any(one.run for one in parts):
        raise _incomplete(_problems(parts), parts)  # the last report stays the last
    judged = _judged(gate) if gate else None
    with Run(context.store) as current:
        top = context.config.root / context.config.reports
        target = output or top / current.id
        _made(target)
        run = merge.join(
            parts,
            judged=judged,
            id=current.id,
            command=context.line,
            version=__version__,
        )
    covered, problem = _coverage(context, parts, target)
    merge.copy_evidence(parts, target)
    for text in gather(parts, target):
        context.console.warn(f"{text}: its tests will run again")
    run = replace(run, coverage=covered, files=_files(parts, covered))
    before = past.read(history or top, but=run.id)
    _write(run, parts, target, before=before)
    if history:
        past.keep(run, history, newest=context.config.keep_reports)
    for text in terminal.terminal(run):
        context.console.info(text)
    page = (
        target / "index.html"
        if output
        else publish.publish(context, target, "index.html")
    )
    shown = context.console.link(page)
    context.console.info(f"report: {shown} (of {len(parts)} parts)")
    problems = _problems(parts)
    problems += [problem] if problem else []
    if problems:
        raise _incomplete(problems, parts)
    return run.exit_code


def gather(parts: Iterable[ReportPart], target: Path) -> list[str]:
    """Merge what the jobs have traced (``--affected``); what is wrong with it."""
    found: dict[str, list[Path]] = {}
    for part in parts:
        for path in sorted((part.directory / traces.REPORTED).glob("*.json")):
            found.setdefault(path.name, []).append(path)
    troubles = []
    for name, paths in found.items():
        path = target / traces.REPORTED / name
        troubles += [*traces.gather(paths, path), *carried.gather(path, paths)]
    return troubles


def expected(matrix: Path) -> tuple[str, ...]:
    """The names of the jobs in a matrix: all must leave a report."""
    try:
        document = json.loads(matrix.read_text("utf-8"))
        return tuple(str(job["name"]) for job in document["jobs"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{matrix} is no matrix of jobs: {error}",
            remedy=f"write it with: harness ci matrix --output {matrix}",
        ) from error


def _judged(path: Path) -> tuple[Judged, ...]:
    try:
        return tuple(merge.judged(path))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ReportError(
            f"{path} has no rows of a gate: {error}",
            remedy="write it with: harness gate --judge DIR ...",
        ) from error


def _made(target: Path) -> None:
    why = ""
    try:
        target.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = f"cannot be made: {error.strerror}"
    if why or any(target.iterdir()):
        raise UsageError(
            f"{target} {why or 'is not empty'}",
            remedy="name another directory with -o",
        )


def _coverage(
    context: Context, parts: list[ReportPart], target: Path
) -> tuple[tuple[FileCoverage, ...], str]:
    """The combined coverage, or why it cannot be combined."""
    data = merge.measured(parts)
    mapping = merge.remap(parts, context.config.root)
    try:
        found = coverage.combine(
            data,
            target,
            roots=list(mapping),
            remap=mapping,
            settings=base.settings(mapping),
        )
    except CommandFailed as error:
        return (), error.message
    return found, ""


def _files(parts: list[ReportPart], covered: Iterable[FileCoverage]) -> tuple[str, ...]:
    junit = files.JUNIT if any(files.JUNIT in one.whole for one in parts) else ""
    data = files.COVERAGE if any(True for _ in covered) else ""
    return tuple(filter(None, (junit, data)))


def _write(
    run: RunResult,
    parts: list[ReportPart],
    target: Path,
    *,
    before: tuple[past.Past, ...],
) -> None:
    reports.write_page(run, target, past=before)
    if text := merge.junit_text(run, parts):
        files.replace(target / files.JUNIT, text)
    timings = json.dumps(merge.timings(run), indent=1, sort_keys=True)
    files.replace(target / merge.TIMINGS, timings + "\n")


def _problems(parts: list[ReportPart]) -> list[str]:
    return [f"{one.name} {text}" for one in parts for text in one.problems]


def _incomplete(problems: list[str], parts: list[ReportPart]) -> ReportError:
    lines = "".join(f"\n  {problem}" for problem in problems)
    return ReportError(
        f"the merged report is not complete:{lines}",
        checked=", ".join(str(one.directory) for one in parts),
        remedy="run these jobs again, or look at their logs: harness ci run-job NAME",
    )
