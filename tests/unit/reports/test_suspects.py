# SPDX-License-Identifier: GPL-3.0-or-later
"""Who ran before a test, and which of them it takes to make it fail."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import pytest

from harness.model import Attempt, Outcome, RunResult, StepResult, TestResult
from harness.reports import suspects


def ran(
    name: str,
    started: float,
    *,
    worker: str = "w1",
    outcome: Outcome = Outcome.PASSED,
    attempts: tuple[Attempt, ...] = (),
) -> TestResult:
    return TestResult(
        step="web",
        id=name,
        key=f"web/{name.partition('[')[0]}",
        module="web",
        worker=worker,
        outcome=outcome,
        started=started,
        duration=0.1,
        attempts=attempts,
    )


def run(*tests: TestResult, suite: str = "web") -> RunResult:
    step = StepResult(
        name="web", suite=suite, series="7.0", database="local", exit_code=0,
        started=0.0, seconds=1.0, tests=tests,
    )  # fmt: skip
    return RunResult(
        id="x", command="x", started=0.0, seconds=1.0, exit_code=0, version="1",
        steps=(step,),
    )  # fmt: skip


TESTS = (
    ran("tests/test_b.py::test_late", 5.0),
    ran("tests/test_a.py::C::test_2", 3.0, outcome=Outcome.FAILED),
    ran("tests/test_a.py::C::test_1", 2.0),
    ran("tests/test_b.py::test_early", 1.0),
    ran("tests/test_b.py::test_elsewhere", 1.5, worker="w2"),
)


@pytest.mark.parametrize(
    "name",
    [
        "tests/test_a.py::C::test_2", "web/tests/test_a.py::C::test_2",
        "test_a.py::C::test_2", "C::test_2", "test_2",
    ],
)  # fmt: skip
def test_a_test_is_found_by_the_end_of_its_id(name: str) -> None:
    [case] = suspects.matching(run(*TESTS), "web", name)
    assert case.before == (
        "web/tests/test_b.py::test_early", "web/tests/test_a.py::C::test_1",
    )  # fmt: skip
    assert case.own == ("web/tests/test_a.py::C::test_1",)


def test_it_is_not_found_in_another_suite_or_by_a_piece_of_its_name() -> None:
    assert not suspects.matching(run(*TESTS), "api", "test_2")
    assert not suspects.matching(run(*TESTS), "web", "est_2")


def test_a_function_has_no_class() -> None:
    [case] = suspects.matching(run(*TESTS), "web", "test_late")
    assert len(case.before) == 3
    assert case.own == ()


def test_the_first_time_that_it_failed_counts() -> None:
    first = Attempt(outcome=Outcome.FAILED, worker="w1", started=2.5, duration=0.1)
    flaky = ran("t.py::test_f", 9.0, worker="w3", outcome=Outcome.FLAKY,
                 attempts=(first,))  # fmt: skip
    [case] = suspects.matching(run(*TESTS, flaky), "web", "test_f")
    assert case.worker == "w1"
    assert len(case.before) == 2


def test_a_time_that_another_one_failed_counts_where_it_was() -> None:
    first = Attempt(outcome=Outcome.FAILED, worker="w1", started=2.5, duration=0.1)
    flaky = ran("t.py::test_f", 9.0, worker="w3", outcome=Outcome.FLAKY,
                 attempts=(first,))  # fmt: skip
    [case] = suspects.matching(run(*TESTS, flaky), "web", "test_2")
    assert case.before[-1] == "web/t.py::test_f"


def test_of_several_rounds_the_one_that_failed_comes_first() -> None:
    rounds = (
        ran("t.py::test_r[1/2]", 1.0, worker="w1"),
        ran("t.py::test_r[2/2]", 2.0, worker="w2", outcome=Outcome.FAILED),
    )
    first, _ = suspects.matching(run(*rounds), "web", "web/t.py::test_r")
    assert first.worker == "w2"


NAMES = tuple("abcdefghijklmnopqrstuvw")


class Poison:
    """A test fails after all of these; it counts how often it was asked."""

    def __init__(self, *guilty: str) -> None:
        self.guilty = set(guilty)
        self.asked = 0

    def __call__(self, names: Sequence[str]) -> bool:
        self.asked += 1
        assert list(names) == sorted(names)
        return self.guilty <= set(names)


@pytest.mark.parametrize("guilty", NAMES)
def test_one_is_found_by_halves(guilty: str) -> None:
    poison = Poison(guilty)
    assert suspects.minimal(NAMES, poison) == (guilty,)
    assert poison.asked <= 10


@pytest.mark.parametrize("guilty", list(itertools.combinations(NAMES[::3], 2)))
def test_two_are_found_and_no_more(guilty: tuple[str, str]) -> None:
    assert suspects.minimal(NAMES, Poison(*guilty)) == guilty


def test_what_takes_all_is_all() -> None:
    assert suspects.minimal(NAMES[:5], Poison(*NAMES[:5])) == NAMES[:5]
    assert suspects.minimal(("a",), Poison("a")) == ("a",)


def test_a_subtest_is_found_by_its_test() -> None:
    test = ran("tests/test_a.py::test_s", 2.0)
    part = replace(
        ran("tests/test_a.py::test_s (n=1)", 2.0, outcome=Outcome.FAILED),
        key="web/tests/test_a.py::test_s (n=1)",
        subtest="(n=1)",
    )
    made = run(ran("tests/test_a.py::test_first", 1.0), test, part)
    for name in ("tests/test_a.py::test_s", "test_s (n=1)"):
        first, *_ = suspects.matching(made, "web", name)
        assert first.key == "web/tests/test_a.py::test_s"
        assert first.test.outcome is Outcome.FAILED
        assert first.before == ("web/tests/test_a.py::test_first",)
