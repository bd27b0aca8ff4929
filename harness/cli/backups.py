# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db backup``, ``restore``, ``destroy``: databases as files."""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import (
    Commands,
    Parser,
    Words,
    as_json,
    asking,
    identified,
    trusting,
    written,
)
from harness.cli.binding import apart, request
from harness.cli.placed import named, placed
from harness.config import kinds
from harness.errors import HarnessError, Interrupted
from harness.output import Console

if TYPE_CHECKING:
    from harness.context import Context


def add(below: "Commands[Parser]") -> None:
    """Add these commands to those on databases."""
    text = "write a backup to -o, to stdout in a pipe, else below backups/"
    one = as_json(named(placed(below, "backup", text, _backup)))
    one.add_argument("-o", "--output", type=written, help="the file; - is stdout")
    one.add_argument("--force", action="store_true", help="replace the file")
    one.add_argument(
        "--files", action="store_true", help="and of the files, all other volumes"
    )
    one.add_argument(
        "--keep-for", type=_age, default=0, metavar="AGE", dest="age",
        help="then remove dated ones that are older, such as 14d; never the newest",
    )  # fmt: skip
    text = "make a database from a backup, verified before and after"
    one = identified(asking(placed(below, "restore", text, "db_files.restore")))
    one.add_argument("path", type=Path, metavar="FILE", help="what backup has written")
    trusting(named(one))
    one.add_argument(
        "--no-privileges",
        dest="privileges",
        action="store_false",
        help="grant nothing: the backup's roles need not be there",
    )
    text = "restore a backup beside the others, look at it, remove it again"
    one = as_json(placed(below, "verify", text, "db_files.verify", dry=False))
    one.add_argument(
        "path", type=Path, nargs="?", metavar="FILE",
        help="else the newest of the stack's database",
    )  # fmt: skip
    identified(trusting(one)).set_defaults(apart=True)
    text = "remove all data of the server, after a backup of each database"
    asking(placed(below, "destroy", text, "db_files.destroy"))


def _age(text: str) -> int:
    try:
        return kinds.quantity(text, kinds.SECONDS)
    except ValueError:
        allowed = kinds.duration().allowed
        raise argparse.ArgumentTypeError(f"allowed: {allowed}") from None


def _backup(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    """Where the backup goes to stdout, all words go to stderr."""
    from harness.commands import db_backup

    output = options.output
    schedule = db_backup.Schedule(files=options.files, age=options.age)
    asked = output is not None or schedule or options.json
    piped = not asked and not sys.stdout.isatty()
    streams = (output == Path("-") or piped) and not options.dry_run
    if not streams:
        return db_backup.backup(
            apart(context, options),
            wish=request(options),
            name=options.name,
            output=output,
            stdout=None,
            force=options.force,
            schedule=schedule,
            as_json=options.json,
        )
    console = Console(sys.stderr, context.environ)
    try:
        code = db_backup.backup(
            replace(context, console=console),
            wish=request(options),
            name=options.name,
            output=None,
            stdout=sys.stdout.buffer,
            force=False,
            schedule=schedule,
            as_json=False,
        )
        sys.stdout.buffer.flush()
    except HarnessError as error:
        console.error(error)
        return error.code
    except KeyboardInterrupt:
        console.error(Interrupted("interrupted: what was written is no backup"))
        return Interrupted.code
    return code
