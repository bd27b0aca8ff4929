# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the functions of a source say that they are entered.

Each gets one statement before its first, ``__harness_seen__("function FILE:NAME")``:
a method of a set, so that a call costs some 30 ns.  Line numbers stay.

What a function leaves behind (in a module, a class, a cache) serves all that comes
later in the process: what it has seen then counts for that, too.  Such a function runs
in a section of its own (`KEEPS`).  What it leaves in its own module (`HERE`) nobody can
see who does not have that module.
"""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any, Container, Iterator

from harness.plugins.trace.skeleton import Reader, yields

SEEN = "__harness_seen__"
KEEPS = "__harness_keeps__"
"""Names among Python's built-in ones: a function, a context manager."""
LEAVING = frozenset(
    {
        "__init_subclass__", "__post_setup__", "__register__", "__set_name__",
        "__setup__", "includeme", "register",
    }
)  # fmt: skip
"""Functions that are there to change what stays; a view of that name, whose first
argument is called `request`, is not."""
NOTHING, HERE, ANYWHERE = range(3)
"""Where a function leaves something: in its own module, or who knows where."""
CACHES = ("cache", "lazy", "memo", "once", "reify", "singleton")
"""Parts of the names of decorators that remember what a function has returned."""
PACKAGES = frozenset({"functools", "pyramid"})
"""Whose decorators remember it in the function, or in the object."""
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
LITERALS = (ast.Constant, ast.Dict, ast.List, ast.Set)
CHANGING = frozenset(
    {
        "__setattr__", "__setitem__", "add", "append", "appendleft", "clear",
        "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault",
        "update",
    }
)  # fmt: skip
"""Methods that change what they are called on."""


def add(tree: ast.Module, reader: Reader, file: str) -> None:
    """Change the functions of a `tree` that was read; what they say names the `file`.

    In a file that counts as a whole they say ``file FILE``.
    """
    own = _made(tree).difference(reader.origins)
    known = {name for name, top in reader.origins.items() if top in PACKAGES}
    for name, node in reader.nodes.items():
        fact = f"file {file}" if reader.opaque else f"function {file}:{name}"
        start = ast.get_docstring(node, clean=False) is not None
        first = (node.body[start:] or node.body)[0]
        keeps = leaves(node, own, known, method="." in name)
        if node.name.lower().startswith("setup"):  # of packages: by nose, for all
            keeps = ANYWHERE if file.endswith("__init__.py") else NOTHING
        plain = isinstance(node, ast.FunctionDef) and not yields(node)
        said: list[Any] = [fact, True] if keeps == HERE else [fact]
        call: Any = ast.Call(
            ast.Name(KEEPS if keeps else SEEN, ast.Load()),
            [ast.Constant(one) for one in said],
            [],
        )
        if keeps and plain and node.body[start:]:
            made: Any = ast.With([ast.withitem(call)], node.body[start:])
            node.body[start:] = [made]
        else:
            made = ast.Expr(call)
            node.body.insert(start, made)
        for one in (made, call, call.func, *call.args):
            ast.copy_location(one, first)


def _made(tree: ast.Module) -> set[str]:
    """The names that a module gives, once, to what it makes itself."""
    found = set()
    for node in tree.body:
        if isinstance(node, DEFINITIONS) and not node.decorator_list:
            found.add(node.name)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
            if isinstance(node.value, LITERALS):
                found |= {one.id for one in targets if isinstance(one, ast.Name)}
    bound = Counter(filter(None, map(_bound, ast.walk(tree))))
    return {name for name in found if bound[name] == 1}


def _bound(node: Any) -> str:
    if isinstance(node, DEFINITIONS):
        return str(node.name)
    return node.id if isinstance(node, ast.Name) and _stored(node) else ""


