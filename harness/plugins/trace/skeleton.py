# SPDX-License-Identifier: GPL-3.0-or-later
"""A Python file as what an import of it runs, and the bodies of its functions.

The skeleton is the module level, class bodies, decorators, signatures, defaults and
docstrings, but for `members`, which are for themselves.  Comments, blank lines and line
numbers count nowhere.  Digests are made of the syntax tree, the same in all versions of
Python that know the syntax.
"""

from __future__ import annotations

import ast
import hashlib
from typing import Any, Iterable, Iterator, NamedTuple

from harness.plugins.trace import filling, leaving, members, mentions

VERSION = 7
"""Of what is said here and in `instrument`: what another one said is not so."""
LENGTH, SHORT = 20, 10
"""Hexadecimal digits of a digest, and of a member's."""
SEEING = mentions.REACHING | {
    "ast", "dis", "linecache", "marshal", "symtable", "tokenize"
}  # fmt: skip
"""Modules of the standard library that are there to look at code."""
EXECUTING = frozenset({"exec", "eval", "compile", "__loader__", "__spec__"})
CODE = frozenset(
    {
        "__code__", "__loader__", "__spec__", "_getframe", "ag_code", "cr_code",
        "f_back", "f_code", "f_lineno", "gi_code", "tb_lineno", "co_argcount",
        "co_cellvars", "co_code", "co_consts", "co_exceptiontable", "co_filename",
        "co_firstlineno", "co_flags", "co_freevars", "co_kwonlyargcount", "co_lines",
        "co_linetable", "co_lnotab", "co_name", "co_names", "co_nlocals",
        "co_positions", "co_posonlyargcount", "co_qualname", "co_stacksize",
        "co_varnames",
    }
)  # fmt: skip
"""Attributes that lead to code, or to where it stands.

Who asks a loader (``get_code``, ``get_source``) is seen when it does: that is what
methods of others are called, too.
"""
PLACES = frozenset({"Path", "PurePath", "abspath", "dirname", "realpath"})
"""What makes a directory of ``__file__``: files that are opened there are seen."""
HARMLESS = frozenset(
    {
        "abc", "atexit", "attr", "attrs", "click", "colander", "contextlib", "cornice",
        "dataclasses", "enum", "functools", "hypothesis", "nose", "proteus", "pydantic",
        "pyramid", "pytest", "sqlalchemy", "trytond", "types", "typing",
        "typing_extensions", "unittest", "venusian", "zope", "harness",
    }
)  # fmt: skip
"""Packages whose decorators do not look into what they decorate."""
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
INNER = (*FUNCTIONS, ast.Lambda, ast.ClassDef)
IDLE = frozenset({"ctx", "kind", "type_comment", "type_ignores"})
"""Fields that say nothing, or nothing new."""


class Skeleton(NamedTuple):
    """A file: digests of the whole but for bodies and members, and of these by name.

    Where it is `opaque`, code may see code: all of its content counts.  `imports` are
    the dotted names that it may import, those of ``from a import b`` as ``a.b``;
    relative ones begin with dots.  `uses` are the names that code mentions, by
    function; what is outside of them has no name.
    """

    skeleton: str
    bodies: dict[str, str]
    opaque: bool
    imports: frozenset[str]
    members: dict[str, str]
    uses: dict[str, list[str]]


def digest(content: bytes) -> str:
    """Digest of a content."""
    return hashlib.sha256(content).hexdigest()[:LENGTH]


def read(source: bytes, own: Iterable[str] = ()) -> Skeleton:
    """A file's skeleton; of one that is no Python it is the content.

    Decorators of packages that are called `own` are traced themselves.
    """
    try:
        return Reader(ast.parse(source), own).result
    except (SyntaxError, ValueError, RecursionError):
        return Skeleton(digest(source), {}, True, frozenset(), {}, {})


