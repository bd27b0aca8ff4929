# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a function leaves something behind, as far as one can see in its text."""

from __future__ import annotations

import ast
from collections import Counter
from typing import Any, Container, Iterable, Iterator, Mapping

from harness.plugins.trace.filling import CHANGING, filled

LEAVING = frozenset(
    {
        "__init_subclass__", "__post_setup__", "__register__", "__set_name__",
        "__setup__",
    }
)  # fmt: skip
"""Functions that are there to change what stays."""
NOTHING, NAMED, HERE, ANYWHERE = range(4)
"""Where a function leaves something: in its own module, or who knows where."""
CACHES = ("cache", "lazy", "memo", "once", "reify", "singleton")
"""Parts of the names of decorators that remember what a function has returned."""
PACKAGES = frozenset({"functools", "pyramid"})
"""Whose decorators remember it in the function, or in the object."""
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
NO_NAMES: Mapping[str, bool] = {}
SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
CLASSES = frozenset({"cls", "klass"})
"""Names of arguments that outlive who gives them."""
LITERALS = (ast.Constant, ast.Dict, ast.List, ast.Set)


def find(
    tree: ast.Module, nodes: Mapping[str, Any], origins: Mapping[str, str]
) -> dict[str, tuple[int, list[str]]]:
    """By function: where it leaves something, and the names that lead to that.

    `nodes` are functions by name, `origins` the packages that names are imported from.
    """
    own = {name: one for name, one in _made(tree).items() if name not in origins}
    known = {name for name, top in origins.items() if top in PACKAGES}
    shared = set(_attributes(tree))
    remembered = set(_remembered(tree))
    found = {}
    for name, node in nodes.items():
        left, names = leaves(node, own, known, shared, method="." in name)
        if name in remembered and left < HERE:
            left, names = HERE, []
        found[name] = left, names
    return found


