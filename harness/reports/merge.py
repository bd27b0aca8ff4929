# SPDX-License-Identifier: GPL-3.0-or-later
"""One run from the reports of any number of jobs."""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from harness.errors import ExitCode, HarnessError
from harness.model import Attempt, Evidence, Judged, RunResult, StepResult, TestResult
from harness.reports import coverage, files, junit, record

GATE: Final = "gate.json"
TIMINGS: Final = "timings.json"
EVIDENCE: Final = "evidence"
RED: Final = frozenset({"failed", "missing", "stopped"})
"""What a row of the gate says when it speaks against a merge."""
ARTEFACT: Final = "report-"
"""How the names of reports begin where CI keeps them."""


@dataclass(kw_only=True)
class ReportPart:
    """The report of one job, by the job's name.

    `problems` say what is wrong; `whole` are those of its files that can be used.
    """

    name: str
    directory: Path
    run: RunResult | None = None
    judged: tuple[Judged, ...] = ()
    whole: dict[str, Path] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def read(
    directories: Iterable[Path], *, expected: Iterable[str] = ()
) -> list[ReportPart]:
    """Read all parts; those of `expected` that nobody gave are parts with a problem.

    A part is called as its directory, without ``report-``.  What is missing or broken
    is noted, never raised: all of it is to be told at once.
    """
    parts: list[ReportPart] = []
    for directory in directories:
        part = ReportPart(name=_name(directory, parts), directory=directory)
        _fill(part)
        for other in parts:
            if part.run and other.run and part.run.id == other.run.id:
                part.problems.append(f"is the same run as {other.directory}")
                part.run, part.whole = None, {}
        parts.append(part)
    missing = [name for name in expected if all(one.name != name for one in parts)]
    for name in missing:
        part = ReportPart(name=name, directory=Path(name))
        part.problems.append("left no report")
        parts.append(part)
    return parts


def _name(directory: Path, parts: Sequence[ReportPart]) -> str:
    name = directory.resolve().name.removeprefix(ARTEFACT)
    taken = {one.name for one in parts}
    return name if name not in taken else f"{name} ({len(parts) + 1})"


def _fill(part: ReportPart) -> None:
    path = part.directory / GATE
    if not part.directory.is_dir():
        part.problems.append("is not there")
        return
    if path.is_file():
        try:
            part.judged = tuple(judged(path))
        except (OSError, ValueError, KeyError, TypeError) as error:
            part.problems.append(f"has a broken {GATE}: {error}")
        if not (part.directory / record.FILE).exists():
            return
    try:
        part.run = record.load(part.directory)
    except HarnessError as error:
        part.problems.append(f"has no result: {error.message}")
        return
    part.problems += _check(part, part.run)


def judged(path: Path) -> Iterator[Judged]:
    """The rows of a ``gate.json``; raises what reading a broken one raises."""
    for row in json.loads(path.read_text("utf-8"))["rows"]:
        yield Judged(
            name=str(row["name"]),
            status=str(row["status"]),
            reason=str(row.get("why", "")),
            seconds=float(row.get("seconds", 0.0)),
            command=str(row.get("command", "")),
        )


def _check(part: ReportPart, run: RunResult) -> Iterator[str]:
    """What a report should have, and has not, or not whole."""
    for name in run.files:
        path = part.directory / name
        try:
            if name == files.JUNIT:
                junit.suites(path, part.name)
            elif name == files.COVERAGE:
                coverage.measured(path)
            part.whole[name] = path
        except HarnessError as error:
            yield error.message
    for test in run.tests:
        for one in test.files:
            if one.file and not (part.directory / one.file).is_file():
                yield f"the evidence {one.file} of {test.id} is not there"


def join(
    parts: Sequence[ReportPart],
    *,
    judged: tuple[Judged, ...] | None = None,
    id: str,
    command: str,
    version: str,
) -> RunResult:
    """One run of all parts; a part with a problem is a broken step of it.

    `judged` are the rows of the gate as a whole, if they are known.

    Steps, workers and facts of several parts are told apart by the part's name.
    """
    runs = [_renamed(part, parts) for part in parts if part.run]
    started = min((run.started for run in runs), default=0.0)
    broken = tuple(_broken(part, started) for part in parts if part.problems)
    ended = max((run.started + run.seconds for run in runs), default=0.0)
    rows = _rows(parts) if judged is None else judged
    failed = any(row.status in RED for row in rows)
    codes = [*(run.exit_code for run in runs), ExitCode.GATE if failed else 0]
    codes += [ExitCode.COMMAND_FAILED] if broken else []
    return RunResult(
        id=id,
        command=command,
        started=started,
        seconds=ended - started,
        exit_code=max(codes, default=ExitCode.NOTHING_SELECTED),
        version=", ".join(dict.fromkeys([version, *(run.version for run in runs)])),
        steps=(*(step for run in runs for step in run.steps), *broken),
        templates=tuple(one for run in runs for one in run.templates),
        leases=tuple(one for run in runs for one in run.leases),
        header={key: value for run in runs for key, value in run.header.items()},
        roots={here: there for run in runs for here, there in run.roots.items()},
        judged=rows,
    )


