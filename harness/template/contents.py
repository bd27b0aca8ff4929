# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in templates, as lines of SQL that can be compared."""

import re
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

TIMES = re.compile(r"'?\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)?'?")
KEYS = re.compile(r"\\(un)?restrict ")
"""Lines of pg_dump with a random word."""


def of_sqlite(file: Path) -> list[str]:
    """Those of an SQLite database."""
    uri = f"file:{file}?mode=ro&immutable=1"
    with closing(sqlite3.connect(uri, uri=True)) as connection:
        return list(connection.iterdump())


def differences(one: Iterable[str], other: Iterable[str]) -> list[str]:
    """The lines that only one of them has; points of time and order do not count."""
    counted = [Counter(map(_plain, lines)) for lines in (one, other)]
    gone, new = counted[0] - counted[1], counted[1] - counted[0]
    return sorted([*(f"- {t}" for t in gone), *(f"+ {t}" for t in new)], key=_text)


def _plain(line: str) -> str:
    return "" if KEYS.match(line) else TIMES.sub("'time'", line)


def _text(line: str) -> str:
    return line[2:]
