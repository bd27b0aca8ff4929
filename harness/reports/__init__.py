# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of a run: one page, a summary for CI, one JUnit file, coverage."""

from collections.abc import Mapping
from pathlib import Path

from harness.model import RunResult
from harness.reports import html, junit, summary
from harness.reports.files import replace


def write(
    run: RunResult, directory: Path, *, junit_parts: Mapping[str, Path]
) -> tuple[Path, ...]:
    """Write the reports into `directory` and return their paths.

    `junit_parts` maps the name of a step to its JUnit file; without any, no
    ``junit.xml`` is written.  Coverage is combined before, so that the run has
    it (`harness.reports.coverage.combine`).  A missing or broken part raises
    only after the page and the summary are there: that is when they are needed.
    """
    directory.mkdir(parents=True, exist_ok=True)
    paths = [
        replace(directory / "index.html", html.page(run)),
        replace(directory / "summary.md", summary.markdown(run)),
    ]
    if junit_parts:
        paths.append(replace(directory / "junit.xml", junit.merge(run, junit_parts)))
    return tuple(paths)
