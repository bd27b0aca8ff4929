# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a Python file concerns only those who name it: its members.

These are constants and plain functions of the module level, and test methods of a
class: to make one runs nothing that could fail, or that others see.  So a new one, or
another value, another signature, is nothing to who does not mention its name.
"""

from __future__ import annotations

import ast
import builtins
import re
from collections import Counter
from typing import Any, Iterator

CONVENTION = re.compile(
    r"__|_?multiprocess|pytest|collect_|setup|teardown|load_tests$"
    r"|includeme$|register$|main$|application$",
    re.IGNORECASE,
)
"""Names that tools look for in any module."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
SAFE = (ast.Add, ast.Sub, ast.Mult)


def find(tree: ast.Module) -> dict[int, str]:
    """The name of each member, by the identity of its node."""
    bound = Counter(_bound(tree))
    if bound["*"]:
        return {}
    later = any(
        isinstance(one, ast.ImportFrom) and one.module == "__future__"
        and any(name.name == "annotations" for name in one.names)
        for one in tree.body
    )  # fmt: skip
    known = {*dir(builtins), *bound} if later else set(dir(builtins))
    found = {}
    for node in tree.body:
        name = _name(node, known, later=later)
        if name and bound[name] == 1 and not CONVENTION.match(name):
            found[id(node)] = name
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            known |= set(_imported(node))
        elif isinstance(node, ast.ClassDef):
            if bound[node.name] == 1:
                found.update(_methods(node, known, later=later))
            known.add(node.name)
    return found


def test(name: str) -> bool:
    """Whether a member is a test: what has run before it may count for it."""
    return name.rpartition(".")[2].startswith("test")


def _methods(node: ast.ClassDef, known: set[str], *, later: bool) -> dict[int, str]:
    """The tests of a class that nothing looks at when it is made."""
    if node.decorator_list or node.keywords:
        return {}
    names = Counter(_bound(node))
    return {
        id(one): f"{node.name}.{one.name}"
        for one in node.body
        if isinstance(one, FUNCTIONS)
        and one.name.startswith("test")
        and names[one.name] == 1
        and _plain(one, known, later=later)
    }


def _name(node: Any, known: set[str], *, later: bool) -> str:
    if isinstance(node, FUNCTIONS):
        return node.name if _plain(node, known, later=later) else ""
    if isinstance(node, ast.Assign) and len(node.targets) == 1:
        target: Any = node.targets[0]
    elif isinstance(node, ast.AnnAssign) and node.value is not None:
        target = node.target if later or _safe(node.annotation, known) else None
    else:
        return ""
    named = isinstance(target, ast.Name) and _literal(node.value)
    return target.id if named else ""


def _plain(node: Any, known: set[str], *, later: bool) -> bool:
    """Whether the definition of a function runs nothing that can fail."""
    given = node.args
    defaults = [*given.defaults, *filter(None, given.kw_defaults)]
    if node.decorator_list or not all(map(_literal, defaults)):
        return False
    if getattr(node, "type_params", None):
        return False
    passed = [*getattr(given, "posonlyargs", ()), *given.args, *given.kwonlyargs]
    passed += filter(None, (given.vararg, given.kwarg))
    written = [one.annotation for one in passed] + [node.returns]
    return later or all(_safe(one, known) for one in written if one is not None)


def _safe(node: Any, known: set[str]) -> bool:
    """Whether an annotation that is run cannot fail."""
    if isinstance(node, ast.Constant):
        return True
    return isinstance(node, ast.Name) and node.id in known


def _literal(node: Any) -> bool:
    """Whether a value is all that is written, and can be made."""
    if isinstance(node, ast.Constant):
        return True
    if isinstance(node, (ast.Tuple, ast.List)):
        return all(map(_literal, node.elts))
    if isinstance(node, ast.Set):
        return all(map(_key, node.elts))
    if isinstance(node, ast.Dict):
        return all(map(_key, node.keys)) and all(map(_literal, node.values))
    if isinstance(node, ast.UnaryOp):
        return isinstance(node.op, ast.USub) and _number(node.operand)
    if isinstance(node, ast.BinOp):
        shifted = isinstance(node.op, ast.LShift) and all(
            isinstance(one, ast.Constant) and type(one.value) is int
            for one in (node.left, node.right)
        )
        pair = _number(node.left) and _number(node.right)
        return shifted or (pair and isinstance(node.op, SAFE))
    return False


def _number(node: Any) -> bool:
    if isinstance(node, ast.BinOp):
        return _literal(node)
    return isinstance(node, ast.Constant) and type(node.value) in (int, float)


def _key(node: Any) -> bool:
    if isinstance(node, ast.Tuple):
        return all(map(_key, node.elts))
    return isinstance(node, ast.Constant)


def _bound(tree: Any) -> Iterator[str]:
    """Each name as often as it is bound in a module, or in a class."""
    todo: list[Any] = list(tree.body)
    while todo:
        node = todo.pop()
        if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
            yield node.name
            todo += node.decorator_list
            todo += [node.args] if isinstance(node, FUNCTIONS) else node.bases
            for one in ast.walk(node):
                if isinstance(one, ast.Global):
                    yield from one.names
            continue
        yield from _names(node)
        todo.extend(ast.iter_child_nodes(node))


def _names(node: Any) -> Iterator[str]:
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        yield from _imported(node)
    elif isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load):
        yield node.id
    elif isinstance(node, ast.ExceptHandler) and node.name:
        yield node.name
    elif type(node).__name__ in ("MatchAs", "MatchStar", "MatchMapping"):
        yield getattr(node, "name", None) or getattr(node, "rest", None) or ""


def _imported(node: Any) -> Iterator[str]:
    whole = isinstance(node, ast.Import)
    for one in node.names:
        yield one.asname or (one.name.partition(".")[0] if whole else one.name)
