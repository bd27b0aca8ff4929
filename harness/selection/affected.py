# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests of a suite saved files concern: what ``harness watch`` asks.

Traces know it of tests that have run, rules of the others.
"""

import os
from collections.abc import Iterable, Mapping, Set
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
    """Files whose tests are to be run, or all tests (None), and why.

    Of these tests all but those with the keys `left`.
    """

    files: tuple[Path, ...] | None
    why: str
    left: frozenset[str] = frozenset()
    ruled: bool = False
    """Whether some are tests without a trace, of which rules say so."""


@dataclass(frozen=True, kw_only=True)
class Traced:
    """Keys of the tests whose traces are known, and why some do not hold."""

    known: Set[str]
    stale: Mapping[str, Set[object]]
    """With what has changed of that on which they depend."""


def find(
    context: SelectionContext,
    suite: str,
    saved: Iterable[Path],
    tests: Mapping[Path, Iterable[str]],
    traced: Traced | None = None,
) -> Concerned | None:
    """What of a suite the `saved` files concern, some of which are gone; None: nothing.

    `tests` has the keys of the suite's tests, by file.  Traces know it of the tests
    that have one.  For the others a file of tests concerns its own, any other file what
    the rules say (`rules`): the whole suite, or nothing of it.
    """
    saved = sorted(saved)
    own = [path for path in saved if path in tests or _new(path, tests)]
    there = [path for path in own if path.exists()]
    others = [path for path in saved if path not in own]
    names = [name(context.config.root, path) for path in others]
    chosen = decisions.decide(names, config=context.config, graph=context.graph)
    whole = bool(others) and suite in chosen.suites
    if whole:
        why = [one.file for one in chosen.decisions if one.selects] or names
    else:
        why = [name(context.config.root, path) for path in there]
    if traced is not None:
        why = why or [name(context.config.root, path) for path in saved]
        return _by_traces(whole, there, why, tests, traced)
    if not (whole or there):
        return None
    return Concerned(files=None if whole else tuple(there), why=words(why))


def _by_traces(
    whole: bool,
    there: list[Path],
    why: list[str],
    tests: Mapping[Path, Iterable[str]],
    traced: Traced,
) -> Concerned | None:
    """Files that are `there` may have tests that nobody knows.

    All tests of a file depend on what there is in it: where the traces of all of them
    hold, there is no other one.
    """
    left, files = set(), {path for path in there if not tests.get(path)}
    ruled = bool(files)
    for path, keys in tests.items():
        untraced = {
            key for key in keys if key not in traced.known and (whole or path in there)
        }
        out = {key for key in keys if key not in traced.stale and key not in untraced}
        left |= out
        ruled |= bool(untraced)
        if out != set(keys) and path.exists():
            files.add(path)
    if not (files or whole or there):
        return None
    return Concerned(
        files=tuple(sorted(files)), why=words(why), left=frozenset(left), ruled=ruled
    )


def name(root: Path, path: Path) -> str:
    """A file as rules know it."""
    return Path(os.path.relpath(path, root)).as_posix()


def named(root: Path, paths: Iterable[Path]) -> str:
    """Files in few words."""
    return words([name(root, path) for path in sorted(paths)])


def words(names: list[str]) -> str:
    """Several files in few words; none are those of before."""
    if not names:
        return "since they last ran"
    more = f" and {len(names) - 1} more" if len(names) > 1 else ""
    return f"{names[0]}{more}"


def _new(path: Path, tests: Mapping[Path, object]) -> bool:
    """Whether a file is one of tests that was made just now."""
    if not any(fnmatch(path.name, one) for one in TESTS):
        return False
    return any(path.is_relative_to(one.parent) for one in tests)
