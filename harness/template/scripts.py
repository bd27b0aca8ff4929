# SPDX-License-Identifier: GPL-3.0-or-later
"""What a data script depends on: data files beside it, and helpers that it imports."""

import ast
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

from harness.model import Origin
from harness.modules import Graph
from harness.template import digest
from harness.template.facts import Facts, readable

DATA: Final = (".csv", ".tsv", ".json", ".jsonl", ".yaml", ".yml", ".toml", ".xml")
"""Suffixes of files beside a script that it is taken to read."""


def read(
    facts: Facts,
    path: Path,
    root: Path,
    graph: Graph,
    known: Callable[[Path], bool],
) -> None:
    """The facts of a document, in a project at `root`.

    Data files count below its directory; where that is the project's root, right
    in it.  Helpers that are `known` already are left out.
    """
    content = facts.file(f"data {path.name}", path)
    facts.code.append(content)
    with readable():
        beside = sorted(digest.beside(path, DATA, below=path.parent != root))
    for one in beside:
        if one.name != "pyproject.toml":
            facts.file(f"data {one.relative_to(path.parent).as_posix()}", one)
    todo = list(_names(_examples(content), ""))
    seen: set[str] = set()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        for package, file in _files(name, root, graph):
            if file not in facts.stamps and not known(file):
                helper = facts.file(f"import {file.relative_to(root)}", file)
                todo += _names(helper.decode(errors="replace"), package)


def _examples(content: bytes) -> str:
    """The Python in a document, or nothing where it is none."""
    import doctest  # with the debugger and unittest: most runs have no document

    try:
        found = doctest.DocTestParser().get_examples(content.decode(errors="replace"))
    except ValueError:
        return ""  # its build will say so
    return "".join(example.source for example in found)


def _names(source: str, package: str) -> Iterator[str]:
    """The dotted names that a source in a package imports."""
    try:
        tree = ast.parse(source)
    except SyntaxError:
        return  # its build will say so
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")
            base = above[: len(above) - node.level + 1] if node.level else []
            name = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{name}.{alias.name}" for alias in node.names)


def _files(name: str, root: Path, graph: Graph) -> Iterator[tuple[str, Path]]:
    """The files that an import of a dotted name runs, each with its package."""
    parts = name.split(".")
    tryton = parts[:2] == ["trytond", "modules"]
    above, rest = (parts[:2], parts[2:]) if tryton else ([], parts)
    module = graph.get(rest[0]) if rest else None
    here = root
    if module and module.origin is not Origin.INDEX:
        here, above, rest = module.path, [*above, rest[0]], rest[1:]
    elif tryton:
        return
    for part in rest:
        package = ".".join(above)
        if (here / f"{part}.py").is_file():
            yield package, here / f"{part}.py"
            return
        here, above = here / part, [*above, part]
        if (here / "__init__.py").is_file():
            yield ".".join(above), here / "__init__.py"
        elif not here.is_dir():
            return
