# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest-xdist's workers, started warm: forks of one process that has imported all.

``pytest -p harness.plugins.workers -n 4``, or the ini option ``warm_workers``; the
harness itself starts ``python -m harness.plugins.workers``, which is pytest with the
warm process forked off before anything else is done.

PYTEST_DONT_REWRITE: the modules here are imported before pytest looks at them.
"""

from __future__ import annotations

import functools
import os
from typing import Any

import pytest

from harness.plugins import shuffle
from harness.plugins.workers import (
    again,
    controller,
    forwarded,
    hooks,
    launch,
    requirement,
    reruns,
    warm,
)
from harness.plugins.workers.worker import Worker

NAME = "harness-workers"
PROCESS = pytest.StashKey[Any]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-timings", default="", help="JSON file of seconds by test id"
    )
    group.addoption(
        "--harness-cold", action="store_true", help="start each worker as a new Python"
    )
    reruns.add_options(group)
    shuffle.add_options(group)


def pytest_addhooks(pluginmanager: pytest.PytestPluginManager) -> None:
    """Make our own hooks known."""
    pluginmanager.add_hookspecs(hooks)


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> Any:
    """Start the warm process beside this one, as early as the options are known."""
    known = early_config.known_args_namespace
    if "PYTEST_XDIST_WORKER" in os.environ:
        # pytest-cov would erase what the warm process and other workers have measured
        known.cov_append = True
    if again.FIRST.socket:
        again.begin(early_config)
    wanted = getattr(known, "numprocesses", None) or getattr(known, "tx", None)
    names = ("PYTEST_XDIST_WORKER", warm.WARMING)
    trouble = requirement.why_not() if wanted else ""
    if trouble:
        raise pytest.UsageError(trouble)
    inside = launch.SOCKETS or any(name in os.environ for name in names)
    if wanted and not (inside or known.harness_cold or known.collectonly):
        arguments = early_config.invocation_params.args
        early_config.stash[PROCESS] = launch.start(list(map(str, arguments)))
    return (yield)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Be a controller, a worker, or a session by itself."""
    config.pluginmanager.register(shuffle.Plugin(), "harness-shuffle")
    options = config.option
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(reruns.Pending(), "harness-pending")
    if hasattr(config, "workerinput") or getattr(options, "dist", "no") == "no":
        config.pluginmanager.register(Worker(config), NAME)
        config.pluginmanager.register(reruns.Plugin(config), "harness-reruns")
        if again.FIRST.socket:
            config.pluginmanager.register(again.Compared(), "harness-compared")
    else:
        forwarded.install(config)
        process = config.stash.get(PROCESS, None) or next(iter(launch.FORKED), None)
        made = controller.Controller(config, process)
        config.pluginmanager.register(made, NAME)


@pytest.hookimpl(tryfirst=True)
def pytest_keyboard_interrupt(excinfo: Any) -> None:
    """Have an interrupt's own traceback written as Python does.

    pytest reads the source of all that runs for it, which takes a second, to print one
    line.
    """
    excinfo.getrepr = functools.partial(type(excinfo).getrepr, excinfo, style="native")
