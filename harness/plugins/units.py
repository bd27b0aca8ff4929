# SPDX-License-Identifier: GPL-3.0-or-later
"""What is run as one piece, in which order: pure, but for the timings file."""

from __future__ import annotations

import json
from collections import deque
from typing import Any, Callable, Iterable, NamedTuple, Sequence

GUESSES = (
    ("scenario", 10.0),
    ("test_view", 5.0),
    ("test_field_methods", 2.0),
)
"""Seconds that a test with such a name takes where nothing was measured yet."""
SHORT = 0.1
HEAVY = 0.5
"""From so many seconds on an inherited test is worth a unit of its own."""
INHERITED = ("trytond.tests.", "trytond.modules.company.tests.")
"""Modules whose test methods are made to run in any order, alone: each looks at
the registered classes in a transaction that is rolled back."""


class Unit(NamedTuple):
    """Tests that one worker runs one after the other; `estimate` in seconds.

    `attempt` counts how often they were run before, `round` the repetitions of all.
    """

    indices: tuple[int, ...]
    estimate: float
    template: str
    attempt: int = 0
    round: int = 0

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
    parts = item.path.parts
    rest = item.nodeid.partition("::")[2]
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
    owner = getattr(item, "cls", None)
    place = str(item.path)
    if level in ("module", "worker"):
        return (place,)
    if owner is None:
        return (place, item.name if item.path.suffix == ".rst" else "")
    module = getattr(item, "module", None)
    if any(hasattr(module, name) for name in ("setUpModule", "setup_module")):
        return (place,)
    function = getattr(owner, item.name.partition("[")[0], None)
    home = getattr(function, "__module__", "") or ""
    if seconds >= HEAVY and home.startswith(INHERITED):
        return (place, owner.__qualname__, item.name)
    return (place, owner.__qualname__)


def template(item: Any) -> str:
    """A word for the database that the item will ask for, for affinity only."""
    owner = getattr(item, "cls", None)
    module = getattr(owner, "module", None)
    return str(module or item.path.parent.parent.name)


def plan(
    items: list[Any],
    known: dict[str, float],
    *,
    order: Sequence[int] | None = None,
    level: Callable[[Any], str] = lambda item: "class",
) -> list[Unit]:
    """All items as units, the longest first, or in the `order` of places.

    `level` says of an item what must not be torn apart, see `group`.
    """
    groups: dict[tuple[str, ...], list[int]] = {}
    seconds = [estimate(item, known) for item in items]
    for index in range(len(items)) if order is None else order:
        name = group(items[index], seconds[index], level(items[index]))
        groups.setdefault(name, []).append(index)
    made = [
        Unit(
            tuple(indices),
            sum(seconds[index] for index in indices),
            template(items[indices[0]]),
        )
        for indices in groups.values()
    ]
    return made if order is not None else sorted(made, key=lambda one: -one.estimate)


def repeat(planned: list[Unit], round: int, items: int) -> list[Unit]:
    """The same units in a round of all `items`: numbers go on counting."""
    first = round * items
    return [
        unit._replace(indices=tuple(first + one for one in unit.indices), round=round)
        for unit in planned
    ]


def take(queue: list[Unit], current: str) -> Unit | None:
    """The longest unit, or one nearly as long on the template at hand."""
    if not queue:
        return None
    longest = queue[0].estimate
    for position, unit in enumerate(queue):
        if unit.estimate < longest / 2 or unit.round != queue[0].round:
            break
        if unit.template == current:
            return queue.pop(position)
    return queue.pop(0)


__all__ = [
    "Unit",
    "deque",
    "estimate",
    "group",
    "key",
    "plan",
    "repeat",
    "take",
    "template",
    "timings",
]
