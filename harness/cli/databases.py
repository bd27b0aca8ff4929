# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db …``: people's databases."""

from harness.cli import backups
from harness.cli.base import (
    Commands,
    Parser,
    actions,
    as_json,
    asking,
    command,
)
from harness.cli.placed import named, placed


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    text = "databases of the stack, or of the embedded server"
    below = actions(command(commands, "db", text))
    _looking(below)
    _making(below)
    backups.add(below)


def _looking(below: "Commands[Parser]") -> None:
    one = as_json(placed(below, "list", "list the databases", "db.list_", dry=False))
    one.set_defaults(apart=True)
    one = placed(below, "size", "its tables' sizes", "db.size", dry=False)
    as_json(named(one)).set_defaults(apart=True)
    one = named(placed(below, "psql", "psql on any database, also a lease", "db.psql"))
    one.usage = "%(prog)s [options] [NAME] [-- OPTION of psql ...]"
    one.add_argument(
        "-c", "--command", dest="sql", default="", metavar="SQL", help="run only this"
    )
    named(placed(below, "console", "Tryton's console on a database", "db.console"))


def _making(below: "Commands[Parser]") -> None:
    _content(named(placed(below, "create", "make a database", "db_make.create")))
    text = "make a database anew; the former one serves until the new one is whole"
    _content(asking(named(placed(below, "rebuild", text, "db_make.rebuild"))))
    for which in ("test", "demo"):
        text = f"a database with the {which} data, in place of the one that is there"
        one = asking(named(placed(below, f"{which}-setup", text, "db_make.rebuild")))
        one.set_defaults(template=which, modules=(), filled=True)
        _datasets(one)
    one = asking(
        placed(below, "delete", "delete databases, ending sessions", "db_make.delete")
    )
    one.add_argument("names", nargs="+", metavar="NAME", help="which")
    one = asking(
        placed(below, "copy", "copy a database while it is used", "db_make.copy")
    )
    one.add_argument("source", metavar="A", help="the database")
    one.add_argument("target", metavar="B", help="its copy; an older one is replaced")
    text = "update modules on a copy that takes the database's place at the end"
    one = asking(named(placed(below, "update", text, "db_update.update", dry=False)))
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
