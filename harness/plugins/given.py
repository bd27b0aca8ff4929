# SPDX-License-Identifier: GPL-3.0-or-later
"""What the user gave to pytest is what pytest makes of it.

A word behind an option of some plugin may be its value or an address: pytest knows
when all options are.  A JUnit file of the user's is written beside the harness's.
"""

from __future__ import annotations

import json
import os
import sys
import unittest
from typing import Any

import pytest

THROUGH = ("harness", "pluggy", "_pytest", "pdb", "bdb")
"""Packages that a call of ``breakpoint()`` goes through."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption("--harness-junit", default="", help="JUnit file of the harness")
    group.addoption(
        "--harness-doubtful", default="", help="JSON: words that may be addresses"
    )


@pytest.hookimpl(tryfirst=True)
def pytest_exception_interact(call: Any) -> None:
    """Let ``--pdb`` stop in the test, not in unittest's own assertion."""
    trace = call.excinfo.tb
    while trace is not None:
        if "__unittest" in trace.tb_frame.f_globals:
            trace.tb_frame.f_locals["__tracebackhide__"] = True
        trace = trace.tb_next


@pytest.hookimpl(trylast=True)
def pytest_enter_pdb(config: Any) -> None:
    """A breakpoint where nobody can type is told so, not by ``BdbQuit`` of bdb's."""
    with open(os.devnull) as nothing:
        mute = os.path.sameopenfile(0, nothing.fileno())
    if not mute or config.option.usepdb or config.option.trace:
        return
    frame: Any = sys._getframe()
    while frame.f_globals.get("__name__", "").partition(".")[0] in THROUGH:
        frame = frame.f_back
    pytest.fail(
        f"a breakpoint at {frame.f_code.co_filename}:{frame.f_lineno}, and no terminal"
        " to type in: run the test with -s (one process has the terminal then)",
        pytrace=False,
    )


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: Any) -> None:
    """Settle what is to run, and which files are written; diffs are told whole."""
    unittest.TestCase.maxDiff = None  # a class that sets its own has that
    doubtful = json.loads(config.option.harness_doubtful or "{}")
    if doubtful:
        config.args[:] = aimed(config.args, doubtful["words"], named=doubtful["named"])
    path = config.option.harness_junit
    if path and not hasattr(config, "workerinput"):
        _write_junit(config, path)


def aimed(args: list[str], words: dict[str, list[str]], *, named: bool) -> list[str]:
    """What to run: with the addresses among the doubtful `words`, by what they mean.

    What pytest took for a value is not among `args`.  The others are what was
    `named`, or else what runs where nothing is.
    """
    found = [address for one in args for address in words.get(one, ())]
    others = [one for one in args if one not in words]
    return [*others, *found] if named or not found else found


def _write_junit(config: Any, path: str) -> None:
    options = config.option
    own = getattr(options, "xmlpath", path) or getattr(options, "nose_xunit", False)
    if not own:
        options.xmlpath = path
    elif hasattr(options, "xmlpath"):  # the user's own, which has pytest's fixtures
        # pytest makes one report for `--junitxml`, and this run has two:
        # https://github.com/pytest-dev/pytest/blob/9.2.0/src/_pytest/junitxml.py
        from _pytest.junitxml import LogXML

        made = LogXML(
            path,
            options.junitprefix,
            config.getini("junit_suite_name"),
            config.getini("junit_logging"),
            config.getini("junit_duration_report"),
            config.getini("junit_family"),
            config.getini("junit_log_passing_tests"),
        )
        config.pluginmanager.register(made, "harness-junit")
