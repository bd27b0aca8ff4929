# SPDX-License-Identifier: GPL-3.0-or-later
"""From "a database with these modules" to the chain of layers that makes it.

Official modules below, each source above, data on top.  The chain depends on
what is asked for and on nothing else, so the same request always gives the
same database; requests that begin alike share their lower layers.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.errors import SourceError
from harness.template import digest, undo
from harness.template.facts import Facts

Dated = Literal["auto", "always", "never"]
"""Whether the date is a fact; ``auto``: where the date is asked for."""


@dataclass(frozen=True, kw_only=True)
class Document:
    """A doctest document that fills a database; `root` is the project's.

    What it reads beside its data files and the helpers that it imports, `reads`
    say, relative to `root`.
    """

    path: Path
    root: Path = Path()
    reads: tuple[str, ...] = ()
    dated: Dated = "auto"


@dataclass(frozen=True, kw_only=True)
class Program:
    """A command that fills a database; it depends on `reads` and on `packages`."""

    name: str
    argv: tuple[str, ...]
    root: Path
    """What `reads` are relative to."""
    directory: Path
    reads: tuple[str, ...]
    packages: tuple[str, ...] = ()
    environment: tuple[str, ...] = ()
    dated: Dated = "auto"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A database that somebody wants; `modules` empty: ``ir`` and ``res`` only."""

    modules: tuple[str, ...] = ()
    language: str = "en"
    data: tuple[Document | Program, ...] = ()
    reclimit: int = 0
    tracked: bool = False
    """With an undo log, so that a lease of it can be put back in place."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One step of a template: what stands below, and what is added.

    `closure` are all modules of the finished database, `facts` all that the
    digest was made of; `declared` is the digest of those that count whatever its build
    is seen to read, and empty where that is not seen.  `trusted` layers hold nothing
    but released modules that are not under test: their records are not validated
    again.  A `tracked` layer adds nothing but the undo log.
    """

    name: str
    digest: str
    parent: "Layer | None"
    language: str
    modules: tuple[str, ...] = ()
    closure: tuple[str, ...] = ()
    data: tuple[Path, ...] = ()
    program: Program | None = None
    reclimit: int = 0
    trusted: bool = False
    tracked: bool = False
    declared: str = ""
    facts: Mapping[str, str] = field(default_factory=dict)
    gathered: Facts | None = field(default=None, compare=False, repr=False)
    gather: Callable[[], Facts] | None = field(default=None, compare=False, repr=False)
    """Takes the facts again."""

    def chain(self) -> tuple["Layer", ...]:
        """All layers, the lowest first."""
        below = self.parent.chain() if self.parent else ()
        return (*below, self)

    def changes(self) -> list[str]:
        """What is not any more as the digest says, here and in the layers below.

        What a process has imported of those below fills this one, too.
        """
        found: list[str] = []
        for one in self.chain():
            if one.gather and one.gathered:
                try:
                    found += one.gathered.changes(one.gather())
                except SourceError as error:
                    found.append(error.message)
        return found

    def known(self, path: Path) -> bool:
        """Whether a file is among the facts of the chain."""
        return any(
            one.gathered is not None and path in one.gathered.stamps
            for one in self.chain()
        )


def with_undo(parent: Layer) -> Layer:
    """The same, with an undo log."""

    def gather() -> Facts:
        return Facts(site=Path(), texts={"undo": undo.version()})

    name = f"{parent.name}+undo"
    return make(name, parent, gather, trusted=True, tracked=True)


def make(
    name: str, parent: Layer | None, gather: Callable[[], Facts], **more: Any
) -> Layer:
    """A layer on `parent`, which has its language and modules, with its facts."""
    gathered = gather()
    declared = ""
    if "program" not in more and (parent is None or parent.declared):
        chain = parent.chain() if parent else ()
        below = [one.gathered for one in chain if one.gathered]
        declared = digest.combine(
            parent.declared if parent else "", gathered.declared(below)
        )
    if parent:
        more = {"closure": parent.closure, "language": parent.language, **more}
    return Layer(
        name=name,
        digest=digest.combine(parent.digest if parent else "", gathered.texts),
        parent=parent,
        declared=declared,
        facts=gathered.texts,
        gathered=gathered,
        gather=gather,
        **more,
    )
