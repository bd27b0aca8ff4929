# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the gate as plain data: what would be run, and how to paste it."""

import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.ci import matrix
from harness.config import Config
from harness.config.check import JUDGED
from harness.masks import masked
from harness.modules import Graph
from harness.selection.decisions import Selection

WHOLE, CHANGED = JUDGED
"""Rows that are judged in the end, from what the others measured."""
SUITE_SECONDS: Final = 60.0
"""What a suite is thought to take until it was measured."""
DATA: Final = "coverage.data"
UNMEASURED: Final = "it left no coverage data"


@dataclass(frozen=True, kw_only=True)
class Tools:
    """How programs are called here, and where parts write."""

    python: str
    root: Path
    program: str
    directory: Path
    """Each part has a directory of its name in it."""

    def place(self, name: str) -> Path:
        """A part's own directory."""
        return self.directory / name

    @property
    def pasted_python(self) -> str:
        """The interpreter as one would write it."""
        path = Path(self.python)
        inside = path.is_relative_to(self.root)
        return str(path.relative_to(self.root)) if inside else self.python


@dataclass(frozen=True, kw_only=True)
class Part:
    """Commands that are run one after the other; all must succeed.

    The first one of a `suite` runs its tests.  `pasted` are the same as lines.
    `measures` are directories, relative to the root, whose coverage it takes into one
    of `data`.
    """

    name: str
    why: str
    commands: tuple[tuple[str, ...], ...]
    pasted: tuple[str, ...]
    seconds: float
    suite: bool = False
    alone: bool = False
    programs: tuple[str, ...] = ()
    timeout: float = 3600.0
    measures: tuple[str, ...] = ()
    data: Path | None = None


def make(
    config: Config,
    selection: Selection,
    graph: Graph,
    tools: Tools,
    known: Mapping[str, float],
) -> tuple[Part, ...]:
    """The selected parts, cheapest first; `known` are seconds of earlier runs."""
    made = [_check(config, name, selection, tools) for name in selection.checks]
    made += [_suite(config, name, selection, tools, graph) for name in selection.suites]
    timed = [(known.get(part.name, part.seconds), part) for part in made]
    return tuple(part for _, part in sorted(timed, key=lambda one: one[0]))


def _check(config: Config, name: str, selection: Selection, tools: Tools) -> Part:
    table = config.check[name]
    data = tools.place(name) / DATA
    lines = [shlex.split(line) for line in table.run]
    harness = [tools.python, "-m", "harness"]
    here = {"{python}": [tools.python], "{harness}": harness}
    paste = {
        "{python}": [tools.pasted_python],
        "{harness}": shlex.split(tools.program),
    }
    return Part(
        name=name,
        why=selection.checks[name],
        commands=tuple(tuple(_filled(line, here, str(data))) for line in lines),
        pasted=tuple(
            shlex.join(_filled(line, paste, f"{config.reports}/{DATA}"))
            for line in lines
        ),
        seconds=float(table.seconds),
        alone=table.alone,
        programs=table.programs,
        timeout=float(table.timeout),
        measures=table.measures,
        data=data if table.measures else None,
    )


def _filled(
    words: Iterable[str], several: Mapping[str, list[str]], data: str
) -> list[str]:
    made: list[str] = []
    for word in words:
        made += several.get(word, [word.replace("{coverage}", data)])
    return made


def _suite(
    config: Config, name: str, selection: Selection, tools: Tools, graph: Graph
) -> Part:
    words = selection.words.get(name, ())
    server = _given(config, "database.server", config.database.server)
    databases = config.suite[name].databases
    if not server and len(databases) == 1:
        [server] = databases
    arguments = matrix.arguments(config, name, words, database=server)
    profile = _given(config, "profile", config.profile)
    arguments += ["--profile", profile] if profile else []
    measured = measures(config, name, graph, words) if matrix.measures(config) else ()
    commands = [arguments, *_verifying(config, name, words, arguments)]
    return Part(
        name=name,
        why=selection.suites[name],
        commands=tuple(
            (tools.python, "-m", "harness", *_without_secrets(one)) for one in commands
        ),
        pasted=tuple(matrix.line(config, [*map(masked, one)]) for one in commands),
        seconds=SUITE_SECONDS,
        suite=True,
        measures=measured,
        data=tools.place(name) / "latest" / DATA if measured else None,
    )


def _verifying(
    config: Config, suite: str, modules: Sequence[str], arguments: Sequence[str]
) -> Iterator[list[str]]:
    """The command that compares what traces let pass with builds from nothing."""
    table = config.suite[suite]
    names = [table.template] if table.kind == "pytest" else modules or table.modules
    if config.exact or not any(names):
        return
    options = []
    for option in ("--database", "--profile"):
        if option in arguments:
            options += [option, arguments[arguments.index(option) + 1]]
    yield ["template", "verify", "--traced", *names, *options]


def _without_secrets(words: Sequence[str]) -> list[str]:
    """All processes can be listed; the address of the server is in the environment."""
    made = list(words)
    if "--database" in made:
        at = made.index("--database")
        if masked(made[at + 1]) != made[at + 1]:
            del made[at : at + 2]
    return made


def _given(config: Config, key: str, value: str) -> str:
    """The value, if the command line gave it: the lines to paste need it too."""
    return value if config.source_of(key).startswith("--") else ""


def measures(
    config: Config, suite: str, graph: Graph, words: Iterable[str]
) -> tuple[str, ...]:
    """The sources whose coverage a suite takes."""
    table = config.suite[suite]
    if table.kind == "tryton":
        return tuple(name for name in words or table.modules or graph if name in graph)
    return (table.source,)


def contributors(config: Config, graph: Graph) -> dict[str, frozenset[str]]:
    """All parts that measure each source or directory, were everything run."""
    found: dict[str, set[str]] = {}
    for name in config.suite:
        for root in measures(config, name, graph, ()):
            found.setdefault(root, set()).add(name)
    for name, table in config.check.items():
        for root in table.measures:
            found.setdefault(root, set()).add(name)
    return {root: frozenset(names) for root, names in found.items()}
