# SPDX-License-Identifier: GPL-3.0-or-later
"""What facts about code need to be imported: the files that stand behind a file.

Each test asks, so what a file needs is remembered until a module is imported that may
be another answer.
"""

from __future__ import annotations

import sys
from typing import (
    Any,
    Callable,
    Iterable,
    Iterator,
    Mapping,
    NamedTuple,
    Sequence,
)

from harness.plugins.trace import mentions
from harness.plugins.trace.names import above, absolute, file_of, real
from harness.plugins.unpatched import os


class Loaded(NamedTuple):
    """A file of the sources that was imported: its fact, and what its import needs."""

    fact: str
    imports: frozenset[str]
    package: str
    """What relative imports in it begin at."""
    uses: Mapping[str, Sequence[str]]
    """The names that its code mentions, by function."""


class Needs:
    """Of what was imported in this process.

    `name` says what a file is called, `covers` whether it is looked at.
    """

    def __init__(
        self, name: Callable[[str], str], covers: Callable[[str], bool]
    ) -> None:
        self.name = name
        self.covers = covers
        self.loaded: dict[str, Loaded] = {}
        self.importing: dict[str, set[str]] = {}
        """By the name of a file: what was seen while its module was executed."""
        self.left: dict[tuple[str, str], set[str]] = {}
        """By the name of a file, and names in it: what counts for all later that needs
        the file, and mentions one of these where there are some."""
        self._count = 0
        """How many modules there were when the next three were made."""
        self._missing: set[str] = set()
        """Modules of which it counts that they were not there."""
        self._who: dict[tuple[str, str], set[str]] = {}
        """As `left`: the facts about code that may see it."""
        self._index: mentions.Index | None = None
        """Of the files that are loaded."""
        self._own: dict[str, set[str]] = {}
        """By the name of a file: what it needs by itself."""
        self._whole: dict[str, frozenset[str]] = {}
        """By the name of a file: all that it needs."""

    def forget(self) -> None:
        """A module was executed: what is remembered may not be so any more."""
        self._count = 0

    def whole(self, marks: Iterable[str]) -> set[str]:
        """These, what their modules need, and what was left in those."""
        found: set[str] = set()
        more = set(marks)
        while more:
            found |= self.all(more)
            there = (
                facts for place, facts in self.left.items() if self._sees(found, place)
            )
            more = set().union(*there) - found
        return found

    def _sees(self, found: set[str], place: tuple[str, str]) -> bool:
        """Whether who depends on these may see what was left in a place."""
        name, words = place
        if self.loaded[name].fact not in found:
            return False
        if not words:
            return True
        if self._index is None or len(self._index.files) != len(self.loaded):
            self._index = mentions.Index(self._code(), frozenset(self.loaded))
            self._who.clear()
        if place not in self._who:
            self._who[place] = self._index.who(name, words.split())
        return not self._who[place].isdisjoint(found)

    def _code(self) -> Iterator[tuple[str, str, Sequence[str]]]:
        """The facts about code that is loaded, and what it mentions."""
        for file, loaded in self.loaded.items():
            for inside, uses in loaded.uses.items():
                fact = f"function {file}:{inside}" if inside else loaded.fact
                yield fact, file, uses

    def all(self, marks: Iterable[str]) -> set[str]:
        """These and what their modules have needed to be imported."""
        if self._count != len(sys.modules) and self._outdated():
            self._missing.clear()
            self._own.clear()
            self._whole.clear()
        self._count = len(sys.modules)
        found = set(marks)
        for name in {file_of(fact) for fact in found}:
            if name not in self._whole:
                self._whole[name] = self._behind(name)
            found |= self._whole[name]
        return found

    def _outdated(self) -> bool:
        """Whether there are modules now that would be found, or some have gone."""
        fewer = not self._count or self._count > len(sys.modules)
        return fewer or not self._missing.isdisjoint(sys.modules)

    def _behind(self, name: str) -> frozenset[str]:
        found: set[str] = set()
        todo, known = [name], {name}
        while todo:
            more = self._by_itself(todo.pop())
            found |= more
            new = {file_of(fact) for fact in more} - known
            known |= new
            todo.extend(new)
        return frozenset(found)

    def _by_itself(self, name: str) -> set[str]:
        """What a file needs: its import, and the modules that it imports."""
        loaded = self.loaded.get(name)
        if loaded is None:
            return set()
        known = self._own.get(name)
        if known is None:
            known = {loaded.fact, *self._imported(loaded)}
            known |= self.importing.get(name, set())
            self._own[name] = known
        return known

    def _imported(self, loaded: Loaded) -> Iterator[str]:
        """The facts of the files that a module may import, and of all packages."""
        words = {absolute(one, loaded.package) for one in loaded.imports}
        words |= {loaded.package} - {""}
        for one in {one for word in words for one in above(word)}:
            path = getattr(sys.modules.get(one), "__file__", None) or ""
            name = self.name(real(path))
            if name in self.loaded:
                yield self.loaded[name].fact
            elif one not in sys.modules:
                self._missing.add(one)
                yield from self._absent(one)

    def _absent(self, module: str) -> Iterator[str]:
        """Where a module would be that nobody could import, or did until now.

        Of one that is tried (``except ImportError``) it counts that it is not there.
        """
        package, _, last = module.rpartition(".")
        known: Any = sys.modules.get(package)
        if package and (known is None or last in vars(known)):
            return
        places = getattr(known, "__path__", ()) if package else sys.path
        for place in map(real, map(str, places)):
            path = os.path.join(place, last)
            if last != "*" and self.covers(path):
                yield f"place {self.name(path)}.py"
                yield f"place {self.name(path)}"
