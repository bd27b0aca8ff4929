# SPDX-License-Identifier: GPL-3.0-or-later
"""From changed files, by rules, to what must be tested; this is pure."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Final

from harness.config import Config
from harness.modules import Graph
from harness.selection.rules import Rule, matches, rules

ALL: Final = "all"
SOURCE, TESTS = "source", "tests"
KINDS: Final = (SOURCE, TESTS, "template", "suite", "check")


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What one changed file selects, by which rule."""

    file: str
    rule: str
    selects: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Selection:
    """What must be tested, each with the reason.

    `everything` is the reason for all of it, or empty.  `words` has the modules
    that a suite is narrowed to; none: all that it has.
    """

    everything: str = ""
    decisions: tuple[Decision, ...] = ()
    modules: Mapping[str, str] = field(default_factory=dict)
    suites: Mapping[str, str] = field(default_factory=dict)
    checks: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def document(self) -> dict[str, object]:
        """For JSON."""
        return asdict(self)


def decide(
    files: Sequence[str], *, config: Config, graph: Graph, everything: str = ""
) -> Selection:
    """What the changed `files` select; all, for the reason `everything`.

    Files are relative to the root of the project.  `graph` has the Tryton modules
    of the sources.
    """
    found = _decide(files, config, graph, everything)
    without = config.gate.without
    return replace(
        found,
        suites={one: why for one, why in found.suites.items() if one not in without},
        checks={one: why for one, why in found.checks.items() if one not in without},
    )


def _decide(
    files: Sequence[str], config: Config, graph: Graph, everything: str
) -> Selection:
    known = rules(config)
    decisions = tuple(_decided(file, known) for file in files)
    why = everything or _everything(decisions, config, graph)
    if why:
        return _whole(config, graph, why, decisions)
    named: dict[str, dict[str, str]] = {kind: {} for kind in KINDS}
    for one in decisions:
        for text in one.selects:
            for kind in KINDS:
                name = _of(kind, text)
                if name:
                    named[kind].setdefault(name, f"{one.file} changed")
    return _part(config, graph, decisions, named)


def _of(kind: str, text: str) -> str:
    """The name in ``kind:name``, a name alone for any kind; empty for another."""
    start, colon, name = text.partition(":")
    if not colon:
        return text
    return name if start == kind else ""


def _decided(file: str, known: Iterable[Rule]) -> Decision:
    for rule in known:
        if rule.matches(file):
            return Decision(file=file, rule=rule.name, selects=rule.selects)
    return Decision(file=file, rule="no rule knows it", selects=(ALL,))


def _everything(decisions: Iterable[Decision], config: Config, graph: Graph) -> str:
    for one in decisions:
        if ALL in one.selects:
            return f"{one.file} changed ({one.rule})"
        texts = (_of(kind, text) for kind in (SOURCE, TESTS) for text in one.selects)
        for name in filter(None, texts):
            table = config.source.get(name)
            if table and table.kind == "tryton" and name not in graph:
                return f"{one.file} changed, and {name} cannot be read"
            if table and table.kind == "data":
                return f"{one.file} changed, and {name} is data: who reads it?"
    return ""


def _whole(
    config: Config, graph: Graph, why: str, decisions: tuple[Decision, ...]
) -> Selection:
    return Selection(
        everything=why,
        decisions=decisions,
        modules=dict.fromkeys(graph.order(graph), why),
        suites=dict.fromkeys(config.suite, why),
        checks=dict.fromkeys(config.check, why),
        words=words(config, graph),
    )


def words(config: Config, graph: Graph) -> dict[str, tuple[str, ...]]:
    """The modules of each suite of modules, all that it has."""
    return {
        name: table.modules or tuple(graph.order(graph))
        for name, table in config.suite.items()
        if table.kind == "tryton"
    }


def _part(
    config: Config,
    graph: Graph,
    decisions: tuple[Decision, ...],
    named: Mapping[str, Mapping[str, str]],
) -> Selection:
    sources = {**named[SOURCE], **_modules(graph, named[SOURCE])}
    tested = {**named[TESTS], **named[SOURCE]}
    modules = _modules(graph, tested)
    tested |= modules
    templates = _templates(config, named["template"])
    suites: dict[str, str] = {}
    chosen = words(config, graph)
    for name in config.suite:
        why = named["suite"].get(name) or next(
            _reasons(config, graph, name, sources, tested, templates), ""
        )
        touched = tuple(one for one in modules if one in chosen.get(name, ()))
        if touched and not why:
            why, chosen[name] = modules[touched[0]], touched
        if why:
            suites[name] = why
    return Selection(
        decisions=decisions,
        modules=modules,
        suites=suites,
        checks=_checks(config, decisions, named["check"]),
        words={name: names for name, names in chosen.items() if name in suites},
    )


def _modules(graph: Graph, named: Mapping[str, str]) -> dict[str, str]:
    """Changed modules and all that depend on them, dependencies first."""
    reasons = {name: why for name, why in named.items() if name in graph}
    reasons |= {
        name: why
        for name, why in graph.dependents(list(reasons)).items()
        if name not in reasons
    }
    return {name: reasons[name] for name in graph.order(reasons)}


def _templates(config: Config, named: Mapping[str, str]) -> dict[str, str]:
    """Changed templates and those that stand on them."""
    found: dict[str, str] = {}
    for name in config.template:
        above = next((one for one in _chain(config, name) if one in named), "")
        if above:
            found[name] = named[above] if above == name else f"stands on {above}"
    return found


def _chain(config: Config, template: str) -> Iterator[str]:
    while template in config.template:
        yield template
        template = config.template[template].parent


def _reasons(
    config: Config,
    graph: Graph,
    suite: str,
    sources: Mapping[str, str],
    tested: Mapping[str, str],
    templates: Mapping[str, str],
) -> Iterator[str]:
    """Why a suite is needed: its sources, its template, the modules of that."""
    table = config.suite[suite]
    for name in (table.source, *table.sources):
        if name in tested:
            yield tested[name]
    for template in _chain(config, table.template):
        if template in templates:
            yield f"template {template}: {templates[template]}"
        for name in graph.known(config.template[template].modules):
            if name in sources:
                yield f"template {template} has {name}: {sources[name]}"


def _checks(
    config: Config, decisions: Sequence[Decision], named: Mapping[str, str]
) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, table in config.check.items():
        files = (
            one.file
            for one in decisions
            if not table.paths or matches(one.file, table.paths)
        )
        file = next(files, "")
        if table.always or file or name in named:
            changed = f"{file} changed" if file else ""
            found[name] = named.get(name) or changed or "always"
    return found
