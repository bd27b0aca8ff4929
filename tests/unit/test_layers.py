# SPDX-License-Identifier: GPL-3.0-or-later
"""The architecture (CONTRIBUTING.md, docs/design.md) as it stands in the code."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

import pytest

from harness import errors
from harness.errors import ExitCode, HarnessError

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "harness"

LEVELS: Mapping[str, int] = {
    "__main__": 10,
    "cli": 9,
    "commands": 8,
    "gate": 7,
    "run": 6,
    "ci": 6,
    "selection": 5,
    "causes": 4,
    "context": 4,
    "probe": 4,
    "reports": 4,
    "results": 4,
    "history": 4,
    "stack": 4,
    "monitor": 4,
    "doctor": 4,
    "databases": 4,
    "standalone": 4,
    "plan": 3,
    "images": 3,
    "postgres": 3,
    "template": 3,
    "browsers": 3,
    "runners": 3,
    "environment": 3,
    "toolbox": 3,
    "sources": 3,
    "completeness": 3,
    "addresses": 2,
    "index": 2,
    "repositories": 3,
    "engine": 2,
    "refusals": 2,
    "interpreters": 2,
    "installer": 2,
    "packaging": 0,
    "patience": 2,
    "proc": 2,
    "store": 2,
    "config": 1,
    "discovery": 1,
    "editable": 2,
    "locks": 1,
    "output": 1,
    "screen": 0,
    "columns": 0,
    "options": 1,
    "model": 0,
    "errors": 0,
    "quantities": 0,
    "steps": 0,
    "modules": 0,
    "series": 0,
    "envfile": 0,
    "lines": 0,
    "sessions": 1,
    "masks": 0,
    "waiting": 0,
    "data": 0,
    "": 0,
}
"""Level of each part; the empty name is the package itself (its version)."""

SIDEWAYS = frozenset(
    {
        ("engine", "proc"),
        ("engine", "refusals"),
        ("refusals", "proc"),
        ("installer", "proc"),
        ("interpreters", "proc"),
        ("steps", "quantities"),
        ("envfile", "errors"),
        ("commands", "plugins"),
        ("run", "plugins"),
        ("template", "plugins"),
        ("modules", "errors"),
        ("modules", "model"),
        ("series", "errors"),
        ("template", "postgres"),
        ("runners", "environment"),
        ("runners", "plan"),
        ("store", "proc"),
    }
)
"""Imports between parts of one level, and into `plugins`: these and no more."""

PLUGINS_MAY = frozenset(
    {
        "pytest", "_pytest", "coverage", "psycopg", "psycopg2",
        "trytond", "proteus", "sql", "pkg_resources", "debugpy",
        "selenium",
        "urllib3",  # Selenium requires it
        "xdist",  # in a session that it hands out tests for
    }
)  # fmt: skip
"""proteus, python-sql and pkg_resources are there wherever trytond is."""

LINES = 300
FUNCTION_LINES = 40

CODES = {
    "HarnessError": 9,
    "UsageError": 2,
    "ConfigError": 2,
    "SourceError": 2,
    "NothingSelected": 3,
    "Unfinished": 1,
    "MissingTool": 4,
    "DiskFull": 4,
    "CommandFailed": 5,
    "EngineError": 4,
    "ImageError": 6,
    "BrowserError": 4,
    "DatabaseError": 7,
    "Superseded": 7,
    "TemplateError": 7,
    "ReportError": 5,
    "DriftError": 8,
    "InternalError": 9,
    "Interrupted": 130,
    "GateFailed": 8,
}


def _name(path: Path) -> str:
    parts = ("harness", *path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts).removesuffix(".__init__")


@cache
def trees() -> dict[str, ast.Module]:
    return {
        _name(path): ast.parse(path.read_text("utf-8"))
        for path in sorted(PACKAGE.rglob("*.py"))
    }


@cache
def nodes(name: str) -> tuple[ast.AST, ...]:
    """All of a module's tree; to walk it takes longer than any test here."""
    return tuple(ast.walk(trees()[name]))


@cache
def imported(name: str) -> tuple[tuple[str, int], ...]:
    """All that a module imports, wherever in it, with the line."""
    return tuple(_imported(name))


