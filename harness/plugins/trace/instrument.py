# SPDX-License-Identifier: GPL-3.0-or-later
"""Has the functions of a source say that they are entered.

Each gets one statement before its first, ``__harness_seen__("function FILE:NAME")``:
a method of a set, so that a call costs some 30 ns.  Line numbers stay.

What a function leaves behind (in a module, a class, a cache) serves all that comes
later in the process: what it has seen then counts for that, too.  Such a function runs
in a section of its own (`KEEPS`).
"""

from __future__ import annotations

import ast
from typing import Any, Iterator

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
CACHES = ("cache", "lazy", "memo", "once", "reify", "singleton")
"""Parts of the names of decorators that remember what a function has returned."""
CHANGING = frozenset(
    {
        "__setattr__", "__setitem__", "add", "append", "appendleft", "clear",
        "discard", "extend", "insert", "pop", "popitem", "remove", "setdefault",
        "update",
    }
)  # fmt: skip
"""Methods that change what they are called on."""


def add(reader: Reader, file: str) -> None:
    """Change the functions of a tree that was read; what they say names the `file`.

    In a file that counts as a whole they say ``file FILE``.
    """
    for name, node in reader.nodes.items():
        fact = f"file {file}" if reader.opaque else f"function {file}:{name}"
        start = ast.get_docstring(node, clean=False) is not None
        first = (node.body[start:] or node.body)[0]
        keeps = leaves(node)
        if node.name.lower().startswith("setup"):  # of packages: by nose, for all
            keeps = file.endswith("__init__.py")
        plain = isinstance(node, ast.FunctionDef) and not yields(node)
        call: Any = ast.Call(
            ast.Name(KEEPS if keeps else SEEN, ast.Load()), [ast.Constant(fact)], []
        )
        if keeps and plain and node.body[start:]:
            made: Any = ast.With([ast.withitem(call)], node.body[start:])
            node.body[start:] = [made]
        else:
            made = ast.Expr(call)
            node.body.insert(start, made)
        for one in (made, call, call.func, call.args[0]):
            ast.copy_location(one, first)


def leaves(node: Any) -> bool:
    """Whether a function leaves something behind, as far as one can see."""
    names = {part.lower() for one in node.decorator_list for part in _words(one)}
    passed = node.args
    own = [*getattr(passed, "posonlyargs", ()), *passed.args, *passed.kwonlyargs]
    view = bool(own) and own[0].arg == "request"
    named = node.name in LEAVING and not view
    if named or any(part in one for one in names for part in CACHES):
        return True
    local = {one.arg for one in (*own, passed.vararg, passed.kwarg) if one}
    local -= {"cls", "klass"}
    inside = [one for part in node.body for one in ast.walk(part)]
    local |= {
        one.id
        for one in inside
        if isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store)
    }
    return any(_leaves(one, local) for one in inside)


def _leaves(node: Any, local: set[str]) -> bool:
    if isinstance(node, ast.Global):
        return True
    if isinstance(node, (ast.Attribute, ast.Subscript)):
        return not isinstance(node.ctx, ast.Load) and _outer(node, local)
    if isinstance(node, ast.Call):
        function = node.func
        if isinstance(function, ast.Attribute):
            return function.attr in CHANGING and _outer(function.value, local)
        if isinstance(function, ast.Name) and function.id in ("setattr", "delattr"):
            return bool(node.args) and _outer(node.args[0], local)
    return isinstance(node, ast.If) and _filled(node)


def _outer(node: Any, local: set[str]) -> bool:
    """Whether an expression begins with a name that is no local one."""
    while isinstance(node, (ast.Attribute, ast.Subscript)):
        node = node.value
    return isinstance(node, ast.Name) and node.id not in local


def _filled(node: ast.If) -> bool:
    """Whether something is set where it was looked at: ``if self.x is None:``."""
    looked = {ast.dump(one) for one in ast.walk(node.test) if _place(one, ast.Load)}
    if not looked:
        return False
    return any(
        ast.dump(one).replace("Store()", "Load()") in looked
        for part in node.body
        for one in ast.walk(part)
        if _place(one, ast.Store)
    )


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
