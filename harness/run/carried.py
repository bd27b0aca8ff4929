# SPDX-License-Identifier: GPL-3.0-or-later
"""The coverage of tests that ``--affected`` leaves out, as it was when they ran.

It is kept beside the traces, in a data file of coverage's with a context for each test,
``RUN KEY``, and with the sources as they were then, since lines move.  What a test has
covered counts as long as its trace is of the same run.
"""

import ast
import shutil
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from difflib import SequenceMatcher
from pathlib import Path

from coverage import CoverageData
from coverage.exceptions import CoverageException

from harness.locks import locked
from harness.run.traces import TracedTest, load

BROKEN = (sqlite3.Error, CoverageException, OSError)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SOURCES = "CREATE TABLE IF NOT EXISTS harness_source (path TEXT PRIMARY KEY, text TEXT)"
"""A table of ours in coverage's file, whose own are described:
https://coverage.readthedocs.io/en/7.10.0/dbschema.html"""


def unknown(traces: Path, tests: Mapping[str, TracedTest]) -> dict[str, list[str]]:
    """By test: why it is to run again, of those whose coverage is not known."""
    there = _contexts(_file(traces))
    return {
        key: ["what it covers is not recorded"]
        for key, name in _names(tests).items()
        if name not in there
    }


def keep(
    traces: Path,
    parts: Iterable[Path],
    tests: Mapping[str, TracedTest],
    run: str = "",
    here: Callable[[str], str] = str,
) -> None:
    """Add what the data files of a run have, or those that jobs have kept.

    What no test's trace is of is forgotten.  What processes that a test starts have
    covered is not told apart: it is not kept.  `here` says where a file is that they
    have measured.
    """
    path = _file(traces)
    made, one = path.with_suffix(".made"), path.with_suffix(".one")
    with locked(path.with_suffix(".lock")):
        made.unlink(missing_ok=True)
        there: set[str] = set()
        data = CoverageData(str(made))
        for part in [*([path] if _contexts(path) else []), *parts]:
            shutil.copyfile(part, one)
            _rename(one, here)
            _move(one)
            other = CoverageData(str(one))
            data.update(other)
            other.close(force=True)
            there |= _contexts(one)
        data.close(force=True)
        one.unlink(missing_ok=True)
        names = _names({key: one for key, one in tests.items() if not _starts(one)})
        there |= {name for key, name in names.items() if tests[key].run == run}
        _only(made, there.intersection(names.values()))
        made.replace(path)


def gather(traces: Path, parts: Iterable[Path]) -> list[str]:
    """Merge what jobs have kept beside these traces; what is wrong with it."""
    stores = [path for path in map(_file, parts) if path.is_file()]
    try:
        if stores:
            keep(traces, stores, load(traces).tests)
    except BROKEN as error:
        _file(traces).unlink(missing_ok=True)
        return [f"the coverage of tests beside {traces} is not kept: {error}"]
    return []


def carry(traces: Path, tests: Mapping[str, TracedTest], part: Path) -> None:
    """Write a data file of what these tests have covered."""
    if unknown(traces, tests):
        raise CoverageException("another run has traced the same tests meanwhile")
    shutil.copyfile(_file(traces), part)
    _only(part, _names(tests).values())


def _file(traces: Path) -> Path:
    return traces.with_suffix(".coverage")


def _names(tests: Mapping[str, TracedTest]) -> dict[str, str]:
    return {key: f"{one.run} {key}" for key, one in tests.items()}


def _starts(test: TracedTest) -> bool:
    return any(name.startswith("tree ") for name, _ in test.needs)


def _contexts(path: Path) -> frozenset[str]:
    """Those in a file; none where it is not whole."""
    try:
        with closing(_open(path)) as base:
            rows = base.execute("SELECT context FROM context").fetchall()
            return frozenset(context for (context,) in rows)
    except BROKEN:
        return frozenset()


def _open(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)


