# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the modules of a repository, and those beside it that they need."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Final

from harness import modules, series
from harness.discovery import packaging, tests
from harness.discovery.found import Discovered, Member
from harness.errors import SourceError
from harness.model import Origin

FILE: Final = "tryton.cfg"
DEPTH: Final = 5
"""Directories below the repository in which modules are looked for."""
MOST: Final = 5_000
"""Directories that are looked into: ``/`` has more."""
SKIPPED: Final = frozenset({"build", "dist", "node_modules", "site-packages"})


def look(start: Path, *, release: str = "", lenient: bool = False) -> Discovered | None:
    """The modules in `start`, in a directory above it, or below it; None without any.

    `release` is the series of those that do not say theirs.  Raises `SourceError` for
    a module whose series nobody knows, and for one that needs what is nowhere, which
    is only noted where `lenient`.
    """
    start = start.resolve()
    above = next((one for one in (start, *start.parents) if _is_module(one)), None)
    own = [above] if above else list(_below(start))
    if not own:
        return None
    root = packaging.home(above) if above else start
    return Search(root, release, lenient=lenient).run(own)


def _is_module(directory: Path) -> bool:
    # The name of a module in a template of modules is no name yet.
    there = os.path.isfile(directory / FILE)
    return there and not set("{}") & set(directory.name)


def _below(start: Path) -> Iterator[Path]:
    """Directories of modules, by name; in a module there is no other."""
    todo, looked = [(start, DEPTH)], 0
    while todo:
        directory, depth = todo.pop()
        looked += 1
        if looked > MOST:
            raise SourceError(
                f"too many directories are below {start} to look for modules in them",
                checked=f"the first {MOST}",
                remedy="change to the directory of a module or of the stack",
            )
        if _is_module(directory):
            yield directory
        elif depth:
            inner = reversed(_entries(directory))
            todo += [(one, depth - 1) for one in inner]


def _entries(directory: Path) -> list[Path]:
    """Directories in it that may have modules, as far as it may be read."""
    try:
        names = sorted(os.listdir(directory))
    except OSError:
        return []
    return [
        directory / name
        for name in names
        if not (name.startswith(".") or name in SKIPPED)
        and os.path.isdir(directory / name)
        and not os.path.exists(directory / name / "pyvenv.cfg")
    ]


