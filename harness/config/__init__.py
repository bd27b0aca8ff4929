# SPDX-License-Identifier: GPL-3.0-or-later
"""The one cascade of settings: defaults < pyproject.toml < HARNESS_* < command line.

Everything is validated as a whole, all problems are reported together, and every
value knows its source.
"""

from harness.config.document import find_root, nothing
from harness.config.kinds import shown
from harness.config.load import load
from harness.config.schema import (
    Config,
    DatabaseSettings,
    SourceTable,
    Templates,
)
from harness.config.suites import SuiteTable, TemplateTable

__all__ = [
    "Config",
    "DatabaseSettings",
    "SourceTable",
    "SuiteTable",
    "TemplateTable",
    "Templates",
    "find_root",
    "load",
    "nothing",
    "shown",
]
