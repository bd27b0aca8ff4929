# SPDX-License-Identifier: GPL-3.0-or-later
"""A run's failures as the page shows them."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Final
from urllib.parse import quote

from harness.model import Attempt, RunResult, StepResult, TestResult
from harness.reports import figures, film, frames, trend
from harness.reports.frames import Frames
from harness.reports.past import Past
from harness.reports.pictures import FilmFrame, Pictures, Shown

LONGREPR: Final = 40_000
SECTION: Final = 20_000


@dataclass(frozen=True, kw_only=True)
class Told:
    """What one time tells that a test failed."""

    result: TestResult | Attempt
    message: str
    errors: tuple[tuple[str, str], ...]
    """What pytest says of the error, before all else."""
    frames: tuple[tuple[Frames, tuple[tuple[str, str], ...]], ...]
    """The traceback: its parts, each in runs of lines with their style."""
    sections: tuple[tuple[str, str], ...]
    films: tuple[tuple[FilmFrame, ...], ...]
    evidence: tuple[Shown, ...]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed or flaky test as the page shows it; `index` is its row in the table.

    `told` is the last time of a failed test, the first of a flaky one; `others` are
    the other times that it failed.  `since` is ``new``, or the id of the run that had
    it first.
    """

    index: int
    test: TestResult
    told: Told
    others: tuple[Told, ...]
    since: str
    again: str
    """The command that runs it again."""
    editor: str
    """What opens the place in an editor; empty where it is not known."""


def failures(
    run: RunResult,
    rows: Mapping[int, int],
    directory: Path | None,
    past: Sequence[Past],
    editor: str,
) -> list[Failure]:
    pictures = Pictures(directory)
    steps = {step.name: step for step in run.steps}
    made = []
    for test in (*figures.failures(run), *figures.flaky(run)):
        bad = test.outcome in figures.BAD
        times = (*((test,) if bad else ()), *test.attempts)
        told, *others = (_told(one, pictures) for one in times)
        since = trend.since(test, run, past) if bad else ""
        one = Failure(
            index=rows[id(test)],
            test=test,
            told=told,
            others=tuple(others),
            since=since,
            again=_again(test, steps[test.step]),
            editor=_editor(test, told.result.fault or test.line, editor),
        )
        made.append(one)
    return made


def alike(failures: Iterable[Failure]) -> list[list[Failure]]:
    """Failures of one cause together, in the order of the first of each."""
    found: dict[tuple[str, ...], list[Failure]] = {}
    for one in failures:
        told = one.told.result
        alike = frames.likeness(told.message, told.longrepr) if told.message else ()
        found.setdefault(alike or (one.test.id,), []).append(one)
    return list(found.values())


def _again(test: TestResult, step: StepResult) -> str:
    inside = ["--in", "image"] if step.runner == "image" else []
    return shlex.join(
        ["harness", "test", step.suite, figures.plain(test.test), *inside]
    )


def _editor(test: TestResult, line: int, editor: str) -> str:
    if not (editor and test.path):
        return ""
    return editor.replace("{path}", quote(test.path)).replace("{line}", str(line or 1))


def _told(one: TestResult | Attempt, pictures: Pictures) -> Told:
    text = figures.shortened(figures.plain(one.longrepr).strip("\n"), LONGREPR)
    films, others = film.split(one.evidence, pictures.directory)
    return Told(
        result=one,
        message=figures.plain(one.message).strip(),
        errors=_traceback(frames.errors(text)),
        frames=tuple((one, _traceback(one.text)) for one in frames.split(text)),
        sections=tuple(
            (title, figures.shortened(figures.plain(words), SECTION))
            for title, words in one.sections
            if words.strip()
        ),
        films=tuple(tuple(pictures.frames(scenes)) for scenes in films),
        evidence=tuple(pictures.shown(others)),
    )


def _traceback(text: str) -> tuple[tuple[str, str], ...]:
    """Runs of lines with their style; pytest marks errors `E`, the place `>`.

    In a comparison below an error, `-` and `+` say what is on one side only.
    """
    lines = text.splitlines(keepends=True)
    return tuple((mark, "".join(run)) for mark, run in groupby(lines, key=_style))


def _style(line: str) -> str:
    if line.startswith(">"):
        return "here"
    if not line.startswith(("E ", "E\t")) and line != "E\n":
        return ""
    words = line[1:].strip()
    sides = {"- ": "minus", "+ ": "plus", "? ": "hint"}
    return sides.get(words[:2], "error")
