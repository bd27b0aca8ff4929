# SPDX-License-Identifier: GPL-3.0-or-later
"""What the session is told of reports, and when."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import telling
from harness.plugins.telling import Telling
from harness.plugins.units import Unit


class Item:
    path = "/src/web/tests/test_a.py"
    cls = None
    location = ("tests/test_a.py", 3, "test")

    def __init__(self, name: str) -> None:
        self.nodeid = f"tests/test_a.py::{name}"
        self.id = Node(self.nodeid)

    def get_closest_marker(self, name: str) -> None:
        return None


class Node:
    """An id as pytest 9.2 has it."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __str__(self) -> str:
        return self.text


class Session:
    """Hooks and plugins of a session, which notes all that it is told."""

    def __init__(self, **options: int) -> None:
        self.told: list[str] = []
        self.option = SimpleNamespace(
            **{"harness_reruns": 0, "harness_repeat": 1, **options}
        )
        self.plugins: dict[str, Any] = {}
        self.hook = SimpleNamespace(
            pytest_runtest_logstart=lambda **known: self.note("start", **known),
            pytest_runtest_logfinish=lambda **known: self.note("finish", **known),
            pytest_runtest_logreport=lambda report: self.told.append(
                f"{report.outcome} {report.nodeid.rpartition('::')[2]}"
            ),
        )
        self.pluginmanager = SimpleNamespace(get_plugin=self.plugins.get)

    def note(self, what: str, nodeid: str, location: object) -> None:
        self.told.append(f"{what} {nodeid.rpartition('::')[2]}")

    def getoption(self, name: str, default: str) -> str:
        return default


def report(outcome: str) -> Any:
    return SimpleNamespace(
        outcome=outcome,
        failed=outcome == "failed",
        skipped=False,
        nodeid="",
        location=(),
    )


ITEMS = [Item("test_a"), Item("test_b")]
UNIT = Unit((0, 1), 1.0, "")


def ran(made: Telling, number: int, outcome: str) -> None:
    made.begin(number)
    made.add(number, report(outcome))
    made.finish(number)


def settled(made: Telling, unit: Unit, *, stop: bool = False) -> list[int]:
    return made.settle(unit, stop=lambda: stop)


def test_all_is_told_at_once_where_nothing_is_run_again() -> None:
    session = Session()
    made = Telling(session, ITEMS)
    ran(made, 0, "failed")
    assert session.told == ["start test_a", "failed test_a", "finish test_a"]
    assert settled(made, UNIT) == []
    assert not made.lost(UNIT)


def test_a_failure_is_told_when_it_stands() -> None:
    session = Session(harness_reruns=1)
    marks: list[str] = []
    session.plugins["terminalreporter"] = SimpleNamespace(
        pytest_runtest_logreport=lambda one: marks.append(f"{one.outcome} {one.nodeid}")
    )
    made = Telling(session, ITEMS)
    ran(made, 0, "passed")
    ran(made, 1, "failed")
    assert session.told == []
    assert settled(made, UNIT) == [1]
    assert session.told == ["start test_a", "passed test_a", "finish test_a"]
    assert marks == ["rerun tests/test_a.py::test_b"]
    ran(made, 1, "failed")
    again = UNIT.keep([1])._replace(attempt=1)
    assert made.lost(again)
    assert settled(made, again) == []
    assert session.told[3:] == ["start test_b", "failed test_b", "finish test_b"]


def test_the_writer_knows_the_failures_before() -> None:
    session = Session(harness_reruns=1)
    known: list[tuple[str, int]] = []
    session.plugins["harness-writer"] = SimpleNamespace(
        failed_before=lambda nodeid, location, times: known.append((nodeid, len(times)))
    )
    made = Telling(session, ITEMS)
    ran(made, 0, "failed")
    settled(made, UNIT.keep([0]))
    ran(made, 0, "passed")
    settled(made, UNIT.keep([0])._replace(attempt=1))
    assert known == [("tests/test_a.py::test_a", 1)]


@pytest.mark.parametrize("running", [[], [0]])
def test_an_interrupt_tells_what_was_to_be_run_again(running: list[int]) -> None:
    session = Session(harness_reruns=1)
    made = Telling(session, ITEMS)
    ran(made, 0, "failed")
    settled(made, UNIT.keep([0]))
    if running:
        made.begin(0)
    made.flush(running)
    assert session.told == ["start test_a", "failed test_a", "finish test_a"]


def test_nothing_is_run_again_when_the_session_stops() -> None:
    session = Session(harness_reruns=1)
    made = Telling(session, ITEMS)
    ran(made, 0, "failed")
    assert settled(made, UNIT, stop=True) == []
    assert "failed test_a" in session.told


def test_rounds_have_names_and_places() -> None:
    found = telling.named(ITEMS, 2)
    assert [one.nodeid.rpartition("::")[2] for one in found] == [
        "test_a[1/2]", "test_b[1/2]", "test_a[2/2]", "test_b[2/2]",
    ]  # fmt: skip
    assert found[3].location == ("tests/test_a.py", 3, "test[2/2]")
    assert [one.nodeid for one in telling.named(ITEMS, 1)] == [
        "tests/test_a.py::test_a", "tests/test_a.py::test_b",
    ]  # fmt: skip


@pytest.mark.parametrize("kind", [str, Node])
def test_a_failure_of_a_round_is_one_of_its_test(kind: Any) -> None:
    session = Session(harness_repeat=2)
    failed = {kind("tests/test_a.py::test_b[2/2]"): True, kind("gone.py::test"): True}
    session.plugins["lfplugin"] = SimpleNamespace(lastfailed=failed)
    Telling(session, ITEMS).forget_rounds()
    assert sorted(map(str, failed)) == ["gone.py::test", "tests/test_a.py::test_b"]
    assert {type(one) for one in failed} == {kind}
