# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses of tests: what can be told of them without importing anything.

What a file may make while it is imported nobody knows before: only what cannot be
there is refused.
"""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from harness.errors import UsageError
from harness.options import meant

Names = dict[str, ast.AST]
MAGIC: Final = re.compile(
    r"import \*|__getattr__"
    r"|\b(?:globals|locals|vars|setattr|exec|type|load_tests)\s*\("
)
"""What may give a file, or a class in it, names that are not written there."""
PLAIN: Final = frozenset({"TestCase", "unittest.TestCase", "object"})
"""Classes that give a test class no tests."""


def missing(file: Path, above: Sequence[Path]) -> UsageError:
    """The error for a file that is not there; others are looked for in `above`."""
    known = {
        path.relative_to(place).as_posix(): None
        for place in above
        for pattern in ("*.py", "*.rst")
        for path in sorted(place.rglob(pattern))
    }
    names = {Path(one).name: one for one in known}
    near = meant(str(file), known) or meant(file.name, names)
    return UsageError(
        f"there is no {str(file)!r} to run",
        checked=", ".join(map(str, above)),
        remedy=near or "name a file of the tests, or a module",
    )


def check(address: str, *, nose: bool = False) -> None:
    """Raises `UsageError` where no such class or function can be in the file."""
    file, colons, inside = address.partition("::")
    if not colons and nose:
        file, colons, inside = address.partition(":")
        inside = inside.replace(".", "::")
    path = Path(file)
    if colons and (not inside or path.is_dir()):
        what = "is a directory" if inside else "is all that it names"
        raise UsageError(
            f"{address!r} is no address of a test: {file} {what}",
            remedy=f"name the file: FILE.py::{inside}"
            if inside
            else f"name a class or a function, or the file alone: {file}",
        )
    if not inside or path.suffix != ".py" or not path.is_file():
        return
    try:
        text = path.read_text("utf-8")
        tree = ast.parse(text)
    except (OSError, SyntaxError, ValueError):
        return  # pytest says what is wrong with it
    if MAGIC.search(text):
        return
    names = inside.partition("[")[0].split("::")
    body: Iterable[ast.AST] = tree.body
    for number, name in enumerate(names):
        here = dict(_named(body))
        if name not in here:
            place = "::".join([file, *names[:number]])
            raise UsageError(
                f"{place} has no {name!r}",
                checked=f"what is written in {file}",
                remedy=_near(names, number, here, tree) or f"look at {file}",
            )
        found = here[name]
        if not isinstance(found, ast.ClassDef) or not _whole(found, tree):
            return
        body = _members(found, tree)


def _near(names: Sequence[str], number: int, here: Names, tree: ast.Module) -> str:
    """What may have been meant: a name beside it, or the same one in a class."""
    classes = (one for one in tree.body if isinstance(one, ast.ClassDef))
    inner = next((one for one in classes if names[0] in dict(_named(one.body))), None)
    if inner and not number:
        return f"did you mean {inner.name}::{names[0]}?"
    return meant(names[number], here)


def _named(body: Iterable[ast.AST]) -> Iterator[tuple[str, ast.AST]]:
    """What statements give a name to, however deep: under an ``if``, in a ``try``."""
    for one in body:
        if isinstance(one, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield one.name, one
        elif isinstance(one, ast.Import | ast.ImportFrom):
            for name in one.names:
                yield (name.asname or name.name).partition(".")[0], one
        elif isinstance(one, ast.Name) and isinstance(one.ctx, ast.Store):
            yield one.id, one
        elif not isinstance(one, ast.Lambda):
            yield from _named(ast.iter_child_nodes(one))


def _whole(one: ast.ClassDef, tree: ast.Module) -> bool:
    """Whether all that a class has is written in this file."""
    if one.decorator_list or one.keywords:
        return False
    own = dict(_named(tree.body))
    for base in map(ast.unparse, one.bases):
        above = own.get(base)
        if base in PLAIN:
            continue
        if not isinstance(above, ast.ClassDef) or not _whole(above, tree):
            return False
    return True


def _members(one: ast.ClassDef, tree: ast.Module) -> list[ast.AST]:
    own = dict(_named(tree.body))
    found: list[ast.AST] = list(one.body)
    for base in map(ast.unparse, one.bases):
        above = own.get(base)
        if isinstance(above, ast.ClassDef) and above is not one:
            found += _members(above, tree)
    return found
