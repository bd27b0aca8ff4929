# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes what each test depends on, and leaves out those whose trace still holds.

What a fixture has seen counts for all tests of its scope; what happens outside of
tests (plugins, ``conftest.py``, what is set up before a fork) for all.  Each process
that runs tests writes a file of its own: one JSON object a line, ``facts`` that are new
(name and digest, numbered as they come) and the numbers that a test ``needs``.

Tests that share a database (`reruns.piece`) are left out together, or not at all, but
for those that need no other (`units.inherited`).
"""

from __future__ import annotations

import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Iterator

import pytest

from harness.plugins import measuring
from harness.plugins.trace import observing
from harness.plugins.trace.names import real
from harness.plugins.trace.observing import Observer, TraceSection
from harness.plugins.workers import reruns, units, warm

CODE = ("module", "file")
READ = ("conftest.py", "__init__.py")
COLLECTED: dict[str, set[str]] = {}
"""What was seen when tests were collected, here or before the fork: by file, by the
id of a class, and by that of a function that yields tests."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-trace", default="", help="JSON: what to trace, and where"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Observe from before the first file of the sources is imported."""
    known = early_config.known_args_namespace
    hands_out = getattr(known, "numprocesses", None) and not any(
        name in os.environ for name in ("PYTEST_XDIST_WORKER", warm.WARMING)
    )
    if not known.harness_trace or hands_out:
        return
    with open(known.harness_trace, encoding="utf-8") as file:
        order = json.load(file)
    plugin = LeftOut(order) if known.collectonly else Tracing(_observer(order), order)
    early_config.pluginmanager.register(plugin, "harness-tracing")


def _observer(order: dict[str, Any]) -> Observer:
    made = observing.start(
        order["root"], order["sources"], apart=order["apart"], cache=order["cache"]
    )
    made.handed(order["environ"])
    made.marks.update(f"file {made.name(one)}" for one in order["files"])
    return made


class LeftOut:
    """Leaves out what is unchanged."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.order = order

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, config: Any, items: list[Any]) -> None:
        """Leave out what is unchanged, and shares nothing with what is not."""
        unchanged = set(self.order["unchanged"])
        default = config.getoption("harness_isolation", "class")
        whole = units.tied(items)
        pieces = {}
        chosen = set()
        for item in items:
            tied = str(item.path) in whole
            piece = (str(item.path),) if tied else reruns.piece(item, default)
            if len(piece) > 1 and units.inherited(item):
                piece = (*piece, item.name)
            pieces[id(item)] = piece
            if units.key(item) not in unchanged:
                chosen.add(piece)
        gone = [item for item in items if pieces[id(item)] not in chosen]
        self._tell(items, gone)
        if gone:
            left = {id(item) for item in gone}
            items[:] = [item for item in items if id(item) not in left]
            config.hook.pytest_deselected(items=gone)

    def _tell(self, items: list[Any], gone: list[Any]) -> None:
        """What there is and what is left out: all processes say the same."""
        told = {
            "gone": [units.key(item) for item in gone],
            "tests": [[item.nodeid, str(item.path), units.key(item)] for item in items],
        }
        mine = f"{self.order['collected']}.{_process()}"
        with open(mine, "w", encoding="utf-8") as file:
            json.dump(told, file)
        os.replace(mine, self.order["collected"])


