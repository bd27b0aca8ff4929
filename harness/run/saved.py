# SPDX-License-Identifier: GPL-3.0-or-later
"""What saves lead to in a watch, whatever goes on when they come.

A save that concerns a test of the round that goes on, or another test, ends that round.
What it had told as failed is told anew by the next one, with what was asked for by a
key; all else is known by traces.  A save that concerns none lets the round go on: it is
looked at again when that has ended, since its tests may have seen what they had not.
"""

import re
from collections.abc import Iterable, Mapping, Set
from pathlib import Path

from harness.run import saves
from harness.run.known import KnownTests
from harness.run.wish import Wish
from harness.selection.affected import Concerned, Traced

STRUCTURE = re.compile(r".*\.(toml|cfg|ini|conf)$|setup\.py$|requirements.*\.txt$")
"""Names of files that may change what a suite is, or needs."""
Signs = Mapping[str, Set[object]]
"""By the key of a test: what has changed of that on which it depends."""


class Saved:
    """What was saved, and is not told of yet."""

    def __init__(self) -> None:
        self.files: set[Path] = set()
        """No round has told of them."""
        self.covered: set[Path] = set()
        """Those that the round that goes on tells of."""
        self.late: set[Path] = set()
        """Those of no concern to the round that goes on, as far as is known."""
        self.owed: Wish | None = None
        """What rounds that were ended have not told, and nobody would find again."""
        self.unread: set[Path] = set()
        """What was saved of the structure, and could not be read yet."""
        self.signs: Signs = {}
        """At the last decision."""
        self.contents: dict[Path, bytes] = {}
        """Of files that were saved, when that was decided upon."""

    def structure(self, saved: Iterable[Path]) -> set[Path]:
        """What is to be read again, and was not until now, to be emptied then."""
        self.unread |= {one for one in saved if STRUCTURE.match(one.name)}
        return self.unread

    def concern(self, alone: Concerned | None, traced: Traced | None) -> bool:
        """Whether the last save does; `alone`: what it leads to by itself."""
        if alone is None:
            return False
        return traced is None or alone.ruled or self.changed(traced)

    def changed(self, traced: Traced) -> bool:
        """Whether a test depends on what is another thing since the last decision."""
        keys = self.signs.keys() | traced.stale.keys()
        none: Set[object] = frozenset()
        return any(
            self.signs.get(key, none) != traced.stale.get(key, none) for key in keys
        )

    def decided(self, traced: Traced | None) -> None:
        """What is known now is acted upon."""
        self.signs = dict(traced.stale) if traced else {}

    def anew(self, saved: Iterable[Path]) -> bool:
        """Whether a file is another one than when it was last decided upon."""
        before = dict(self.contents)
        self.contents |= {path: saves.content(path) for path in saved}
        return before != self.contents

    def begun(self, covers: Iterable[Path]) -> None:
        """A round begins; what was owed is part of it."""
        self.covered, self.late, self.owed = set(covers), set(), None

    def broken(self, wish: Wish, told: Iterable[str], known: KnownTests) -> None:
        """A round of this wish is ended, that has `told` these tests as failed."""
        owed = Wish(why=wish.why, files=(), left=known.all)
        if wish.asked and wish.first:
            owed = owed.joined(wish)
        tests = known.keys(told)
        if len(tests) < len(set(told)):  # a file that could not be collected
            owed = owed.joined(wish)
        owed = owed.with_tests(tests)
        self.owed = owed.joined(self.owed) if self.owed else owed

    def ended(self, ran: Iterable[str]) -> set[Path]:
        """A round has told of these tests; what is to be looked at again."""
        self.files -= self.covered
        self.signs = {key: one for key, one in self.signs.items() if key not in ran}
        late, self.late = self.late, set()
        return late
