# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run again together, and what becomes of what was reported."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import again
from harness.plugins.again import Final, Ledger
from harness.plugins.units import Unit


class TestsOfOne:
    __test__ = False


class Item:
    def __init__(self, name: str, *, cls: type | None = None, mark: str = "") -> None:
        self.path = Path("/src/web/tests/test_a.py")
        self.cls = cls
        self.nodeid = f"tests/test_a.py::{name}"
        self.mark = mark

    def get_closest_marker(self, name: str) -> Any:
        return SimpleNamespace(args=(self.mark,)) if self.mark else None


FILE = "/src/web/tests/test_a.py"


@pytest.mark.parametrize(
    ("item", "default", "expected"),
    [
        (Item("f"), "class", (FILE, "tests/test_a.py::f")),
        (Item("m", cls=TestsOfOne), "class", (FILE, "TestsOfOne")),
        (Item("m", cls=TestsOfOne), "test", (FILE, "tests/test_a.py::m")),
        (Item("m", cls=TestsOfOne, mark="test"), "class", (FILE, "tests/test_a.py::m")),
        (Item("m", cls=TestsOfOne), "module", (FILE,)),
        (Item("m", cls=TestsOfOne), "worker", (FILE,)),
        (Item("f", mark="module"), "test", (FILE,)),
    ],
)
def test_what_is_run_again_as_a_whole(
    item: Item, default: str, expected: tuple[str, ...]
) -> None:
    assert again.piece(item, default) == expected


def report(outcome: str = "passed", when: str = "call") -> Any:
    return SimpleNamespace(
        outcome=outcome,
        when=when,
        failed=outcome == "failed",
        skipped=outcome == "skipped",
    )


GOOD, BAD, SKIPPED = report(), report("failed"), report("skipped")


def ran(ledger: Ledger, number: int, *reports: Any) -> None:
    ledger.begin(number)
    for one in reports:
        ledger.add(number, one)


def pairs(number: int) -> tuple[str, ...]:
    """Two tests each share a class."""
    return (str(number // 2),)


UNIT = Unit((0, 1, 2, 3), 1.0, "")


def test_what_passes_is_final_at_once() -> None:
    ledger = Ledger(1, pairs)
    for number in UNIT.indices:
        ran(ledger, number, GOOD)
    final, repeated = ledger.settle(UNIT, stop=False)
    assert final == [Final(number, [GOOD], []) for number in UNIT.indices]
    assert repeated == []
    assert ledger.rest([]) == []


def test_a_failure_takes_its_class_with_it() -> None:
    ledger = Ledger(1, pairs)
    for number in UNIT.indices:
        ran(ledger, number, BAD if number == 1 else GOOD)
    final, repeated = ledger.settle(UNIT, stop=False)
    assert [one.number for one in final] == [2, 3]
    assert repeated == [0, 1]
    assert ledger.last(1) == [BAD]
    for number in repeated:
        ran(ledger, number, GOOD)
    unit = UNIT.keep(repeated)._replace(attempt=1)
    final, repeated = ledger.settle(unit, stop=False)
    assert final == [Final(0, [GOOD], []), Final(1, [GOOD], [[BAD]])]
    assert repeated == []


def test_the_last_time_counts_even_if_another_test_fails_then() -> None:
    ledger = Ledger(1, pairs)
    ran(ledger, 0, BAD)
    ran(ledger, 1, GOOD)
    ledger.settle(UNIT.keep([0, 1]), stop=False)
    ran(ledger, 0, GOOD)
    ran(ledger, 1, BAD)
    unit = UNIT.keep([0, 1])._replace(attempt=1)
    assert ledger.lost(unit)
    final, repeated = ledger.settle(unit, stop=False)
    assert final == [Final(0, [GOOD], [[BAD]]), Final(1, [BAD], [])]
    assert repeated == []


@pytest.mark.parametrize("last", [[SKIPPED], None])
def test_a_failure_stands_unless_it_has_passed_since(last: list[Any] | None) -> None:
    ledger = Ledger(2, pairs)
    ran(ledger, 0, GOOD, BAD)
    unit = UNIT.keep([0])
    assert not ledger.lost(unit)
    assert ledger.settle(unit, stop=False) == ([], [0])
    ran(ledger, 0, report("failed", "setup"))
    ledger.settle(unit._replace(attempt=1), stop=False)
    if last:
        ran(ledger, 0, *last)
        [final], _ = ledger.settle(unit._replace(attempt=2), stop=False)
    else:
        [final] = ledger.rest([])
    assert final.reports[0].when == "setup"
    assert final.failures == [[GOOD, BAD]]


def test_an_expected_failure_is_a_pass() -> None:
    expected = report("skipped")
    expected.wasxfail = "reason"
    ledger = Ledger(1, pairs)
    ran(ledger, 0, BAD)
    ledger.settle(UNIT.keep([0]), stop=False)
    ran(ledger, 0, expected)
    [final], _ = ledger.settle(UNIT.keep([0])._replace(attempt=1), stop=False)
    assert final == Final(0, [expected], [[BAD]])


def test_nothing_is_run_again_once_the_session_stops() -> None:
    ledger = Ledger(3, pairs)
    ran(ledger, 0, BAD)
    assert ledger.settle(UNIT, stop=True) == ([Final(0, [BAD], [])], [])


def test_an_interrupt_leaves_what_is_known() -> None:
    ledger = Ledger(3, pairs)
    ran(ledger, 0, GOOD)
    ran(ledger, 1, BAD)
    ledger.settle(UNIT.keep([0, 1]), stop=False)
    ran(ledger, 0, GOOD)  # running
    ran(ledger, 2, GOOD)
    assert ledger.rest(running=[0]) == [
        Final(0, [GOOD], []),
        Final(1, [BAD], []),
        Final(2, [GOOD], []),
    ]


def test_a_crash_takes_the_rest_of_its_class_with_it() -> None:
    ledger = Ledger(1, pairs)
    ran(ledger, 0, BAD)
    assert ledger.settle(UNIT, stop=False) == ([], [0, 1])
