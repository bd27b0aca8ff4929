# SPDX-License-Identifier: GPL-3.0-or-later
"""From "a database with these modules" to the chain of layers that makes it.

Official modules below, each source above, data on top.  The chain depends on
what is asked for and on nothing else, so the same request always gives the
same database; requests that begin alike share their lower layers.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness.errors import SourceError
from harness.model import Origin
from harness.modules import Graph
from harness.template import digest, undo


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


@dataclass(frozen=True, kw_only=True)
class Request:
    """A database that somebody wants; `modules` empty: ``ir`` and ``res`` only."""

    modules: tuple[str, ...] = ()
    language: str = "en"
    data: tuple[Path | Program, ...] = ()
    reclimit: int = 0
    tracked: bool = False
    """With an undo log, so that a lease of it can be put back in place."""


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One step of a template: what stands below, and what is added.

    `closure` are all modules of the finished database, `facts` all that the
    digest was made of.  `trusted` layers hold nothing but released modules
    that are not under test: their records are not validated again.  A `tracked`
    layer adds nothing but the undo log.
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
    facts: Mapping[str, str] = field(default_factory=dict)

    def chain(self) -> tuple["Layer", ...]:
        """All layers, the lowest first."""
        below = self.parent.chain() if self.parent else ()
        return (*below, self)


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
    ) -> None:
        """`tested` are the modules under test; `cuts` end a layer each."""
        self.graph = graph
        self.surroundings = surroundings
        self.cuts = tuple(cuts)
        self.tested = frozenset(tested)
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
        around = self.surroundings
        facts = {
            "series": around.series,
            "python": around.python,
            "database": around.database,
            "language": language,
            **self._packages(["trytond"]),
        }
        return Layer(
            name="base",
            digest=digest.combine("", facts),
            parent=None,
            language=language,
            trusted=True,
            facts=facts,
        )

    def _packages(self, names: Iterable[str]) -> dict[str, str]:
        found = digest.versions(self.surroundings.site, names)
        return {f"package {name}": version for name, version in found.items()}

    def _add(self, parent: Layer, modules: tuple[str, ...]) -> Layer:
        key = (parent.digest, modules)
        if key not in self._made:
            trusted = self._trusted(modules)
            facts = {"records": "trusted" if trusted else "validated"}
            for name in modules:
                facts.update(self._facts(name))
            self._made[key] = Layer(
                name=modules[-1],
                digest=digest.combine(parent.digest, facts),
                parent=parent,
                language=parent.language,
                modules=modules,
                closure=self.graph.order({*parent.closure, *modules}),
                trusted=trusted,
                facts=facts,
            )
        return self._made[key]

    def _trusted(self, modules: tuple[str, ...]) -> bool:
        return not self.tested.intersection(modules) and all(
            self.graph[name].origin is Origin.INDEX for name in modules
        )

    def _facts(self, name: str) -> dict[str, str]:
        module = self.graph[name]
        if module.origin is Origin.INDEX:
            return {
                f"module {name}": module.version,
                **self._packages([f"trytond-{name}"]),
            }
        try:
            files = digest.tree(module.path)
        except OSError as error:
            raise SourceError(f"{error.filename}: {error.strerror}") from error
        return {f"file {name}/{path}": value for path, value in files.items()}

    def _with_data(self, parent: Layer, path: Path, reclimit: int) -> Layer:
        facts = {"reclimit": str(reclimit), f"data {path.name}": digest.file(path)}
        for beside in sorted(path.parent.rglob("*.csv")):
            relative = beside.relative_to(path.parent).as_posix()
            facts[f"data {relative}"] = digest.file(beside)
        return Layer(
            name=path.stem,
            digest=digest.combine(parent.digest, facts),
            parent=parent,
            language=parent.language,
            closure=parent.closure,
            data=(path,),
            reclimit=reclimit,
            facts=facts,
        )

    def _with_program(self, parent: Layer, program: Program) -> Layer:
        facts = {
            "command": shlex.join(program.argv),
            **self._packages(program.packages),
        }
        for line in program.environment:
            name, _, value = line.partition("=")
            facts[f"variable {name}"] = value
        for path in program.reads:
            facts |= read(program.root, path)
        return Layer(
            name=program.name,
            digest=digest.combine(parent.digest, facts),
            parent=parent,
            language=parent.language,
            closure=parent.closure,
            program=program,
            facts=facts,
        )


def with_undo(parent: Layer) -> Layer:
    """The same, with an undo log."""
    facts = {"undo": undo.version()}
    return Layer(
        name=f"{parent.name}+undo",
        digest=digest.combine(parent.digest, facts),
        parent=parent,
        language=parent.language,
        closure=parent.closure,
        trusted=True,
        tracked=True,
        facts=facts,
    )


def read(root: Path, path: str) -> dict[str, str]:
    """Digests of a file, or of what a directory ships; raises `SourceError`."""
    place = root / path
    try:
        if place.is_dir():
            files = digest.tree(place)
            return {f"read {path}/{name}": value for name, value in files.items()}
        return {f"read {path}": digest.file(place)}
    except OSError as error:
        raise SourceError(f"{error.filename}: {error.strerror}") from error
