# SPDX-License-Identifier: GPL-3.0-or-later
"""Which opened files count as read."""

import os

import pytest

from harness.plugins import reading


@pytest.fixture(autouse=True)
def nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "_read", set())


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("/p/a.csv", "r", 0), ["/p/a.csv"]),
        (("/p/a.csv", "rb", 0), ["/p/a.csv"]),
        ((b"/p/a.csv", "r", 0), ["/p/a.csv"]),
        (("/p/a.csv", None, os.O_RDONLY | os.O_CLOEXEC), ["/p/a.csv"]),
        (("/p/a.csv", "w", 0), []),
        (("/p/a.csv", "ab", 0), []),
        (("/p/a.csv", None, os.O_WRONLY), []),
        (("/p/a.csv", None, os.O_RDWR | os.O_CREAT), []),
        ((3, "r", 0), []),
        (("/place/a.csv", "r", 0), []),
        (("/p/__pycache__/a.cpython-311.pyc", "rb", 0), ["/p/a.py"]),
        (("/p/odd.pyc", "rb", 0), ["/p/odd.pyc"]),
    ],
)
def test_what_is_read(arguments: tuple[object, ...], expected: list[str]) -> None:
    reading._hear("open", arguments)
    reading._hear("import", ("/p/b.csv", None, None))
    assert reading.found(["/p"]) == expected
