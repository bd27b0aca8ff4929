# SPDX-License-Identifier: GPL-3.0-or-later
"""``--sql``: the last statements of a failed test, beside its traceback.

They are what Tryton's backends say to their loggers; nobody else hears it.
"""

from __future__ import annotations

import logging
from collections import deque
from typing import Any

import pytest

LOGGERS = ("trytond.backend.postgresql.database", "trytond.backend.sqlite.database")
MOST = 200
"""Statements that are kept of a test."""
LONGEST = 2000
"""Characters of one."""


class Statements(logging.Filter):
    """What was said since the test has begun."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0
        self.last: deque[str] = deque(maxlen=MOST)

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep a statement, which psycopg2 makes bytes of; let all else pass."""
        if record.levelno > logging.DEBUG:
            return True
        said: Any = record.msg
        known = isinstance(said, bytes)
        text = said.decode("utf-8", "replace") if known else record.getMessage()
        self.count += 1
        self.last.append(" ".join(text.split())[:LONGEST])
        return False

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self) -> None:
        """Those of the test before are not of this one."""
        self.count = 0
        self.last.clear()

    def pytest_runtest_makereport(self, item: pytest.Item, call: Any) -> None:
        """Put them into the report of what was raised; unittest has said what it is."""
        if call.excinfo is not None and self.count:
            head = f"-- the last {len(self.last)} of {self.count} statements\n"
            item.add_report_section(call.when, "SQL", head + ";\n".join(self.last))


def pytest_configure(config: Any) -> None:
    """Listen, before the first connection is made: SQLite asks then."""
    made = Statements()
    config.pluginmanager.register(made, "harness-statements")
    for name in LOGGERS:
        logger = logging.getLogger(name)
        logger.setLevel(logging.DEBUG)
        logger.filters[:] = [made]  # a forked worker is configured again
