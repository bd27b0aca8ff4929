# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db …``: people's databases."""

import argparse
import sys
from typing import TYPE_CHECKING

from harness.cli import backups
from harness.cli.base import (
    Commands,
    Parser,
    Words,
    actions,
    apart,
    as_json,
    asking,
    command,
    leave,
)
from harness.cli.placed import named, placed, request

if TYPE_CHECKING:
    from harness.commands.db_make import Content
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    text = "databases of the stack, or of the embedded server"
    below = actions(command(commands, "db", text))
    _looking(below)
    _making(below)
    backups.add(below)


def _looking(below: "Commands[Parser]") -> None:
    as_json(placed(below, "list", "list the databases", _list, dry=False))
    as_json(named(placed(below, "size", "its tables' sizes", _size, dry=False)))
    one = named(placed(below, "psql", "psql on any database, also a lease", _psql))
    one.usage = "%(prog)s [options] [NAME] [-- OPTION of psql ...]"
    one.add_argument(
        "-c", "--command", dest="sql", default="", metavar="SQL", help="run only this"
    )
    named(placed(below, "console", "Tryton's console on a database", _console))


def _making(below: "Commands[Parser]") -> None:
    _content(named(placed(below, "create", "make a database", _create)))
    text = "make a database anew; the former one serves until the new one is whole"
    _content(asking(named(placed(below, "rebuild", text, _rebuild))))
    for which in ("test", "demo"):
        text = f"a database with the {which} data, in place of the one that is there"
        one = asking(named(placed(below, f"{which}-setup", text, _rebuild)))
        one.set_defaults(template=which, modules=(), filled=True)
        _datasets(one)
    one = asking(placed(below, "delete", "delete databases, ending sessions", _delete))
    one.add_argument("names", nargs="+", metavar="NAME", help="which")
    one = asking(placed(below, "copy", "copy a database while it is used", _copy))
    one.add_argument("source", metavar="A", help="the database")
    one.add_argument("target", metavar="B", help="its copy; an older one is replaced")
    text = "update modules on a copy that takes the database's place at the end"
    one = asking(named(placed(below, "update", text, _update, dry=False)))
    one.add_argument(
        "--dry-run", action="store_true", help="list what would change, and the lines"
    )
    _modules(one, "else the activated sources; ir updates all")


def _modules(one: Parser, more: str) -> Parser:
    one.add_argument(
        "-m",
        "--modules",
        type=lambda text: tuple(part for part in text.split(",") if part),
        default=(),
        metavar="MODULE,…",
        help=f"these modules; {more}",
    )
    return one


def _content(one: Parser) -> Parser:
    _modules(one, "else the stack's")
    one.add_argument(
        "--template", default="", help="a template of the configuration instead"
    )
    one.add_argument("--empty", action="store_true", help="without anything in it")
    return _datasets(one)


def _datasets(one: Parser) -> Parser:
    one.add_argument(
        "--dataset",
        action="append",
        default=[],
        metavar="DOCUMENT",
        help="only this one of the template's documents; may be given again",
    )
    one.add_argument(
        "--reclimit", type=int, default=0, metavar="N", help="records per data set"
    )
    return one


def _wanted(options: argparse.Namespace) -> "Content":
    from harness.commands.db_make import Content

    return Content(
        modules=options.modules,
        template=options.template,
        datasets=tuple(options.dataset),
        reclimit=options.reclimit,
        empty=getattr(options, "empty", False),
        filled=getattr(options, "filled", False),
    )


def _terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _list(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db

    return db.list_(
        apart(context, options), wish=request(options), as_json=options.json
    )


def _size(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db

    return db.size(
        apart(context, options),
        wish=request(options),
        name=options.name,
        as_json=options.json,
    )


def _psql(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db

    name, words = options.name, rest
    if options.sql:
        words = (f"--command={options.sql}", *words)
    return db.psql(
        context,
        wish=request(options),
        name=name,
        words=words,
        terminal=_terminal(),
    )


def _console(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db

    return db.console(
        context, wish=request(options), name=options.name, terminal=_terminal()
    )


def _create(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.create(
        context, wish=request(options), name=options.name, content=_wanted(options)
    )


def _rebuild(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.rebuild(
        context,
        wish=request(options),
        name=options.name,
        content=_wanted(options),
        leave=leave(options),
    )


def _delete(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.delete(
        context, wish=request(options), names=options.names, leave=leave(options)
    )


def _copy(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.copy(
        context,
        wish=request(options),
        source=options.source,
        target=options.target,
        leave=leave(options),
    )


def _update(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_update

    return db_update.update(
        context,
        wish=request(options),
        name=options.name,
        modules=options.modules,
        leave=leave(options),
    )