def _stored(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def leaves(
    node: Any,
    own: Container[str] = (),
    known: Container[str] = (),
    *,
    method: bool = False,
) -> int:
    """Where a function leaves something behind, as far as one can see.

    `own` are names of what its module makes itself, `known` are names from `PACKAGES`.
    """
    passed = node.args
    given = [*getattr(passed, "posonlyargs", ()), *passed.args, *passed.kwonlyargs]
    view = bool(given) and given[0].arg == "request"
    if node.name in LEAVING and not view:
        return ANYWHERE
    found = max((_remembers(one, known) for one in node.decorator_list), default=0)
    inside = [one for part in node.body for one in ast.walk(part)]
    local = {one.arg for one in (*given, passed.vararg, passed.kwarg) if one}
    local -= {"cls", "klass"}
    stored = {one.id for one in inside if isinstance(one, ast.Name) and _stored(one)}
    local |= stored
    declared = (one for one in inside if isinstance(one, ast.Global))
    outer = {name for one in declared for name in one.names}
    first = given[0].arg if method and given and not _static(node) else ""
    where = _Where(local - outer, own, "" if first in stored else first)
    return max([found, HERE if outer else NOTHING, *map(where.of, inside)])


def _remembers(decorator: Any, known: Container[str]) -> int:
    words = list(_words(decorator))
    if not any(part in one.lower() for one in words for part in CACHES):
        return NOTHING
    return HERE if words[-1] in known else ANYWHERE


def _static(node: Any) -> bool:
    return any("staticmethod" in _words(one) for one in node.decorator_list)


class _Where:
    """Where what a function changes is: it has names that are `local`, its module
    `own` ones; the `first` argument of a method is an object, or a class, of it."""

    def __init__(self, local: set[str], own: Container[str], first: str) -> None:
        self.local = local
        self.own = own
        self.first = first

    def of(self, node: Any) -> int:
        """What one node of the function changes."""
        if isinstance(node, (ast.Attribute, ast.Subscript)):
            changed = not isinstance(node.ctx, ast.Load)
            return self._target(node.value) if changed else NOTHING
        if isinstance(node, ast.Call):
            function = node.func
            if isinstance(function, ast.Attribute) and function.attr in CHANGING:
                return self._target(function.value)
            if isinstance(function, ast.Name) and function.id in ("setattr", "delattr"):
                return self._target(node.args[0]) if node.args else NOTHING
        if isinstance(node, ast.If):
            return max(map(self._place, _filled(node)), default=NOTHING)
        return NOTHING

    def _target(self, node: Any) -> int:
        """Who is changed: what is in a thing may be another's."""
        root = node
        while isinstance(root, (ast.Attribute, ast.Subscript)):
            if getattr(root, "attr", "") == "__class__":
                return ANYWHERE
            root = root.value
        if isinstance(root, ast.Call) and getattr(root.func, "id", "") == "type":
            return ANYWHERE
        if not isinstance(root, ast.Name) or root.id in self.local:
            return NOTHING
        return self._place(node)

    def _place(self, node: Any) -> int:
        if not isinstance(node, ast.Name):
            return ANYWHERE
        own = node.id in self.own and node.id not in self.local
        return HERE if own or node.id == self.first else ANYWHERE


def _filled(node: ast.If) -> Iterator[Any]:
    """Where something is set that was looked at: ``if self.x is None:``."""
    looked = {ast.dump(one) for one in ast.walk(node.test) if _place(one, ast.Load)}
    one: Any
    for part in node.body if looked else ():
        for one in ast.walk(part):
            stored = _place(one, ast.Store)
            if stored and ast.dump(one).replace("Store()", "Load()") in looked:
                yield one.value


def _place(node: Any, context: Any) -> bool:
    place = isinstance(node, (ast.Attribute, ast.Subscript))
    return place and isinstance(node.ctx, context)


def _words(node: Any) -> Iterator[str]:
    """The names in a decorator, but for those of its arguments."""
    while isinstance(node, (ast.Attribute, ast.Call)):
        if isinstance(node, ast.Attribute):
            yield node.attr
        node = node.func if isinstance(node, ast.Call) else node.value
    if isinstance(node, ast.Name):
        yield node.id
