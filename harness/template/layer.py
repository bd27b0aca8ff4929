# SPDX-License-Identifier: GPL-3.0-or-later
"""From "a database with these modules" to the chain of layers that makes it.

Official modules below, each source above, data on top.  The chain depends on
what is asked for and on nothing else, so the same request always gives the
same database; requests that begin alike share their lower layers.
"""

import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from harness.errors import SourceError
from harness.model import Origin
from harness.modules import Graph
from harness.template import digest, packages, scripts, undo
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


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What a template depends on besides its modules: part of the lowest layer."""

    series: str
    python: str
    database: str
    """Kind and major of the server, encoding and locale."""
    site: Path
    """``site-packages`` of the suite's environment."""


class Layers:
    """Resolves requests in one environment on one server."""

    def __init__(
        self,
        graph: Graph,
        surroundings: Surroundings,
        *,
        cuts: Sequence[str] = (),
        tested: Iterable[str] = (),
        root: Path = Path(),
        reads: Sequence[str] = (),
    ) -> None:
        """`tested` are the modules under test; `cuts` end a layer each.

        `reads`, relative to `root`, are what sources read and do not ship.
        """
        self.graph = graph
        self.surroundings = surroundings
        self.cuts = tuple(cuts)
        self.tested = frozenset(tested)
        self.root = root
        self.reads = tuple(reads)
        self._made: dict[tuple[object, ...], Layer] = {}
        self._resolved: dict[Request, Layer] = {}

    def resolve(self, request: Request) -> Layer:
        """The top layer of the chain that answers `request`.

        Raises `UsageError` for an unknown module, `SourceError` for a cycle.
        What was resolved once stays so: a run tests what it found at its start.
        """
        if request not in self._resolved:
            self._resolved[request] = self._resolve(request)
        return self._resolved[request]

    def _resolve(self, request: Request) -> Layer:
        layer = self._base(request.language)
        wanted = self.graph.closure(request.modules)
        official = frozenset(
            name for name in wanted if self.graph[name].origin is Origin.INDEX
        )
        for step in self._official(official):
            layer = self._add(layer, step)
        for name in self.graph.order(wanted - official):
            layer = self._add(layer, (name,))
        for one in request.data:
            if isinstance(one, Program):
                layer = self._with_program(layer, one)
            else:
                layer = self._with_data(layer, one, request.reclimit)
        return with_undo(layer) if request.tracked else layer

    def _official(self, wanted: frozenset[str]) -> Iterable[tuple[str, ...]]:
        """The official modules in steps: each cut's closure, then the rest."""
        done: frozenset[str] = frozenset()
        for cut in self.cuts:
            if cut in wanted and cut in self.graph:
                step = self.graph.closure([cut]) - done
                if step and step <= wanted:
                    done |= step
                    yield self.graph.order(step)
        if wanted - done:
            yield self.graph.order(wanted - done)

    def _base(self, language: str) -> Layer:
        def gather() -> Facts:
            around = self.surroundings
            facts = self._nothing()
            facts.texts.update(
                series=around.series,
                python=around.python,
                database=around.database,
                language=language,
            )
            facts.packages(["trytond"])
            return facts

        return make("base", None, gather, language=language, trusted=True)

    def _nothing(self) -> Facts:
        return Facts(site=self.surroundings.site)

    def _add(self, parent: Layer, modules: tuple[str, ...]) -> Layer:
        key = (parent.digest, modules)
        if key not in self._made:
            trusted = self._trusted(modules)

            def gather() -> Facts:
                facts = self._nothing()
                facts.texts["records"] = "trusted" if trusted else "validated"
                if not trusted:
                    facts.texts["known modules"] = self._listed()
                for name in modules:
                    self._module(facts, name)
                return facts

            self._made[key] = make(
                modules[-1],
                parent,
                gather,
                modules=modules,
                closure=self.graph.order({*parent.closure, *modules}),
                trusted=trusted,
            )
        return self._made[key]

    def _listed(self) -> str:
        """What trytond writes of each installed module into a database, as a digest."""
        lines = (
            f"{name}: {' '.join(sorted(one.depends))}\n"
            for name, one in sorted(self.graph.items())
        )
        return digest.text("".join(lines).encode())

    def _trusted(self, modules: tuple[str, ...]) -> bool:
        return not self.tested.intersection(modules) and all(
            self.graph[name].origin is Origin.INDEX for name in modules
        )

    def _module(self, facts: Facts, name: str) -> None:
        module, site = self.graph[name], self.surroundings.site
        if module.origin is Origin.INDEX:
            facts.texts[f"module {name}"] = module.version
            facts.packages([f"trytond-{name}"])
            return
        facts.shipped(f"file {name}", module.path)
        facts.imports()
        facts.packages([packages.providing(site, name)])
        for path in self.reads:
            facts.read(f"read {path}", self.root / path)

    def _with_data(self, parent: Layer, document: Document, reclimit: int) -> Layer:
        def gather() -> Facts:
            facts = self._nothing()
            facts.texts["reclimit"] = str(reclimit)
            where, root = document.path, document.root
            scripts.read(facts, where, root, self.graph, parent.known)
            for path in document.reads:
                facts.read(f"read {path}", root / path)
            facts.imports()
            _date(facts, document.dated)
            return facts

        path = document.path
        return make(path.stem, parent, gather, data=(path,), reclimit=reclimit)

    def _with_program(self, parent: Layer, program: Program) -> Layer:
        def gather() -> Facts:
            facts = self._nothing()
            facts.texts["command"] = shlex.join(program.argv)
            facts.packages(program.packages)
            for line in program.environment:
                name, _, value = line.partition("=")
                facts.texts[f"variable {name}"] = value
            for path in program.reads:
                facts.read(f"read {path}", program.root / path)
            facts.imports()
            _date(facts, program.dated)
            return facts

        return make(program.name, parent, gather, program=program)


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
        below = parent.declared if parent else ""
        declared = digest.combine(below, gathered.declared())
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


def _date(facts: Facts, dated: Dated) -> None:
    """The date is a fact where it is wanted, or some script asks for it."""
    if dated == "always" or (dated == "auto" and facts.dates()):
        facts.date()