def _rows(parts: Sequence[ReportPart]) -> tuple[Judged, ...]:
    """One row of each name: what a part left out, another one has judged."""
    found: dict[str, Judged] = {}
    for part in parts:
        for row in part.judged:
            if row.name not in found or _weight(row) > _weight(found[row.name]):
                found[row.name] = row
    return tuple(found.values())


def _weight(row: Judged) -> int:
    return 2 if row.status in RED else int(row.status == "passed")


def _broken(part: ReportPart, started: float) -> StepResult:
    return StepResult(
        name=part.name,
        suite="",
        series="",
        database="",
        exit_code=ExitCode.COMMAND_FAILED,
        started=started,
        seconds=0.0,
        error="; ".join(part.problems),
    )


def _renamed(part: ReportPart, parts: Sequence[ReportPart]) -> RunResult:
    """The run of a part, with names that no other part has."""
    assert part.run
    run, several = part.run, sum(one.run is not None for one in parts) > 1
    others = {
        step.name for one in parts if one.run and one is not part
        for step in one.run.steps
    }  # fmt: skip
    names = {
        step.name: f"{step.name} ({part.name})" if step.name in others else step.name
        for step in run.steps
    }

    def worker(name: str) -> str:
        return f"{part.name} {name}" if several else name

    def test(one: TestResult) -> TestResult:
        return replace(
            one,
            step=names.get(one.step, one.step),
            worker=worker(one.worker),
            evidence=tuple(_moved(part, piece) for piece in one.evidence),
            attempts=tuple(map(attempt, one.attempts)),
        )

    def attempt(one: Attempt) -> Attempt:
        return replace(
            one,
            worker=worker(one.worker),
            evidence=tuple(_moved(part, piece) for piece in one.evidence),
        )

    return replace(
        run,
        steps=tuple(
            replace(step, name=names[step.name], tests=tuple(map(test, step.tests)))
            for step in run.steps
        ),
        leases=tuple(replace(one, worker=worker(one.worker)) for one in run.leases),
        header={names.get(key, key): value for key, value in run.header.items()},
    )


def _moved(part: ReportPart, one: Evidence) -> Evidence:
    if not one.file:
        return one
    return replace(one, file=f"{EVIDENCE}/{part.name}/{Path(one.file).name}")


def copy_evidence(parts: Iterable[ReportPart], directory: Path) -> None:
    """Copy all evidence to where the joined run expects it."""
    for part in parts:
        for test in part.run.tests if part.run else ():
            for one in test.files:
                source = part.directory / one.file
                if one.file and source.is_file():
                    target = directory / _moved(part, one).file
                    target.parent.mkdir(parents=True, exist_ok=True)
                    shutil.copyfile(source, target)


def junit_text(run: RunResult, parts: Iterable[ReportPart]) -> str:
    """One JUnit file, or nothing where no part has any."""
    found = {
        part.name: part.whole[files.JUNIT]
        for part in parts
        if files.JUNIT in part.whole
    }
    return junit.gather(run.id, found) if found else ""


def measured(parts: Iterable[ReportPart]) -> list[Path]:
    """The data files of coverage."""
    name = files.COVERAGE
    return [part.whole[name] for part in parts if name in part.whole]


def remap(parts: Iterable[ReportPart], root: Path) -> dict[Path, list[str]]:
    """The measured directories here, and what they were called in the parts."""
    found: dict[Path, dict[str, None]] = {}
    for part in parts:
        for here, there in part.run.roots.items() if part.run else ():
            found.setdefault(root / here, {})[there] = None
    return {here: list(names) for here, names in found.items()}


def timings(run: RunResult) -> Mapping[str, float]:
    """Seconds of each test that ran, by its key, for shards and schedules."""
    return {
        test.key or test.id: round(test.duration, 3)
        for test in sorted(run.tests, key=lambda test: test.key)
        if test.duration
    }