class Tracing(LeftOut):
    """Notes what tests depend on, in a process that collects, and may run them."""

    def __init__(self, observer: Observer, order: dict[str, Any]) -> None:
        super().__init__(order)
        self.observer = observer
        self.levels: dict[str, set[str]] = {}
        """By the id of a node: what its fixtures have seen."""
        self.pending: dict[str, tuple[Any, set[str]]] = {}
        self.depth = 0
        self.known: dict[str, tuple[str, int]] = {}
        """By fact: its digest, and the number that it was written with."""
        self.count = 0
        self.stream: Any = None

    # -- what is collected ---------------------------------------------------

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_make_collect_report(self, collector: Any) -> Iterator[None]:
        """What a file of tests, or a class of them, needs to be collected."""
        if not isinstance(collector, (pytest.File, pytest.Class)):
            yield
            return
        of_file = isinstance(collector, pytest.File)
        with self._collecting(str(collector.path) if of_file else collector.nodeid):
            yield

    @contextmanager
    def _collecting(self, key: str) -> Iterator[None]:
        section = TraceSection(self.observer).begin()
        try:
            yield
        finally:
            COLLECTED.setdefault(key, set()).update(section.end())

    def _generator(self, parent: Any, name: str) -> Any:
        return self._collecting(_yielding(parent, name))

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection(self) -> None:
        """What a fork imports again is its tests' need, as it was the first time."""
        self.observer.lasting = False
        nose: Any = sys.modules.get("harness.plugins.nose.generators")
        if nose is not None:
            nose.AROUND[:] = [self._generator]

    def pytest_collection_finish(self) -> None:
        """From here on tests run; a file of them is no other's dependency."""
        self.observer.lasting = True
        tests = {self.observer.name(real(path)) for path in COLLECTED}
        self.observer.marks -= {f"{kind} {one}" for one in tests for kind in CODE}

    # -- what runs -----------------------------------------------------------

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_runtest_protocol(self, item: Any) -> Iterator[None]:
        """All of a test, also where it is run again inside of itself."""
        section = TraceSection(self.observer).begin()
        if not self.depth:
            measuring.belongs(f"{self.order['run']} {units.key(item)}")
        self.depth += 1
        yield
        self.depth -= 1
        _, seen = self.pending.setdefault(item.nodeid, (item, set()))
        seen.update(section.end())
        if not self.depth:
            measuring.belongs("")
            for one, marks in self.pending.values():
                self._write(one, marks)
            self.pending.clear()

    @pytest.hookimpl(hookwrapper=True, tryfirst=True)
    def pytest_fixture_setup(self, fixturedef: Any, request: Any) -> Iterator[None]:
        """What a fixture of a wider scope sees counts for all tests of that scope."""
        if fixturedef.scope == "function":
            yield
            return
        section = TraceSection(self.observer).begin()
        yield
        node = request.node.nodeid if fixturedef.scope != "session" else ""
        self.levels.setdefault(node, set()).update(section.end())

    def _write(self, item: Any, marks: set[str]) -> None:
        found = {*marks, *self.observer.marks, *COLLECTED.get(str(item.path), ())}
        for node in item.listchain()[:-1]:
            found |= self.levels.get(node.nodeid, set())
            found |= COLLECTED.get(node.nodeid, set())
        found |= COLLECTED.get(_yielding(item.parent, _name(item)), set())
        name = self.observer.name(real(str(item.path)))
        if item.path.suffix == ".py":
            found.add(f"module {name}")
        else:
            found |= {f"file {name}", f"file {os.path.splitext(name)[0]}.json"}
        found |= self._around(item.path.parent)
        trace = self.observer.trace(found)
        new, needs = [], []
        for fact, digest in trace.items():
            known = self.known.get(fact)
            if known is None or known[0] != digest:
                known = self.known[fact] = digest, self.count
                self.count += 1
                new.append((fact, digest))
            needs.append(known[1])
        needs.sort()
        self._line({"key": units.key(item), "new": new, "needs": needs})

    def _around(self, place: Path) -> set[str]:
        """That there are files which pytest reads for tests in a directory, or none."""
        found: set[str] = set()
        for one in (place, *place.parents):
            path = real(str(one))
            if not self.observer.covers(os.path.join(path, "")):
                break
            names = (self.observer.name(os.path.join(path, name)) for name in READ)
            found |= {f"place {name}" for name in names}
        return found

    def _line(self, what: dict[str, Any]) -> None:
        if self.stream is None:
            path = os.path.join(self.order["directory"], f"{_process()}.jsonl")
            self.stream = open(path, "a", encoding="utf-8")
        try:
            self.stream.write(json.dumps(what) + "\n")
            self.stream.flush()
        except OSError:  # a full disk: a test without a trace runs again
            pass

    def pytest_sessionfinish(self) -> None:
        """Say what was imported from elsewhere; all tests may have used it."""
        if self.stream is not None:
            self._line({"packages": sorted(self.observer.packages())})


def _process() -> str:
    """A name of this process that none in another container has."""
    return f"{os.uname().nodename}-{os.getpid()}"


def _yielding(parent: Any, name: str) -> str:
    """The id of a function that yields tests."""
    return f"{parent.nodeid}::{name}"


def _name(item: Any) -> str:
    return getattr(item, "originalname", None) or str(item.name)
