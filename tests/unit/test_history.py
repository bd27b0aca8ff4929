# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs taught."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness import history, plan
from harness.model import (
    Isolation,
    Origin,
    Outcome,
    RunResult,
    StepResult,
    TestResult,
)
from harness.store import Store
from harness.template.layer import Layer, Request

PARTY = "party/tests/test_party.py::PartyTestCase::test_check_vies"


STEP = StepResult(
    name="tryton-7.0", suite="tryton", series="7.0", database="local", exit_code=0,
    started=0.0, seconds=1.0,
)  # fmt: skip


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "state")


def result(*tests: tuple[str, Outcome, float]) -> RunResult:
    made = tuple(
        TestResult(
            step="tryton-7.0",
            id=f"modules/{id_}",
            key=id_,
            module="party",
            worker="w1",
            outcome=outcome,
            started=0.0,
            duration=seconds + 1,
            phases={"setup": 1.0, "call": seconds},
        )
        for id_, outcome, seconds in tests
    )
    return RunResult(
        id="1", command="harness test", started=0.0, seconds=1.0, exit_code=0,
        version="0", steps=(replace(STEP, tests=made),),
    )  # fmt: skip


def step(*names: str, series: str = "7.0") -> plan.Step:
    return plan.Step(
        suite="tryton",
        series=series,
        tested=tuple(
            plan.Tested(name=name, origin=Origin.INDEX, reason="named")
            for name in names
        ),
        sources=(),
        database="local",
        reason="asked for",
        isolation=Isolation.CLASS,
        workers=1,
    )


def layer(*closure: str, language: str = "en", data: tuple[Path, ...] = ()) -> Layer:
    return Layer(
        name="top", digest="1f", parent=None, language=language, closure=closure,
        data=data,
    )  # fmt: skip


# -- durations ---------------------------------------------------------------


def test_the_duration_of_the_call_is_learnt(store: Store) -> None:
    history.learn(store, result((PARTY, Outcome.PASSED, 2.0)))
    assert store.read("timings.json") == {PARTY: 2.0}


def test_shards_count_fixtures_but_no_waits(store: Store) -> None:
    made = result((PARTY, Outcome.PASSED, 2.0))
    [step] = made.steps
    [test] = step.tests
    whole = replace(test, duration=5.0, waits=1.5)
    history.learn(store, replace(made, steps=(replace(step, tests=(whole,)),)))
    assert store.read("durations.json") == {PARTY: 3.5}
    assert store.read("timings.json") == {PARTY: 2.0}


def test_what_the_first_test_makes_for_all_is_not_its_own(store: Store) -> None:
    (made,) = result((PARTY, Outcome.PASSED, 2.0)).steps[0].tests

    def test(key: str, worker: str, started: float, setup: float) -> TestResult:
        phases = {"setup": setup, "call": 2.0}
        return replace(
            made, key=key, worker=worker, started=started, phases=phases,
            duration=setup + 2.0,
        )  # fmt: skip

    tests = (
        test("b", "w1", 9.0, 0.5),
        test("a", "w1", 1.0, 7.5),
        test("c", "w2", 2.0, 6.5),
        test("d", "w2", 9.0, 0.5),
        test("e", "w2", 12.0, 1.5),
    )
    history.learn(store, replace(result(), steps=(replace(STEP, tests=tests),)))
    assert store.read("durations.json") == {
        "a": 3.5, "b": 2.5, "c": 3.5, "d": 2.5, "e": 3.5,
    }  # fmt: skip


def test_the_newest_duration_counts_half(store: Store) -> None:
    for seconds in (2.0, 4.0, 1.0):
        history.learn(store, result((PARTY, Outcome.FAILED, seconds)))
    assert store.read("timings.json") == {PARTY: 2.0}


def test_tests_that_did_not_run_to_their_end_teach_nothing(store: Store) -> None:
    for outcome in (Outcome.ERROR, Outcome.SKIPPED, Outcome.XFAILED):
        history.learn(store, result((PARTY, outcome, 2.0)))
    assert store.read("timings.json") == {}


@pytest.mark.parametrize("damage", ["{", "[]", "3", ""])
def test_damaged_durations_are_begun_anew(store: Store, damage: str) -> None:
    (store.path / "timings.json").write_text(damage)
    history.learn(store, result((PARTY, Outcome.PASSED, 2.0)))
    assert store.read("timings.json") == {PARTY: 2.0}


def test_tests_of_one_id_in_two_places_are_told_apart(store: Store) -> None:
    history.learn(store, result((PARTY, Outcome.PASSED, 2.0)))
    [one] = result((PARTY, Outcome.PASSED, 4.0)).steps[0].tests
    other = replace(one, key="society/tests/test_party.py::PartyTestCase::test_check")
    history.learn(store, replace(result(), steps=(replace(STEP, tests=(other,)),)))
    assert store.read("timings.json") == {PARTY: 2.0, other.key: 4.0}


# -- databases ---------------------------------------------------------------


def test_what_was_asked_for_is_remembered(store: Store) -> None:
    layers = [layer("country", "party"), layer(language="de"), layer("country")]
    history.remember(store, step("party"), layers)
    assert history.asked(store, step("party")) == [
        Request(modules=("country", "party"), language="en"),
        Request(modules=(), language="de"),
        Request(modules=("country",), language="en"),
    ]


def test_each_series_and_module_has_its_own(store: Store) -> None:
    history.remember(store, step("party"), [layer("party")])
    history.remember(store, step("bank"), [layer("bank"), layer("party")])
    assert history.asked(store, step("party", series="6.6")) == []
    assert history.asked(store, step("party", "bank")) == [
        Request(modules=("party",)),
        Request(modules=("bank",)),
    ]


def test_a_step_of_many_modules_does_not_know_who_asked(store: Store) -> None:
    history.remember(store, step("party", "bank"), [layer("party")])
    assert store.read("asked.json") is None


def test_layers_with_data_are_not_asked_for_by_modules(store: Store) -> None:
    history.remember(store, step("party"), [layer("party", data=(Path("demo.txt"),))])
    assert history.asked(store, step("party")) == []


def test_the_newest_run_replaces_what_was_asked(store: Store) -> None:
    history.remember(store, step("party"), [layer("party"), layer("bank")])
    history.remember(store, step("party"), [layer("party")])
    assert history.asked(store, step("party")) == [Request(modules=("party",))]


def test_nothing_is_known(store: Store) -> None:
    assert history.asked(store, step("party")) == []


@pytest.mark.parametrize(
    "damage",
    [
        "{",
        "[]",
        '["7.0 party"]',
        '{"7.0 party": [{"modules": ["party"]}]}',
    ],
)
def test_damaged_memory_is_no_reason_to_crash(store: Store, damage: str) -> None:
    (store.path / "asked.json").write_text(damage)
    assert len(history.asked(store, step("party"))) <= 1
