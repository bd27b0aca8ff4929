# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of sources, modules and files."""

from __future__ import annotations

import os
from functools import lru_cache
from typing import Iterable


def names_of(sources: Iterable[str]) -> tuple[str, ...]:
    """The names of the packages of sources: those at their root, or they themselves."""
    found = set()
    for source in sources:
        inits = (os.path.join(source, "__init__.py"),)
        if os.path.exists(inits[0]):
            found.add(os.path.basename(source))
        elif os.path.isdir(source):
            found |= {
                one
                for one in os.listdir(source)
                if os.path.exists(os.path.join(source, one, "__init__.py"))
            }
    return tuple(sorted(found))


@lru_cache(maxsize=None)
def file_of(fact: str) -> str:
    """The Python file of a fact about code."""
    kind, _, name = fact.partition(" ")
    return name.rpartition(":")[0] if kind == "function" else name


def absolute(name: str, package: str) -> str:
    """A dotted name that may begin with dots."""
    rest = name.lstrip(".")
    up = len(name) - len(rest)
    if not up:
        return name
    parts = package.split(".")
    return ".".join([*parts[: len(parts) - up + 1], rest])


def above(name: str) -> list[str]:
    """A dotted name, and those of the packages that it is in."""
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def followed(module: str, values: Iterable[object]) -> set[str]:
    """Modules below one that texts among the values name.

    Who asks for a package may go on by attributes: so `logging.config` and Pyramid
    resolve ``a.b.c``, as one text or in pieces.
    """
    found = set()
    for value in values:
        words = value if isinstance(value, list) else [value]
        texts = [one for one in words if isinstance(one, str)]
        text = ".".join(texts).replace(":", ".") if len(texts) == len(words) else ""
        for name in (text, f"{module}.{text}"):
            if name.startswith(f"{module}."):
                found |= {one for one in above(name) if one.startswith(f"{module}.")}
    return found


def real(path: str) -> str:
    """Where a file is; of an absolute path as it was when it was first asked for."""
    return _real(path) if os.path.isabs(path) else os.path.realpath(path)


@lru_cache(maxsize=None)
def _real(path: str) -> str:
    directory, name = os.path.split(path)
    found = os.path.join(_directory(directory), name)
    plain = name not in ("", ".", "..") and not os.path.islink(found)
    return found if plain else os.path.realpath(path)


@lru_cache(maxsize=None)
def _directory(path: str) -> str:
    return os.path.realpath(path)


def top(name: str) -> str:
    parts = name.split(".")
    return ".".join(parts[:3]) if parts[:2] == ["trytond", "modules"] else parts[0]
