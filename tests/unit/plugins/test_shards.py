# SPDX-License-Identifier: GPL-3.0-or-later
"""Shards: whole, balanced, stable, and the same on every machine."""

import random
from collections.abc import Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from harness.plugins import durations, shards

SEEDS = range(40)


def suite(seed: int) -> dict[str, float]:
    """Units of a suite with durations as they are: many short, a few long."""
    dice = random.Random(seed)
    return {
        f"web/tests/test_{number}.py::Case": dice.lognormvariate(0, 1.0)
        for number in range(dice.randint(60, 300))
    }


def loads(seconds: Mapping[str, float], chosen: Mapping[str, int]) -> list[float]:
    made: dict[int, float] = {}
    for name, at in chosen.items():
        made[at] = made.get(at, 0.0) + seconds[name]
    return list(made.values())


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("count", [1, 2, 3, 5, 8])
def test_each_unit_has_one_shard_that_exists(seed: int, count: int) -> None:
    seconds = suite(seed)
    chosen = shards.assign(seconds, count)
    assert chosen.keys() == seconds.keys()
    assert set(chosen.values()) == set(range(1, count + 1))


@pytest.mark.parametrize("seed", SEEDS)
def test_five_shards_are_balanced(seed: int) -> None:
    seconds = suite(seed)
    made = loads(seconds, shards.assign(seconds, 5))
    longest = max(seconds.values())
    if longest <= sum(seconds.values()) / 5:
        assert (max(made) - min(made)) / max(made) <= 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_longer_than_a_share_is_alone(seed: int) -> None:
    seconds = suite(seed)
    seconds["web/tests/test_long.py::Case"] = sum(seconds.values())
    chosen = shards.assign(seconds, 3)
    alone = chosen.pop("web/tests/test_long.py::Case")
    assert alone not in chosen.values()
    one, other = loads(seconds, chosen)
    assert abs(one - other) / max(one, other) <= 0.15


@pytest.mark.parametrize("seed", SEEDS)
def test_order_does_not_matter(seed: int) -> None:
    seconds = suite(seed)
    names = list(seconds)
    random.Random(seed).shuffle(names)
    shuffled = {name: seconds[name] for name in names}
    assert shards.assign(shuffled, 5) == shards.assign(seconds, 5)


def moved(before: Mapping[str, int], after: Mapping[str, int]) -> float:
    return sum(after[name] != at for name, at in before.items()) / len(before)


def test_an_added_test_leaves_nearly_all_where_they_are() -> None:
    shares = []
    for seed in SEEDS:
        seconds = suite(seed)
        more = {**seconds, "web/tests/test_new.py::Case": 0.5}
        shares.append(moved(shards.assign(seconds, 5), shards.assign(more, 5)))
    assert sum(shares) / len(shares) <= 0.05
    assert max(shares) <= 0.2


def free(seed: int) -> tuple[list[str], dict[str, float]]:
    """Tests that are units of their own, with lines for their classes and a few."""
    dice = random.Random(seed)
    known: dict[str, float] = {}
    tests = []
    for number in range(dice.randint(5, 20)):
        owner = f"m/tests/test_{number}.py::Case"
        names = [f"{owner}::test_{at}" for at in range(dice.randint(3, 40))]
        known[owner] = len(names) * dice.lognormvariate(-1.5, 0.7)
        known |= {name: 1.0 for name in names if dice.random() < 0.1}
        tests += names
    return tests, known


def test_a_test_more_in_a_class_that_is_spread() -> None:
    shares = []
    for seed in SEEDS:
        tests, known = free(seed)

        def chosen(names: list[str], known: dict[str, float]) -> dict[str, int]:
            guesses = dict.fromkeys(names, 0.1)
            return shards.assign(shards.weights(names, known, guesses), 5)

        owner = random.Random(seed).choice(tests).rpartition("::")[0]
        before = chosen(tests, known)
        shares.append(moved(before, chosen([*tests, f"{owner}::test_new"], known)))
    assert sum(shares) / len(shares) <= 0.05
    assert max(shares) <= 0.2


