# SPDX-License-Identifier: GPL-3.0-or-later
"""The names that code mentions: whoever uses a member of a module has to.

``name``      a variable is read, an attribute read or set, or it is in a text
``~a.b``      what was imported by this name is used: its attributes, which follow
``=a.b``      what was imported by this name is handed on; it may be a module, in which
              who gets it may read anything
``<b name``   it is imported by the name b
``+name``     it is imported: that it is there counts, what it is does not
``*``         any name may be meant
``?``         classes are looked at by names that are not known: test methods
"""

from __future__ import annotations

import ast
import re
from typing import Any, Collection, Iterable, Iterator, Mapping

ANY = "*"
TESTS = "?"
REACHING = frozenset(
    {"bdb", "builtins", "code", "codeop", "gc", "inspect", "pdb", "runpy", "trace"}
)
"""Modules of the standard library that lead to what others have."""
LOOKING = frozenset({"__import__", "compile", "eval", "exec", "globals", "locals"})
ABOUT_HERE = frozenset({"dir", "vars"})
"""Functions that look around where they are called without an argument."""
HOLDING = frozenset({"__globals__", "_getframe", "f_globals", "f_locals", "modules"})
"""Attributes that lead to modules, or to what is in them."""
GIVEN = "module"
"""What is called so has what pytest gives of a test: ``request.module``."""
SAYING = frozenset(
    {
        "__all__", "__doc__", "__file__", "__name__", "__package__", "__path__",
        "__version__",
    }
)  # fmt: skip
"""Attributes of a module that do not lead to what is in it."""
WORDS = re.compile(r"[^\W\d]\w*(?:[.:/][^\W\d]\w*)*|[\w.]+ *[|[][\w.,|\[\]\"' ]*")
"""Texts that have names in them: dotted ones, and annotations."""
WORD = re.compile(r"[^\W\d]\w*")
Imported = Mapping[str, Iterable[str]]


def find(nodes: Iterable[Any], imported: Imported) -> set[str]:
    """What these nodes mention, each before those in it.

    `imported` has the dotted names of a file's imports.
    """
    found: set[str] = set()
    bases: set[int] = set()
    for node in nodes:
        if isinstance(node, ast.Attribute):
            used = id(node) in bases
            held = node.attr in HOLDING or (node.attr == GIVEN and not used)
            found.add(ANY if held else node.attr)
            inside = node.attr.startswith("__") and node.attr not in SAYING
            for part in [*([] if used else [node]), *([node.value] if inside else [])]:
                found |= {f"={one}" for one in _chain(part, imported)}
            found |= {TESTS} if node.attr == "__dict__" else set()
            bases.add(id(node.value))
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load):
            kind = "~" if id(node) in bases else "="
            found |= set(_named(node.id, imported, kind))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            if WORDS.fullmatch(node.value):
                words = set(WORD.findall(node.value))
                found |= {ANY} if HOLDING & words else words
        elif isinstance(node, ast.Call):
            found |= _asked(node)
        elif isinstance(node, ast.ClassDef):
            found |= _held(node)
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            found |= _imports(node)
        elif isinstance(node, ast.Global):
            found |= set(node.names)
    return found


def names(tree: ast.Module) -> dict[str, set[str]]:
    """By the name that an import binds: what it may be."""
    found: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for one in node.names:
                name = one.asname or one.name.partition(".")[0]
                found.setdefault(name, set()).add(one.name if one.asname else name)
        elif isinstance(node, ast.ImportFrom):
            base = "." * node.level + (node.module or "")
            for one in node.names:
                dotted = f"{base}{'' if base.endswith('.') else '.'}{one.name}"
                found.setdefault(one.asname or one.name, set()).add(dotted)
    return found


def making(node: Any) -> set[str]:
    """What a function mentions that makes classes: who is made by it is given whole."""
    given = {one.arg for one in node.args.args}
    makes = node.name == "__init_subclass__" or "bases" in given
    return {TESTS} if makes else set()


