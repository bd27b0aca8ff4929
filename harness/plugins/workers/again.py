# SPDX-License-Identifier: GPL-3.0-or-later
"""A fork's session is the second in its process, and must find what a first one finds.

pytest imports a ``conftest.py`` of a directory without a package anew in each session:
in a fork it would be run twice, and be another module than tests have imported from.
What a module has kept of `sys.stdout` was the warm process's, which is closed.  What
imports have done to the process, becoming a worker undoes.  And what a collection has
used up, such as an iterator, is not there for another one: then the fork ends, and the
workers start cold.
"""

from __future__ import annotations

import gc
import importlib.util
import io
import os
import random
import signal
import sys
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any, Sequence, Tuple

import pytest

from harness.plugins.workers import interpreter

HANDLED = (signal.SIGINT, signal.SIGTERM, signal.SIGCHLD)
Test = Tuple[str, Tuple[str, ...]]


class Imprint:
    """What imports may change of a process, and becoming a worker sets."""

    def __init__(self) -> None:
        self.path = list(sys.path)
        self.collects = gc.get_threshold()
        self.handlers = {one: signal.getsignal(one) for one in HANDLED}


class First:
    """What the session of the warm process has left; in other processes nothing."""

    def __init__(self) -> None:
        self.socket = ""
        self.conftests: dict[str, tuple[ModuleType, dict[str, Any]]] = {}
        """By file: the module, and its names when it was imported."""
        self.streams: dict[io.TextIOWrapper, int] = {}
        """What pytest's capture had in place of standard output and error."""
        self.tests: list[Test] = []
        self.directory = ""
        """Where imports have led, if they have changed the directory."""
        self.seeded = False
        self.random: Any = None
        """The state of `random`, where an import has seeded it."""

    def begin(self) -> None:
        """The session begins."""
        self.before = Imprint()
        self.seed: Any = random.seed
        random.seed = self._seed

    def _seed(self, *args: Any, **options: Any) -> None:
        self.seeded = True
        self.seed(*args, **options)

    def collected(self, session: pytest.Session) -> None:
        """All is imported; pytest goes back to its directory in the end."""
        self.tests = tests(session)
        here = os.getcwd()
        self.directory = "" if here == str(session.startpath) else here

    def end(self, socket: str) -> None:
        """It has ended; forks ask at a socket."""
        random.seed = self.seed
        self.random = random.getstate() if self.seeded else None
        self.after = Imprint()
        self.socket = socket

    def look(self, streams: Sequence[Any]) -> None:
        """Note what modules may keep of the `streams` that pytest captures now."""
        for number, stream in enumerate(streams, start=1):
            if isinstance(stream, io.TextIOWrapper):
                self.streams[stream] = number

    def note(self, plugin: object) -> None:
        """Note a ``conftest.py`` as it was imported."""
        file = getattr(plugin, "__file__", None) or ""
        if isinstance(plugin, ModuleType) and os.path.basename(file) == "conftest.py":
            self.conftests[file] = plugin, dict(vars(plugin))

    def forget(self, module: ModuleType) -> None:
        """It is imported anew, so what it has imported from others may be, too."""
        self.conftests.pop(getattr(module, "__file__", None) or "", None)


FIRST = First()


class Imported:
    """Finds each ``conftest.py`` that is imported already, instead of its file."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: object = None
    ) -> ModuleSpec | None:
        """As `importlib.abc.MetaPathFinder` has it."""
        if name.rpartition(".")[2] != "conftest":
            return None
        found = PathFinder.find_spec(name, path)
        if found is None or found.origin not in FIRST.conftests:
            return None
        loader: Any = self
        return importlib.util.spec_from_file_location(name, found.origin, loader=loader)

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        """The one that is there; it keeps what it knows of its own import."""
        module = FIRST.conftests[str(spec.origin)][0]
        spec.loader_state = module.__spec__
        return module

    def exec_module(self, module: ModuleType) -> None:
        """It has run."""
        assert module.__spec__ is not None
        module.__spec__ = module.__spec__.loader_state


def begin(config: pytest.Config) -> None:
    """A session begins in a fork."""
    for module, names in FIRST.conftests.values():
        for name in vars(module).keys() - names.keys():
            del vars(module)[name]
        vars(module).update(names)
    for stream, number in FIRST.streams.items():
        if stream.closed:
            raw: Any = io.FileIO(number, "w", closefd=False)
            type(stream).__init__(
                stream, raw, "utf-8", "replace", newline="", write_through=True
            )
    before, after = FIRST.before, FIRST.after
    sys.path[:] = after.path
    if after.collects != before.collects:
        gc.set_threshold(*after.collects)
    for one, handler in after.handlers.items():
        if handler != before.handlers[one]:
            signal.signal(one, handler)
    if FIRST.random:
        random.setstate(FIRST.random)
    finder: Any = Imported()
    sys.meta_path.insert(0, finder)
    config.add_cleanup(lambda: sys.meta_path.remove(finder))


def tests(session: pytest.Session) -> list[Test]:
    """What was collected, in no order: ids, and the names of the tests' own marks."""
    grouped = getattr(session.config.option, "loadgroup", False)
    found = []
    for item in session.items:
        name, marks = item.nodeid, {one.name for one in item.own_markers}
        if grouped and item.get_closest_marker("xdist_group"):
            # pytest-xdist adds it, but not in the warm process, nor with pytest 9.2
            head, _, tail = name.rpartition("@")
            name = head if head and "]" not in tail else name
        found.append((name, tuple(sorted(marks))))
    return sorted(found)


class Compared:
    """Plugin of a fork: it collects what the warm process has collected, or ends."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """End before the controller hears of it: it starts another worker."""
        now = tests(session)
        if now != FIRST.tests:
            differ = sorted(set(now) ^ set(FIRST.tests)) or now
            why = "is not collected twice alike: what it is made of may be used up"
            interpreter.tell(FIRST.socket, f"{differ[0][0]} {why}")
            os._exit(0)
        if FIRST.directory:
            os.chdir(FIRST.directory)
