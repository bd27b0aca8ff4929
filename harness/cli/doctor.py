# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness doctor``."""

from harness.cli.base import Commands, Parser, command, with_database


def add(commands: "Commands[Parser]") -> None:
    """Add this command to the command line."""
    one = with_database(
        command(commands, "doctor", "say what this machine lacks, and what mends it")
    )
    one.add_argument("--json", action="store_true", help="the findings as JSON")
    one.set_defaults(call="doctor.run")
