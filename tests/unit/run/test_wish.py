# SPDX-License-Identifier: GPL-3.0-or-later
"""What a round is to run when a save has ended another one."""

from dataclasses import replace
from pathlib import Path

from harness.run.wish import ALL, Wish, rest
from tests.unit.run.test_needs import STEP

A, B = Path("test_a.py"), Path("test_b.py")
ONE = Wish(why="one.py", files=(B,), left=frozenset({"a", "c"}), first=True)


def test_it_runs_what_the_other_would_have() -> None:
    other = Wish(why="two.py", files=(A,), left=frozenset({"b", "c"}))
    joined = replace(ONE, files=(A, B), left=frozenset({"c"}))
    assert ONE.joined(other) == joined
    assert replace(ONE, files=()).joined(other).files == (A,)


def test_all_is_all() -> None:
    assert ONE.joined(ALL) == replace(ONE, files=None, left=frozenset(), asked=True)


def test_single_tests_are_part_of_it_too() -> None:
    more = replace(ONE, files=(A, B), left=frozenset({"c"}))
    assert ONE.with_tests({"a": A}) == more
    assert ONE.with_tests({}) == ONE
    every = replace(ONE, files=None)
    assert every.with_tests({"a": A}) == replace(every, left=frozenset({"c"}))


TESTS = {A: {"a": "id of a", "b": "id of b"}, B: {"c": "id of c"}}


def test_it_runs_the_tests_of_its_files_that_are_not_left() -> None:
    wish = replace(ONE, files=(A,), left=frozenset({"a"}))
    assert wish.ids((A,), TESTS, ["x"]) == ["id of b"]
    assert wish.ids(None, TESTS, ["x"]) == ["id of b", "id of c"]
    assert wish.ids((Path("new.py"),), TESTS, []) == ["new.py"]
    assert replace(wish, failed=True).ids(None, TESTS, ["x"]) == ["x"]


def test_the_rest_is_what_has_not_run() -> None:
    assert rest(TESTS, ["c", "a"]) == Wish(
        why="the rest", files=(A,), left=frozenset({"a", "c"})
    )
    assert rest(TESTS, "abc").files == ()


def test_a_round_is_the_step_with_other_words() -> None:
    made = ONE.step(STEP, (A,), 1, "sell", ["x"])
    assert made.options == (*STEP.options, "-k", "sell", "--failed-first")
    assert (made.paths, made.named, made.workers) == (("test_a.py",), True, 1)
    assert ONE.step(STEP, None, STEP.workers, "", []) == STEP
    [first, _] = replace(ONE, failed=True).step(STEP, None, 1, "", ["x"]).options
    assert first == "--last-failed"
