# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs one of several parts of a suite: ``--harness-shard 2/5``.

Units of tests (see `units`) go to shards by their names and remembered durations
alone, so that all jobs come to the same answer without asking each other.  What
was measured on one machine only is not asked: jobs would differ, and tests be
left out.

A unit has an order of preference among the shards, made of nothing but its name,
and goes to the first that has room for it: the longest first, with so little room
that loads are nearly equal.  A test that comes or goes moves only what no longer
fits where it was.
"""

from __future__ import annotations

import hashlib
from typing import Any, Iterable, Mapping, NamedTuple

import pytest

from harness.plugins import durations
from harness.plugins.workers import units

SLACK = 0.08
"""Room in all shards together, above their share, in shares."""
OVERHEAD = 0.02
"""Seconds that a unit takes besides its tests."""


def weights(
    tests: Iterable[str], known: Mapping[str, float], guesses: Mapping[str, float]
) -> dict[str, float]:
    """Seconds by test: its own line, its share of its class's or file's, a guess."""
    tests = list(tests)
    sharing: dict[str, list[str]] = {}
    for test in tests:
        if test not in known:
            above = durations.owner(test)
            place = above if above in known else durations.file(test)
            sharing.setdefault(place, []).append(test)
    made = {test: known[test] for test in tests if test in known}
    for place, members in sharing.items():
        total = known.get(place)
        whole = sum(guesses[test] for test in members) or 1.0
        for test in members:
            part = guesses[test]
            made[test] = part if total is None else total * part / whole
    return made


def assign(seconds: Mapping[str, float], count: int) -> dict[str, int]:
    """The shard, 1 to `count`, of each unit of so many seconds."""
    order = sorted(seconds, key=lambda name: (-seconds[name], _hash(name)))
    share = _share([seconds[name] for name in order], count)
    room = share * (1 + SLACK / count)
    loads = [0.0] * count
    chosen: dict[str, int] = {}
    for name in order:
        needed = seconds[name]
        wanted = sorted(range(count), key=lambda at: _hash(f"{name} {at}"))
        fitting = [at for at in wanted if loads[at] + needed <= room]
        emptiest = min(wanted, key=lambda at: loads[at])
        best = fitting[0] if fitting else emptiest
        loads[best] += needed
        chosen[name] = best + 1
    return chosen


def _share(descending: list[float], count: int) -> float:
    """What each shard should take, those apart that one unit more than fills."""
    total = sum(descending)
    for needed in descending:
        if count < 2 or needed <= total / count:
            break
        total -= needed
        count -= 1
    return total / count


def _hash(text: str) -> bytes:
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).digest()


class Split(NamedTuple):
    """The shard of each item, and the seconds of each shard."""

    shards: list[int]
    seconds: list[float]

    def __str__(self) -> str:
        return ", ".join(f"{one:.1f}" for one in self.seconds)


def split(
    items: list[Any], known: Mapping[str, float], count: int, isolation: str = "class"
) -> Split:
    """Divide the items; what must run together is in one shard.

    A test that finds its database as new, by `isolation` or its own mark, is alone.
    """
    keys = [units.key(item) for item in items]
    guesses = {key: units.estimate(item, {}) for key, item in zip(keys, items)}
    taken = weights(keys, known, guesses)
    names = []
    totals: dict[str, float] = {}
    whole = units.tied(items)
    for key, item in zip(keys, items):
        level = "module" if str(item.path) in whole else _isolation(item, isolation)
        shared = "class" if level == "worker" else level
        group = units.group(item, known.get(key, 0.0), shared)
        alone = level == "test" and not _kept(item)
        name = key if alone else _name(key, group, item)
        names.append(name)
        totals[name] = totals.get(name, OVERHEAD) + taken[key]
    chosen = assign(totals, count)
    loads = [0.0] * count
    for name, at in chosen.items():
        loads[at - 1] += totals[name]
    return Split([chosen[name] for name in names], loads)


SPLIT = pytest.StashKey[Split]()


def _isolation(item: Any, default: str) -> str:
    mark = item.get_closest_marker("isolation")
    return str(mark.args[0]) if mark and mark.args else default


def _kept(item: Any) -> bool:
    """Whether nose's fixtures tie it to others."""
    return bool(getattr(item, "together", None))


def _name(key: str, group: tuple[str, ...], item: Any) -> str:
    """A unit's name that is the same wherever the project lies."""
    here = str(item.path)
    file = key.partition("::")[0]
    return " ".join(file if part == here else part for part in group)


# -- pytest's hooks ----------------------------------------------------------


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-shard", default="", help="which part to run, such as 2/5"
    )
    group.addoption(
        "--harness-durations", default="", help="seconds by test file, the same for all"
    )


def pytest_report_collectionfinish(config: pytest.Config) -> str | None:
    """Say what all shards are thought to take."""
    made = config.stash.get(SPLIT, None)
    return f"shard {config.option.harness_shard} of {made} s" if made else None


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[Any]) -> None:
    """Leave the shard's tests, before -k, -m or --lf take any away."""
    if not config.option.harness_shard:
        return
    number, _, count = config.option.harness_shard.partition("/")
    known = durations.load(config.option.harness_durations)
    isolation = config.getoption("harness_isolation", "class")
    made = split(items, known, int(count), isolation)
    config.stash[SPLIT] = made
    kept = [item for item, at in zip(items, made.shards) if at == int(number)]
    gone = [item for item, at in zip(items, made.shards) if at != int(number)]
    if gone:
        items[:] = kept
        config.hook.pytest_deselected(items=gone)
