# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness doctor``."""

import argparse
import sys
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, command, with_database

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add this command to the command line."""
    one = with_database(
        command(commands, "doctor", "say what this machine lacks, and what mends it")
    )
    one.add_argument("--json", action="store_true", help="the findings as JSON")
    one.set_defaults(call=_doctor)


def _doctor(
    context: "Context", options: argparse.Namespace, rest: tuple[str, ...]
) -> int:
    from harness.commands import doctor

    encoding = sys.stdout.encoding or "ascii"
    return doctor.run(context, as_json=options.json, encoding=encoding)
