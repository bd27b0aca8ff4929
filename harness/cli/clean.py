# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness clean``."""

from harness.cli.base import Commands, Parser, command


def add(commands: "Commands[Parser]") -> None:
    """Add this command to the command line."""
    one = command(commands, "clean", "remove what dead runs have left, nothing else")
    one.add_argument(
        "--all",
        dest="everything",
        action="store_true",
        help="also what is kept for speed: the stack's containers, images,"
        " environments, templates",
    )
    one.add_argument(
        "--volumes",
        action="store_true",
        help="also the stack's volumes, with the data, after a backup; with --all, your"
        " databases, too; never production's",
    )
    one.add_argument(
        "--no-backup",
        dest="save",
        action="store_false",
        help="without a backup of the stack's data",
    )
    one.add_argument("--dry-run", action="store_true", help="only show it")
    one.add_argument("--yes", action="store_true", help="do not ask")
    one.set_defaults(call="clean.run")