class Reader:
    """Reads a tree; `nodes` are the functions that have a body of their own."""

    def __init__(self, tree: ast.Module, own: Iterable[str] = ()) -> None:
        self.nodes: dict[str, Any] = {}
        self.bodies: dict[str, str] = {}
        self.opaque = False
        self.imports: set[str] = set()
        self.origins: dict[str, str] = {}
        """The package that a name was imported from, empty for one of this package."""
        self.decorators: set[str] = set()
        self.known = {*HARMLESS, *own, ""}
        self.prefix = ""
        self.outside = True
        """Whether functions that come now have bodies of their own."""
        self.places: set[int] = set()
        self.apart = members.find(tree)
        self.members: dict[str, str] = {}
        self.names = mentions.names(tree)
        outside = _outside(tree)
        self.uses = {"": sorted(mentions.find(outside, self.names))}
        parts = [f"{VERSION} "]
        self._feed(tree, parts.append)
        self.leaving = leaving.find(tree, self.nodes, self.origins)
        """By function: where it leaves something, and by which names: to begin with
        that is a change for those who see it."""
        self.reaches = filling.reaches(tree, self.origins, {*own, ""})
        """Whether the import leaves something in what is another's."""
        parts += (f"{name} {left}" for name, left in self.leaving.items() if left[0])
        for name in self.decorators:
            self.opaque |= not name or self.origins.get(name, "") not in self.known
        self.result = Skeleton(
            _joined(parts),
            self.bodies,
            self.opaque,
            frozenset(self.imports),
            self.members,
            self.uses,
        )

    def _feed(self, node: Any, write: Any) -> None:
        """Write a node in words; what is in it is noted."""
        if self.outside and isinstance(node, FUNCTIONS):
            self._function(node, write)
            return
        kind = type(node).__name__
        if kind == "Index":  # before Python 3.9
            self._feed(node.value, write)
            return
        look = getattr(self, f"_look_{kind}", None)
        if look is not None:
            look(node)
        prefix = self.prefix
        if isinstance(node, ast.ClassDef):
            self.prefix = f"{prefix}{node.name}."
        self._fields(node, write)
        self.prefix = prefix

    def _fields(self, node: Any, write: Any) -> None:
        write(f"({type(node).__name__}")
        for name in node._fields:
            value = getattr(node, name, None)
            if value is None and name != "value":
                continue
            if name in IDLE or (isinstance(value, list) and not value):
                continue
            write(f" {name}=")
            if isinstance(value, ast.AST):
                self._feed(value, write)
            elif isinstance(value, list):
                self._several(value, write)
            else:
                write(f"{type(value).__name__}:{value!r}")
        write(")")

    def _several(self, values: list[Any], write: Any) -> None:
        """Of a member it counts what is run before it."""
        write("[")
        at = 0
        for one in values:
            if id(one) in self.apart:
                inside = [f"{at} "]
                self._feed(one, inside.append)
                self.members[self.apart[id(one)]] = _joined(inside)[:SHORT]
                continue
            at += 1
            if isinstance(one, ast.AST):
                self._feed(one, write)
            else:
                write(f"{one!r},")
        write("]")

    def _function(self, node: Any, write: Any) -> None:
        """What the definition runs is skeleton, what a call runs is body."""
        self._look_ClassDef(node)
        for name in ("decorator_list", "args", "returns", "type_params"):
            value = getattr(node, name, None)
            for one in value if isinstance(value, list) else [value]:
                if one is not None:
                    self._feed(one, write)
        has = ast.get_docstring(node, clean=False)
        write(f"(def {type(node).__name__} {node.name} {has!r} {yields(node)})")
        inside: list[str] = []
        self.outside = False
        for one in node.body[has is not None :]:
            self._feed(one, inside.append)
        self.outside = True
        name, count = f"{self.prefix}{node.name}", 1
        while name in self.nodes:
            count += 1
            name = f"{self.prefix}{node.name}#{count}"
        self.nodes[name] = node
        self.bodies[name] = _joined(inside)
        below = (one for part in node.body[has is not None :] for one in ast.walk(part))
        uses = mentions.find(below, self.names) | mentions.making(node)
        self.uses[name] = sorted(uses)

    # -- what may see code ---------------------------------------------------

    def _look_ClassDef(self, node: Any) -> None:
        self.decorators |= {_root(one) for one in node.decorator_list}

    _look_FunctionDef = _look_AsyncFunctionDef = _look_ClassDef

    def _look_Import(self, node: ast.Import) -> None:
        for one in node.names:
            self._imported(one.name, (one.asname or one.name).partition(".")[0])
            self.imports.add(one.name)

    def _look_ImportFrom(self, node: ast.ImportFrom) -> None:
        base = "." * node.level + (node.module or "")
        for one in node.names:
            self._imported(base, one.asname or one.name)
            self.imports.add(f"{base}{'' if base.endswith('.') else '.'}{one.name}")

    def _imported(self, module: str, name: str) -> None:
        top = module.partition(".")[0]
        self.origins[name] = top
        self.opaque |= top in SEEING

    def _look_Name(self, node: ast.Name) -> None:
        here = node.id == "__file__" and id(node) not in self.places
        self.opaque |= here or node.id in EXECUTING

    def _look_Attribute(self, node: ast.Attribute) -> None:
        self.opaque |= node.attr in CODE

    def _look_Constant(self, node: ast.Constant) -> None:
        """``getattr(function, "__code__")``."""
        self.opaque |= isinstance(node.value, str) and node.value in CODE

    def _look_Call(self, node: ast.Call) -> None:
        """A place that is made of ``__file__`` says nothing of the code."""
        if str(getattr(node.func, "attr", getattr(node.func, "id", ""))) in PLACES:
            self.places |= {id(one) for one in node.args}


def yields(node: Any) -> bool:
    """Whether a function is a generator: a call of it does not run its body."""
    todo = list(node.body)
    while todo:
        one = todo.pop()
        if isinstance(one, (ast.Yield, ast.YieldFrom)):
            return True
        if not isinstance(one, INNER):
            todo.extend(ast.iter_child_nodes(one))
    return False


def _outside(tree: ast.Module) -> Iterator[Any]:
    """All that is in no function's body."""
    todo: list[Any] = [tree]
    while todo:
        node = todo.pop()
        yield node
        for name in node._fields:
            inside = isinstance(node, FUNCTIONS) and name == "body"
            value = None if inside else getattr(node, name, None)
            values = value if isinstance(value, list) else [value]
            todo += (one for one in values if isinstance(one, ast.AST))


def _root(node: Any) -> str:
    """The name that an expression such as ``a.b(c).d`` begins with, or nothing."""
    while isinstance(node, (ast.Attribute, ast.Call, ast.Subscript)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""


def _joined(parts: list[str]) -> str:
    return digest("".join(parts).encode("utf-8", "surrogatepass"))
