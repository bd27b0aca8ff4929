# SPDX-License-Identifier: GPL-3.0-or-later
"""What of a source's files decides about its installation: no more makes it anew."""

import configparser
import hashlib
import tomllib
from pathlib import Path
from typing import Final

FILES: Final = ("pyproject.toml", "setup.py", "setup.cfg", "tryton.cfg")
APART: Final = frozenset(
    {"bandit", "black", "coverage", "flake8", "harness", "isort", "mypy", "nox",
     "pycodestyle", "pylint", "pyright", "pytest", "ruff", "towncrier", "tox"}
)  # fmt: skip
"""Tools that run on what is installed; any other may be part of installing it."""
OF_TRYTON: Final = ("version", "depends", "extras_depend")
"""What Tryton's own packaging reads of tryton.cfg."""


def digest(path: Path) -> str:
    """Of what counts in a file; of all of it where it cannot be read as what it is.

    A file that has settings of tools alone is like none: who writes the first ones into
    a new ``pyproject.toml`` has changed nothing of what is installed.
    """
    try:
        data = path.read_bytes()
    except OSError:
        return ""
    counts: object
    try:
        counts = _counting(path.name, data.decode())
    except (ValueError, configparser.Error):
        counts = data
    return hashlib.sha256(repr(counts).encode()).hexdigest() if counts != {} else ""


def _counting(name: str, text: str) -> object:
    if name == "pyproject.toml":
        found = tomllib.loads(text)
        tools = {k: v for k, v in found.pop("tool", {}).items() if k not in APART}
        return {**found, "tool": tools} if tools else found
    if name.endswith(".cfg"):
        parser = configparser.ConfigParser(interpolation=None)
        parser.read_string(text)
        whole = {one: dict(parser[one]) for one in parser.sections() if not _apart(one)}
        if name == "tryton.cfg":
            table = whole.get("tryton", {})
            return {key: table.get(key) for key in OF_TRYTON}
        return whole
    return text


def _apart(section: str) -> bool:
    """``tool:pytest``, ``coverage:run``, ``mypy-trytond.*``"""
    head = section.removeprefix("tool:").partition(":")[0].partition("-")[0]
    return head in APART
