# SPDX-License-Identifier: GPL-3.0-or-later
"""The name ``nose``, for suites that import from it where it is not installed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from types import ModuleType
from typing import Any

import pytest

from harness.plugins.nose import tools

NONTRIVIAL = (
    "make_decorator", "raises", "timed", "with_setup", "TimeExpired", "istest",
    "nottest",
)  # fmt: skip
TRIVIAL = ("ok_", "eq_")


def install() -> bool:
    """Provide the name if nothing usable has it; whether it is ours."""
    present = sys.modules.get("nose")
    if present is not None:
        return bool(getattr(present, "__harness__", False))
    if importlib.util.find_spec("nose") is not None and _usable():
        return False
    for name, module in modules().items():
        sys.modules[name] = module
        parent, _, tail = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], tail, module)
    return True


def _usable() -> bool:
    """Whether the nose that is there can be imported: 1.3.7 cannot, from 3.10."""
    try:
        importlib.import_module("nose.tools")
    except Exception:
        for name in [one for one in sys.modules if one.split(".")[0] == "nose"]:
            del sys.modules[name]
        return False
    return True


def modules() -> dict[str, ModuleType]:
    """The modules, by name, parents first."""
    checks = {name: getattr(tools, name) for name in TRIVIAL}
    checks.update(tools.assertions())
    helpers = {name: getattr(tools, name) for name in NONTRIVIAL}
    helpers["set_trace"] = pytest.set_trace
    skip = {"SkipTest": tools.SkipTest}
    deprecated = {"DeprecatedTest": tools.DeprecatedTest}
    both = {**skip, **deprecated}
    runner = dict.fromkeys(("main", "run", "run_exit", "runmodule"), tools.no_runner)
    described: dict[str, dict[str, Any]] = {
        "nose": {
            **both,
            **runner,
            "with_setup": tools.with_setup,
            "__version__": "1.3.7",
            "__harness__": True,
        },
        "nose.exc": both,
        "nose.core": runner,
        "nose.tools": {**checks, **helpers},
        "nose.tools.trivial": checks,
        "nose.tools.nontrivial": helpers,
        "nose.plugins": {},
        "nose.plugins.attrib": {"attr": tools.attr},
        "nose.plugins.skip": skip,
        "nose.plugins.deprecated": deprecated,
    }
    parents = {name.rpartition(".")[0] for name in described}
    return {
        name: _module(name, values, package=name in parents)
        for name, values in described.items()
    }


def _module(name: str, values: dict[str, Any], *, package: bool) -> ModuleType:
    module = ModuleType(name, "Provided by harness.plugins.nose.")
    module.__dict__.update(values)
    module.__dict__["__all__"] = [one for one in values if not one.startswith("__")]
    if package:
        module.__path__ = []
    return module
