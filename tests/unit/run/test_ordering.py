# SPDX-License-Identifier: GPL-3.0-or-later
"""How often and in which order: options, the suite's table, the general one."""

from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config import Config, SuiteTable
from harness.errors import UsageError
from harness.plan import Manner
from harness.run import ordering


@dataclass(frozen=True, kw_only=True)
class Asked:
    suite: str = "web"
    reruns: int | None = None
    repeat: int = 1
    shuffle: str = ""
    seed: int | None = None
    exactly: tuple[str, ...] = ()


def manner(*, serial: str = "", general: int = 0, own: int | None = None, **asked: Any):  # type: ignore[no-untyped-def]
    said: list[str] = []
    config = Config(
        root=Path("/stack"),
        reruns=general,
        suite={"web": SuiteTable(reruns=own or 0)},
        origins={} if own is None else {"suite.web.reruns": "pyproject.toml"},
    )
    context: Any = SimpleNamespace(
        config=config, console=SimpleNamespace(info=said.append)
    )
    return ordering.manner(context, Asked(**asked), serial), said


@pytest.mark.parametrize(
    ("settings", "reruns"),
    [
        ({}, 0),
        ({"general": 2}, 2),
        ({"general": 2, "own": 1}, 1),
        ({"general": 2, "own": 0}, 0),
        ({"general": 2, "own": 1, "reruns": 0}, 0),
        ({"own": 1, "reruns": 3}, 3),
    ],
)
def test_the_nearest_setting_counts(settings: dict[str, Any], reruns: int) -> None:
    assert manner(**settings)[0].reruns == reruns


def test_the_terminal_leaves_no_room_for_new_processes() -> None:
    found, [said] = manner(serial="--pdb", reruns=2)
    assert found.reruns == 0
    assert "failures are not run again" in said
    assert manner(serial="--pdb") == (Manner(), [])
    with pytest.raises(UsageError, match="--pdb needs the terminal"):
        manner(serial="--pdb", repeat=2)


def test_a_seed_is_drawn_where_none_is_given() -> None:
    assert manner()[0].seed == 0
    assert 1 <= manner(shuffle="some")[0].seed < ordering.SEEDS
    found, _ = manner(shuffle="all", seed=12)
    assert (found.seed, found.everything) == (12, True)


@pytest.mark.parametrize(
    "asked", [{"reruns": -1}, {"repeat": 0}, {"seed": 0, "shuffle": "some"}]
)
def test_numbers_that_mean_nothing(asked: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="means nothing"):
        manner(**asked)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("harness test web --random-order",
         "harness test web --random-order --seed 7"),
        ("harness test web --random-order -- -x --seed 7",
         "harness test web --random-order --seed 7 -- -x --seed 7"),
        ("harness test web --seed 7", "harness test web --seed 7"),
        ("harness test web --seed=7 -x", "harness test web --seed=7 -x"),
        ("harness test web --seed 71", "harness test web --seed 71 --seed 7"),
    ],
)  # fmt: skip
def test_the_command_that_does_the_same_again(line: str, expected: str) -> None:
    assert ordering.again(line, Manner(seed=7)) == expected
    assert ordering.again(line, Manner()) == ""


def test_words_for_people() -> None:
    assert Manner().words() == ""
    found = Manner(reruns=2, repeat=20, seed=7, everything=True)
    assert found.words() == (
        "random, also in what shares a database, seed 7; each test 20 times;"
        " failures are run again, up to 2×"
    )
