# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests are left out: those that are unchanged, with all they share."""

import builtins
import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import tracing
from harness.plugins.nose import generators
from harness.plugins.trace import instrument
from harness.plugins.trace.observing import Observer


def item(name: str, owner: type | None = None, *marks: str) -> Any:
    path = Path("/p/thing/tests/test_a.py")
    inside = f"{owner.__qualname__}::{name}" if owner else name
    return SimpleNamespace(
        name=name, path=path, cls=owner, nodeid=f"tests/test_a.py::{inside}",
        get_closest_marker=lambda mark: mark in marks or None,
    )  # fmt: skip


class Sequence:
    """Tests that share a database."""


@pytest.fixture
def items() -> list[Any]:
    shared = [item("test_1", Sequence), item("test_2", Sequence)]
    return [item("test_a"), item("test_b"), *shared]


def select(
    place: Path, items: list[Any], unchanged: list[str], isolation: str = "class"
) -> list[str]:
    """The tests that are left."""
    gone: list[Any] = []
    hook = SimpleNamespace(pytest_deselected=lambda items: gone.extend(items))
    config: Any = SimpleNamespace(hook=hook, getoption=lambda *_: isolation)
    keys = [f"thing/tests/test_a.py::{one}" for one in unchanged]
    everything = [[one.nodeid, str(one.path), f"thing/{one.nodeid}"] for one in items]
    order = {"unchanged": keys, "collected": str(place / "collected.json")}
    tracing.LeftOut(order).pytest_collection_modifyitems(config, items)
    told = json.loads((place / "collected.json").read_text())
    assert told["tests"] == everything
    assert told["gone"] == [f"thing/{one.nodeid}" for one in gone]
    return [one.nodeid.partition("::")[2] for one in items]


def test_what_trytond_hands_down_is_run_alone(tmp_path: Path) -> None:
    """It leaves nothing behind, and needs nothing: where a file shares, it stays."""

    def handed(self: object) -> None: ...

    handed.__module__ = "trytond.tests.test_tryton"
    owner = type("Case", (), {"test_1": handed, "test_2": handed, "test_3": 1})
    items = [item(f"test_{number}", owner) for number in (1, 2, 3)]
    assert select(tmp_path, list(items), ["Case::test_2", "Case::test_3"]) == [
        "Case::test_1"
    ]
    unchanged = ["Case::test_1", "Case::test_2"]
    assert select(tmp_path, list(items), unchanged) == ["Case::test_3"]
    assert len(select(tmp_path, list(items), unchanged, "module")) == 3


def test_nothing_is_left_out_of_what_is_not_known(
    tmp_path: Path, items: list[Any]
) -> None:
    assert len(select(tmp_path, items, ["test_c"])) == 4


def test_tests_that_share_a_database_stay_together(
    tmp_path: Path, items: list[Any]
) -> None:
    left = select(tmp_path, items, ["test_a", "Sequence::test_1"])
    assert left == ["test_b", "Sequence::test_1", "Sequence::test_2"]


def test_all_of_a_class_may_go(tmp_path: Path, items: list[Any]) -> None:
    both = ["Sequence::test_1", "Sequence::test_2"]
    assert select(tmp_path, items, both) == ["test_a", "test_b"]


def test_what_has_a_database_of_its_own_goes_alone(
    tmp_path: Path, items: list[Any]
) -> None:
    left = select(tmp_path, items, ["test_a", "Sequence::test_1"], "test")
    assert left == ["test_b", "Sequence::test_2"]


def test_a_file_whose_database_is_shared_goes_as_a_whole(
    tmp_path: Path, items: list[Any]
) -> None:
    names = ["test_a", "test_b", "Sequence::test_1"]
    assert len(select(tmp_path, items, names, "module")) == 4


def test_so_does_one_whose_tests_depend_on_each_other(
    tmp_path: Path, items: list[Any]
) -> None:
    items.append(item("test_c", None, "dependency"))
    assert len(select(tmp_path, items, ["test_a"])) == 5


def test_what_a_function_yields_is_for_the_tests_that_it_yields(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All that its collection sees, for each of them: only the first enters it."""
    monkeypatch.setattr(builtins, instrument.SEEN, None, raising=False)
    monkeypatch.setattr(tracing, "COLLECTED", {})
    monkeypatch.setattr(generators, "AROUND", [])
    monkeypatch.setitem(sys.modules, generators.__name__, generators)
    observer = Observer(str(tmp_path), [], [], "")
    plugin = tracing.Tracing(observer, {"directory": str(tmp_path)})
    plugin.pytest_collection()

    def many() -> Any:
        for number in range(2):
            observer.marks.add(f"function a.py:of_{number}")
            yield print, number

    owner = SimpleNamespace(nodeid="tests/test_a.py", obj=SimpleNamespace(many=many))
    make = staticmethod(lambda parent, name: SimpleNamespace())
    monkeypatch.setattr(generators.Generated, "from_parent", make)
    made = generators.collect(owner, "many")
    assert [one.index for one in made] == [0, 1]
    assert not observer.marks
    for name in ("many", "many", "single"):
        one = item(name)
        one.parent, one.originalname = owner, name
        one.listchain = lambda: [owner, None]
        plugin._write(one, set())
    plugin.stream.close()
    lines = map(json.loads, next(tmp_path.glob("*.jsonl")).read_text().splitlines())
    needs = [len(line["needs"]) for line in lines]
    assert needs == [3, 3, 1]  # the file of the test, and what was seen


def test_what_a_class_is_collected_with_is_for_its_tests(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(builtins, instrument.SEEN, None, raising=False)
    monkeypatch.setattr(tracing, "COLLECTED", {})
    observer = Observer(str(tmp_path), [], [], "")
    plugin = tracing.Tracing(observer, {"directory": str(tmp_path)})

    class Collector(pytest.Class):
        nodeid = "tests/test_a.py::Sequence"

    report = plugin.pytest_make_collect_report(object.__new__(Collector))
    next(report)
    observer.marks.add("function a.py:f")
    assert next(report, None) is None
    assert tracing.COLLECTED[Collector.nodeid] == {"function a.py:f"}
    assert not observer.marks
