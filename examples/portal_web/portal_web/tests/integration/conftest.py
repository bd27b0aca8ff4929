# SPDX-License-Identifier: GPL-3.0-or-later
"""Fixtures of the tests in pytest's style."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest

from portal_web.tests.integration.pages import Portal


@pytest.fixture
def portal(browser: Any, portal_url: str) -> Portal:
    """The portal, as somebody sees it who has never been there."""
    return Portal(browser, portal_url)


@pytest.fixture
def process() -> Callable[[], None]:
    """Processes all uploads that wait, as the service would."""

    def process() -> None:
        database = os.environ.get("PROCESSING_DATABASE") or os.environ["DB_NAME"]
        done = subprocess.run(
            [sys.executable, "-m", "collecting_society_worker", "run", "--once"],
            env={**os.environ, "DB_NAME": database},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr

    return process
