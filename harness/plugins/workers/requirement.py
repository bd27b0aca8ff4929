# SPDX-License-Identifier: GPL-3.0-or-later
"""Which pytest-xdist the workers need, and whether it is there."""

from __future__ import annotations

import sys
from importlib import metadata

OLDEST = (3, 0)
NAME = "pytest-xdist"


def why_not() -> str:
    """Why tests cannot run in parallel here, with what mends it; else nothing."""
    try:
        version = metadata.version(NAME)
    except metadata.PackageNotFoundError:
        trouble = f"{NAME} is missing here, which"
    else:
        if number(version) >= OLDEST:
            return ""
        trouble = f"{NAME} {version} is too old here, which"
    oldest = ".".join(map(str, OLDEST))
    return (
        f"{trouble} runs the tests in parallel: {sys.executable} -m pip install"
        f" '{NAME}>={oldest}', or leave -n out"
    )


def number(version: str) -> tuple[int, ...]:
    """The first two numbers of a version; what is none counts as high."""
    parts = [*version.split("."), "0"][:2]
    return tuple(int(part) if part.isdigit() else sys.maxsize for part in parts)
