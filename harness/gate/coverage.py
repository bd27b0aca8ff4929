# SPDX-License-Identifier: GPL-3.0-or-later
"""Judges coverage: of the whole, and of the lines that a change touches.

Own code, and not diff-cover: a change spans several repositories (checkouts below
``src/``), new files that git does not know yet count, and a line in the midst of a
statement counts for the statement; the data are at hand, no XML in between.
"""

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from coverage import Coverage
from coverage.exceptions import CoverageException, NoDataError

from harness import lines
from harness.errors import CommandFailed
from harness.gate.base import Row, Status
from harness.gate.parts import CHANGED, WHOLE
from harness.reports import coverage as reports

_SHOWN: Final = 3


@dataclass(frozen=True, kw_only=True)
class File:
    """What was executed of a file: line numbers, and branches counted."""

    executed: frozenset[int]
    missing: frozenset[int]
    branches: int = 0
    taken: int = 0


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Files by name, relative to the root of the project."""

    files: Mapping[str, File] = field(default_factory=dict)

    def below(self, places: Iterable[str]) -> "Measured":
        """Only what lies in one of the directories."""
        inside = tuple(f"{place.rstrip('/')}/" for place in places)
        kept = {name: f for name, f in self.files.items() if name.startswith(inside)}
        return Measured(files=kept)

    def percent(self) -> float | None:
        """Of lines and branches; None where nothing was to be executed."""
        files = self.files.values()
        done = sum(len(one.executed) + one.taken for one in files)
        whole = done + sum(len(one.missing) + one.branches - one.taken for one in files)
        return 100.0 * done / whole if whole else None


def read(
    data: Sequence[Path],
    root: Path,
    places: Sequence[str],
    names: Mapping[str, Sequence[str]] | None = None,
) -> Measured:
    """What the data files say of the directories `places` below `root`.

    `names` are those that a place had in other checkouts, where data were recorded.
    Raises `CommandFailed` for data that cannot be read.
    """
    if not data:
        return Measured()
    try:
        for path in data:
            reports.measured(path)  # combining would only warn, and go on
        with tempfile.TemporaryDirectory(prefix="harness-gate-") as work:
            report = _report(data, root, places, names or {}, Path(work))
    except CoverageException as error:
        raise CommandFailed(
            f"coverage data cannot be read: {error}",
            checked=", ".join(map(str, data)),
            remedy="read the log of the part that left them",
        ) from error
    real = {(root / place).resolve(): place for place in places}
    return Measured(files=_files(report, real))


def _report(
    data: Sequence[Path],
    root: Path,
    places: Sequence[str],
    names: Mapping[str, Sequence[str]],
    work: Path,
) -> Mapping[str, Mapping[str, object]]:
    session = Coverage(data_file=str(work / "data"), branch=True, config_file=False)
    paths = {place: [str(root / place), *names.get(place, ())] for place in places}
    session.set_option("paths", paths)
    session.combine([str(path) for path in data], strict=True, keep=True)
    if not session.get_data().measured_files():
        session.get_data().close(force=True)
        return {}
    include = [str(root / place / "*") for place in places]
    report = work / "report.json"
    try:
        session.json_report(outfile=str(report), include=include, ignore_errors=True)
    except NoDataError:
        return {}
    finally:
        session.get_data().close(force=True)
    found: Mapping[str, Mapping[str, object]] = json.loads(report.read_text())["files"]
    return found


def _files(
    report: Mapping[str, Mapping[str, object]], real: Mapping[Path, str]
) -> dict[str, File]:
    """The files of a report; `real` are the directories and what they are called."""
    made = {}
    for name, entry in report.items():
        summary = entry["summary"]
        executed, missing = entry["executed_lines"], entry["missing_lines"]
        assert isinstance(summary, dict)
        assert isinstance(executed, list)
        assert isinstance(missing, list)
        path = Path(name).resolve()
        for above, place in real.items():
            if path.is_relative_to(above):
                made[f"{place}/{path.relative_to(above).as_posix()}"] = File(
                    executed=frozenset(executed),
                    missing=frozenset(missing),
                    branches=int(summary.get("num_branches", 0)),
                    taken=int(summary.get("covered_branches", 0)),
                )
    return made


# -- rows --------------------------------------------------------------------


def whole(measured: Measured, least: int, command: str) -> Row:
    """The row of all that was measured."""
    percent = measured.percent()
    if percent is None:
        why = "nothing was measured"
        return Row(name=WHOLE, status=Status.FAILED, why=why, command=command)
    passed = percent >= least
    return Row(
        name=WHOLE,
        status=Status.PASSED if passed else Status.FAILED,
        why=f"{_floor(percent)} % of lines and branches in {len(measured.files)} files,"
        f" least is {least} %",
        command="" if passed else command,
    )


def of_change(
    measured: Measured,
    changed: Mapping[str, Iterable[int]],
    texts: Mapping[str, str],
    least: int,
    command: str,
) -> Row:
    """The row of the changed lines; `texts` has the changed files."""
    executed, missing = 0, dict[str, set[int]]()
    for name, numbers in changed.items():
        file = measured.files.get(name)
        if file is None:
            continue
        first = lines.statements(texts.get(name, ""))
        meant = {first.get(number, number) for number in numbers}
        executed += len(meant & file.executed)
        if meant & file.missing:
            missing[name] = meant & file.missing
    left = sum(map(len, missing.values()))
    if not executed + left:
        why = "no changed line was to be executed"
        return Row(name=CHANGED, status=Status.UNNEEDED, why=why)
    percent = 100.0 * executed / (executed + left)
    passed = percent >= least
    why = (
        f"{_floor(percent)} % of {executed + left} changed lines are tested,"
        f" least is {least} %"
    )
    return Row(
        name=CHANGED,
        status=Status.PASSED if passed else Status.FAILED,
        why=why if passed else f"{why}: {_untested(missing)}",
        command="" if passed else command,
    )


def _untested(missing: Mapping[str, set[int]]) -> str:
    worst = sorted(missing.items(), key=lambda one: (-len(one[1]), one[0]))
    shown = [f"{name} {lines.ranges(numbers)}" for name, numbers in worst[:_SHOWN]]
    more = len(worst) - _SHOWN
    return "; ".join(shown) + (f" and {more} more files" if more > 0 else "")


def _floor(percent: float) -> str:
    """One digit, never rounded up: 99.96 is not 100."""
    return f"{int(percent * 10) / 10:g}"
