# SPDX-License-Identifier: GPL-3.0-or-later
"""One coverage, lines and branches, from the data files of all steps."""

import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from coverage import Coverage, CoverageData
from coverage.exceptions import CoverageException

from harness.errors import CommandFailed
from harness.model import FileCoverage
from harness.reports.files import COVERAGE, COVERED, replace_tree

XML: Final = "coverage.xml"
LINES: Final = (
    "report:exclude_lines", "report:exclude_also",
    "report:partial_branches", "report:partial_also",
)  # fmt: skip


def combine(
    parts: Sequence[Path],
    directory: Path,
    *,
    roots: Sequence[Path],
    remap: Mapping[Path, Sequence[str]],
    settings: Sequence[Path] = (),
) -> tuple[FileCoverage, ...]:
    """Combine the data files `parts` and report on the files below `roots`.

    Writes ``coverage.data``, ``coverage.xml`` and ``htmlcov/`` into `directory`
    and returns the counts, in the order of their paths, which are relative to
    the parent of their root.  `remap` maps a directory here to the patterns it
    had where the data was recorded (``/shared/src/NAME``).  `settings` configure
    coverage: lines that they exclude are not counted.  The parts are kept.
    Without any measured file it writes nothing and returns ().
    Raises `CommandFailed` for a part that is missing, broken, or of elsewhere.
    """
    found = [measured(part) for part in parts]
    if not any(found):
        return ()
    directory.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=directory, prefix=".coverage-") as name:
        work = Path(name)
        try:
            files = _report(parts, work, roots, remap, settings)
        except CoverageException as error:
            raise CommandFailed(
                f"coverage cannot be reported: {error}",
                checked=", ".join(map(str, parts)),
                remedy="map the recorded paths to the sources (path remapping)",
            ) from error
        for file in (COVERAGE, XML):
            (work / file).replace(directory / file)
        replace_tree(work / COVERED, directory / COVERED)
    return files


def measured(part: Path) -> frozenset[str]:
    """Measured files of `part`; it raises where coverage itself would only warn."""
    if not part.is_file():
        raise CommandFailed(
            f"the coverage data file {part} is not there",
            remedy="read the log of the step that should have written it",
        )
    data = CoverageData(str(part))
    try:
        data.read()
        return frozenset(data.measured_files())
    except CoverageException as error:
        raise CommandFailed(
            f"the coverage data file {part} cannot be read: {error}",
            remedy="read the log of the step that wrote it; it may have been killed",
        ) from error
    finally:
        data.close(force=True)


def _report(
    parts: Sequence[Path],
    work: Path,
    roots: Sequence[Path],
    remap: Mapping[Path, Sequence[str]],
    settings: Sequence[Path],
) -> tuple[FileCoverage, ...]:
    session = Coverage(
        data_file=str(work / COVERAGE),
        branch=True,
        config_file=False,
        source=[str(root) for root in roots],
    )
    paths = {str(here): [str(here), *there] for here, there in remap.items()}
    session.set_option("paths", paths)
    for name, lines in excluded(settings).items():
        session.set_option(name, lines)
    session.combine([str(part) for part in parts], strict=True, keep=True)
    session.save()
    include = [str(root / "*") for root in roots]
    session.xml_report(outfile=str(work / XML), include=include)
    session.html_report(directory=str(work / COVERED), include=include)
    session.json_report(outfile=str(work / "coverage.json"), include=include)
    session.get_data().close(force=True)
    report = json.loads((work / "coverage.json").read_text("utf-8"))
    found = [
        _file(path, entry["summary"], roots) for path, entry in report["files"].items()
    ]
    return tuple(sorted(found, key=lambda file: file.path))


def excluded(settings: Sequence[Path]) -> dict[str, list[str]]:
    """Options of coverage about lines that do not count, of all files together."""
    found: dict[str, dict[str, None]] = {}
    for path in settings:
        one = Coverage(config_file=str(path))
        for name in LINES:
            lines = one.get_option(name)
            if isinstance(lines, list):
                found.setdefault(name, {}).update(dict.fromkeys(lines))
    return {name: list(lines) for name, lines in found.items()}


def _file(
    path: str, figures: Mapping[str, float], roots: Sequence[Path]
) -> FileCoverage:
    return FileCoverage(
        path=_short(Path(path).resolve(), roots),
        statements=int(figures["num_statements"]),
        missing=int(figures["missing_lines"]),
        branches=int(figures["num_branches"]),
        partial=int(figures["num_partial_branches"]),
        percent=float(figures["percent_covered"]),
    )


def _short(path: Path, roots: Sequence[Path]) -> str:
    for root in roots:
        parent = root.resolve().parent
        if path.is_relative_to(root.resolve()):
            return path.relative_to(parent).as_posix()
    return path.as_posix()
