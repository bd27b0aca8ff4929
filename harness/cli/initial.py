# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness init``, ``serve``: for pytest without the harness around it."""

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, command, with_database
from harness.output import Console

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    one = command(commands, "init", "describe this project in its pyproject.toml")
    one.add_argument("--series", default="", help="Tryton series, such as 7.0")
    one.add_argument(
        "--fill",
        action="append",
        default=[],
        metavar="WHAT",
        help="of an application without Tryton, what fills the database of a test: a"
        " file (.sql, .dump), package.module:function or a command; again for more;"
        " none: its tests need no database",
    )
    one.add_argument(
        "--dry-run", action="store_true", help="print what would be written"
    )
    one.set_defaults(call="init.run")
    one = with_database(
        command(commands, "serve", "have databases for a pytest that asks for them")
    )
    one.set_defaults(call=_serve)


def _serve(
    context: "Context", options: argparse.Namespace, rest: tuple[str, ...]
) -> int:
    from harness.commands import serve

    # What is said goes to the terminal of pytest, which reads the first line alone.
    console = Console(sys.stderr, context.environ)
    return serve.run(replace(context, console=console), tell=context.console.info)
