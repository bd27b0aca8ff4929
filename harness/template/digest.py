# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template is made of, as a digest and as a list that can be compared."""

import hashlib
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from importlib import resources
from pathlib import Path

BUILDER = "build"
"""The module of `harness.plugins` that fills templates."""
LENGTH = 20
"""Hexadecimal digits of a digest that name a template."""
TOOLS = {
    "__pycache__", ".git", ".hg", ".svn", ".tox", ".nox", ".venv", ".idea", ".vscode",
    ".hypothesis", ".mypy_cache", ".pytest_cache", ".ruff_cache",
}  # fmt: skip
"""Directories that tools make beside what a program reads."""
LEFT = re.compile(r"\.py[co]$|~$|\.orig$|\.sw[op]$|^\.#")
"""What interpreters and editors leave."""
UNSHIPPED = {"tests", "doc", "docs", "build", "dist", "node_modules"}
"""Directories right below a module that do not reach the database."""
PACKAGING = re.compile(
    r"(README|CHANGELOG|COPYRIGHT|LICENSE|INSTALL|MANIFEST)(\.(md|rst|txt|in))?|"
    r"setup\.(py|cfg)|pyproject\.toml|tox\.ini|pytest\.(ini|toml)|(conftest|noxfile)\.py",
)
"""Files right below a module that do not reach the database."""


def shipped(root: Path, apart: Collection[Path] = ()) -> Iterator[Path]:
    """The files that a module ships.

    Tests, documentation and packaging are left out where a module has them: right
    below its root.  So is what is hidden, and what is in a directory `apart`.
    """
    for entry in _below(root, hidden=False, apart=apart):
        if ships(entry.relative_to(root)):
            yield entry


def ships(path: Path) -> bool:
    """Whether a module ships the file that is there below its root."""
    first, *below = path.parts
    return first not in UNSHIPPED if below else not PACKAGING.fullmatch(first)


def everything(root: Path) -> Iterator[Path]:
    """All files below a directory but for what tools leave there."""
    return _below(root, hidden=True)


def beside(script: Path, suffixes: Collection[str], *, below: bool) -> Iterator[Path]:
    """The files of some suffixes beside a script, and `below` its directory."""
    found = _below(script.parent, hidden=False) if below else script.parent.iterdir()
    for path in found:
        if path.suffix in suffixes and path.is_file():
            yield path


def _below(root: Path, *, hidden: bool, apart: Collection[Path] = ()) -> Iterator[Path]:
    todo, seen = [root], set()
    while todo:
        here = todo.pop()
        found = here.stat()
        if (found.st_dev, found.st_ino) in seen:
            continue  # links that lead in a circle
        seen.add((found.st_dev, found.st_ino))
        for entry in here.iterdir():
            name = entry.name
            if not hidden and name.startswith("."):
                continue
            if entry.is_dir():
                made = name in TOOLS or name.endswith(".egg-info") or entry in apart
                todo += [] if made else [entry]
            elif not LEFT.search(name) and (entry.is_file() or entry.is_symlink()):
                yield entry


def tree(root: Path) -> dict[str, str]:
    """Digests of the files that a module ships: path below `root` → digest."""
    return {path.relative_to(root).as_posix(): file(path) for path in shipped(root)}


def file(path: Path) -> str:
    """Digest of one file's content."""
    return text(path.read_bytes())


def text(content: bytes) -> str:
    """Digest of a content."""
    return hashlib.sha256(content).hexdigest()[:LENGTH]


def combine(parent: str, facts: Mapping[str, str]) -> str:
    """Digest of a layer: its parent's and all facts about it."""
    state = hashlib.sha256(f"{building()}\n{parent}\n".encode())
    for key in sorted(facts):
        state.update(f"{key}\0{facts[key]}\n".encode())
    return state.hexdigest()[:LENGTH]


@cache
def building() -> str:
    """Digest of the code that fills templates, with all of ours that it imports."""
    plugins = resources.files("harness.plugins")
    sources: dict[str, bytes] = {}
    todo, seen = [BUILDER], {BUILDER}
    while todo:
        name = todo.pop()
        place, file = plugins.joinpath(name), plugins.joinpath(f"{name}.py")
        more: set[str] = set()
        if place.is_dir():
            more = {f"{name}/{one.name.removesuffix('.py')}" for one in place.iterdir()}
        if file.is_file():
            sources[name] = file.read_bytes()
            more.update(_ours(sources[name]))
        todo += more - seen
        seen |= more
    return text(b"\0".join(sources[name] for name in sorted(sources)))


def _ours(source: bytes) -> Iterable[str]:
    """The modules of `harness.plugins` that one of them imports."""
    words = re.findall(
        rb"(?:from harness\.plugins import ([\w, ]+)|harness\.plugins\.(\w+))", source
    )
    for names, name in words:
        yield from (one.strip() for one in (names or name).decode().split(","))
