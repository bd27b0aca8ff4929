# SPDX-License-Identifier: GPL-3.0-or-later
"""What a watch's rounds are narrowed to."""

from pathlib import Path

from harness.run.filters import Filters

A, B = Path("unit/test_a.py"), Path("unit/test_b.py")


def typed(filters: Filters, key: str, text: str) -> list[bool]:
    filters.begin(key)
    return [filters.type(letter) for letter in text]


def test_a_part_is_typed_until_enter() -> None:
    filters = Filters()
    assert typed(filters, "p", "ab\x7f") == [False] * 3
    assert filters.row() == "part of a file's path (Enter, Esc): a_"
    assert filters.words() == []
    assert filters.type("\n")
    assert (filters.prompt, filters.words()) == ("", ["p=a"])
    typed(filters, "p", "b\x1b")
    assert filters.words() == ["p=a"], "Esc: it stays what it was"


def test_files_that_have_the_part() -> None:
    filters = Filters()
    assert filters.files(None, [A, B]) is None
    assert filters.files((A,), [A, B]) == (A,)
    typed(filters, "p", "_b\n")
    assert filters.files(None, [B, A]) == (B,)
    assert filters.files((A,), [A, B]) == ()
    filters.clear()
    assert filters.files((A,), [A, B]) == (A,)