def _imported(name: str) -> Iterator[tuple[str, int]]:
    package = (PACKAGE.parent / name.replace(".", "/") / "__init__.py").exists()
    for node in nodes(name):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                parts = name.split(".")
                above = parts[: len(parts) - node.level + package]
                base = ".".join([*above, *filter(None, [base])])
            for alias in node.names:
                full = f"{base}.{alias.name}"
                yield full if full in trees() else base, node.lineno


def part(name: str) -> str:
    return name.partition(".")[2].partition(".")[0]


def inner(name: str) -> set[str]:
    return {one for one, _ in imported(name) if one.split(".")[0] == "harness"}


def outer(name: str) -> set[str]:
    return {one.split(".")[0] for one, _ in imported(name)} - {"harness"}


def allowed(importer: str, target: str) -> bool:
    if importer == target and importer:
        return True
    if (importer, target) in SIDEWAYS:
        return True
    if "plugins" in (importer, target):
        return False
    return LEVELS[target] < LEVELS[importer]


def functions() -> Iterator[tuple[int, str]]:
    for name in trees():
        for node in nodes(name):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno
                yield node.end_lineno - node.lineno + 1, f"{name}.{node.name}"


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """A cycle in the graph, or nothing."""
    done: set[str] = set()

    def visit(name: str, way: list[str]) -> list[str]:
        if name in way:
            return [*way[way.index(name) :], name]
        if name in done:
            return []
        for other in sorted(graph.get(name, ())):
            found = visit(other, [*way, name])
            if found:
                return found
        done.add(name)
        return []

    for name in sorted(graph):
        found = visit(name, [])
        if found:
            return found
    return []


# -- names -------------------------------------------------------------------


SHARED_NAMES = frozenset({"Plugin"})
"""Names of several classes: pytest's word for an object with hooks."""


def test_no_two_classes_have_one_name() -> None:
    places: dict[str, list[str]] = {}
    for name, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(name)
    twice = {name: there for name, there in places.items() if len(there) > 1}
    assert set(twice) == SHARED_NAMES, twice


# -- imports -----------------------------------------------------------------


def test_every_part_has_a_level() -> None:
    parts = {part(name) for name in trees()}
    assert parts - {"plugins"} <= set(LEVELS)


def test_the_contributors_table_has_every_part_in_its_level() -> None:
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    table = text.partition("| level | ")[2].partition("\n\n")[0]
    rows = [
        re.findall(r"`(\w+)/?`", line.split("|")[1]) for line in table.splitlines()[2:]
    ]
    parts = {part(name) for name in trees()} - {"", "data"}
    assert sorted(name for row in rows for name in row) == sorted(parts)
    levels = [{LEVELS.get(name, -1) for name in row} for row in rows]
    assert all(len(row) == 1 for row in levels), "a row is a level"
    assert sorted(map(min, levels), reverse=True) == list(map(min, levels))


@pytest.mark.parametrize("name", sorted(trees()))
def test_a_level_imports_only_lower_ones(name: str) -> None:
    wrong = [
        f"{name}:{line} imports {target}"
        for target, line in imported(name)
        if target.split(".")[0] == "harness" and not allowed(part(name), part(target))
    ]
    assert not wrong


def test_sideways_imports_are_all_in_use() -> None:
    used = {(part(name), part(target)) for name in trees() for target in inner(name)}
    assert used >= SIDEWAYS


@pytest.mark.parametrize(
    ("importer", "target", "expected"),
    [
        ("cli", "commands", True),
        ("commands", "cli", False),
        ("commands", "plan", True),
        ("plan", "environment", False),
        ("plan", "modules", True),
        ("postgres", "template", False),
        ("template", "postgres", True),
        ("store", "proc", True),
        ("proc", "store", False),
        ("config", "output", False),
        ("errors", "model", False),
        ("template", "template", True),
        ("plugins", "plugins", True),
        ("plugins", "errors", False),
        ("images", "plugins", False),
        ("commands", "", True),
        ("proc", "sources", False),
    ],
)
def test_the_rule(importer: str, target: str, *, expected: bool) -> None:
    assert allowed(importer, target) is expected


