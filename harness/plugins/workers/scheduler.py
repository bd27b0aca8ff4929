# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands units of tests to pytest-xdist's workers: the longest first, whole.

pytest-xdist's own schedulers know tests by their ids alone; this one knows which
belong together, how long they take and which database they ask for, see `units`.
It has the members of `xdist.scheduler.Scheduling`.

A worker begins a test when it knows the next one (pytest's ``nextitem``), so one
that begins the last test of its unit is given the next unit.  While a long test
runs, that is a short unit: what is long goes to whoever is free first.
"""

from __future__ import annotations

import difflib
import itertools
from collections import Counter
from typing import Any, Mapping, Sequence

import pytest

from harness.plugins.workers import units

LONG = 0.5
"""From so many seconds on a test is long."""
DIFFER = (
    "the workers have collected different tests, or in another order: the run ends\n"
    "to mend it: give the parameters of tests an order and ids that are the same in"
    " each process (no set, no uuid, no random value)"
)
SHOWN = 60
"""Lines of the difference that are shown."""


class Scheduler:
    """What is to be run, and who runs what."""

    def __init__(
        self,
        count: int,
        known: Mapping[str, units.Place],
        *,
        ordered: bool = False,
        reruns: int = 0,
    ) -> None:
        """`count` workers are waited for; `ordered` keeps the tests' own order.

        A test that ends its worker is run again up to `reruns` times.
        """
        self.count = count
        self.known = known
        self.ordered = ordered
        self.collection: list[str] | None = None
        self.queue: list[units.Unit] = []
        self.pending: dict[Any, list[int]] = {}
        """Tests that a worker has been given and has not done, in their order."""
        self.collections: dict[Any, list[str]] = {}
        self.templates: dict[Any, str] = {}
        self.homes: dict[int, units.Unit] = {}
        """The unit of each test."""
        self.differing = False
        self.reruns = reruns
        self.crashes: Counter[int] = Counter()
        self.repeated: list[str] = []
        """Tests that have ended their worker and are run again: to be told once."""

    # -- what pytest-xdist asks ------------------------------------------------

    @property
    def nodes(self) -> list[Any]:
        """All workers that are there."""
        return list(self.pending)

    @property
    def collection_is_completed(self) -> bool:
        """Whether as many workers as there will be have collected."""
        return self.collection is not None or len(self.collections) >= self.count

    @property
    def tests_finished(self) -> bool:
        """Whether nothing is left that a worker does not know to be its last."""
        if self.differing:
            return True
        if not self.collection_is_completed or self.queue:
            return False
        return all(len(pending) < 2 for pending in self.pending.values())

    @property
    def has_pending(self) -> bool:
        """Whether something is left at all."""
        return bool(self.queue or any(self.pending.values()))

    def add_node(self, node: Any) -> None:
        """A worker is ready."""
        self.pending[node] = []

    def add_node_collection(self, node: Any, collection: Sequence[str]) -> None:
        """A worker has collected; one that replaces another, while others work."""
        self.collections[node] = list(collection)
        if self.collection is not None:
            self._compare(node)

    def schedule(self) -> None:
        """All have collected: begin, or go on with one more worker."""
        if self.collection is None:
            self._begin()
        self._feed_all()

    def mark_test_complete(
        self, node: Any, item_index: int, duration: float = 0.0
    ) -> None:
        """A worker has done a test; it may be gone when that is read."""
        if node in self.pending:
            self.pending[node].remove(item_index)
            self._feed(node)

    def mark_test_pending(self, item: str) -> None:
        """A test is to be run again, alone."""
        assert self.collection is not None
        index = self.collection.index(item)
        self.queue.insert(0, self.homes[index].keep([index]))
        self._feed_all()

    def remove_pending_tests_from_node(self, node: Any, indices: Sequence[int]) -> None:
        """Tests come back that were asked back: this scheduler asks for none."""
        raise NotImplementedError

    def remove_node(self, node: Any) -> str | None:
        """A worker has ended; the test that it was running, if it has crashed."""
        pending = self.pending.pop(node)
        self.collections.pop(node, None)
        if self.collection is None or not pending:
            self._feed_all()
            return None
        crashed, *rest = pending
        self.crashes[crashed] += 1
        if self.crashes[crashed] <= self.reruns:
            self.repeated.append(self.collection[crashed])
            rest = pending
        for unit in reversed(list(dict.fromkeys(self.homes[one] for one in rest))):
            kept = [one for one in rest if self.homes[one] == unit]
            self.queue.insert(0, unit.keep(kept))
        self._feed_all()
        return self.collection[crashed]

    # -- how it is decided ---------------------------------------------------

    def _begin(self) -> None:
        first, *others = self.collections
        self.collection = self.collections[first]
        for node in others:
            self._compare(node)
        if not self.differing:
            self.queue = units.plan(self.collection, self.known, ordered=self.ordered)
            self.homes = {one: unit for unit in self.queue for one in unit.indices}

    def _compare(self, node: Any) -> None:
        """Where collections differ nobody can say what a test's number means."""
        ours, theirs = self.collection or [], self.collections[node]
        if ours == theirs:
            return
        self.differing = True
        lines = difflib.unified_diff(
            ours, theirs, "the others", node.gateway.id, n=1, lineterm=""
        )
        text = "\n".join([DIFFER, *itertools.islice(lines, SHOWN)])
        report = pytest.CollectReport(node.gateway.id, "failed", text, [])
        node.config.hook.pytest_collectreport(report=report)

    def _feed_all(self) -> None:
        """Nobody gets a second unit before each has one."""
        for enough in (1, 2):
            for node in self.pending:
                self._feed(node, enough)

    def _feed(self, node: Any, enough: int = 2) -> None:
        """Give a worker what it needs to go on."""
        if self.collection is None or node not in self.collections or self.differing:
            return
        pending = self.pending[node]
        while len(pending) < enough and not node.shutting_down:
            unit = self._next(node)
            if unit is None:
                node.shutdown()
                return
            pending.extend(unit.indices)
            self.templates[node] = unit.template
            node.send_runtest_some(list(unit.indices))

    def _next(self, node: Any) -> units.Unit | None:
        if self.ordered:
            return self.queue.pop(0) if self.queue else None
        pending = self.pending[node]
        small = bool(pending) and self._seconds(pending[0]) >= LONG
        return units.take(self.queue, self.templates.get(node, ""), small=small)

    def _seconds(self, index: int) -> float:
        assert self.collection is not None
        name = self.collection[index]
        return (self.known.get(name) or units.guess(name)).seconds