class Index:
    """Who mentions what; `code` are facts, their files and what they mention.

    `files` are those that there are: a name of one of them is no member's.
    """

    def __init__(
        self, code: Iterable[tuple[str, str, Iterable[str]]], files: Collection[str]
    ) -> None:
        self.files = files
        self._importing: dict[str, set[str]] = {}
        """By a name: the files that import it from somewhere."""
        self._other: dict[str, set[str]] = {}
        """By a name: those that it is imported by."""
        self._plain: dict[str, set[str]] = {}
        self._dotted: dict[str, list[tuple[str, str, str]]] = {}
        for fact, file, uses in code:
            for one in uses:
                if one[0] in "=~":
                    last = one[1:].rpartition(".")[2]
                    self._dotted.setdefault(last, []).append((one, file, fact))
                else:
                    self._plain.setdefault(one, set()).add(fact)
                if one[0] == "+":
                    self._importing.setdefault(one[1:], set()).add(file)
                if one[0] == "<":
                    other, _, name = one[1:].partition(" ")
                    self._other.setdefault(name, set()).add(other)

    def who(self, file: str, named: Iterable[str]) -> set[str]:
        """The facts about code that may look at such members of a file."""
        names = {name.lstrip("+") for name in named} | {ANY}
        holders = {file}.union(*(self._importing.get(name, ()) for name in names))
        found = {"all *", *(f"all {one}" for one in holders)}
        found |= self._plain.get(ANY, set())
        for name in named:
            own = [f"{_places(file)[1]}/{name}"]
            found |= self._plain.get(name, set())
            for mention, where, fact in self._dotted.get(name, ()):
                if _meant(mention, where, own) or not self._is_file(mention, where):
                    found.add(fact)
        places = {place for one in holders for place in _around(one)}
        called = {one.rpartition("/")[2] for one in places}
        for last in called.union(*(self._other.get(one, ()) for one in called)):
            for mention, where, fact in self._dotted.get(last, ()):
                if mention[0] == "=" and self._leads(mention, where, places):
                    found.add(fact)
        return found

    def _leads(self, mention: str, where: str, places: Collection[str]) -> bool:
        """Whether what is handed on is in one of these places, or may be by way of
        another module, which has imported it."""
        if _meant(mention, where, places):
            return True
        before = mention.rpartition(".")[0]
        if self._is_file(mention, where):
            return False
        while before.lstrip("=."):
            if self._is_file(before, where):
                return True
            before = before.rpartition(".")[0]
        return False

    def _is_file(self, mention: str, where: str) -> bool:
        return any(_meant(mention, where, _places(one)) for one in self.files)


def _asked(call: Any) -> set[str]:
    """What a call of Python's own functions looks at."""
    name = getattr(call.func, "id", "")
    if name in ABOUT_HERE:
        return {TESTS} if call.args else {ANY}
    known = all(isinstance(one, ast.Constant) for one in call.args[1:2])
    return set() if known or name not in ("getattr", "hasattr") else {TESTS}


def _named(name: str, imported: Imported, kind: str) -> Iterator[str]:
    if name in LOOKING:
        yield ANY
    elif name not in imported or ANY in imported:
        yield name
    if ANY in imported:  # it may be a module
        yield f"{kind}{name}"
    for one in imported.get(name, ()):
        words = one.split(".")
        reaches = words[0] in REACHING or words[-1] in HOLDING
        yield ANY if reaches else f"{kind}{one}"


def _chain(node: Any, imported: Imported) -> Iterator[str]:
    """The dotted names that an expression such as ``a.b.c`` stands for."""
    words = []
    while isinstance(node, ast.Attribute):
        words.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        for one in imported.get(node.id, ()):
            yield ".".join([one, *reversed(words)])


def _imports(node: Any) -> set[str]:
    """What an import asks for; another name for it is a mention."""
    found: set[str] = set()
    for one in node.names:
        parts = one.name.split(".")
        found |= {f"+{part}" for part in parts}
        if one.asname:
            found |= {parts[-1], f"<{one.asname} {parts[-1]}"}
    module = getattr(node, "module", None) or ""
    return found | {f"+{part}" for part in module.split(".") if part}


def _held(node: ast.ClassDef) -> set[str]:
    """What a class has by an import in it: who has the class has that."""
    tree: Any = ast.Module([one for one in node.body if _is_import(one)], [])
    dotted = set().union(*names(tree).values())
    return {one.rpartition(".")[2] for one in dotted} | {f"={one}" for one in dotted}


def _is_import(node: Any) -> bool:
    return isinstance(node, (ast.Import, ast.ImportFrom))


def _places(file: str) -> tuple[str, str]:
    """Where the module of a file is, or the package."""
    name = file[: -len(".py")]
    return name, name[: -len("/__init__")] if name.endswith("/__init__") else name


def _around(file: str) -> Iterator[str]:
    """Its places, and those of the packages that it is in: they lead to it."""
    yield from _places(file)
    while "/" in file:
        file = file.rpartition("/")[0]
        yield file


def _meant(mention: str, file: str, places: Iterable[str]) -> bool:
    """Whether one in the `file` means what is in such a place."""
    dotted = mention[1:]
    rest = dotted.lstrip(".")
    up = len(dotted) - len(rest)
    below = rest.replace(".", "/")
    if not up:
        return any(f"/{one}".endswith(f"/{below}") for one in places)
    parts = file.split("/")[:-up]
    return "/".join([*parts, *([below] if below else [])]) in places
