# SPDX-License-Identifier: GPL-3.0-or-later
"""The base process of a watch: has imported what no edit changes, and forks.

``python -m harness.plugins.workers.base SOCKET MODULES``.  It knows nothing of the
project: each round is a fork of it that imports sources and tests as any session does
(`interpreter` is how a round asks for one).  Its standard input is a socket that the
harness holds; it ends when that does.
"""

from __future__ import annotations

import gc
import importlib
import importlib.util
import json
import os
import socket
import sys
import sysconfig
import types
from typing import Iterable, Mapping

import pytest  # noqa: F401  (each round needs it)

from harness.plugins import lifeline
from harness.plugins.workers import cold, forks
from harness.plugins.workers.__main__ import listen

INSTALLED = tuple(
    os.path.join(path, "")
    for name in ("stdlib", "platstdlib", "purelib", "platlib")
    for path in {sysconfig.get_path(name), os.path.realpath(sysconfig.get_path(name))}
)
"""Directories of what is installed, and no developer edits."""


def main(arguments: list[str]) -> int:
    """Import, say why a fork would be wrong (or nothing), and serve."""
    path, names = arguments
    gc.set_threshold(*forks.COLLECTS)
    lifeline.hold()
    control = socket.socket(fileno=0)
    before = dict(os.environ)
    watch = cold.Watch()
    watch.begin()
    with open(names, encoding="utf-8") as file:
        modules = json.load(file)
    bad = load(modules)
    if bad:
        with open(names, "w", encoding="utf-8") as file:
            json.dump([one for one in modules if one[0] != bad], file)
        again = [sys.executable, "-m", "harness.plugins.workers.base", *arguments]
        os.execve(sys.executable, again, before)
    why = watch.why()
    watch.end()
    listener = listen(path)
    if not forks.tell(control, {"cold": why}) or why:
        return 0
    gc.freeze()
    changed = forks.changes(before, dict(os.environ))
    with forks.Server(listener, control) as server:
        order = server.run()
    return forks.become(order, changed) if order else 0


def load(modules: Iterable[tuple[str, str]]) -> str:
    """Import modules from the files where a session has found them, and no others.

    What cannot be imported alone is left to the rounds.  The name of one that has
    imported something of the project, as ``trytond.tests.test_tryton`` does: this
    process is of no use then.
    """
    for name, file in modules:
        known = set(sys.modules)
        try:
            spec = importlib.util.find_spec(name)
            if spec is not None and spec.origin == file:
                importlib.import_module(name)
        except Exception:
            pass
        if own({one: sys.modules[one] for one in sys.modules.keys() - known}):
            return name
    return ""


def installed(path: str) -> bool:
    """Whether a file is Python's or an installed package's, not the project's."""
    return path.startswith(INSTALLED)


def own(modules: Mapping[str, types.ModuleType]) -> list[str]:
    """Which of these modules are the project's."""
    program = sys.modules["__main__"]  # multiprocessing has another name for it
    found = []
    for name, module in modules.items():
        file = getattr(module, "__file__", None)
        if file and not (installed(file) or module is program or ours(name)):
            found.append(name)
    return found


def ours(name: str) -> bool:
    """Whether a module is the harness's."""
    return name == "harness" or name.startswith("harness.")


if __name__ == "__main__":
    forks.leave(main(sys.argv[1:]))
