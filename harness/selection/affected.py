# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests of a suite saved files concern: what ``harness watch`` asks.

The one place where another way of knowing it comes in.
"""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Final

from harness.selection import decisions
from harness.selection.changes import SelectionContext

TESTS: Final = ("test*.py", "*_test.py", "scenario_*.rst")
"""Names of files that may have tests, where they were made just now."""


@dataclass(frozen=True, kw_only=True)
class Concerned:
    """Files whose tests are to be run, or all tests (None), and why."""

    files: tuple[Path, ...] | None
    why: str


def find(
    context: SelectionContext,
    suite: str,
    saved: Iterable[Path],
    tests: Mapping[Path, object],
) -> Concerned | None:
    """What of a suite the `saved` files concern, some of which are gone; None: nothing.

    `tests` has the files of the suite's tests.  A file of tests concerns its own, all
    others what the rules say (`rules`): the whole suite, or nothing of it.
    """
    saved = sorted(saved)
    own = [path for path in saved if path in tests or _new(path, tests)]
    others = [path for path in saved if path not in own]
    names = [name(context.config.root, path) for path in others]
    chosen = decisions.decide(names, config=context.config, graph=context.graph)
    if others and suite in chosen.suites:
        concerned = [one.file for one in chosen.decisions if one.selects]
        return Concerned(files=None, why=words(concerned or names))
    there = tuple(path for path in own if path.exists())
    if not there:
        return None
    why = words([name(context.config.root, path) for path in there])
    return Concerned(files=there, why=why)


def name(root: Path, path: Path) -> str:
    """A file as rules know it."""
    return Path(os.path.relpath(path, root)).as_posix()


def words(names: list[str]) -> str:
    """Several files in few words."""
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _new(path: Path, tests: Mapping[Path, object]) -> bool:
    """Whether a file is one of tests that was made just now."""
    if not any(fnmatch(path.name, one) for one in TESTS):
        return False
    return any(path.is_relative_to(one.parent) for one in tests)
