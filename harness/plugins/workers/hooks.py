# SPDX-License-Identifier: GPL-3.0-or-later
"""Hooks that plugins and conftest files may implement for the workers' sake."""

from __future__ import annotations

from typing import Any


def pytest_warm(session: Any) -> None:
    """Prepare what each worker would prepare for itself.

    Called in the warm process, once, after collection and before the first fork.
    Leave no thread and no connection behind: they do not outlive a fork.
    """


def pytest_fresh_start(config: Any) -> None:
    """Let go of what outlives a test: the next one starts as in a new process.

    Called in a worker after all fixtures were torn down, before tests are run again
    or another round of them begins.
    """
