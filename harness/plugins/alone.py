# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of Tryton modules on leased databases, in a pytest that anybody starts.

The ini option ``tryton`` switches it on: ``tryton = MODULE=DIRECTORY``.  What has the
databases is ``harness serve``, a process that the session starts: an editor's too.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from harness.plugins import tryton
from harness.plugins.client import BROKER, client

PATIENCE = 20.0
"""Seconds that the process gets to tidy up."""
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
    session = Session(str(early_config.rootpath))
    early_config.pluginmanager.register(session, "harness-tryton-session")


class Session:
    """The process that has the databases, from here to the end of the session."""

    def __init__(self, root: str) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "harness", "serve"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=root,
            start_new_session=True,
        )
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        if not said:
            raise pytest.UsageError(
                "tryton: harness serve has ended with exit code"
                f" {self.process.wait()}: see above\nto mend it: see what it says by"
                " itself, or leave it out: -p no:harness"
            )
        for name in [one for one in os.environ if one.startswith(FOREIGN)]:
            del os.environ[name]
        os.environ.update(json.loads(said))

    @pytest.hookimpl(trylast=True)
    def pytest_unconfigure(self) -> None:
        """End it: it takes away what it has made."""
        client.close()
        os.environ.pop(BROKER, None)
        for stream in (self.process.stdin, self.process.stdout):
            if stream is not None:
                stream.close()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
