# SPDX-License-Identifier: GPL-3.0-or-later
"""What a round is to run when a save has ended another one."""

from dataclasses import replace
from pathlib import Path

from harness.run.wish import ALL, Wish

A, B = Path("test_a.py"), Path("test_b.py")
ONE = Wish(why="one.py", files=(B,), left=frozenset({"a", "c"}), first=True)


def test_it_runs_what_the_other_would_have() -> None:
    other = Wish(why="two.py", files=(A,), left=frozenset({"b", "c"}))
    joined = replace(ONE, files=(A, B), left=frozenset({"c"}))
    assert ONE.joined(other) == joined
    assert replace(ONE, files=()).joined(other).files == (A,)


def test_all_is_all() -> None:
    assert ONE.joined(ALL) == replace(ONE, files=None, left=frozenset())
