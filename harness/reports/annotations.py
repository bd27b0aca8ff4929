# SPDX-License-Identifier: GPL-3.0-or-later
"""Marks at the failing lines of a change, in the words of GitHub's runner.

A failure is an error, the first failure of a flaky test a warning.
"""

from collections.abc import Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Final

from harness.model import Outcome, RunResult, TestResult
from harness.reports import figures

LIMIT: Final = 10
"""GitHub shows no more errors, nor warnings, of one step."""
_MESSAGE: Final = 1_000


def lines(run: RunResult, root: Path) -> Iterator[str]:
    """One workflow command per failure and flaky test whose file lies below `root`."""
    for tests in (figures.failures(run), figures.flaky(run)):
        found = (_line(test, place) for test, place in _placed(tests, run, root))
        for _, text in zip(range(LIMIT), found, strict=False):
            yield text


def _placed(
    tests: Iterable[TestResult], run: RunResult, root: Path
) -> Iterator[tuple[TestResult, str]]:
    for test in tests:
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
    flaky = test.outcome is Outcome.FLAKY
    told = test.attempts[0] if flaky else test
    kind = "warning" if flaky else "error"
    message = figures.plain(told.message or told.longrepr).strip()[:_MESSAGE]
    where = f"file={_property(file)},line={told.fault or test.line}"
    title = f"title={_property(f'{test.outcome}: {figures.plain(test.id)}')}"
    return f"::{kind} {where},{title}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
