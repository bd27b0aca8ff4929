# SPDX-License-Identifier: GPL-3.0-or-later
"""Puts tests into nose's order, selects by attribute, and names the groups.

Entries of a directory go by name, those that look like tests after the others; in
a module classes go by name, then functions by line; methods go by name.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest

from harness.plugins.nose import attributes, contexts, rules
from harness.plugins.nose.collect import NoseModule
from harness.plugins.nose.generators import Generated
from harness.plugins.nose.state import State, of

SPLIT = "_multiprocess_can_split_"
Key = tuple[Any, ...]

_packages = lru_cache(maxsize=None)(rules.packages)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: Any, items: list[Any]) -> None:
    """Select, sort and group."""
    state = of(config)
    kept = [item for item in items if _is_selected(state, item)]
    if len(kept) < len(items):
        gone = [item for item in items if not _is_selected(state, item)]
        config.hook.pytest_deselected(items=gone)
    places = {id(item): place for place, item in enumerate(kept)}
    as_written = config.getini("nose_order") == "file"
    kept.sort(key=lambda item: key(state, item, places[id(item)], as_written))
    items[:] = kept
    xdist = config.pluginmanager.hasplugin("xdist")
    for item in items:
        if item.getparent(NoseModule) is None:
            continue
        item.together = together(item)
        if xdist and item.together:
            _mark(item, ".".join(item.together))


def _mark(item: Any, group: str) -> None:
    """Tell xdist the group; with pytest 9.2 its 3.8 does not get it into the id."""
    item.add_marker(pytest.mark.xdist_group(group))
    # pytest keeps the id as an object since 9.1, xdist 3.8 writes to what was its text:
    # https://github.com/pytest-dev/pytest-xdist/blob/v3.8.0/src/xdist/remote.py
    made = getattr(item, "_id", None)
    if made is not None and getattr(item.config.option, "loadgroup", False):
        item._id = type(made).parse(f"{item.nodeid}@{group}")


def _is_selected(state: State, item: Any) -> bool:
    if not state.tests:
        return True
    function = getattr(item, "function", None)
    return attributes.selected(state.tests, function, getattr(item, "cls", None))


def key(state: State, item: Any, place: int, as_written: bool) -> Key:
    """Where a test comes: by what was asked for, then in nose's order."""
    path: Path = item.path
    parts: list[Key] = []
    above: Path | None = None
    for context in [*_packages(path), path]:
        parts.append(_rank(state, context.parts))
        parts.append(_steps(state, context, above))
        above = context
    if as_written or item.getparent(NoseModule) is None:
        return (*parts, (place,))
    inside: Key = path.parts
    for names, step in _inside(item):
        parts.append(_rank(state, (*inside, *names)))
        parts.append(step)
    return (*parts, (place,))


def _rank(state: State, context: Key) -> Key:
    """The place of the first thing asked for that has to do with the context."""
    for place, (path, names) in enumerate(state.targets):
        target = (*path.parts, *names)
        length = min(len(target), len(context))
        if target[:length] == context[:length]:
            return (place,)
    return (len(state.targets),)


def _steps(state: State, path: Path, above: Path | None) -> Key:
    """The way down to a path from the one above, or from what was asked for."""
    if path.name == "__init__.py":
        return ((-1, ""),)
    if above is None:
        roots = [root for root, _ in state.targets if root in path.parents]
        above = roots[0] if roots else path.parent
    names = path.relative_to(above).parts
    return tuple((int(bool(state.rules.match.search(name))), name) for name in names)


def _inside(item: Any) -> list[tuple[Key, Key]]:
    """Names and places of the class and of the test, in the module."""
    name = getattr(item, "originalname", None) or item.name
    owner = item.getparent(pytest.Class)
    if owner is None:
        function = getattr(item, "function", None)
        return [((name,), (1, rules.line(function), name))]
    return [
        ((owner.name,), (0, owner.obj.__name__, owner.name)),
        ((owner.name, name), (name,)),
    ]


def together(item: Any) -> tuple[str, ...]:
    """What must not be torn apart by parallel running: the outermost context with
    fixtures that does not allow it; nothing where there is none."""
    module = item.getparent(NoseModule)
    name = module.obj.__name__
    for _, package in module.packages():
        if _holds(package):
            return (package.__name__,)
    if module.path.name != "__init__.py" and _holds(module.obj):
        return (name,)
    owner = () if item.cls is None else (item.cls.__qualname__,)
    if owner and _holds(item.cls):
        return (name, *owner)
    return (name, *owner, item.originalname) if isinstance(item, Generated) else ()


def _holds(context: Any) -> bool:
    return contexts.has_fixtures(context) and not getattr(context, SPLIT, False)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker of xdist to keep groups: it reads the command line anew."""
    node.workerinput["nose_groups"] = node.config.option.dist == "loadgroup"
