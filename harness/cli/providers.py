# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness report`` and ``harness ci``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, actions, command

if TYPE_CHECKING:
    from harness.commands.context import Context

Words = tuple[str, ...]


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    below = actions(command(commands, "report", "what runs have left"))
    one = command(below, "merge", "make one report of those of any number of jobs")
    one.add_argument(
        "directories", nargs="+", type=Path, metavar="DIR", help="reports/RUN, of a job"
    )
    one.add_argument(
        "-o", "--output", type=Path, metavar="DIR", help="instead of reports/ID"
    )
    one.add_argument(
        "--matrix",
        type=Path,
        metavar="FILE",
        help="what ci matrix has printed: each job of it must have left a report",
    )
    one.set_defaults(call=_merge)


def _merge(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import report

    return report.merge_(
        context,
        directories=tuple(options.directories),
        output=options.output,
        matrix=options.matrix,
    )
