# SPDX-License-Identifier: GPL-3.0-or-later
"""From "a database with these modules" to the chain of layers that makes it."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.model import Origin
from harness.modules import Graph
from harness.template import digest, packages, scripts
from harness.template.facts import Facts
from harness.template.layer import (
    Dated,
    Document,
    Layer,
    Program,
    Request,
    make,
    with_undo,
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
        apart: Sequence[Path] = (),
    ) -> None:
        """`tested` are the modules under test; `cuts` end a layer each.

        `reads`, relative to `root`, are what sources read and do not ship; what runs
        write, maybe into a module, is `apart`.
        """
        self.graph = graph
        self.surroundings = surroundings
        self.cuts = tuple(cuts)
        self.tested = frozenset(tested)
        self.root = root
        self.reads = tuple(reads)
        self.apart = tuple(apart)
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
        facts.shipped(f"file {name}", module.path, self.apart)
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
            date(facts, document.dated)
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
            date(facts, program.dated)
            return facts

        return make(program.name, parent, gather, program=program)


def date(facts: Facts, dated: Dated) -> None:
    """The date is a fact where it is wanted, or some script asks for it."""
    if dated == "always" or (dated == "auto" and facts.dates()):
        facts.date()
