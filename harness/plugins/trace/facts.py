# SPDX-License-Identifier: GPL-3.0-or-later
"""What was seen, as facts with digests, and what of it is not so any more.

A fact has a name, such as ``function portal/views.py:home``, and a digest; the empty
one is that of what is not there.

==============  ==============================================================
``module P``    the skeleton of the Python file P
``members P``   those of it, each with its digest: who mentions one depends on it
``all P``       any of them may be read by a name that is not known; P may be ``*``
``function P:N``  the body of a function in it
``file P``      the content of a file, or that it is not there, or a directory
``view T P``    the content of a file that was read for the check of a view only
``place P``     whether there is a file, or a directory, or nothing
``directory P``  the names of what is in a directory
``tree P``      all that is below a directory
``variable N``  a variable of the environment
``package N``   the version of an installed package; this and other kinds are given
``inside P``    what only a container has: it never holds
==============  ==============================================================

P is relative to the project, or absolute outside of it.
"""

from __future__ import annotations

import json
import os
import re
from stat import S_ISDIR
from typing import Callable, Iterable, Iterator, Mapping

from harness.plugins import unpatched
from harness.plugins.trace import skeleton
from harness.plugins.trace.skeleton import Skeleton

IDLE = frozenset(
    {
        "__pycache__", ".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".idea",
        ".vscode", ".mypy_cache", ".pytest_cache", ".ruff_cache",
    }
)  # fmt: skip
"""Directories that tools make."""
FILES = frozenset(
    {
        "module", "members", "all", "function",
        "file", "view", "place", "directory", "tree",
    }
)  # fmt: skip
"""Kinds of facts that are of a file."""
UNKNOWN = "?"
"""No digest."""
OPEN = open
"""What a test replaces is not ours: digests are taken while it runs."""
LEFT = re.compile(r"\.py[co]$|~$|\.orig$|\.sw[op]$|^\.#|\.egg-info$")
"""What interpreters, editors and installers leave."""


GRAIN = 100_000_000
"""Nanoseconds within which two changes of a file may carry the same time.  One that
was changed later than that before it is read, or (a clock was set back) will be, is
read again."""


NOTHING = Skeleton("", {}, False, frozenset(), {}, {})


class Now:
    """What things are now; each file is read once, and again when it has changed."""

    def __init__(
        self,
        root: str,
        *,
        own: Iterable[str] = (),
        environ: Mapping[str, str] | None = None,
        given: Mapping[str, str] | None = None,
        cache: str = "",
        views: Callable[[Iterable[str]], bool] | None = None,
    ) -> None:
        """`own` are names of the sources' packages; `given` are facts of other kinds.

        Skeletons are remembered in the directory `cache`.  `views` says whether all of
        these, by their facts, pass their check as they are now.
        """
        self.root = root
        self.own = tuple(own)
        self.environ = environ or {}
        self.given = given or {}
        self.cache = cache
        self.views = views
        self._known: dict[str, Skeleton] = {}
        self._contents: dict[str, tuple[tuple[int, ...], str]] = {}

    def digest(self, fact: str) -> str:
        """The digest of a fact now."""
        kind, _, name = fact.partition(" ")
        if kind == "function":
            path, _, inside = name.rpartition(":")
            return self.skeleton(path).bodies.get(inside, "")
        if kind == "module":
            return self.skeleton(name).skeleton
        if kind == "members":
            return listed(self.skeleton(name).members)
        if kind == "variable":
            value = self.environ.get(name)
            return "" if value is None else _text(value)
        if kind == "inside":
            return UNKNOWN
        if kind == "view":
            name = name.partition(" ")[2]
        elif kind not in ("file", "place", "directory", "tree"):
            return self.given.get(fact, "")
        path = self.path(name)
        if kind == "place":
            return _there(path)
        if kind == "directory":
            return _text("\n".join(_names(path))) if os.path.isdir(path) else ""
        if kind == "tree":
            below = sorted(_below(path))
            whole = [f"{one[len(path) :]} {self.content(one)}" for one in below]
            return _text("\n".join(whole))
        return self.content(path)

    def path(self, name: str) -> str:
        """Where a file of a fact is."""
        return os.path.join(self.root, name)

    def content(self, path: str) -> str:
        """Digest of a file's content."""
        try:
            found = unpatched.os.stat(path)
            stamp = (found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)
            known = self._contents.get(path)
            sure = found.st_ctime_ns < unpatched.time.time_ns() - GRAIN
            if known and known[0] == stamp:
                return known[1]
            if S_ISDIR(found.st_mode):
                return "directory"
            with OPEN(path, "rb") as file:
                content = file.read()
        except (OSError, ValueError):
            return ""
        made = skeleton.digest(content)
        if sure:
            self._contents[path] = stamp, made
        return made

    def skeleton(self, name: str) -> Skeleton:
        """That of a Python file by its name in facts."""
        path = self.path(name)
        content = self.content(path)
        if not content:
            return NOTHING
        made = self._known.get(content) or self._remembered(content)
        if made is None:
            try:
                with OPEN(path, "rb") as file:
                    source = file.read()
            except OSError:  # it has vanished meanwhile, or is a directory
                return NOTHING
            made = skeleton.read(source, self.own)
            content = skeleton.digest(source)  # it may be another one by now
            self.remember(content, made)
        self._known[content] = made
        return made

    def _place(self, content: str) -> str:
        words = f"{skeleton.VERSION} {content} {' '.join(self.own)}"
        return os.path.join(self.cache, f"{_text(words)}.json")

    def _remembered(self, content: str) -> Skeleton | None:
        try:
            with open(self._place(content), encoding="utf-8") as file:
                found = json.load(file)
            shape, bodies, opaque, imports, *names = found
            return Skeleton(shape, bodies, opaque, frozenset(imports), *names)
        except (OSError, ValueError, TypeError, LookupError):
            return None

    def remember(self, content: str, made: Skeleton) -> None:
        """Remember a skeleton by the digest of its file's content."""
        if self.cache:
            words = json.dumps([*made[:3], sorted(made.imports), *made[4:]])
            store(self._place(content), words.encode())


