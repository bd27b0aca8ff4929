# SPDX-License-Identifier: GPL-3.0-or-later
"""What a template is made of, as a digest and as a list that can be compared."""

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import metadata
from pathlib import Path

BUILD = 1
"""Version of the template building code: raise it when it builds otherwise."""
LENGTH = 20
"""Hexadecimal digits of a digest that name a template."""
IGNORED_DIRECTORIES = {
    "tests", "doc", "docs", "build", "dist", "node_modules",
}  # fmt: skip
IGNORED_FILES = re.compile(
    r"\.py[co]$|~$|\.orig$|^(README|CHANGELOG|COPYRIGHT|LICENSE|INSTALL|MANIFEST)|"
    r"^(setup\.(py|cfg)|pyproject\.toml|tox\.ini)$",
)


def tree(root: Path) -> dict[str, str]:
    """Digests of the files that a module ships: path below `root` → digest.

    Tests, documentation, packaging and hidden files are left out: they do not
    reach the database.
    """
    found: dict[str, str] = {}
    todo = [root]
    while todo:
        for entry in todo.pop().iterdir():
            name = entry.name
            if name.startswith(".") or name == "__pycache__":
                continue
            if entry.is_dir():
                if name not in IGNORED_DIRECTORIES and not name.endswith(".egg-info"):
                    todo.append(entry)
            elif not IGNORED_FILES.search(name):
                found[entry.relative_to(root).as_posix()] = file(entry)
    return found


def file(path: Path) -> str:
    """Digest of one file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()[:LENGTH]


def combine(parent: str, facts: Mapping[str, str]) -> str:
    """Digest of a layer: its parent's and all facts about it."""
    state = hashlib.sha256(f"{BUILD}\n{parent}\n".encode())
    for key in sorted(facts):
        state.update(f"{key}\0{facts[key]}\n".encode())
    return state.hexdigest()[:LENGTH]


@lru_cache(maxsize=8)
def _distributions(site: Path) -> dict[str, metadata.Distribution]:
    return {
        normalise(dist.metadata["Name"]): dist
        for dist in metadata.distributions(path=[str(site)])
        if dist.metadata["Name"]
    }


def normalise(name: str) -> str:
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def versions(site: Path, names: Iterable[str]) -> dict[str, str]:
    """Installed versions of `names` and of all that they require."""
    known = _distributions(site)
    found: dict[str, str] = {}
    todo = [normalise(name) for name in names]
    while todo:
        name = todo.pop()
        if name in found or name not in known:
            continue
        found[name] = known[name].version
        for requirement in known[name].requires or ():
            if "extra ==" not in requirement:
                match = re.match(r"[A-Za-z0-9._-]+", requirement)
                if match:
                    todo.append(normalise(match.group()))
    return found
