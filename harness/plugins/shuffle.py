# SPDX-License-Identifier: GPL-3.0-or-later
"""Another order of tests: by a seed, or just these in just this order.

A seed gives the same order everywhere, and a test that comes or goes does not change
that of the others.  Shuffled is what does not share a database: modules; classes and
functions of a module with isolation ``class`` or ``test``; tests of a class with
isolation ``test``.
"""

from __future__ import annotations

import copy
import difflib
import hashlib
import json
import re
from typing import Any, Sequence

import pytest

from harness.plugins import isolation
from harness.plugins.workers import units

ROUND = re.compile(r"\[\d+/\d+\]$")
"""What the rounds of a test are told apart by."""
Key = list[tuple[bytes, int]]


def arrange(
    items: Sequence[Any], seed: str, default: str, *, everything: bool
) -> list[int]:
    """The places of the items in their new order.

    With `everything`, tests are shuffled inside of what shares a database too.
    """
    return sorted(
        range(len(items)),
        key=lambda at: _key(items[at], at, seed, default, everything=everything),
    )


def _key(item: Any, place: int, seed: str, default: str, *, everything: bool) -> Key:
    """Compares as its blocks do, the outermost first."""
    level = "test" if everything else isolation.of(item, default)
    file, _, inside = units.key(item).partition("::")
    base, bracket, _ = inside.partition("[")
    *owners, _ = names = base.split("::")
    key: Key = []
    above = ""
    for name in file.split("/"):
        above += f"/{name}"
        key.append((_digest(seed, above), 0))
    for at, name in enumerate(names):
        above += f"::{name}"
        own = at == len(owners)
        free = level == "test" or (level == "class" and not (own and owners))
        key.append((_digest(seed, above), 0) if free else (b"", place))
    if bracket:
        generated = hasattr(item, "lockstep")  # nose's: one test prepares the next
        free = level == "test" and not generated
        key.append((_digest(seed, inside), 0) if free else (b"", place))
    return key


def _digest(seed: str, name: str) -> bytes:
    return hashlib.sha256(f"{seed} {name}".encode("utf-8", "surrogateescape")).digest()


def exact(
    items: Sequence[Any], keys: Sequence[str], *, strict: bool = False
) -> list[Any]:
    """The items with these keys or ids, in this order; others are left out.

    An id may begin in another directory.  Raises a usage error, where it is `strict`,
    for one that is not there.
    """
    known: dict[str, Any] = {}
    for item in items:
        known.setdefault(units.key(item), item)
        known.setdefault(item.nodeid, item)
    named = {one: known.get(one, known.get(units.key_of("", one))) for one in keys}
    missing = [one for one, item in named.items() if item is None]
    if missing and strict:
        near = difflib.get_close_matches(missing[0], known, n=1)
        meant = f"\nto mend it: did you mean {near[0]}?" if near else ""
        raise pytest.UsageError(f"there is no test {missing[0]!r}{meant}")
    return [item for item in named.values() if item is not None]


class Plugin:
    """Hooks of pytest."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Remember tests, not their rounds."""
        if session.config.option.harness_repeat > 1:
            plugin = session.config.pluginmanager.get_plugin("lfplugin")
            forget_rounds(getattr(plugin, "lastfailed", {}))

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(
        self, config: pytest.Config, items: list[Any]
    ) -> None:
        """Put the tests into their order, after all other plugins."""
        options = config.option
        if options.harness_exact:
            with open(options.harness_exact, encoding="utf-8") as stream:
                chosen = exact(items, **json.load(stream))
            kept = set(map(id, chosen))
            gone = [item for item in items if id(item) not in kept]
            items[:] = chosen
            config.hook.pytest_deselected(items=gone)
        elif options.harness_repeat > 1:
            rounds = options.harness_repeat
            items[:] = [
                repeated(items[at], round, rounds)
                for round in range(1, rounds + 1)
                for at in order(config, items, round - 1)
            ]
        elif options.harness_seed:
            items[:] = [items[at] for at in order(config, items, 0)]


def forget_rounds(known: dict[Any, bool]) -> None:
    """Let failures in rounds be those of their tests, for ``--lf``."""
    for key in [one for one in known if ROUND.search(str(one))]:
        own = ROUND.sub("", str(key))
        known[own if isinstance(key, str) else type(key).parse(own)] = known.pop(key)


def repeated(item: Any, round: int, rounds: int) -> Any:
    """A copy of a test for one of several rounds; ``[2/20]`` tells them apart.

    It shares with the others what pytest has collected, and nothing that a run fills.
    """
    made = copy.copy(item)
    mark = f"[{round}/{rounds}]"
    rename(made, f"{item.nodeid}{mark}")
    file, line, title = item.location
    made.__dict__["location"] = (file, line, f"{title}{mark}")
    made.harness_round = round
    made.stash = pytest.Stash()
    made.user_properties = list(item.user_properties)
    # A copy must share neither captured output nor fixtures with its original:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/nodes.py
    made._report_sections = []
    if hasattr(made, "dtest"):
        made.dtest = copy.copy(item.dtest)
        made.dtest.globs = dict(item.dtest.globs)
    if hasattr(made, "_initrequest"):
        made._initrequest()
    return made


def rename(item: Any, nodeid: str) -> None:
    """Give an item another id; pytest has it in `_id` since 9.1, before as a text."""
    # An id is given once, at collection; there is no way to change it:
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/nodes.py
    if hasattr(item, "_id"):
        item._id = type(item._id).parse(nodeid)
    else:
        item._nodeid = nodeid


def order(config: pytest.Config, items: Sequence[Any], round: int) -> Sequence[int]:
    """The places of the items in the order of a round: as they are without a seed."""
    options = config.option
    if not options.harness_seed:
        return range(len(items))
    return arrange(
        items,
        f"{options.harness_seed}.{round}" if round else options.harness_seed,
        config.getoption("harness_isolation", "class"),
        everything=options.harness_shuffle_all,
    )


def add_options(group: Any) -> None:
    """Options that the harness sets."""
    group.addoption("--harness-seed", default="", help="shuffle the tests by it")
    group.addoption(
        "--harness-shuffle-all",
        action="store_true",
        help="also those that share a database",
    )
    group.addoption(
        "--harness-exact",
        default="",
        help="JSON file of tests that run in this order, in one worker",
    )
