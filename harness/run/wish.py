# SPDX-License-Identifier: GPL-3.0-or-later
"""What a round of a watch is to run."""

from dataclasses import dataclass, replace
from pathlib import Path


@dataclass(frozen=True, kw_only=True)
class Wish:
    """`files` None: all; without the tests of the keys `left`.

    Where it comes `first`, the rest may follow it, and a save that ends it has its
    tests run, too.
    """

    why: str
    files: tuple[Path, ...] | None = None
    failed: bool = False
    left: frozenset[str] = frozenset()
    first: bool = False

    def joined(self, other: "Wish") -> "Wish":
        """This one, with all that another one runs."""
        files = None
        if self.files is not None and other.files is not None:
            files = tuple(sorted({*self.files, *other.files}))
        return replace(self, files=files, left=self.left & other.left)


ALL = Wish(why="all", first=True)
