# SPDX-License-Identifier: GPL-3.0-or-later
"""Scenarios as pytest's doctests, with what their ``load_tests`` says of them."""

from __future__ import annotations

import doctest
import importlib.util
import json
import sys
import unittest
from pathlib import Path
from typing import Any, Iterator

import pytest

# Scenarios are pytest's doctests with other globals; these classes are not
# exported: https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/doctest.py
from _pytest.doctest import DoctestItem, DoctestTextfile

CASE = pytest.StashKey[Any]()


def case(item: pytest.Item) -> Any:
    """What ``load_tests`` made of the scenario, or None."""
    return item.stash.get(CASE, None)


def made_by(path: Path) -> dict[str, list[Any]]:
    """The scenarios that the ``load_tests`` in `path` makes, by file name."""
    if not path.exists():
        return {}
    for module in list(sys.modules.values()):
        if getattr(module, "__file__", None) == str(path):
            break
    else:
        name = "harness_" + "_".join(path.parts[-3:]).replace(".", "_")
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    if not hasattr(module, "load_tests"):
        return {}
    suite = module.load_tests(unittest.TestLoader(), unittest.TestSuite(), None)
    found: dict[str, list[Any]] = {}
    for case in _flat(suite):
        if isinstance(case, doctest.DocTestCase):
            path = case._dt_test.filename  # type: ignore[attr-defined]
            found.setdefault(Path(path).name, []).append(case)
    return found


def _flat(suite: Any) -> Iterator[Any]:
    for case in suite:
        if isinstance(case, unittest.TestSuite):
            yield from _flat(case)
        else:
            yield case


def adopt(item: Any, made: Any) -> None:
    item.stash[CASE] = made
    if made._dt_optionflags & doctest.SKIP:
        item.add_marker(pytest.mark.skip(reason="skipped by load_doc_tests"))
    item.runner.optionflags |= made._dt_optionflags & ~doctest.SKIP
    if made._dt_checker is not None:
        item.runner._checker = made._dt_checker


class Scenarios(DoctestTextfile):
    """A scenario that runs with different globals."""

    def collect(self) -> Iterator[Any]:
        """One item for each entry of the ``.json`` file."""
        entries = json.loads(self.path.with_suffix(".json").read_text("utf-8"))
        for number, values in enumerate(entries):
            made: Any
            for made in super().collect():
                made.dtest.globs.update(values)
                yield DoctestItem.from_parent(
                    self,
                    name=f"{made.name}[{number}]",
                    runner=made.runner,
                    dtest=made.dtest,
                )
