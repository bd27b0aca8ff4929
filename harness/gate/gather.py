# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows from what the jobs of CI left: a job that left nothing is missing."""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from harness.ci.matrix import Job
from harness.errors import ExitCode
from harness.gate import base, outcome
from harness.gate.base import Row, Status
from harness.gate.parts import DATA, UNMEASURED

RESULT: Final = "run.json"
VERDICT: Final = "gate.json"
ARTEFACT: Final = "report-"
"""How CI begins the names of the directories."""


@dataclass(frozen=True, kw_only=True)
class Data:
    """Coverage data by part.

    `names` says what measured directories, relative to the root of the project, were
    called where the data were recorded.
    """

    files: Mapping[str, Sequence[Path]]
    names: Mapping[str, Sequence[str]] = field(default_factory=dict)


def find(directories: Iterable[Path]) -> dict[str, Path]:
    """Directories of jobs by the job's name."""
    return {path.resolve().name.removeprefix(ARTEFACT): path for path in directories}


def rows(
    jobs: Sequence[Job],
    places: Mapping[str, Path],
    *,
    flaky: int,
    measuring: Collection[str] = (),
) -> dict[str, Row]:
    """The row of each part: the worst of its jobs.

    Together they may have `flaky` such tests; those of `measuring` must leave coverage.
    """
    found: dict[str, list[Row]] = {}
    for job in jobs:
        place = places.get(job.name)
        row = _row(job, place)
        wanted = not row.red and job.row in measuring
        if place and wanted and not _coverage(job, place).is_file():
            row = _made(job, Status.FAILED, UNMEASURED, row.seconds)
        found.setdefault(job.row, []).append(row)
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


def data(jobs: Sequence[Job], places: Mapping[str, Path]) -> Data:
    """Coverage data, and how each job called what it measured."""
    files: dict[str, list[Path]] = {}
    names: dict[str, dict[str, None]] = {}
    for job in jobs:
        place = places.get(job.name)
        if place is None:
            continue
        files.setdefault(job.row, []).append(_coverage(job, place))
        for here, there in _roots(place / (VERDICT if job.check else RESULT)).items():
            names.setdefault(here, {})[there] = None
    return Data(files=files, names={here: tuple(all_) for here, all_ in names.items()})


def _coverage(job: Job, place: Path) -> Path:
    return place / "parts" / job.check / DATA if job.check else place / DATA


def _roots(path: Path) -> dict[str, str]:
    """Measured directories, and their names there; nothing where it cannot be read."""
    try:
        document: Any = json.loads(path.read_text("utf-8"))
        roots = document.get("run", document)["roots"]
        return {str(here): str(there) for here, there in roots.items()}
    except (OSError, ValueError, KeyError, AttributeError):
        return {}


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
