# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the functions of a source say that they are entered.

Each gets one statement before its first, ``__harness_seen__("function FILE:NAME")``:
a method of a set, so that a call costs some 30 ns.  Line numbers stay.

What a function leaves behind (in a module, a class, a cache) serves all that comes
later in the process: what it has seen then counts for that, too.  Such a function runs
in a section of its own (`KEEPS`).  What it leaves in its own module (`HERE`) nobody can
see who does not have that module, and where it has a name there (`NAMED`), nobody who
does not mention that.  What it does to what it was given is for who has made that.
"""

from __future__ import annotations

import ast
import sys
from typing import Any, Sequence

from harness.plugins.trace.filling import escaping
from harness.plugins.trace.leaving import ANYWHERE, HERE, NOTHING
from harness.plugins.trace.skeleton import Reader, yields

SEEN = "__harness_seen__"
KEEPS = "__harness_keeps__"
"""Names among Python's built-in ones: a function, a context manager."""


def add(tree: ast.Module, reader: Reader, file: str) -> None:
    """Change the functions of a `tree` that was read: they say where they are."""
    for name, node in reader.nodes.items():
        fact = f"function {file}:{name}"
        keeps, names = reader.leaving[name]
        for one in escaping(node):
            _say(one, fact, HERE, [])
        if yields(node):
            _Resumed(fact).generic_visit(node)
        if node.name.lower().startswith("setup"):  # of packages: by nose, for all
            keeps = ANYWHERE if file.endswith("__init__.py") else NOTHING
        _say(node, fact, keeps, names)

    if reader.reaches:
        kind = "file" if reader.opaque else "module"
        call = ast.Expr(_call(KEEPS, [f"{kind} {file}"]))
        for one in ast.walk(call):
            ast.copy_location(one, tree.body[-1])
        tree.body.append(call)


def _say(node: Any, fact: str, keeps: int, names: Sequence[str]) -> None:
    """Begin a function with what says that it is entered, or in what it `keeps`."""
    start = ast.get_docstring(node, clean=False) is not None
    first = (node.body[start:] or node.body)[0]
    plain = isinstance(node, ast.FunctionDef) and not yields(node)
    said: list[Any] = [fact, *([" ".join(names)] if keeps < ANYWHERE else [])]
    call = _call(KEEPS if keeps else SEEN, said if keeps else said[:1])
    if keeps and plain and node.body[start:]:
        made: Any = ast.With([ast.withitem(call)], node.body[start:])
        node.body[start:] = [made]
    else:
        made = ast.Expr(call)
        node.body.insert(start, made)
    for one in (made, call, call.func, *call.args):
        ast.copy_location(one, first)


def _call(name: str, said: Sequence[str]) -> Any:
    return ast.Call(ast.Name(name, ast.Load()), [ast.Constant(one) for one in said], [])


class _Resumed(ast.NodeTransformer):
    """Has a generator say that it goes on: ``(yield a, seen)[0]``."""

    def __init__(self, fact: str) -> None:
        self.fact = fact

    def _other(self, node: Any) -> Any:
        return node

    visit_FunctionDef = visit_AsyncFunctionDef = visit_Lambda = visit_ClassDef = _other

    def visit_Yield(self, node: Any) -> Any:
        self.generic_visit(node)
        both = ast.Tuple([node, _call(SEEN, [self.fact])], ast.Load())
        made = ast.Subscript(both, _index(0), ast.Load())
        for one in ast.walk(made):
            if one is not node and not hasattr(one, "lineno"):
                ast.copy_location(one, node)
        return made

    visit_YieldFrom = visit_Yield


def _index(number: int) -> Any:
    """Before Python 3.9 it is in a node of its own."""
    made: Any = ast.Constant(number)
    return made if sys.version_info >= (3, 9) else ast.Index(made)
