# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts that fit a terminal; `test_output` has tables."""

from pathlib import Path

from harness import columns


def test_the_end_of_a_long_name_tells_more() -> None:
    assert columns.tail("tests/test_a.py::test_b", 12) == "….py::test_b"
    assert columns.tail("short", 12) == "short"
    assert columns.cut("a long sentence", 7) == "a long…"
    assert columns.tail("abc", 0) == columns.cut("abc", 0) == "…"


def test_a_link_shows_the_whole_path() -> None:
    text = columns.linked(Path("/a b/index.html"))
    assert text == (
        "\x1b]8;;file:///a%20b/index.html\x1b\\/a b/index.html\x1b]8;;\x1b\\"
    )


def test_one_long_cell_moves_its_own_row_only() -> None:
    rows = [("a", "x" * 400, "here"), ("b", "y", "there")]
    head, long, short = columns.aligned(rows, ("key", "value", "source"))
    assert short.index("there") == head.index("source") == 5 + 60 + 2
    assert long.endswith(f"{'x' * 400}  here")


def test_all_rows_fit_into_the_room() -> None:
    rows = [("a", "x" * 400, "here")]
    lines = columns.aligned(rows, ("key", "value", "source"), room=40)
    assert max(map(len, lines)) <= 40