def _only(path: Path, wanted: Iterable[str]) -> None:
    """Forget what other contexts have; remember the sources as they are."""
    with closing(_open(path)) as base, base:
        base.execute("CREATE TEMP TABLE wanted (context TEXT PRIMARY KEY)")
        base.executemany("INSERT INTO wanted VALUES (?)", ((one,) for one in wanted))
        base.execute(
            "DELETE FROM context WHERE context NOT IN (SELECT context FROM wanted)"
        )
        base.execute("DELETE FROM arc WHERE context_id NOT IN (SELECT id FROM context)")
        base.execute(
            "INSERT OR IGNORE INTO context (context) SELECT context FROM wanted"
        )
        base.execute(SOURCES)
        base.execute("DELETE FROM harness_source")
        paths = base.execute("SELECT path FROM file").fetchall()
        texts = ((one, _text(one)) for (one,) in paths)
        base.executemany("INSERT INTO harness_source VALUES (?, ?)", texts)


def _text(path: str) -> str:
    try:
        return Path(path).read_text("utf-8")
    except (OSError, ValueError):
        return ""


def _rename(path: Path, here: Callable[[str], str]) -> None:
    with closing(_open(path)) as base, base:
        names = [one for (one,) in base.execute("SELECT path FROM file").fetchall()]
        pairs = [(here(one) or one, one) for one in names]
        base.executemany("UPDATE file SET path = ? WHERE path = ?", pairs)


def _move(path: Path) -> None:
    """Have the lines of files that were edited where they are now."""
    with closing(_open(path)) as base, base:
        base.execute(SOURCES)
        sources = base.execute(
            "SELECT id, path, text FROM harness_source JOIN file USING (path)"
        ).fetchall()
        for file, name, before in sources:
            now = _text(name)
            if now == before:
                continue
            lines = moved(before, now)
            rows = base.execute(
                "SELECT context_id, fromno, tono FROM arc WHERE file_id = ?", (file,)
            ).fetchall()
            base.execute("DELETE FROM arc WHERE file_id = ?", (file,))
            base.executemany(
                "INSERT OR IGNORE INTO arc VALUES (?, ?, ?, ?)",
                (
                    (file, context, lines[one], lines[other])
                    for context, one, other in rows
                    if one in lines and other in lines
                ),
            )


def moved(before: str, now: str) -> dict[int, int]:
    """Where the lines of what is the same in two versions of a source are now.

    A negative one is the way into, or out of, what begins there; -1 is the module's.
    """
    try:
        old, new = (dict(_parts(ast.parse(one))) for one in (before, now))
    except (SyntaxError, ValueError):
        return {}
    found: dict[int, int] = {}
    for name, nodes in old.items():
        others = new.get(name, [])
        for one, other, size in _same(nodes, others, whole=name != ""):
            here, there = nodes[one : one + size], others[other : other + size]
            found.update(zip(map(_line, here), map(_line, there), strict=True))
    return {**found, **{-one: -other for one, other in found.items()}, -1: -1}


def _same(
    nodes: list[ast.AST], others: list[ast.AST], *, whole: bool
) -> Sequence[tuple[int, int, int]]:
    """Where runs of the same nodes begin, and how long they are; all, or some."""
    one, other = [*map(_shape, nodes)], [*map(_shape, others)]
    if one == other:
        return [(0, 0, len(one))]
    if whole:
        return []
    return SequenceMatcher(None, one, other).get_matching_blocks()


def _parts(tree: ast.Module) -> Iterator[tuple[str, list[ast.AST]]]:
    """The nodes of each function, and of all that is outside of their bodies."""
    outside: list[ast.AST] = []
    count: Counter[str] = Counter()
    todo: list[tuple[str, ast.AST]] = [("", tree)]
    while todo:
        prefix, node = todo.pop()
        outside.append(node)
        for child in ast.iter_child_nodes(node):
            if isinstance(node, FUNCTIONS) and child in node.body:
                continue
            if isinstance(child, FUNCTIONS):
                name = f"{prefix}{child.name}"
                count[name] += 1
                yield f"{name}#{count[name]}", list(ast.walk(child))
            inner = (
                f"{prefix}{child.name}." if isinstance(child, ast.ClassDef) else prefix
            )
            todo.append((inner, child))
    yield "", outside


def _shape(node: ast.AST) -> tuple[object, ...]:
    """What a node is, without those in it."""
    plain = (
        value
        for value in map(vars(node).get, node._fields)
        if not isinstance(value, ast.AST | list)
    )
    return type(node), *plain


def _line(node: ast.AST) -> int:
    return getattr(node, "lineno", 0)
