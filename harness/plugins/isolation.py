# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a database is kept: the option, and the mark of a test."""

from __future__ import annotations

from typing import Any, Iterable

import pytest

MARK = "isolation"
LEVELS = ("test", "class", "module", "worker")


def add_option(parser: pytest.Parser) -> None:
    """The option that the harness sets."""
    parser.getgroup("harness").addoption(
        "--isolation",
        choices=LEVELS,
        default="class",
        help="how long a database is kept: test, class, module or worker",
    )


def describe(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", "isolation(level): how long a database is kept for this test"
    )


def check(items: Iterable[Any]) -> None:
    """Raises a usage error for a level that does not exist."""
    for item in items:
        mark = item.get_closest_marker(MARK)
        if mark and (len(mark.args) != 1 or mark.args[0] not in LEVELS):
            raise pytest.UsageError(
                f"{item.nodeid}: isolation{mark.args!r} is none of {', '.join(LEVELS)}"
            )


def of(node: Any, default: str) -> str:
    """The level that a test, or a class or module of tests, asks for."""
    mark = node.get_closest_marker(MARK)
    return str(mark.args[0]) if mark else default