def test_without_history_all_is_whole_and_stable() -> None:
    seconds = {f"web/tests/test_{number}.py::Case": 0.1 for number in range(100)}
    chosen = shards.assign(seconds, 5)
    made = [list(chosen.values()).count(at) for at in range(1, 6)]
    assert max(made) - min(made) <= 2
    more = {**seconds, "web/tests/test_new.py::Case": 0.1}
    assert moved(chosen, shards.assign(more, 5)) <= 0.05


def test_fewer_units_than_shards() -> None:
    assert len(set(shards.assign({"a": 1.0, "b": 1.0}, 5).values())) == 2
    assert shards.assign({}, 5) == {}


# -- durations ---------------------------------------------------------------

KNOWN = {"w/tests/test_a.py": 3.0, "w/tests/test_a.py::C::test_long": 9.0}


def test_a_test_takes_its_line_or_its_share_or_the_guess() -> None:
    tests = [
        "w/tests/test_a.py::C::test_long",
        "w/tests/test_a.py::C::test_one",
        "w/tests/test_a.py::C::test_two",
        "w/tests/test_b.py::test_new",
    ]
    guesses = dict(zip(tests, [0.1, 0.1, 0.2, 0.1], strict=True))
    assert shards.weights(tests, KNOWN, guesses) == pytest.approx(
        dict(zip(tests, [9.0, 1.0, 2.0, 0.1], strict=True))
    )


def test_a_class_that_takes_long_has_a_line() -> None:
    timings = {
        "w/tests/test_a.py::C::test_one": 0.45,
        "w/tests/test_a.py::C::test_two[a::b]": 0.35,
        "w/tests/test_a.py::D::test_one": 0.25,
        "w/tests/test_a.py::test_one": 0.2,
        "w/tests/test_b.py::test_b": 1.5,
    }
    text = durations.dump(timings, {})
    assert text.splitlines()[1:] == [
        "w/tests/test_a.py 0.45",
        "w/tests/test_a.py::C 0.8",
        "w/tests/test_b.py::test_b 1.5",
    ]
    known = {"w/tests/test_a.py": 0.5, "w/tests/test_a.py::C": 0.8}
    made = shards.weights(timings, known, dict.fromkeys(timings, 0.1))
    assert list(made.values()) == pytest.approx([0.4, 0.4, 0.25, 0.25, 0.1])


def test_the_file_can_be_read_again(tmp_path: Path) -> None:
    path = tmp_path / "durations.txt"
    timings = {
        "w/tests/test_b.py::test_b": 0.004,
        "w/tests/test a.py::C::test_one": 1.234,
        "w/tests/test a.py::C::test_two[x y]": 0.2,
        "w/tests/test a.py::C::test_three": 0.16,
    }
    path.write_text(durations.dump(timings, {}))
    assert path.read_text().splitlines()[1:] == [
        "w/tests/test a.py 0.36",
        "w/tests/test a.py::C::test_one 1.2",
        "w/tests/test_b.py 0.1",
    ]
    assert durations.load(str(path)) == {
        "w/tests/test a.py": 0.36,
        "w/tests/test a.py::C::test_one": 1.2,
        "w/tests/test_b.py": 0.1,
    }


def test_a_line_that_is_nearly_right_stays() -> None:
    old = {
        "w/tests/test_a.py": 0.2,
        "w/tests/test_a.py::test_long": 0.6,
        "w/tests/test_b.py": 8.0,
    }
    new = {
        "w/tests/test_a.py::test_a": 0.45,
        "w/tests/test_a.py::test_long": 0.35,
        "w/tests/test_b.py::test_b": 0.4,
    }
    many = {f"w/tests/test_b.py::test_b{at}": 0.4 for at in range(16)}
    text = durations.dump({**new, **many}, old)
    assert text.splitlines()[1:] == [
        "w/tests/test_a.py 0.2",
        "w/tests/test_a.py::test_long 0.6",
        "w/tests/test_b.py 8",
    ]
    assert "test_b.py 0.4\n" in durations.dump(new, old)


