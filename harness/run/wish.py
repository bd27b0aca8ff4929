# SPDX-License-Identifier: GPL-3.0-or-later
"""What a round of a watch is to run."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from harness.plan import Step


@dataclass(frozen=True, kw_only=True)
class Wish:
    """`files` None: all; without the tests of the keys `left`.

    Where it comes `first`, the rest may follow it.  One that was `asked` for by a key
    is owed where a save ends it; what a save has led to is found again.
    """

    why: str
    files: tuple[Path, ...] | None = None
    failed: bool = False
    left: frozenset[str] = frozenset()
    first: bool = False
    asked: bool = False

    def joined(self, other: "Wish") -> "Wish":
        """This one, with all that another one runs."""
        files = None
        if self.files is not None and other.files is not None:
            files = tuple(sorted({*self.files, *other.files}))
        asked = self.asked or other.asked
        return replace(self, files=files, left=self.left & other.left, asked=asked)

    def with_tests(self, tests: Mapping[str, Path]) -> "Wish":
        """This one, with these tests, by their keys, too."""
        if self.files is None:
            return replace(self, left=self.left - tests.keys())
        files = tuple(sorted({*self.files, *tests.values()}))
        return replace(self, files=files, left=self.left - tests.keys())

    def ids(
        self,
        files: Iterable[Path] | None,
        tests: Mapping[Path, Mapping[str, str]],
        failing: Iterable[str],
    ) -> list[str]:
        """The tests that it runs of these `files`, of all that there are (`tests`).

        That are the `failing` ones where it is of what has failed.
        """
        if self.failed:
            return list(failing)
        return [
            id_
            for path in (tests if files is None else files)
            for key, id_ in tests.get(path, {"": str(path)}).items()
            if key not in self.left
        ]

    def step(
        self,
        step: Step,
        files: Collection[Path] | None,
        workers: int,
        part: str,
        failing: Collection[str],
    ) -> Step:
        """What runs it: tests of `files` that have a `part` in their names."""
        options = [*step.options, *(["-k", part] if part else [])]
        if self.failed:
            options += ["--last-failed", "--last-failed-no-failures=none"]
        elif failing:
            options += ["--failed-first"]
        return replace(
            step,
            options=tuple(options),
            workers=workers,
            paths=tuple(map(str, files)) if files else step.paths,
            named=bool(files) or step.named,
        )


ALL = Wish(why="all", first=True, asked=True)


def rest(tests: Mapping[Path, Mapping[str, str]], ran: Iterable[str]) -> Wish:
    """All but the tests of the keys that `ran`."""
    left = frozenset(ran)
    files = (path for path, keys in tests.items() if keys.keys() - left)
    return Wish(why="the rest", files=tuple(files), left=left)
