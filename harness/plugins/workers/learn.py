# SPDX-License-Identifier: GPL-3.0-or-later
"""A session that runs nothing: its tests, and what they import that no edit changes.

The base process of a watch imports that beforehand.  What is imported after code of the
project has changed a variable may depend on that: it is left to the rounds.
"""

from __future__ import annotations

import json
import os
import sys
import types
from typing import Any, Mapping

import pytest

# Its loader marks what pytest rewrites: https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/assertion/rewrite.py
from _pytest.assertion.rewrite import AssertionRewritingHook

from harness.plugins.workers import base, units

PATCHING = ("gevent.monkey", "eventlet.patcher")
"""Who imports these may mean to change Python before the next import."""


class Variables:
    """Notes how many modules there were when the project first changed a variable."""

    def __init__(self) -> None:
        self.count: int | None = None

    def begin(self) -> None:
        """From now on, for the life of the process."""
        noted = self
        environ: Any = os.environ
        kind = type(environ)

        class Noting(kind):  # type: ignore[misc, valid-type]
            def __setitem__(self, key: Any, value: Any) -> None:
                if self.get(key) != value:
                    noted.note()
                super().__setitem__(key, value)

            def __delitem__(self, key: Any) -> None:
                noted.note()
                super().__delitem__(key)

        environ.__class__ = Noting

    def note(self) -> None:
        """A variable changes: whose doing is it?"""
        frame: Any = sys._getframe(2)
        while frame is not None and self.count is None:
            file = frame.f_code.co_filename
            name = str(frame.f_globals.get("__name__"))
            known = name == "__main__" or base.ours(name) or file.startswith("<")
            if not (known or base.installed(file)):
                self.count = len(sys.modules)
            frame = frame.f_back


class Learner:
    """Plugin of that session."""

    def __init__(self, path: str, variables: Variables) -> None:
        self.path = path
        self.variables = variables

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Prepare as a warm process does, and write what there is."""
        session.config.hook.pytest_warm(session=session)
        found = {
            "modules": modules(sys.modules, self.variables.count),
            "tests": [
                [item.nodeid, str(item.path), units.key(item)] for item in session.items
            ],
        }
        with open(self.path, "w", encoding="utf-8") as file:
            json.dump(found, file)
        return True


def modules(
    known: Mapping[str, types.ModuleType], count: int | None
) -> list[tuple[str, str]]:
    """Those of the first `count` that a base may import, each with its file.

    pytest rewrites its plugins when it imports them: they are left to it.
    """
    found = []
    for name, module in list(known.items())[:count]:
        if name in PATCHING:
            break
        spec = getattr(module, "__spec__", None)
        if spec is None or spec.name != name or not spec.origin or base.ours(name):
            continue
        rewritten = isinstance(spec.loader, AssertionRewritingHook)
        if not rewritten and base.installed(spec.origin):
            found.append((name, spec.origin))
    return found


VARIABLES = Variables()


def pytest_addoption(parser: pytest.Parser) -> None:
    """An option that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption("--harness-learn", default="", help="file that is written")


def pytest_configure(config: pytest.Config) -> None:
    """Watch what the project does to the environment."""
    VARIABLES.begin()
    learner = Learner(config.option.harness_learn, VARIABLES)
    config.pluginmanager.register(learner, "harness-learner")