def store(place: str, content: bytes) -> None:
    """Write a file as a whole, or not at all."""
    mine = f"{place}.{os.getpid()}"
    try:
        os.makedirs(os.path.dirname(place), exist_ok=True)
        with open(mine, "wb") as stream:
            stream.write(content)
        os.replace(mine, place)
    except OSError:  # no room, or nobody may write: it is made again next time
        pass


class Trace(dict):  # type: ignore[type-arg]
    """Facts with the digests that they had; JSON as it is."""

    def changed(self, now: Now) -> list[str]:
        """What is not so any more, in words; empty where the trace holds."""
        digests = (
            (fact, then, now.digest(fact)) for fact, then in sorted(self.items())
        )
        found = [one for one in digests if one[1] != one[2]]
        views = [fact for fact, _, is_ in found if is_ and fact.startswith("view ")]
        if views and len(views) == len(found) and now.views and now.views(views):
            return []
        return [words(*one) for one in found]


def split(fact: str) -> tuple[str, str, str]:
    """A fact as what is before the name of its file, the name, and what is behind it.

    One that is of no file has no name.
    """
    kind, _, name = fact.partition(" ")
    if kind not in FILES or name == "*":
        return fact, "", ""
    before, after = f"{kind} ", ""
    if kind == "view":
        of, _, name = name.partition(" ")
        before = f"{before}{of} "
    if kind == "function":
        name, colon, inside = name.rpartition(":")
        after = f"{colon}{inside}"
    return before, name, after


def words(fact: str, then: str, now: str) -> str:
    """How a fact has changed."""
    kind, _, name = fact.partition(" ")
    if kind == "inside":
        return f"{name} is known inside the image only"
    if kind == "function":
        path, _, inside = name.rpartition(":")
        name = f"{path}: {inside}()"
    elif kind == "view":
        name = name.partition(" ")[2]
    elif kind == "module":
        name = f"{name}, outside of functions,"
    elif kind == "members":
        one, other = unlisted(then), unlisted(now)
        differ = (name for name in {**one, **other} if one.get(name) != other.get(name))
        return f"{name}: {', '.join(sorted(differ))} changed"
    elif kind in ("variable", "setting", "template"):
        name = f"the {kind} {name}"
    elif kind == "package":
        name = f"the package {name} {then}".rstrip()
    elif kind == "tree":
        name = f"something in {name}/"
    elif kind == "directory":
        name = f"what is in {name}/"
    if not now:
        return f"{name} is gone"
    return f"{name} is new" if not then else f"{name} changed"


def listed(members: Mapping[str, str]) -> str:
    """The digest of a file's members, from which each of them can be read."""
    return " ".join(f"{name}={digest}" for name, digest in members.items())


def unlisted(digest: str) -> dict[str, str]:
    """The members that such a digest is of."""
    pairs = (one.rpartition("=") for one in digest.split())
    return {name: digest for name, _, digest in pairs}


def _there(path: str) -> str:
    try:
        mode = unpatched.os.stat(path).st_mode
    except (OSError, ValueError):
        return ""
    return "directory" if S_ISDIR(mode) else "file"


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
