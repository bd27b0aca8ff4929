# SPDX-License-Identifier: GPL-3.0-or-later
"""What each Tryton release series needs: data, read once."""

import difflib
import re
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

from harness.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Series:
    """A release series; `python` are the first and last minor of Python 3."""

    name: str
    python: tuple[int, int]
    driver: str
    requirements: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()


@cache
def all_series() -> dict[str, Series]:
    """All known series by name, the oldest first."""
    text = resources.files("harness.data").joinpath("series.toml").read_text("utf-8")
    return {
        name: Series(
            name=name,
            python=(values["python"][0], values["python"][1]),
            driver=values["driver"],
            requirements=tuple(values.get("requirements", ())),
            constraints=tuple(values.get("constraints", ())),
        )
        for name, values in tomllib.loads(text)["series"].items()
    }


def find(name: str) -> Series:
    """A series by name; raises `UsageError` naming those that exist."""
    known = all_series()
    if name not in known:
        near = _nearest(name, known)
        raise UsageError(
            f"there is no Tryton series {name!r}",
            checked=f"known are {', '.join(known)}",
            remedy=_remedy(name, near),
        )
    return known[name]


def _remedy(name: str, near: str) -> str:
    if re.fullmatch(r"\d+\.[13579]", name):
        return (
            "it is under development, and no index has its packages: check out the"
            f" branch of a release; or did you mean {near}? --series {near}"
        )
    if re.fullmatch(r"[1-5]\.\d+", name):
        return (
            "it runs on no Python that today's pytest runs on: check out the branch of"
            f" a later release; or, where the code is ready for it, --series {near}"
        )
    return f"did you mean {near}?" if near else "pass --series SERIES"


def _nearest(name: str, known: Iterable[str]) -> str:
    """The release next to a number; nothing where it is none."""
    try:
        wanted = float(name)
    except ValueError:
        near = difflib.get_close_matches(name, list(known), n=1, cutoff=0.5)
        return near[0] if near else ""
    return min(known, key=lambda one: abs(float(one) - wanted))


@cache
def official() -> frozenset[str]:
    """Names of the modules that the package index has."""
    text = resources.files("harness.data").joinpath("modules.txt").read_text("utf-8")
    return frozenset(
        line for line in text.splitlines() if line and not line.startswith("#")
    )