def test_there_is_no_cycle() -> None:
    assert cycle({name: inner(name) for name in trees()}) == []


def test_a_cycle_would_be_found() -> None:
    assert cycle({"a": {"b"}, "b": {"c", "d"}, "c": set(), "d": {"b"}}) == [
        "b", "d", "b",
    ]  # fmt: skip


def test_imports_inside_functions_are_seen() -> None:
    assert "harness.commands.test" in inner("harness.cli.testing")
    assert "harness.plugins.tryton_database" in inner("harness.plugins.build")


@pytest.mark.parametrize("name", [n for n in trees() if part(n) == "plugins"])
def test_plugins_import_what_every_suite_has(name: str) -> None:
    assert outer(name) - set(sys.stdlib_module_names) <= PLUGINS_MAY


def test_the_rest_imports_only_declared_dependencies() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    declared = {
        line.split(">")[0].split("[")[0].strip().replace("-", "_")
        for extra in ("cli", "docker", "embedded", "postgresql")
        for line in extras[extra]
    }
    used = {
        one for name in trees() if part(name) != "plugins" for one in outer(name)
    } - set(sys.stdlib_module_names)
    own = {"markupsafe", "docker"}  # parts of the interfaces of jinja2, testcontainers
    assert used <= declared | own


def _users(*words: str) -> set[str]:
    """Modules outside of `plugins` that name something dotted, or import it."""
    found = set()
    for name in trees():
        texts = dotted(name) | {target for target, _ in imported(name)}
        if part(name) != "plugins" and texts.intersection(words):
            found.add(name)
    return found


@cache
def dotted(name: str) -> set[str]:
    return {
        f"{node.value.id}.{node.attr}"
        for node in nodes(name)
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
    }


def test_one_module_owns_processes() -> None:
    starting = ("subprocess", "os.fork", "os.system", "os.posix_spawn", "os.popen")
    assert _users(*starting) == {"harness.proc"}


def test_one_module_reads_the_environment() -> None:
    # The last two are programs of their own: nobody can hand them one.
    assert _users("os.environ", "os.getenv", "os.environb") == {
        "harness.cli",
        "harness.postgres.supervisor",
        "harness.standalone.__main__",
    }


# -- errors ------------------------------------------------------------------


def test_all_errors_are_in_one_file() -> None:
    known = set(CODES)
    found = {
        f"{name}.{node.name}"
        for name in trees()
        if name != "harness.errors"
        for node in nodes(name)
        if isinstance(node, ast.ClassDef)
        and known.intersection(ast.unparse(base).split(".")[-1] for base in node.bases)
    }
    assert not found


def test_every_error_has_its_exit_code() -> None:
    classes = [
        one
        for one in vars(errors).values()
        if isinstance(one, type) and issubclass(one, HarnessError)
    ]
    assert {one.__name__: int(one.code) for one in classes} == CODES


def test_exit_codes_are_those_of_the_design() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "TESTS_FAILED": 1,
        "USAGE": 2,
        "NOTHING_SELECTED": 3,
        "MISSING": 4,
        "COMMAND_FAILED": 5,
        "IMAGE": 6,
        "DATABASE": 7,
        "GATE": 8,
        "INTERNAL": 9,
        "FAILS_ALONE": 10,
        "DOES_NOT_FAIL": 11,
        "INTERRUPTED": 130,
    }


def test_an_error_says_what_was_checked_and_how_to_mend_it() -> None:
    error = errors.MissingTool("git is not there", checked="PATH", remedy="install it")
    assert str(error) == "git is not there\nchecked: PATH\nto mend it: install it"
    assert str(errors.MissingTool("git is not there")) == "git is not there"


# -- sizes -------------------------------------------------------------------


@pytest.mark.parametrize("name", sorted(trees()))
def test_modules_are_short(name: str) -> None:
    path = ROOT / name.replace(".", "/")
    file = path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
    assert len(file.read_text("utf-8").splitlines()) <= LINES


def test_functions_are_short() -> None:
    lengths = sorted(functions())
    p90, name = lengths[len(lengths) * 9 // 10]
    assert p90 <= FUNCTION_LINES, name
