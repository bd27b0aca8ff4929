# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a process may not be forked: what its imports have started or opened.

A thread does not exist in a fork, but the locks that it holds do; a connection
would be used by two processes.  A name that a module has taken from the worker's
own is the same in all forks.  So such workers are started as ever.
"""

from __future__ import annotations

import os
import socket
import stat
import sys
import threading
from typing import Any, Callable

NAMES = ("PYTEST_XDIST_WORKER", "PYTEST_XDIST_WORKER_COUNT", "PYTEST_XDIST_TESTRUNUID")
"""Variables in which pytest-xdist tells a worker who it is."""
OURS = ("harness.plugins.workers", "xdist", "_pytest", "os", "threading", "importlib")
"""Packages that are not asked to account for themselves."""

NEEDLESS = ("trytond.status", "dumper")
"""A thread that trytond below 7.0 starts when it is imported, to answer
``trytond-stat``; nobody asks that of a process of tests."""

STARTED = ("__main__", "__channelexec__")
"""What was not imported: the program itself, and pytest-xdist's in a worker."""


class Watch:
    """Notes, while modules are imported, what forbids a fork later."""

    def __init__(self) -> None:
        self.readers: list[str] = []
        """Modules that have asked for the worker's name when they were imported."""
        self.starters: dict[int, str] = {}
        """Modules that have started threads, by the thread's number."""
        self.at = ""
        """The test file that is imported now."""
        self._end: Callable[[], None] = lambda: None
        self._known: dict[str, str] = {}
        self._files: set[str] = set()

    def begin(self) -> None:
        """Watch this process, until it forks."""
        watch = self
        self._files = self.connections()
        environ: Any = os.environ
        thread: Any = threading.Thread
        kind, start = type(environ), thread.start

        class Watched(kind):  # type: ignore[misc, valid-type]
            def __getitem__(self, key: Any) -> Any:
                if key in NAMES:
                    watch.note(key)
                return super().__getitem__(key)

        def started(self: Any) -> None:
            # https://foss.heptapod.net/tryton/tryton/-/blob/branch/6.6/trytond/trytond/status.py
            runs = getattr(self, "_target", None)
            if (
                getattr(runs, "__module__", ""),
                getattr(runs, "__name__", ""),
            ) == NEEDLESS:
                return
            module = importer() or watch.at
            start(self)
            watch.starters[self.native_id or 0] = module

        def end() -> None:
            if type(environ) is Watched:  # else a trace has put its own on top
                environ.__class__ = kind
            thread.start = start

        environ.__class__ = Watched
        thread.start = started
        self._end = end

    def end(self) -> None:
        """Leave no trace in the process."""
        self._end()

    def settle(self) -> None:
        """New connections are of what each fork does for itself, too."""
        self._files |= self.connections() - self._known.keys()

    def note(self, name: str) -> None:
        """A variable was asked for; by an import, or by something that runs later."""
        module = importer()
        if module:
            self.readers.append(f"{module} asks for {name} when it is imported")

    def look(self, place: str) -> None:
        """Something was imported, such as a test file: what is new is its doing."""
        for number in threads():
            self._known.setdefault(f"thread {number}", place)
        for name in self.connections() - self._files:
            self._known.setdefault(name, place)

    def why(self) -> str:
        """The reason not to fork this process; empty where there is none."""
        for number in sorted(threads()):
            known = self._known.get(f"thread {number}", "")
            return (
                f"{self.starters.get(number) or known or 'an import'} starts a thread"
            )
        for name in sorted(self.connections() - self._files):
            return f"{self._known.get(name) or 'an import'} holds a connection open"
        return self.readers[0] if self.readers else ""

    @staticmethod
    def connections() -> set[str]:
        """Open sockets that have another end."""
        found = set()
        for name in os.listdir(
            "/proc/self/fd" if sys.platform == "linux" else "/dev/fd"
        ):
            try:
                number = int(name)
                if not stat.S_ISSOCK(os.fstat(number).st_mode):
                    continue
                with socket.socket(fileno=os.dup(number)) as one:
                    one.getpeername()
                found.add(f"{number} {os.fstat(number).st_ino}")
            except (OSError, ValueError):
                continue
        return found


def threads() -> set[int]:
    """Numbers of the threads beside the main one, those of C libraries too."""
    try:
        return {int(name) for name in os.listdir("/proc/self/task")} - {os.getpid()}
    except OSError:
        main = threading.main_thread()
        return {one.native_id or 0 for one in threading.enumerate() if one is not main}


def importer() -> str:
    """The module whose import has led here: the innermost one that is not ours."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = str(frame.f_globals.get("__name__", ""))
        if frame.f_code.co_name == "<module>" and not ours(name):
            return name if name not in STARTED else ""
        frame = frame.f_back
    return ""


def ours(name: str) -> bool:
    """Whether a module is part of what runs the tests."""
    return any(name == one or name.startswith(f"{one}.") for one in OURS)
