# SPDX-License-Identifier: GPL-3.0-or-later
"""Waits for an editor before tests are collected: ``-p harness.plugins.debugger``.

The session is one process then: breakpoints of tests, fixtures and what they call
are all hit in it.
"""

from __future__ import annotations

import os
import sys

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options that the harness sets."""
    group = parser.getgroup("harness")
    group.addoption(
        "--harness-debugger", metavar="HOST:PORT", help="wait for an editor there"
    )
    group.addoption("--harness-debugger-path", metavar="DIR", help="where debugpy is")


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Listen and wait."""
    where = config.getoption("harness_debugger")
    if not where:
        return
    if config.getoption("harness_debugger_path"):
        sys.path.append(config.getoption("harness_debugger_path"))
    os.environ.setdefault("PYDEVD_DISABLE_FILE_VALIDATION", "1")  # or it warns
    try:
        import debugpy
    except ImportError:
        raise pytest.UsageError(
            "debugpy is not installed here: pip install debugpy,"
            " or take an image of the development variant"
        ) from None
    host, _, port = where.rpartition(":")
    try:
        debugpy.listen((host, int(port)))
    except Exception as error:
        raise pytest.UsageError(f"nobody can listen at {where}: {error}") from None
    sys.stderr.write(f"debugger: waiting for an editor at {where}\n")
    sys.stderr.flush()
    debugpy.wait_for_client()
