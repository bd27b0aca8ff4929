# SPDX-License-Identifier: GPL-3.0-or-later
"""The entry point of pytest: options that switch the plugins on, and nothing else.

A project that sets none of them pays for the import of this module.
"""

from __future__ import annotations

from typing import Any

SWITCHES = (
    ("warm_workers", "harness.plugins.workers", "bool",
     "start pytest-xdist's workers as forks of a process that has imported all"),
    ("nose", "harness.plugins.nose", "bool", "collect and run as nose does"),
    ("tryton", "harness.plugins.alone", "linelist",
     "Tryton modules, MODULE=DIRECTORY, whose tests get leased databases"),
    ("postgresql_template", "harness.plugins.postgresql", "linelist",
     "what fills the template of the tests' databases, a line each: a file FILE.sql,"
     " a function package.module:function, or a command"),
)  # fmt: skip
"""Options of the configuration file, and the plugin that each one switches on."""


def pytest_addoption(parser: Any, pluginmanager: Any) -> None:
    """Switch on what the project's configuration asks for."""
    for name, _, kind, text in SWITCHES:
        parser.addini(name, text, kind)
    config = pluginmanager.get_plugin("pytestconfig")
    for name, plugin, _, _ in SWITCHES:
        if config.getini(name):
            pluginmanager.import_plugin(plugin)
