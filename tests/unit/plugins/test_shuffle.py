# SPDX-License-Identifier: GPL-3.0-or-later
"""The order that a seed gives: blocks stay together, sequences stay as they are."""

import itertools
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import shuffle


class Item:
    def __init__(self, key: str, level: str = "") -> None:
        file, _, inside = key.partition("::")
        self.path = Path("/stack/src") / file
        self.nodeid = f"src/{file}::{inside}"
        self.level = level
        self.key = key

    def get_closest_marker(self, name: str) -> Any:
        return SimpleNamespace(args=(self.level,)) if self.level else None


def suite(*, level: str = "") -> list[Item]:
    return [
        Item(f"web/tests/{part}/test_{file}.py::{test}", level)
        for part in ("unit", "functional")
        for file in "abc"
        for test in (
            *(f"TestA::test_{n}" for n in range(5)),
            *(f"TestB::test_{n}" for n in range(5)),
            *(f"test_{n}" for n in range(3)),
        )
    ]


def arranged(
    items: list[Item], seed: str = "1", default: str = "class", **options: bool
) -> list[str]:
    everything = options.get("everything", False)
    places = shuffle.arrange(items, seed, default, everything=everything)
    assert sorted(places) == list(range(len(items)))
    return [items[at].key for at in places]


def blocks(keys: list[str], parts: int) -> list[str]:
    """What comes after what, once for each block."""
    names = ["::".join(key.replace("/", "::").split("::")[:parts]) for key in keys]
    return [name for name, _ in itertools.groupby(names)]


def test_the_same_seed_gives_the_same_order() -> None:
    assert arranged(suite()) == arranged(suite())
    assert arranged(suite(), "1") != arranged(suite(), "2")


def test_a_test_that_goes_does_not_move_the_others() -> None:
    items = suite()
    gone = items[17].key
    rest = [item for item in items if item.key != gone]
    assert arranged(rest) == [key for key in arranged(items) if key != gone]


def test_the_order_before_does_not_matter_but_in_sequences() -> None:
    items = suite(level="test")
    assert arranged(items) == arranged(items[::-1])


@pytest.mark.parametrize("parts", [3, 4])
def test_directories_and_modules_stay_together(parts: int) -> None:
    found = blocks(arranged(suite()), parts)
    assert len(found) == len(set(found))


def test_classes_stay_together_but_change_their_places() -> None:
    orders = set()
    for seed in range(20):
        keys = [k for k in arranged(suite(), str(seed)) if "unit/test_a.py" in k]
        classes = [key.split("::")[1] for key in keys if "::Test" in key]
        found = [name for name, _ in itertools.groupby(classes)]
        assert sorted(found) == ["TestA", "TestB"]
        orders.add(tuple(found))
    assert len(orders) == 2


def inside(keys: list[str], words: str) -> list[str]:
    return [key.rpartition("::")[2] for key in keys if words in key]


SEQUENCE = [f"test_{n}" for n in range(5)]


@pytest.mark.parametrize("seed", ["1", "2", "3"])
def test_a_sequence_is_not_shuffled(seed: str) -> None:
    assert inside(arranged(suite(), seed), "unit/test_a.py::TestA") == SEQUENCE


def test_tests_that_share_nothing_are() -> None:
    by_option = arranged(suite(), default="test")
    by_mark = arranged(suite(level="test"))
    assert by_option == by_mark
    assert inside(by_mark, "unit/test_a.py::TestA") != SEQUENCE


def test_all_are_if_that_is_asked_for() -> None:
    keys = arranged(suite(), default="module", everything=True)
    assert inside(keys, "unit/test_a.py::TestA") != SEQUENCE


@pytest.mark.parametrize("level", ["module", "worker"])
def test_what_shares_a_module_keeps_its_order(level: str) -> None:
    keys = arranged(suite(), default=level)
    own = [key for key in keys if "unit/test_b.py" in key]
    assert own == [item.key for item in suite() if item.key in own]
    assert blocks(keys, 4) != blocks([item.key for item in suite()], 4)


def test_parameters_go_with_their_test() -> None:
    items = [
        Item(f"web/tests/test_a.py::test_{n}[{at}]", "test")
        for n in range(4)
        for at in range(4)
    ]
    names = [key.partition("[")[0] for key in arranged(items)]
    assert len([name for name, _ in itertools.groupby(names)]) == 4
    for item in items:
        item.lockstep = None  # type: ignore[attr-defined]
    found = [key[-2] for key in arranged(items)]
    assert found == list("0123") * 4


def test_exactly_these_in_this_order() -> None:
    items = suite()
    wanted = [items[30].key, items[2].nodeid, "gone", items[30].key, items[0].key]
    found = shuffle.exact(items, wanted)
    assert [item.key for item in found] == [items[30].key, items[2].key, items[0].key]


def test_an_id_that_is_printed_in_another_directory_is_one() -> None:
    items = suite()
    far = f"/some/where/src/{items[3].key}"
    assert shuffle.exact(items, [far], strict=True) == [items[3]]


def test_an_id_that_is_not_there_is_an_error_with_the_nearest() -> None:
    items = suite()
    with pytest.raises(pytest.UsageError, match=re.escape(items[3].key)):
        shuffle.exact(items, [items[3].key + "x"], strict=True)