class Search:
    """The modules that were found, as more of them are needed."""

    def __init__(self, root: Path, release: str, *, lenient: bool) -> None:
        self.root = root
        self.release = release
        self.lenient = lenient
        self.own: dict[str, Member] = {}
        self.taken: dict[str, Member] = {}

    def run(self, directories: list[Path]) -> Discovered:
        """All parts, those of the repository first."""
        for directory in directories:
            part = self._part(directory)
            self._check_double(part)
            self.own[part.name] = part
        todo = list(self.own)
        while todo:
            name = todo.pop(0)
            part = self._complete(self.own.get(name) or self.taken[name])
            (self.own if name in self.own else self.taken)[name] = part
            todo += [one for one in self._needs(part) if self._take(one, part)]
        chosen = any(one.tested for one in self.own.values())
        members = [
            one if chosen else replace(one, tested=True) for one in self.own.values()
        ]
        return Discovered(root=self.root, members=(*members, *self.taken.values()))

    def _check_double(self, part: Member) -> None:
        other = self.own.get(part.name)
        if other:
            raise SourceError(
                f"two modules are called {part.name}",
                checked="; ".join(
                    f"{one.module.path} ({one.why})" for one in (other, part)
                ),
                remedy="change to the directory of the one that is meant",
            )

    def _part(self, directory: Path, why: str = "") -> Member:
        """A module in a directory; what needs it, where it is not under test."""
        place = packaging.home(directory)
        name, named = packaging.name(directory, place)
        module = modules.load(directory, name=name, origin=Origin.SRC)
        release, said = packaging.series(module, place)
        if not release:
            release, said = self.release, "--series"
        if not release:
            raise SourceError(
                f"nothing says which series the module {name} is of",
                checked=f"version in {directory / FILE}, and what {place} requires of"
                " trytond",
                remedy=f"say it: --series {list(series.all_series())[-1]};"
                f" write version=7.0.0 into {directory / FILE} for good",
            )
        return Member(
            module=module,
            home=place,
            series=release,
            why=why or f"name: {named}, series: {said}",
            tested=not why and modules.has_tests(directory),
            extras=packaging.extras(place),
            listed=packaging.listed(place),
        )

    def _needs(self, part: Member) -> tuple[str, ...]:
        module = part.module
        return tuple(
            name
            for name in (*module.depends, *module.extras, *part.tests)
            if name not in modules.CORE
        )

    def _complete(self, part: Member) -> Member:
        """With what its tests need, and without what it can do without.

        Nobody tests what lies beside, so what only its tests need does not count.
        """
        module = part.module
        known = {module.name, *module.depends, *module.extras, *modules.CORE}
        named = tests.named(module.path) if part.name in self.own else {}
        wanted = {one: where for one, where in named.items() if one not in known}
        optional = {**dict.fromkeys(module.extras, "extras_depend"), **wanted}
        absent = {
            one: where for one, where in optional.items() if not self._there(one, part)
        }
        extras = tuple(one for one in module.extras if one not in absent)
        return replace(
            part,
            module=replace(module, extras=extras),
            tests={one: at for one, at in wanted.items() if one not in absent},
            absent=absent,
        )

    def _there(self, name: str, part: Member) -> bool:
        return (
            name in self.own
            or name in series.official()
            or bool(self._beside(name, part.series))
        )

    def _take(self, name: str, part: Member) -> bool:
        """Whether a module is a new part, since another one needs it."""
        if name in self.own or name in self.taken:
            self._agree(part, self.own.get(name) or self.taken[name])
            return False
        if name in series.official():
            return False
        there = self._beside(name, part.series)
        if there:
            self.taken[name] = self._part(there, f"{part.name} needs it")
            return True
        if packaging.installs(part.home):
            return False  # its packaging says where it is, or pip that it is not
        if self.lenient:
            where = f"[tool.harness.source.{name}] is to say where it is"
            part = replace(part, absent={**part.absent, name: where})
            (self.own if part.name in self.own else self.taken)[part.name] = part
            return False
        raise modules.nowhere(
            name,
            part.module,
            tried=[f"the official modules of series {part.series}", *self._tried(name)],
        )

    def _agree(self, part: Member, other: Member) -> None:
        if part.series != other.series:
            raise SourceError(
                f"{part.name} is of series {part.series}, and needs {other.name},"
                f" which is of series {other.series}",
                checked=f"{part.module.path / FILE}, {other.module.path / FILE}",
                remedy="check out the same series of both",
            )

    def _beside(self, name: str, release: str) -> Path | None:
        """A checkout of a module beside the repository, of the same series."""
        return next(
            (at for at, of in self._siblings.get(name, ()) if of == release), None
        )

    def _tried(self, name: str) -> list[str]:
        others = [f"{at} (series {of})" for at, of in self._siblings.get(name, ())]
        return [f"what lies beside {place}" for place in self._places] + others

    @cached_property
    def _places(self) -> list[Path]:
        """The repository, and the modules of one with several."""
        return list(dict.fromkeys([self.root, _repository(self.root)]))

    @cached_property
    def _siblings(self) -> Mapping[str, list[tuple[Path, str]]]:
        """Directory and series of all modules that lie beside, by name."""
        found: dict[str, list[tuple[Path, str]]] = {}
        for place in self._places:
            for entry in sorted(_directories(place.parent)):
                for directory in (entry, *sorted(_directories(entry))):
                    if not _is_module(directory) or directory.is_relative_to(self.root):
                        continue
                    with contextlib.suppress(SourceError):  # it is nobody's concern
                        part = self._part(directory, "beside")
                        found.setdefault(part.name, []).append((directory, part.series))
        return found


def _directories(path: Path) -> list[Path]:
    try:
        with os.scandir(path) as entries:
            return [Path(one) for one in entries if one.is_dir() and one.name[0] != "."]
    except OSError:
        return []


def _repository(path: Path) -> Path:
    """The directory of the repository that a path is in; the path itself for none."""
    for place in (path, *path.parents):
        if any((place / one).exists() for one in packaging.VCS):
            return place
    return path
