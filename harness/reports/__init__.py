# SPDX-License-Identifier: GPL-3.0-or-later
"""The reports of a run: one page, a summary for CI, one JUnit file, coverage."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from harness.model import RunResult, StepResult
from harness.reports import files, record
from harness.reports.past import Past

# What needs jinja2 and coverage is imported by who writes reports: a package's
# smaller modules are read by commands that must begin at once.


def write(
    run: RunResult,
    directory: Path,
    *,
    junit_parts: Mapping[str, Path],
    ended: Sequence[StepResult] = (),
    past: Sequence[Past] = (),
    editor: str = "",
) -> tuple[Path, ...]:
    """Write the reports into `directory` and return their paths.

    `junit_parts` maps the name of a step to its JUnit file, `ended` are steps that came
    to none; without any, no ``junit.xml`` is written.  `past` are the runs before, the
    oldest first.  Coverage is combined before, so that the run has it
    (`harness.reports.coverage.combine`).
    A missing or broken part raises only after the page and the summary are there:
    that is when they are needed.
    """
    from harness.reports import junit

    named = [files.JUNIT] if junit_parts or ended else []
    named += [files.COVERAGE] if run.coverage else []
    paths = write_page(
        replace(run, files=tuple(named)), directory, past=past, editor=editor
    )
    if junit_parts or ended:
        text = junit.merge(run, junit_parts, ended)
        paths = (*paths, files.replace(directory / files.JUNIT, text))
    return paths


def write_page(
    run: RunResult, directory: Path, *, past: Sequence[Past], editor: str = ""
) -> tuple[Path, ...]:
    """Write what needs nothing but the run: the page, the summary, ``run.json``."""
    from harness.reports import gallery, html, summary

    directory.mkdir(parents=True, exist_ok=True)
    texts = {
        "index.html": html.page(run, directory=directory, past=past, editor=editor),
        "summary.md": summary.markdown(run, past=past),
        record.FILE: record.dump(run),
    }
    pictures = gallery.page(run)
    if pictures:
        texts[gallery.FILE] = pictures
    return tuple(files.replace(directory / name, texts[name]) for name in texts)
