# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows from what the jobs of CI left: a job that left nothing is missing."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from harness.errors import ExitCode
from harness.gate import base, outcome
from harness.gate.base import Row, Status
from harness.gate.parts import DATA
from harness.matrix import Job

RESULT: Final = "run.json"
VERDICT: Final = "gate.json"
ARTEFACT: Final = "report-"
"""How CI begins the names of the directories."""


def find(directories: Iterable[Path]) -> dict[str, Path]:
    """Directories of jobs by the job's name."""
    return {path.resolve().name.removeprefix(ARTEFACT): path for path in directories}


def rows(
    jobs: Sequence[Job], places: Mapping[str, Path], *, flaky: int
) -> dict[str, Row]:
    """The row of each part: the worst of its jobs, which may have `flaky` such tests
    together."""
    found: dict[str, list[Row]] = {}
    for job in jobs:
        found.setdefault(job.row, []).append(_row(job, places.get(job.name)))
    made = {name: base.worst(name, several) for name, several in found.items()}
    for name, row in made.items():
        own = [job for job in jobs if job.row == name and job.name in places]
        tests = {
            key: test
            for job in own
            for key, test in outcome.flaky(places[job.name]).items()
        }
        if row.status is Status.PASSED and len(tests) > flaky:
            why = outcome.too_flaky(list(tests.values()), flaky)
            made[name] = replace(row, status=Status.FAILED, why=why)
    return made


def data(jobs: Sequence[Job], places: Mapping[str, Path]) -> dict[str, list[Path]]:
    """Coverage data by part, as far as they are there."""
    found: dict[str, list[Path]] = {}
    for job in jobs:
        place = places.get(job.name)
        if place is None:
            continue
        path = place / "parts" / job.check / DATA if job.check else place / DATA
        found.setdefault(job.row, []).append(path)
    return found


def _row(job: Job, place: Path | None) -> Row:
    if place is None or not place.is_dir():
        return _made(job, Status.MISSING, f"the job {job.name} left no report")
    if job.check:
        return _of_check(job, place)
    code, seconds = _code(place)
    if code is None:
        return _made(job, Status.MISSING, f"the job {job.name} left no result")
    passed, why = outcome.of_suite(code, place)
    status = Status.PASSED if passed else Status.FAILED
    return _made(job, status, why, seconds)


def _of_check(job: Job, place: Path) -> Row:
    try:
        document = json.loads((place / VERDICT).read_text("utf-8"))
        [row] = [one for one in base.rows(document) if one.name == job.check]
    except (OSError, ValueError) as error:
        why = f"the job {job.name} left no verdict: {error}"
        return _made(job, Status.MISSING, why)
    if row.status in {Status.UNNEEDED, Status.LEFT_OUT}:
        return _made(job, Status.MISSING, f"the job {job.name} did not run it")
    return row


def _made(job: Job, status: Status, why: str, seconds: float = 0.0) -> Row:
    if job.shard and status is not Status.PASSED:
        why = f"shard {job.shard}: {why}"
    return Row(
        name=job.row, status=status, why=why, seconds=seconds, command=job.nox_line
    )


def _code(place: Path) -> tuple[int | None, float]:
    """The exit code of a run and its seconds: its own word, else pytest's."""
    try:
        run: Any = json.loads((place / RESULT).read_text("utf-8"))["run"]
        return int(run["exit_code"]), float(run["seconds"])
    except FileNotFoundError:
        pass
    except (OSError, ValueError, KeyError, TypeError):
        return None, 0.0
    files = sorted(place.glob("*.jsonl"))
    codes = [code for path in files for code in _ended(path)]
    if not files or len(codes) < len(files):
        return None, 0.0
    return max(codes), 0.0


def _ended(path: Path) -> Iterator[int]:
    """What pytest returned, if its session came to an end."""
    for line in path.read_text("utf-8", "replace").splitlines():
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict) and event.get("kind") == "session":
            yield int(event.get("exitstatus", ExitCode.INTERNAL))