def test_a_conflict_is_no_line(tmp_path: Path) -> None:
    path = tmp_path / "durations.txt"
    path.write_text("# c\n<<<<<<< HEAD\na.py 1.5\n=======\nb.py two\n>>>>>>> x\n\n")
    assert durations.load(str(path)) == {"a.py": 1.5}
    assert durations.load(str(tmp_path / "missing")) == {}


# -- items -------------------------------------------------------------------


class Item:
    """As little of a pytest item as is looked at."""

    def __init__(self, root: Path, file: str, name: str, cls: type | None) -> None:
        self.name = name
        self.path = root / file
        self.cls = cls
        self.module = ModuleType("m")
        owner = f"{cls.__qualname__}::" if cls else ""
        self.nodeid = f"{file}::{owner}{name}"
        self.mark: Any = None

    def get_closest_marker(self, name: str) -> Any:
        return self.mark if name == "isolation" else None


class Case:
    def test_a(self) -> None: ...

    def test_b(self) -> None: ...


def items(root: str, files: int = 12) -> list[Any]:
    return [
        Item(Path(root), f"web/tests/test_{number}.py", name, Case)
        for number in range(files)
        for name in ("test_a", "test_b")
    ]


def test_units_stay_together_and_the_place_does_not_matter() -> None:
    here, there = items("/home/a/stack"), items("/builds/x/y/stack")
    chosen = shards.split(here, {}, 3).shards
    assert chosen == shards.split(there, {}, 3).shards
    assert chosen[0::2] == chosen[1::2]
    assert set(chosen) == {1, 2, 3}


def test_what_nose_keeps_together_is_one_unit() -> None:
    made = items("/stack")
    for item in made[:8]:
        item.together = ("web.tests",)
    assert len(set(shards.split(made, {}, 3).shards[:8])) == 1


def test_tests_that_find_their_database_as_new_are_alone() -> None:
    made = items("/stack", files=1)
    assert len(set(shards.split(made, {}, 2).shards)) == 1
    assert len(set(shards.split(made, {}, 2, "test").shards)) == 2
    for item in made:
        item.mark = SimpleNamespace(args=("test",))
    assert len(set(shards.split(made, {}, 2).shards)) == 2
    for item in made:
        item.together = ("web.tests",)
    assert len(set(shards.split(made, {}, 2, "test").shards)) == 1


class Hook:
    def __init__(self) -> None:
        self.gone: list[Any] = []

    def pytest_deselected(self, items: list[Any]) -> None:
        self.gone += items


class Config:
    def __init__(self, shard: str) -> None:
        self.hook = Hook()
        self.option = type(
            "Option", (), {"harness_shard": shard, "harness_durations": ""}
        )
        self.stash = pytest.Stash()

    def getoption(self, name: str, default: str) -> str:
        return default


def test_the_shards_are_the_whole() -> None:
    made = items("/stack")
    seen: list[Any] = []
    for number in range(1, 4):
        config: Any = Config(f"{number}/3")
        kept = list(made)
        shards.pytest_collection_modifyitems(config, kept)
        assert len(kept) + len(config.hook.gone) == len(made)
        assert kept
        seen += kept
        assert shards.pytest_report_collectionfinish(config) == (
            f"shard {number}/3 of 0.9, 0.9, 0.9 s"
        )
    assert sorted(map(id, seen)) == sorted(map(id, made))


def test_no_shard_is_all() -> None:
    made = items("/stack")
    config: Any = Config("")
    shards.pytest_collection_modifyitems(config, made)
    assert len(made) == 24
    assert config.hook.gone == []
    assert shards.pytest_report_collectionfinish(config) is None
