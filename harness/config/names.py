# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of settings in the file and in the environment, and guesses at them."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import Final

FILE: Final = "pyproject.toml"
TABLE: Final = "tool.harness"
PREFIX: Final = "HARNESS_"
DEFAULT: Final = "default"
FOUND: Final = "found"
"""In place of the file: what a repository says without one."""
PROFILE: Final = "profile"
WHEN: Final = "when"
NONE: Final = "none"
"""In place of a profile's name: none, not even one that would be taken by itself."""


def variable(key: str) -> str:
    """``database.server`` → ``HARNESS_DATABASE_SERVER``."""
    return PREFIX + folded(key).upper()


def folded(name: str) -> str:
    """What is left of a name in the environment; names alike in it are the same."""
    return name.lower().replace(".", "_").replace("-", "_")


def table(source: str) -> str:
    """The table of the file that a source stands for: the whole, or a profile."""
    profile = source.removeprefix(f"{PROFILE} ") if source not in (FILE, FOUND) else ""
    return f"{TABLE}.{PROFILE}.{profile}" if profile else TABLE


def place(key: str, source: str) -> str:
    """Where a value of `key` stands: source first, then its name there."""
    if source == FILE or source.startswith(f"{PROFILE} "):
        return f"{FILE}: {table(source)}.{key}"
    if source == FOUND:
        return f"found in the repository: {key}"
    kind = "environment" if source.startswith(PREFIX) else "command line"
    return f"{kind}: {source} ({key})"


def guess(word: str, candidates: Iterable[str]) -> str:
    """``; did you mean "…"?``, or nothing if no candidate is near."""
    near = get_close_matches(word, list(candidates), n=1)
    return f'; did you mean "{near[0]}"?' if near else ""
