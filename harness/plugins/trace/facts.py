# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, as facts with digests, and what of it is not so any more.

A fact has a name, such as ``function portal/views.py:home``, and a digest; the empty
one is that of what is not there.

==============  ==============================================================
``module P``    the skeleton of the Python file P
``function P:N``  the body of a function in it
``file P``      the content of a file, or that it is not there, or a directory
``directory P``  the names of what is in a directory
``tree P``      all that is below a directory
``variable N``  a variable of the environment
``package N``   the version of an installed package
==============  ==============================================================

P is relative to the project, or absolute outside of it.
"""

from __future__ import annotations

import os
import re
from typing import Iterable, Iterator, Mapping

from harness.plugins.trace import skeleton
from harness.plugins.trace.skeleton import Skeleton

IDLE = frozenset(
    {
        "__pycache__", ".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".idea",
        ".vscode", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    }
)  # fmt: skip
"""Directories that tools make."""
LEFT = re.compile(r"\.py[co]$|~$|\.orig$|\.sw[op]$|^\.#|\.egg-info$")
"""What interpreters, editors and installers leave."""


class Now:
    """What things are now; each file is read once, and again when it has changed."""

    def __init__(
        self,
        root: str,
        *,
        own: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
        packages: Mapping[str, str] | None = None,
        known: Mapping[str, Skeleton] | None = None,
    ) -> None:
        """`own` are names of the sources' packages, `packages` have versions.

        `known` are skeletons by the digest of the content.
        """
        self.root = root
        self.own = tuple(own)
        self.environ = environ or {}
        self.packages = packages or {}
        self.known = dict(known or {})
        self._contents: dict[str, tuple[tuple[int, ...], str]] = {}

    def digest(self, fact: str) -> str:
        """The digest of a fact now."""
        kind, _, name = fact.partition(" ")
        if kind == "function":
            path, _, inside = name.rpartition(":")
            return self._skeleton(path).bodies.get(inside, "")
        if kind == "module":
            return self._skeleton(name).skeleton
        if kind == "variable":
            value = self.environ.get(name)
            return "" if value is None else _text(value)
        if kind == "package":
            return self.packages.get(name, "")
        path = self.path(name)
        if kind == "directory":
            return _text("\n".join(_names(path))) if os.path.isdir(path) else ""
        if kind == "tree":
            below = sorted(_below(path))
            return _text("\n".join(f"{one} {self.content(one)}" for one in below))
        return self.content(path)

    def path(self, name: str) -> str:
        """Where a file of a fact is."""
        return os.path.join(self.root, name)

    def content(self, path: str) -> str:
        """Digest of a file's content."""
        try:
            found = os.stat(path)
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            known = self._contents.get(path)
            if known and known[0] == stamp:
                return known[1]
            if os.path.isdir(path):
                return "directory"
            with open(path, "rb") as file:
                content = file.read()
        except (OSError, ValueError):
            return ""
        made = skeleton.digest(content)
        self._contents[path] = stamp, made
        return made

    def _skeleton(self, name: str) -> Skeleton:
        path = self.path(name)
        content = self.content(path)
        if not content:
            return Skeleton("", {}, False, frozenset())
        if content not in self.known:
            with open(path, "rb") as file:
                self.known[content] = skeleton.read(file.read(), self.own)
        return self.known[content]


class Trace(dict):  # type: ignore[type-arg]
    """Facts with the digests that they had; JSON as it is."""

    def changed(self, now: Now) -> list[str]:
        """What is not so any more, in words; empty where the trace holds."""
        found = ((fact, then, now.digest(fact)) for fact, then in sorted(self.items()))
        return [words(fact, then, is_) for fact, then, is_ in found if is_ != then]


def words(fact: str, then: str, now: str) -> str:
    """How a fact has changed."""
    kind, _, name = fact.partition(" ")
    if kind == "function":
        path, _, inside = name.rpartition(":")
        name = f"{path}: {inside}()"
    elif kind == "module":
        name = f"{name}, outside of functions,"
    elif kind == "variable":
        name = f"the variable {name}"
    elif kind == "package":
        name = f"the package {name} {then}".rstrip()
    elif kind == "tree":
        name = f"something in {name}/"
    elif kind == "directory":
        name = f"what is in {name}/"
    if not now:
        return f"{name} is gone"
    return f"{name} is new" if not then else f"{name} changed"


def _text(text: str) -> str:
    return skeleton.digest(text.encode("utf-8", "surrogateescape"))


def _names(path: str) -> list[str]:
    try:
        found = os.listdir(path)
    except OSError:
        return []
    return sorted(one for one in found if one not in IDLE and not LEFT.search(one))


def _below(path: str) -> Iterator[str]:
    for place, directories, files in os.walk(path):
        directories[:] = [
            one for one in directories if one not in IDLE and not LEFT.search(one)
        ]
        for name in files:
            if not LEFT.search(name):
                yield os.path.join(place, name)
