# SPDX-License-Identifier: GPL-3.0-or-later
"""What nose takes for a test, by name, by ``__test__`` and by mode of the file."""

from __future__ import annotations

import inspect
import os
import re
import stat
from pathlib import Path
from typing import Any, Iterable, Pattern
from unittest import TestCase

MATCH = r"(?:^|[\b_\./-])[Tt]est"
"""nose's testMatch."""
GLOBS = ("[Tt]est*.py", "*[_.-][Tt]est*.py")
"""The same for file names, in the words of pytest's ``python_files``."""
IGNORE = (r"^\.", r"^_", r"^setup\.py$")
SOURCES = ("lib", "src")
"""Directories that nose enters whatever their name matches."""


def compiled(expressions: Iterable[str]) -> list[Pattern[str]]:
    """Expressions, ready for use."""
    return [re.compile(text) for text in expressions if text]


class Rules:
    """The rules of one session; `skipped` are files left out as executable."""

    def __init__(
        self,
        *,
        match: str = MATCH,
        include: Iterable[str] = (),
        exclude: Iterable[str] = (),
        ignore: Iterable[str] = (),
        executables: bool = False,
    ) -> None:
        self.match = re.compile(match)
        self.standard = match == MATCH and not include
        self.include = compiled(include)
        self.exclude = compiled(exclude)
        self.ignore = compiled(ignore) or [re.compile(text) for text in IGNORE]
        self.executables = executables
        self.skipped: list[Path] = []

    def excluded(self, name: str) -> bool:
        """Whether ``-e`` keeps the name out."""
        return any(one.search(name) for one in self.exclude)

    def matches(self, name: str) -> bool:
        """Whether a name is one of a test."""
        wanted = self.match.search(name) or any(
            one.search(name) for one in self.include
        )
        return bool(wanted) and not self.excluded(name)

    def directory(self, path: Path) -> bool:
        """Whether to look into a directory."""
        name = path.name
        if name.startswith((".", "_")):
            return False
        if package(path):
            return not self.excluded(name)
        return self.matches(name) or name in SOURCES

    def file(self, path: Path) -> bool:
        """Whether to import a file of Python."""
        if path.suffix != ".py" or any(one.search(path.name) for one in self.ignore):
            return False
        if not self.matches(path.name):
            return False
        if not self.executables and executable(path):
            self.skipped.append(path)
            return False
        return True

    def module(self, name: str, module: object) -> bool:
        """Whether to look for tests in a module that was found, not named."""
        declared = getattr(module, "__test__", None)
        if declared is not None:
            return bool(declared)
        return self.matches(name.rpartition(".")[2])

    def cls(self, cls: type) -> bool:
        """Whether a class holds tests."""
        declared = getattr(cls, "__test__", None)
        if declared is not None:
            return bool(declared)
        name = cls.__name__
        if name.startswith("_"):
            return False
        return issubclass(cls, TestCase) or self.matches(name)

    def function(self, function: Any) -> bool:
        """Whether a function of a module is a test."""
        declared = getattr(function, "__test__", None)
        if declared is not None:
            return bool(declared)
        name = function_name(function)
        return not name.startswith("_") and self.matches(name)

    def method(self, method: Any) -> bool:
        """Whether a method of a class is a test."""
        name = str(getattr(method, "__name__", "_"))
        if name.startswith("_"):
            return False
        declared = getattr(method, "__test__", None)
        return bool(declared) if declared is not None else self.matches(name)


def function_name(function: Any) -> str:
    """The name a function goes by, also when nose.tools could not set it."""
    return str(getattr(function, "compat_func_name", None) or function.__name__)


def line(function: Any) -> int:
    """Where a function was defined: of decorated ones, the outermost."""
    given: Any = getattr(function, "compat_co_firstlineno", None)
    if given is None:
        given = getattr(getattr(function, "__code__", None), "co_firstlineno", -1)
    return int(given)


def package(path: Path) -> bool:
    """Whether a directory is a package."""
    return path.name.isidentifier() and (path / "__init__.py").is_file()


def packages(path: Path) -> list[Path]:
    """The packages that a file belongs to, the outermost first."""
    found: list[Path] = []
    for parent in path.parents:
        if not package(parent):
            break
        found.insert(0, parent)
    return found


def executable(path: Path) -> bool:
    """Whether anybody may execute the file; nose takes it for a script then."""
    try:
        mode = os.stat(path).st_mode
    except OSError:
        return False
    return bool(mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH))


def is_fixture(thing: object) -> bool:
    """Whether it is a fixture of pytest: that one is pytest's to call."""
    # pytest 8.4 made a class of what was an attribute; neither is public:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/fixtures.py
    return (
        type(thing).__name__ == "FixtureFunctionDefinition"
        or getattr(thing, "_pytestfixturefunction", None) is not None
    )


def is_function(thing: object) -> bool:
    """Whether it may be a test function or method at all."""
    wanted = inspect.isfunction(thing) or inspect.ismethod(thing)
    return wanted and not is_fixture(thing)
