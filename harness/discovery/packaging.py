# SPDX-License-Identifier: GPL-3.0-or-later
"""What a package's own files say of it, read without running any of them."""

import configparser
import contextlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from harness.errors import SourceError
from harness.model import Module

VCS: Final = (".git", ".hg")
POINTS: Final = "trytond.modules"
_MODULE: Final = re.compile(r"^MODULE\s*=\s*['\"](\w+)['\"]", re.M)
_POINT: Final = re.compile(r"\b(\w+)\s*=\s*trytond\.modules\.\1\b")
_TESTED: Final = re.compile(r"^ +module = ['\"](\w+)['\"]", re.M)
_PREFIX: Final = re.compile(r"^trytond?[-_]")
_NUMBER: Final = r"(\d+\.\d+)"
_REQUIRED: Final = re.compile(
    rf"\btrytond\s*(>=|~=|==)\s*{_NUMBER}(?:[\d.*a-z]*)(?:\s*,\s*<\s*{_NUMBER})?"
)
_TEST: Final = re.compile(r"""(?:^|[{,])\s*['"]?(tests?|testing)['"]?\s*[:=]""", re.M)

LIST: Final = "requirements.txt"
_LINE: Final = re.compile(r"([A-Za-z0-9][\w.-]*)(?:\[[\w,. -]+\])?\s*(?:[<>=!~;].*)?")
"""A requirement by its name; no address, no option."""
_CHOSEN: Final = re.compile(
    r"(trytond?|proteus|psycopg|pytest|coverage)\d?([-_].*)?", re.I
)


def home(module: Path) -> Path:
    """The directory that installs a module: its own, or one above in its repository."""
    for place in (module, *module.parents):
        if installs(place):
            return place
        if any((place / one).exists() for one in VCS):
            break
    return module


def installs(directory: Path) -> str:
    """The file by which pip can install a directory, or nothing."""
    if {"project", "build-system"} & set(_toml(directory)):
        return "pyproject.toml"
    if (directory / "setup.py").is_file():
        return "setup.py"
    return "setup.cfg" if "metadata" in _cfg(directory) else ""


def name(module: Path, place: Path) -> tuple[str, str]:
    """What a module is called, and what says so; `place` is its `home`."""
    if module != place and module.name.isidentifier():
        return module.name, "its directory"
    for file, found in _names(place):
        if len(found) == 1:
            return found.pop(), file
    for test in sorted(module.glob("tests/test_*.py")):
        found = set(_TESTED.findall(_text(test)))
        if len(found) == 1:
            return found.pop(), f"tests/{test.name}"
    return _PREFIX.sub("", module.name).replace("-", "_"), "its directory"


def _names(place: Path) -> Iterator[tuple[str, set[str]]]:
    document = _toml(place)
    for table in (
        document.get("project", {}).get("entry-points", {}),
        document.get("tool", {}).get("poetry", {}).get("plugins", {}),
    ):
        yield "pyproject.toml", set(table.get(POINTS, {}))
    for file in ("setup.py", "setup.cfg"):
        text = _text(place / file)
        yield file, set(_MODULE.findall(text)) or set(_POINT.findall(text))


def series(module: Module, place: Path) -> tuple[str, str]:
    """A module's series, and what says so; nothing where nothing does.

    Raises `SourceError` where its ``tryton.cfg`` and its packaging disagree.
    """
    said = re.match(_NUMBER, module.version)
    file, bounds = _required(place)
    if not said:
        version = str(_toml(place).get("project", {}).get("version", ""))
        given = re.match(_NUMBER, version)
        if bounds:
            return bounds[0], f"trytond in {file}"
        return (given[1], "version in pyproject.toml") if given else ("", "")
    if bounds and not _least(bounds[0]) <= _least(said[1]) < _least(bounds[1]):
        raise SourceError(
            f"the module {module.name} is of two series: {said[1]} by its version,"
            f" {bounds[0]} by the trytond that it requires",
            checked=f"{module.path / 'tryton.cfg'}, {place / file}",
            remedy="correct the one that is wrong, or choose: --series"
            f" {bounds[0]} (what is installed must then agree)",
        )
    return said[1], f"version={module.version} in tryton.cfg"


def _required(place: Path) -> tuple[str, tuple[str, str]] | tuple[str, None]:
    """The series of trytond that packaging requires: from, and before which."""
    for file in ("pyproject.toml", "setup.py", "setup.cfg"):
        found = _REQUIRED.search(_text(place / file))
        if found and (found[3] or found[1] != ">="):
            first = found[2]
            return file, (first, found[3] or f"{first}.1")
    return "", None


def _least(number: str) -> tuple[int, ...]:
    return tuple(map(int, number.split(".")))


def extras(place: Path) -> tuple[str, ...]:
    """The extra of the package that has what tests need."""
    known = _toml(place).get("project", {}).get("optional-dependencies", {})
    found = [one for one in ("test", "tests", "testing") if one in known]
    for file, word in (("setup.py", "extras_require"), ("setup.cfg", "extras_require")):
        _, word, rest = _text(place / file).partition(word)
        found += _TEST.findall(rest)[:1]
    return tuple(found[:1])


def listed(place: Path) -> tuple[str, ...]:
    """What ``requirements.txt`` names; not what the harness chooses by the series."""
    lines = (one.partition(" #")[0].strip() for one in _text(place / LIST).split("\n"))
    found = filter(None, map(_LINE.fullmatch, lines))
    return tuple(one[0] for one in found if not _CHOSEN.fullmatch(one[1]))


def _text(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _toml(directory: Path) -> Mapping[str, Any]:
    try:
        return tomllib.loads(_text(directory / "pyproject.toml"))
    except tomllib.TOMLDecodeError as error:
        raise SourceError(
            f"{directory / 'pyproject.toml'} is broken: {error}",
            remedy="correct the TOML there; nothing of the file could be read",
        ) from error


def _cfg(directory: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None, strict=False)
    with contextlib.suppress(configparser.Error):
        parser.read_string(_text(directory / "setup.cfg"))
    return parser
