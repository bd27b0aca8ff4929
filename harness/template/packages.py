# SPDX-License-Identifier: GPL-3.0-or-later
"""The installed packages that something depends on: what it requires, or imports."""

import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import metadata
from pathlib import Path

IMPORT = re.compile(
    rb"^[ \t]*(?:>>>|\.\.\.)?[ \t]*(?:from[ \t]+([\w.]+)[ \t]+import\b|import[ \t]+"
    rb"([\w.]+(?:[ \t]+as[ \t]+\w+)?(?:[ \t]*,[ \t]*[\w.]+(?:[ \t]+as[ \t]+\w+)?)*))",
    re.MULTILINE,
)
"""An import in Python or in a document of doctest."""
TOP = re.compile(
    r"^(?!\.\./)(?:([\w]+)/|(\w+)(?:\.[\w-]+)*\.(?:py|so|pyd),)", re.MULTILINE
)
"""What a line of ``RECORD`` puts right below ``site-packages``."""


HEADER = re.compile(r"^(Name|Version|Requires-Dist):(.*)$", re.MULTILINE)
"""What counts of a package's metadata."""


def imported(source: bytes) -> set[str]:
    """The dotted names that a source imports; too many rather than too few."""
    found: set[str] = set()
    for one, several in IMPORT.findall(source):
        found |= {part.split()[0].decode() for part in (one or several).split(b",")}
    return {name for name in found if not name.startswith(".")}


def versions(site: Path, names: Iterable[str]) -> dict[str, str]:
    """Installed versions of `names` and of all that they require."""
    known = _distributions(site, _stamp(site))
    found: dict[str, str] = {}
    todo = [normalise(name) for name in names]
    while todo:
        name = todo.pop()
        if name in found or name not in known:
            continue
        found[name] = known[name].version
        todo += known[name].requires
    return found


def owners(site: Path, names: Iterable[str]) -> set[str]:
    """The packages that dotted names are imported from; not the standard library."""
    tops = {_top(name) for name in names} - sys.stdlib_module_names
    known = _distributions(site, _stamp(site))
    found = {one for one in map(normalise, tops) if one in known}
    rest = {top for top in tops if normalise(top) not in known}
    if rest:
        by_top = _tops(site, _stamp(site))
        found |= {owner for top in rest for owner in by_top.get(top, ())}
    return found


def providing(site: Path, module: str) -> str:
    """The package whose entry point offers a Tryton module, or nothing."""
    return _modules(site, _stamp(site)).get(module, "")


def normalise(name: str) -> str:
    """A project's name as PEP 503 compares it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def _top(name: str) -> str:
    """What is to be looked for: Tryton's modules are packages of their own."""
    parts = name.split(".")
    if parts[:2] == ["trytond", "modules"] and len(parts) > 2:
        return f"trytond-{parts[2]}"
    return parts[0]


def _stamp(site: Path) -> int:
    """Another one when something was installed."""
    try:
        return site.stat().st_mtime_ns
    except OSError:
        return 0


@dataclass(frozen=True)
class Package:
    """What is installed: `requires` are names, without those of extras."""

    version: str
    requires: tuple[str, ...]
    files: metadata.Distribution


@lru_cache(maxsize=8)
def _distributions(site: Path, stamp: int) -> dict[str, Package]:
    found = {}
    for dist in metadata.distributions(path=[str(site)]):
        text = dist.read_text("METADATA") or dist.read_text("PKG-INFO") or ""
        said: dict[str, list[str]] = {}
        for key, value in HEADER.findall(text.partition("\n\n")[0]):
            said.setdefault(key, []).append(value.strip())
        lines = said.get("Requires-Dist") or dist.requires or []
        if "Name" in said and "Version" in said:
            found[normalise(said["Name"][0])] = Package(
                said["Version"][0],
                tuple(_required(line) for line in lines if "extra ==" not in line),
                dist,
            )
    return found


def _required(line: str) -> str:
    match = re.match(r"[A-Za-z0-9._-]*", line)
    return normalise(match.group() if match else "")


@lru_cache(maxsize=8)
def _tops(site: Path, stamp: int) -> Mapping[str, set[str]]:
    """Top-level names of imports, and who has them."""
    found: dict[str, set[str]] = {}
    for name, dist in _distributions(site, stamp).items():
        text = dist.files.read_text("RECORD") or ""
        listed = {one or other for one, other in TOP.findall(text)}
        for top in listed | set((dist.files.read_text("top_level.txt") or "").split()):
            found.setdefault(top, set()).add(name)
    return found


@lru_cache(maxsize=8)
def _modules(site: Path, stamp: int) -> Mapping[str, str]:
    found = {}
    for name, dist in _distributions(site, stamp).items():
        text = dist.files.read_text("entry_points.txt") or ""
        _, _, rest = text.partition("[trytond.modules]")
        for line in rest.partition("\n[")[0].splitlines():
            module, equals, _ = line.partition("=")
            if equals:
                found[module.strip()] = name
    return found
