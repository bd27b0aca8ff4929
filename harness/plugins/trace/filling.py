# SPDX-License-Identifier: GPL-3.0-or-later
"""What a function sets that it has looked at before: who comes later finds it there.

So caches in objects are filled: ``if not hasattr(self, "x"): self.x = ...``.
"""

from __future__ import annotations

import ast
from typing import Any, Container, Iterable, Iterator, Mapping

CHANGING = frozenset(
    {
        "__setattr__", "__setitem__", "add", "append", "appendleft", "clear",
        "discard", "extend", "insert", "pop", "popitem", "put", "remove", "set",
        "setdefault", "update",
    }
)  # fmt: skip
"""Methods that change what they are called on."""
ABSENT = frozenset({"__get__", "__getattr__", "__missing__"})
"""Methods that are called for what is not there yet."""
NEW = frozenset({"__init__", "__new__", "__post_init__"})
"""Those of what nobody else has."""
PLACES = (ast.Attribute, ast.Subscript)
ASSIGNING = (ast.Assign, ast.AnnAssign, ast.AugAssign)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


def filled(node: Any, given: Container[str]) -> Iterator[tuple[str, bool]]:
    """The names, among those `given`, that such places begin with.

    Whether that is an attribute of it; else it is an item, or in what it has.
    """
    if node.name in NEW or node.name.startswith("test"):
        return
    inside = list(_own(node.body))
    other = _other_names(inside)
    changed = list(_changed(inside))
    bases = {id(base) for _, base, _ in changed}
    looked: dict[str, int] = {}
    for one in inside:
        text = _looked(one) if id(one) not in bases else ""
        looked[text] = min(one.lineno, looked.get(text, one.lineno)) if text else 0
    for places, owner, line in changed:
        root = _root(owner, other)
        before = any(looked.get(one, line + 1) <= line for one in places)
        if root in given and (before or node.name in ABSENT):
            attribute = places[0].startswith("Attribute(value=Name(")
            own = isinstance(owner, ast.Name) and owner.id == root and attribute
            yield root, own or node.name in ABSENT


def reaches(tree: ast.Module, origins: Mapping[str, str], own: Container[str]) -> bool:
    """Whether the import of a module changes what it has imported from its `own`."""
    for _, owner, _ in _changed(_own(tree.body)):
        if origins.get(_root(owner, {})) in own:
            return True
    return False


def escaping(node: Any) -> list[Any]:
    """The functions in one that it returns and that change what it has: caches."""
    every = (one for part in node.body for one in ast.walk(part))
    inner: list[Any] = [one for one in every if isinstance(one, FUNCTIONS)]
    returned = {
        name.id
        for one in _own(node.body)
        if isinstance(one, ast.Return) and one.value
        for name in ast.walk(one.value)
        if isinstance(name, ast.Name)
    }
    return [one for one in inner if one.name in returned and _outer(one)]


def _outer(node: Any) -> bool:
    """Whether a function changes what is around it."""
    inside = list(_own(node.body))
    if any(isinstance(one, ast.Nonlocal) for one in inside):
        return True
    passed = node.args
    every = [*passed.args, *passed.kwonlyargs, passed.vararg, passed.kwarg]
    mine = {one.arg for one in every if one}
    mine |= {
        one.id
        for one in inside
        if isinstance(one, ast.Name) and not isinstance(one.ctx, ast.Load)
    }
    roots = {_root(owner, {}) for _, owner, _ in _changed(inside)}
    return bool(roots - mine - {""})


def _own(nodes: Iterable[Any]) -> Iterator[Any]:
    """All of a function, but for what the functions in it do."""
    for node in nodes:
        yield node
        if not isinstance(node, (*FUNCTIONS, ast.Lambda)):
            yield from _own(ast.iter_child_nodes(node))


def _other_names(inside: Iterable[Any]) -> dict[str, Any]:
    """Names for a thing's attribute: ``cache = self.cache``."""
    found: dict[str, Any] = {}
    for one in inside:
        if isinstance(one, ast.Assign) and isinstance(one.value, PLACES):
            targets = (each for each in one.targets if isinstance(each, ast.Name))
            found.update((each.id, one.value) for each in targets)
    return found


def _changed(inside: Iterable[Any]) -> Iterator[tuple[list[str], Any, int]]:
    """Places that are set, the thing that they are in, and until which line."""
    for node in inside:
        line: int = getattr(node, "end_lineno", 0) or getattr(node, "lineno", 0)
        for one in _targets(node):
            places = [_text(one)]
            if isinstance(one, ast.Subscript):
                places.append(_text(one.value))
            yield places, one.value, line
        if not isinstance(node, ast.Call):
            continue
        function, args = node.func, node.args
        if isinstance(function, ast.Attribute) and function.attr in CHANGING:
            yield [_text(function.value)], function.value, line
        if getattr(function, "id", "") == "setattr" and len(args) > 1:
            yield [_attribute(*args[:2])], args[0], line


def _targets(node: Any) -> Iterator[Any]:
    targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
    for target in targets if isinstance(node, ASSIGNING) else ():
        for one in ast.walk(target):
            if isinstance(one, PLACES) and isinstance(one.ctx, ast.Store):
                yield one


def _looked(node: Any) -> str:
    """The place that is looked at here."""
    if isinstance(node, (*PLACES, ast.Name)) and isinstance(node.ctx, ast.Load):
        return _text(node)
    called = str(getattr(getattr(node, "func", None), "id", ""))
    if called in ("getattr", "hasattr") and len(node.args) > 1:
        return _attribute(*node.args[:2])
    return ""


def _attribute(owner: Any, name: Any) -> str:
    word = str(getattr(name, "value", getattr(name, "s", "")))
    return _text(ast.Attribute(owner, word, ast.Load()))


def _text(node: Any) -> str:
    return ast.dump(node).replace("ctx=Store()", "ctx=Load()")


def _root(node: Any, other: Mapping[str, Any]) -> str:
    """The name that a place begins with."""
    seen = 0
    while seen < len(other) + 1:
        while isinstance(node, PLACES):
            node = node.value
        name = str(getattr(node, "id", ""))
        if name not in other:
            return name
        node, seen = other[name], seen + 1
    return ""
