# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests are left out: those that are unchanged, with all they share."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import tracing


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
