# SPDX-License-Identifier: GPL-3.0-or-later
"""What fills a template, one line a layer: an SQL file, a function, a command."""

import hashlib
import re
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from harness.template import digest
from harness.template.facts import Facts
from harness.template.layer import Layer, Program, Request, make, with_undo

FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_][\w.]*")
INCLUDE = re.compile(r"^\s*\\i", re.MULTILINE)
"""psql's ``\\i``, ``\\ir``, ``\\include``: what else it reads nobody knows."""
PSQL = ("psql", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--file")
DUMPS = (".dump", ".backup", ".pgdump")
"""How files are called, and directories, that pg_restore reads."""
PG_RESTORE = (
    "pg_restore", "--no-owner", "--no-privileges", "--single-transaction",
    "--dbname", "connect_timeout=60",  # the database is PGDATABASE
)  # fmt: skip
PROGRAMS = (PSQL[0], PG_RESTORE[0])
"""PostgreSQL's own: those of the server are taken."""
CALL = (
    "import functools, importlib, os, sys;"
    " sys.path[:0] = os.environ['HARNESS_FUNCTIONS'].split(os.pathsep);"
    " module, name = sys.argv[1].split(':');"
    " function = functools.reduce("
    "getattr, name.split('.'), importlib.import_module(module));"
    " function(os.environ['DATABASE_URL'])"
)
"""A program that calls ``module:function`` with the address of the database."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The `lines` that fill a template; relative names are below `root`.

    `reads` are files and directories that the outcome depends on, `path` is where
    Python finds modules.
    """

    root: Path
    lines: tuple[str, ...]
    reads: tuple[str, ...] = ()
    path: tuple[str, ...] = ()

    def programs(self) -> list[Program]:
        """One for each line."""
        return [self._program(line) for line in self.lines]

    def _program(self, line: str) -> Program:
        argv: tuple[str, ...]
        environment: tuple[str, ...] = ()
        reads = self.reads
        if self._is_file(line):
            own = PSQL if line.endswith(".sql") else PG_RESTORE
            argv, reads = (*own, line), (line, *reads)
        elif FUNCTION.fullmatch(line):
            argv = (sys.executable, "-c", CALL, line)
            environment = (f"HARNESS_FUNCTIONS={':'.join(self.path)}",)
        else:
            argv = tuple(shlex.split(line))
        return Program(
            name=line,
            argv=argv,
            root=self.root,
            directory=self.root,
            reads=reads,
            environment=environment,
        )

    def _is_file(self, line: str) -> bool:
        path = self.root / line
        return path.is_file() if line.endswith(".sql") else is_dump(path)

    def lasting(self) -> bool:
        """Whether all is known that the template depends on, so that it may be kept."""
        if self.reads:
            return True
        return all(
            self._is_file(line)
            and not (
                line.endswith(".sql")
                and INCLUDE.search((self.root / line).read_text("utf-8", "replace"))
            )
            for line in self.lines
        )


class RecipeLayers:
    """The chain of a recipe's layers, on one server, in one environment."""

    def __init__(
        self, recipe: Recipe, *, server: str, environment: str, run: str
    ) -> None:
        """`environment` says which packages there are; `run` names this one."""
        self.recipe = recipe
        self.bound = not recipe.lasting()
        """Whether the template is this run's alone."""
        self.facts = {"server": server, "root": str(recipe.root)}
        if self.bound:
            self.facts["run"] = run
        self.environment = environment

    def resolve(self, request: Request) -> Layer:
        """The top layer; raises `SourceError` for a file that cannot be read."""
        layer: Layer | None = None
        facts: Mapping[str, str] = self.facts
        for program in self.recipe.programs():
            layer = self._add(layer, program, facts)
            facts = {}
        assert layer is not None
        return with_undo(layer) if request.tracked else layer

    def _add(
        self, parent: Layer | None, program: Program, more: Mapping[str, str]
    ) -> Layer:
        def gather() -> Facts:
            facts = Facts(site=Path(), texts={**more, "command": program.name})
            if program.argv[0] not in PROGRAMS:
                facts.texts["environment"] = self.environment
            for path in program.reads:
                facts.read(f"read {path}", program.root / path)
            return facts

        language = {} if parent else {"language": ""}
        return make(program.name, parent, gather, program=program, **language)

    def own(self) -> list[str]:
        """Digests of templates that must not outlive the run, the topmost first."""
        if not self.bound:
            return []
        top = self.resolve(Request())
        return [one.digest for one in reversed((*top.chain(), with_undo(top)))]


def is_dump(path: Path) -> bool:
    """Whether it is what pg_restore reads."""
    return path.name.endswith(DUMPS) and path.exists()


def packages(site: Iterable[Path]) -> str:
    """Which Python and which packages there are, in one word."""
    names: Sequence[str] = sorted(
        entry.name for place in site for entry in place.glob("*.dist-info")
    )
    text = "\n".join([sys.version, *names])
    return hashlib.sha256(text.encode()).hexdigest()[: digest.LENGTH]
