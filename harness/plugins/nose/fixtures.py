# SPDX-License-Identifier: GPL-3.0-or-later
"""The fixtures of pytest by which nose's are called, at each level.

So they keep their place among pytest's own: after those of a wider scope and
those of a conftest.py, before those that a test asks for by name.
"""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any, Iterable
from unittest import TestCase

import pytest

# An item of a `TestCase`, which calls its own fixtures: https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/unittest.py
from _pytest.unittest import TestCaseFunction

from harness.plugins.nose import contexts
from harness.plugins.nose.generators import Generated
from harness.plugins.nose.state import of


@pytest.fixture(autouse=True, scope="module")
def _nose_module(request: Any) -> None:
    """Fixtures of the packages and of the module."""
    node = request.node
    packages = of(request.config).packages
    request.session.addfinalizer(packages.close)
    request.addfinalizer(packages.leave)
    packages.enter(node.packages())
    contexts.begin("module", node)
    request.addfinalizer(lambda: contexts.end("module"))
    if node.path.name != "__init__.py":
        title = f"module {node.obj.__name__}"
        contexts.around(request, node.obj, contexts.MODULE, title)


@pytest.fixture(autouse=True)
def _nose_function(request: Any) -> None:
    """Fixtures of a function, and of what a generator yields."""
    item = request.node
    if isinstance(item, Generated):
        request.addfinalizer(lambda: _close(item))
        item.around(request)
    elif item.cls is None and hasattr(item, "function"):
        title = f"function {item.originalname}"
        contexts.around(request, item.function, contexts.FUNCTION, title)


def _close(item: Generated) -> None:
    following = of(item.config).packages.following or None
    if getattr(following, "lockstep", None) is not item.lockstep:
        item.lockstep.close()


@pytest.fixture(autouse=True, scope="class")
def _nose_class(request: Any) -> None:
    """Fixtures of a class."""
    cls = request.cls
    if getattr(cls, "__unittest_skip__", False):
        return
    if issubclass(cls, TestCase):
        request.addfinalizer(cls.doClassCleanups)
    contexts.around(request, cls, contexts.CLASS, f"class {cls.__qualname__}")


@pytest.fixture(autouse=True)
def _nose_method(request: Any) -> None:
    """Fixtures of a method: unittest calls its own."""
    item = request.node
    if isinstance(item, (Generated, TestCaseFunction)):
        return
    instance = getattr(item, "instance", None) or request.cls()
    title = f"class {request.cls.__qualname__}"
    contexts.around(request, instance, contexts.METHOD, title)


MODULE = (_nose_module, _nose_function)
CLASS = (_nose_class, _nose_method)


def register(node: Any, fixtures: Iterable[Any]) -> None:
    """Make fixtures known below a node."""
    holder = ModuleType("nose_fixtures")  # pytest looks at each holder once
    for fixture in fixtures:
        setattr(holder, fixture.__name__, fixture)
    parse(node, holder)


def parse(node: Any, holder: object) -> None:
    """Make the fixtures that an object has known below a node."""
    # Fixtures for one node alone: no hook and no public function registers them.
    # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/fixtures.py
    parsefactories = node.session._fixturemanager.parsefactories
    if "holder" in inspect.signature(parsefactories).parameters:
        parsefactories(holder=holder, node=node)
    else:
        parsefactories(holder, node.nodeid)
