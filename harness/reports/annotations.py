# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks at the failing lines of a change, in the words of GitHub's runner."""

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Final

from harness.model import RunResult, TestResult
from harness.reports import figures

LIMIT: Final = 10
"""GitHub shows no more errors of one step."""
_MESSAGE: Final = 1_000


def lines(run: RunResult, root: Path) -> Iterator[str]:
    """One workflow command per failure whose file lies below `root`."""
    found = (_line(test, place) for test, place in _placed(run, root))
    for _, text in zip(range(LIMIT), found, strict=False):
        yield text


def _placed(run: RunResult, root: Path) -> Iterator[tuple[TestResult, str]]:
    for test in figures.failures(run):
        found = (path for path in _candidates(test, run, root) if path.is_file())
        path = next(found, None)
        if path and path.is_relative_to(root):
            yield test, path.relative_to(root).as_posix()


def _candidates(test: TestResult, run: RunResult, root: Path) -> Iterator[Path]:
    """Where a test's file may be: a key begins with the name of its package."""
    names = filter(None, (test.key.partition("::")[0], test.file))
    for name, top in product(names, [*run.roots, "."]):
        yield from ((root / top).parent / name, root / top / name)


def _line(test: TestResult, file: str) -> str:
    message = figures.plain(test.message or test.longrepr).strip()[:_MESSAGE]
    where = f"file={_property(file)},line={test.fault or test.line}"
    title = f"title={_property(f'{test.outcome}: {figures.plain(test.id)}')}"
    return f"::error {where},{title}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
