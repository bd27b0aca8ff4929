# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a database is kept: the option, and the mark of a test."""

from __future__ import annotations

from typing import Any, Iterable

import pytest

MARK = "isolation"
LEVELS = ("test", "class", "module", "worker")
RANK = {"worker": 0, "package": 1, "module": 1, "class": 2, "test": 3}


def add_options(parser: pytest.Parser) -> None:
    """The options that the harness sets, and one of the user's."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-keep-failed",
        action="store_true",
        help="keep a copy of each failed test's database: harness db psql NAME",
    )
    group.addoption(
        "--harness-isolation",
        choices=LEVELS,
        default="class",
        help="how long a database is kept: test, class, module or worker",
    )


FAILED = pytest.StashKey[bool]()


class Failures:
    """Notes which tests have failed."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, item: Any) -> Any:
        """Look at the report of a phase; what was before the set-up does not count."""
        report = yield
        before = report.when != "setup" and item.stash.get(FAILED, False)
        item.stash[FAILED] = report.failed or before
        return report


def failed(item: Any) -> bool:
    """Whether a test has failed whose database is to be kept."""
    return bool(
        item.config.option.harness_keep_failed and item.stash.get(FAILED, False)
    )


def kept(item: Any, name: str) -> None:
    """Say with the test where its database is."""
    if name:
        text = f"its database is kept: harness db psql {name}"
        item.add_report_section("teardown", "database", text)
        item.warn(pytest.PytestWarning(f"{item.nodeid}: {text}"))


def describe(config: pytest.Config) -> None:
    """Make the mark known."""
    config.addinivalue_line(
        "markers", "isolation(level): how long a database is kept for this test"
    )
    config.pluginmanager.register(Failures(), "harness-failures")


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


def runs_tests(config: pytest.Config) -> bool:
    """Whether this process runs tests: one that hands them out imports no trytond."""
    if config.option.collectonly:
        return False
    return hasattr(config, "workerinput") or config.getoption("dist", "no") == "no"


def rank(level: str) -> int:
    """How fine a level is."""
    return RANK[level]


def acts(asked: str, level: str) -> bool:
    """Whether a level is put back at its end: the isolation is as fine, or finer."""
    return rank(asked) >= rank(level)