def _remembered(tree: ast.Module) -> Iterator[str]:
    """The functions that something is given that remembers what they return."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            words = [one.lower() for one in _words(node.func)]
            if any(part in one for one in words for part in (*CACHES, "defaultdict")):
                yield from (one.id for one in node.args if isinstance(one, ast.Name))


def _made(tree: ast.Module) -> dict[str, bool]:
    """The names that a module gives, once, to what it makes itself.

    Whether that has no attributes, by which others would find what is changed in it.
    """
    found = {}
    for node in tree.body:
        if isinstance(node, DEFINITIONS) and not node.decorator_list:
            found[node.name] = False
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
            if isinstance(node.value, LITERALS):
                names = (one.id for one in targets if isinstance(one, ast.Name))
                found.update(dict.fromkeys(names, True))
    bound = Counter(filter(None, map(_bound, ast.walk(tree))))
    return {name: found[name] for name in found if bound[name] == 1}


def _attributes(tree: ast.Module) -> Iterator[str]:
    """What classes have before there is an object."""
    for owner in ast.walk(tree):
        for node in owner.body if isinstance(owner, ast.ClassDef) else ():
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value:
                targets = getattr(node, "targets", None) or [getattr(node, "target", 0)]
                yield from (one.id for one in targets if isinstance(one, ast.Name))


def _bound(node: Any) -> str:
    if isinstance(node, DEFINITIONS):
        return str(node.name)
    return node.id if isinstance(node, ast.Name) and _stored(node) else ""


def _stored(node: ast.Name) -> bool:
    return not isinstance(node.ctx, ast.Load)


def leaves(
    node: Any,
    own: Mapping[str, bool] = NO_NAMES,
    known: Container[str] = (),
    shared: Container[str] = (),
    *,
    method: bool = False,
) -> tuple[int, list[str]]:
    """Where a function leaves something behind, as far as one can see.

    Names are of what it is NAMED by.  `own` are those of what its module makes itself,
    `known` are names from `PACKAGES`, `shared` attributes of its classes.
    """
    given = _given(node)
    if node.name in LEAVING or (node.name == "register" and not given):
        return ANYWHERE, []
    found = max((_remembers(one, known) for one in node.decorator_list), default=0)
    names = {node.name} if found else set()
    if found == NAMED and method:
        found = HERE
    inside = [one for part in node.body for one in ast.walk(part)]
    stored = {one.id for one in inside if isinstance(one, ast.Name) and _stored(one)}
    declared = (one for one in inside if isinstance(one, ast.Global))
    outer = {name for one in declared for name in one.names}
    first = given[0] if method and given and not _static(node) else ""
    where = _Where(own, shared, "" if first in stored else first)
    defaults = set(_kept(node.args))
    where.own = {**own, **dict.fromkeys(defaults, True)}
    local = ({*given, *stored} - CLASSES) - outer - defaults
    for root, whole in filled(node, given):
        mine = root == first
        found = max(found, HERE if mine else ANYWHERE if whole else NOTHING)
    left = (where.of(one, names) for one, names in _scopes(node.body, local))
    found = max([found, NAMED if outer else NOTHING, *left])
    if found != NAMED:
        return found, []
    if where.names & defaults:
        names.add(node.name)
    return found, sorted(names | outer | (where.names - defaults))


def _kept(passed: ast.arguments) -> Iterator[str]:
    """The names of arguments whose default is one thing for all calls."""
    every = [*getattr(passed, "posonlyargs", ()), *passed.args]
    pairs = [*zip(reversed(every), reversed(passed.defaults))]
    pairs += zip(passed.kwonlyargs, filter(None, passed.kw_defaults))
    for one, value in pairs:
        if isinstance(value, (ast.Dict, ast.List, ast.Set, ast.Call)):
            yield one.arg


def _given(node: Any) -> list[str]:
    """The names of what a function is given."""
    passed = node.args
    given = [*getattr(passed, "posonlyargs", ()), *passed.args, *passed.kwonlyargs]
    return [one.arg for one in (*given, passed.vararg, passed.kwarg) if one]


def _scopes(nodes: Iterable[Any], local: set[str]) -> Iterator[tuple[Any, set[str]]]:
    """All nodes with the names that are local there."""
    for node in nodes:
        yield node, local
        inner = isinstance(node, SCOPES)
        names = local | ({*_given(node)} - CLASSES) if inner else local
        yield from _scopes(ast.iter_child_nodes(node), names)


def _remembers(decorator: Any, known: Container[str]) -> int:
    words = list(_words(decorator))
    if not any(part in one.lower() for one in words for part in CACHES):
        return NOTHING
    return NAMED if words[-1] in known else ANYWHERE


def _static(node: Any) -> bool:
    return any("staticmethod" in _words(one) for one in node.decorator_list)


class _Where:
    """Where what a function changes is: there are names that are `local`, its module
    has `own` ones; the `first` argument of a method is an object, or a class, of it."""

    def __init__(
        self, own: Mapping[str, bool], shared: Container[str], first: str
    ) -> None:
        self.local: set[str] = set()
        self.own = own
        self.shared = shared
        self.first = first
        self.names: set[str] = set()

    def of(self, node: Any, local: set[str]) -> int:
        """What one node of the function changes."""
        self.local = local
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
        if self.first and _class_of(node) == self.first:
            return HERE
        if getattr(node, "attr", "") in self.shared and self._is_first(node.value):
            return HERE  # an object's attribute may be its class's
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

    def _is_first(self, node: Any) -> bool:
        return isinstance(node, ast.Name) and node.id == self.first in self.local

    def _place(self, node: Any) -> int:
        if not isinstance(node, ast.Name):
            return ANYWHERE
        if node.id in self.own and node.id not in self.local:
            if not self.own[node.id]:
                return HERE
            self.names.add(node.id)
            return NAMED
        return HERE if node.id == self.first else ANYWHERE


def _class_of(node: Any) -> str:
    """Of ``type(self)`` and ``self.__class__`` the object's name."""
    if isinstance(node, ast.Attribute) and node.attr == "__class__":
        return str(getattr(node.value, "id", ""))
    called = isinstance(node, ast.Call) and getattr(node.func, "id", "") == "type"
    return str(getattr(node.args[0], "id", "")) if called and node.args else ""


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
