# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run as one piece, in which order: pure, but for the timings file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Iterable, Mapping, NamedTuple, Sequence

from harness.plugins import isolation

GUESSES = (
    ("scenario", 10.0),
    ("test_view", 5.0),
    ("test_field_methods", 2.0),
)
"""Seconds that a test with such a name takes where nothing was measured yet."""
SHORT = 0.1
DEPENDENT = ("dependency", "order")
"""Marks of plugins by which tests of a file need others to have run before
(pytest-dependency, pytest-order): such a file is one piece."""
HEAVY = 0.5
"""From so many seconds on an inherited test is worth a unit of its own."""
INHERITED = ("trytond.tests.", "trytond.modules.company.tests.")
"""Modules whose test methods are made to run in any order, alone: each looks at
the registered classes in a transaction that is rolled back."""


class Place(NamedTuple):
    """Where a test belongs: `group` is run as one piece, on a kind of `template`.

    `seconds` is what the test will take.
    """

    group: tuple[str, ...]
    seconds: float
    template: str
    key: str = ""
    """The test's id that is the same wherever the project lies."""


class Unit(NamedTuple):
    """Tests that one worker runs one after the other; `estimate` in seconds."""

    indices: tuple[int, ...]
    estimate: float
    template: str

    def keep(self, indices: Iterable[int]) -> Unit:
        """The same unit with only these tests."""
        return self._replace(indices=tuple(indices))


def timings(path: str) -> dict[str, float]:
    """Durations of earlier runs; none where the file is missing or damaged."""
    try:
        with open(path, encoding="utf-8") as stream:
            return {str(key): float(value) for key, value in json.load(stream).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def key(item: Any) -> str:
    """A test's id that is the same wherever the project lies."""
    nodeid = item.nodeid
    if getattr(item, "harness_round", 0):
        nodeid = nodeid.rpartition("[")[0]
    return _key(item.path.parts, nodeid)


def key_of(root: str, nodeid: str) -> str:
    """The key of a test of which nothing but the id is known."""
    return _key(Path(root, nodeid.partition("::")[0]).parts, nodeid)


def _key(parts: Sequence[str], nodeid: str) -> str:
    rest = nodeid.partition("::")[2]
    start = max((at for at, part in enumerate(parts) if part == "tests"), default=1)
    return "/".join(parts[max(0, start - 1) :]) + f"::{rest}"


def estimate(item: Any, known: dict[str, float]) -> float:
    """Seconds that a test will take."""
    measured = known.get(key(item))
    if measured is not None:
        return measured
    name = item.name
    return next(
        (seconds for start, seconds in GUESSES if name.startswith(start)), SHORT
    )


def group(item: Any, seconds: float, level: str = "class") -> tuple[str, ...]:
    """What must run together with the item; nose's contexts know it themselves.

    With a `level` of ``module`` or ``worker`` that is the file.
    """
    kept = getattr(item, "together", None)
    if kept:
        return tuple(kept)
    mark = item.get_closest_marker("xdist_group")
    if mark is not None:
        return ("@", str((*mark.args, *mark.kwargs.values(), "default")[0]))
    owner = getattr(item, "cls", None)
    place = str(item.path)
    if level in ("module", "worker"):
        return (place,)
    if owner is None:
        return (place, item.name if item.path.suffix == ".rst" else "")
    module = getattr(item, "module", None)
    if any(hasattr(module, name) for name in ("setUpModule", "setup_module")):
        return (place,)
    if seconds >= HEAVY and inherited(item):
        return (place, owner.__qualname__, item.name)
    return (place, owner.__qualname__)


def inherited(item: Any) -> bool:
    """Whether it is a method that trytond hands down, and can be run alone."""
    owner = getattr(item, "cls", None)
    function = getattr(owner, item.name.partition("[")[0], None)
    return (getattr(function, "__module__", "") or "").startswith(INHERITED)


def template(item: Any) -> str:
    """A word for the database that the item will ask for, for affinity only."""
    owner = getattr(item, "cls", None)
    module = getattr(owner, "module", None)
    return str(module or item.path.parent.parent.name)


def places(config: Any, items: list[Any]) -> list[tuple[str, Place]]:
    """Where each item belongs, by its id."""
    known = timings(config.getoption("harness_timings", ""))
    reruns = bool(config.getoption("harness_reruns", 0))
    default = config.getoption("harness_isolation", "class")
    whole = tied(items)
    found = []
    for item in items:
        seconds = estimate(item, known)
        level = isolation.of(item, default)
        if str(item.path) in whole:
            level = "module"
        elif level == "worker" and not reruns:
            level = "class"  # whatever shares the worker
        name = group(item, seconds, level)
        if getattr(item, "harness_round", 0):
            name = (f"round {item.harness_round}", *name)
        place = Place(name, seconds, template(item), key(item))
        found.append((item.nodeid, place))
    return found


def tied(items: Iterable[Any]) -> set[str]:
    """Files in which the outcomes of other tests decide on a test."""
    return {
        str(item.path)
        for item in items
        if any(item.get_closest_marker(name) for name in DEPENDENT)
    }


def guess(nodeid: str) -> Place:
    """Where a test belongs of which nothing but the id is known."""
    file, *owners = nodeid.partition("[")[0].split("::")
    return Place((file, *owners[:-1]), SHORT, "")


def plan(
    tests: Sequence[str], known: Mapping[str, Place], *, ordered: bool = False
) -> list[Unit]:
    """All tests as units, the longest first, or `ordered` as they are."""
    groups: dict[tuple[str, ...], list[int]] = {}
    found = [known.get(test) or guess(test) for test in tests]
    for index, place in enumerate(found):
        groups.setdefault(place.group, []).append(index)
    made = [
        Unit(
            tuple(indices),
            sum(found[index].seconds for index in indices),
            found[indices[0]].template,
        )
        for indices in groups.values()
    ]
    return made if ordered else sorted(made, key=lambda one: -one.estimate)


def take(queue: list[Unit], current: str, *, small: bool = False) -> Unit | None:
    """The longest unit, or one nearly as long on the template at hand.

    With `small` it is a short one: what a worker is to have next while a long test
    runs, and nobody else can have meanwhile.
    """
    if not queue:
        return None
    if small:
        return queue.pop()
    longest = queue[0].estimate
    for position, unit in enumerate(queue):
        if unit.estimate < longest / 2:
            break
        if unit.template == current:
            return queue.pop(position)
    return queue.pop(0)
