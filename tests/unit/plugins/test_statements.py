# SPDX-License-Identifier: GPL-3.0-or-later
"""``--sql``: the statements of a failed test."""

import logging
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins.statements import LONGEST, MOST, Statements


class Item:
    """Takes what is added to a report."""

    def __init__(self) -> None:
        self.sections: list[tuple[str, str, str]] = []

    def add_report_section(self, *section: str) -> None:
        self.sections.append(section)  # type: ignore[arg-type]


@pytest.fixture
def logger() -> logging.Logger:
    made = logging.Logger("backend", logging.DEBUG)
    made.addHandler(logging.NullHandler())
    return made


def told(made: Statements, excinfo: object) -> list[tuple[str, str, str]]:
    item: Any = Item()
    made.pytest_runtest_makereport(item, SimpleNamespace(excinfo=excinfo, when="call"))
    sections: list[tuple[str, str, str]] = item.sections
    return sections


def test_a_failure_has_the_statements_of_its_test(logger: logging.Logger) -> None:
    made = Statements()
    logger.addFilter(made)
    logger.debug("SELECT 0")
    made.pytest_runtest_setup()
    logger.debug(b"INSERT INTO a  VALUES ('\xc3\x84')")
    logger.debug("SELECT %s\nFROM a", 1)
    logger.error("connection failed")
    assert told(made, None) == []
    ((when, title, text),) = told(made, object())
    assert (when, title) == ("call", "SQL")
    assert text.splitlines() == [
        "-- the last 2 of 2 statements",
        "INSERT INTO a VALUES ('Ä');",
        "SELECT 1 FROM a",
    ]


def test_only_the_last_are_kept_and_no_long_ones(logger: logging.Logger) -> None:
    made = Statements()
    logger.addFilter(made)
    for _ in range(MOST + 5):
        logger.debug("x" * 3 * LONGEST)
    ((_, _, text),) = told(made, object())
    head, *lines = text.splitlines()
    assert head == f"-- the last {MOST} of {MOST + 5} statements"
    assert len(lines) == MOST
    assert len(lines[0]) == LONGEST + 1


def test_other_words_of_a_backend_are_still_heard(logger: logging.Logger) -> None:
    made = Statements()
    record = logging.makeLogRecord({"levelno": logging.ERROR, "msg": "no"})
    assert made.filter(record)
    assert told(made, object()) == []
