# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of Tryton modules on leased databases, in a pytest that anybody starts.

The ini option ``tryton`` switches it on: ``tryton = MODULE=DIRECTORY``.  What has the
databases is ``harness serve``, a process that the session starts: an editor's too.
"""

from __future__ import annotations

import os
from typing import Any

import pytest

from harness.plugins import tryton
from harness.plugins.beside import Beside
from harness.plugins.client import client

QUIET = ("collectonly", "help", "version", "showfixtures", "show_fixtures_per_test")
"""Options with which no test is run."""
FOREIGN = ("TRYTOND_", "DB_", "PG")
"""How variables begin that would lead to another database."""


def pytest_addoption(parser: pytest.Parser, pluginmanager: Any) -> None:
    """With the plugins that a run of the harness has."""
    for name in ("places", "tryton"):
        pluginmanager.import_plugin(f"harness.plugins.{name}")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Scenarios are tests; have databases, where tests are to be run."""
    options = early_config.known_args_namespace
    options.doctestglob = [*(options.doctestglob or []), "scenario_*.rst"]
    tryton.ALONE.append(True)
    if client.available or any(getattr(options, one, 0) for one in QUIET):
        return
    served = Served(str(early_config.rootpath))
    early_config.pluginmanager.register(served, "harness-tryton-session")


class Served:
    """Has the databases until the session ends."""

    def __init__(self, root: str) -> None:
        self.beside = Beside(
            "harness", "serve", order={}, cwd=root,
            remedy="see what it says above; -p no:harness leaves it out",
        )  # fmt: skip
        for name in [one for one in os.environ if one.startswith(FOREIGN)]:
            del os.environ[name]
        os.environ.update(self.beside.said)

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """End it: it takes away what it has made."""
        self.beside.end()
