# SPDX-License-Identifier: GPL-3.0-or-later
"""A command on a database, and where that is."""

from harness.cli.base import Call, Commands, Parser, command, dry_run, with_database
from harness.model import ENVIRONMENTS


def placed(
    below: "Commands[Parser]", name: str, text: str, call: Call, *, dry: bool = True
) -> Parser:
    """A command on a database that is looked for."""
    one = with_database(command(below, name, text))
    one.add_argument(
        "--on",
        choices=("stack", "local", "docker", "given"),
        default="",
        help="the stack, the embedded server, the tests' server in a container, the"
        " address of --database; else the stack where an engine and its image are",
    )
    one.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        default="",
        help="which stack, or whose data another server has; else the configured stack",
    )
    if dry:
        dry_run(one)
    one.set_defaults(call=call)
    return one


def named(one: Parser) -> Parser:
    """Adds the name of a database."""
    one.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="else the stack's"
    )
    return one
