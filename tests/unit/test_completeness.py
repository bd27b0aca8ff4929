# SPDX-License-Identifier: GPL-3.0-or-later
"""No false green: what a session leaves open is a failure that names tests."""

from typing import Any

import pytest

from harness import completeness
from harness.errors import ExitCode

PLAN = {"kind": "plan", "ids": ["a", "b", "c"]}
END = {"kind": "session"}


def start(name: str) -> dict[str, Any]:
    return {"kind": "start", "id": name}


def outcome(name: str) -> dict[str, Any]:
    return {"kind": "test", "id": name}


ALL = [
    PLAN,
    start("a"),
    outcome("a"),
    start("b"),
    outcome("b"),
    start("c"),
    outcome("c"),
]


@pytest.mark.parametrize("code", [0, 1])
def test_all_have_an_outcome(code: int) -> None:
    assert not completeness.rest([*ALL, END]).broken(code)


@pytest.mark.parametrize("code", [0, 1, 5, -9])
def test_the_process_has_ended_in_a_test(code: int) -> None:
    rest = completeness.rest([PLAN, start("a"), outcome("a"), start("b")])
    assert (rest.running, rest.missing) == (("b",), ("c",))
    assert rest.broken(code)
    error = rest.error(code)
    assert error.code == ExitCode.TESTS_FAILED
    how = completeness.words(code)
    assert f"ended with {how} while it ran b; 1 did not run: c" in error.message


def test_who_was_stopped_may_leave_tests() -> None:
    rest = completeness.rest([PLAN, start("a"), outcome("a"), END])
    assert not rest.broken(1)  # -x
    assert rest.broken(0)
    assert "came to its end; 2 did not run: b, c" in rest.error(0).message


def test_nothing_has_begun() -> None:
    rest = completeness.rest([PLAN])
    assert rest.broken(0)
    assert "while" not in rest.error(0).message


def test_a_session_that_says_no_plan() -> None:
    assert not completeness.rest([]).broken(4)
    assert not completeness.rest([END]).broken(5)


def test_many_are_counted() -> None:
    names = [f"t{number}" for number in range(30)]
    text = completeness.rest([{"kind": "plan", "ids": names}]).error(0).message
    assert "30 did not run: t0, t1" in text
    assert text.endswith("t9, and 20 more")


def test_a_test_of_that_name_twice_is_one() -> None:
    rest = completeness.rest([{"kind": "plan", "ids": ["a", "a"]}, outcome("a"), END])
    assert not rest.broken(0)


@pytest.mark.parametrize(
    ("code", "expected"),
    [(3, "exit code 3"), (-11, "signal SIGSEGV"), (-40, "signal 40")],
)
def test_words(code: int, expected: str) -> None:
    assert completeness.words(code) == expected
