# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness db …``: people's databases."""

import argparse
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import (
    Commands,
    Parser,
    actions,
    apart,
    as_json,
    asking,
    command,
    dry_run,
    leave,
    trusting,
    with_database,
)  # fmt: skip
from harness.errors import HarnessError, Interrupted
from harness.output import Console

if TYPE_CHECKING:
    from harness.commands.db_make import Content
    from harness.commands.db_place import DatabaseRequest
    from harness.context import Context

Words = tuple[str, ...]
Call = Callable[["Context", argparse.Namespace, Words], int]


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    text = "databases of the stack, or of the embedded server"
    below = actions(command(commands, "db", text))
    _looking(below)
    _making(below)
    _files(below)


def _one(
    below: "Commands[Parser]", name: str, text: str, call: Call, *, dry: bool = True
) -> Parser:
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
        choices=("development", "staging", "production"),
        default="",
        help="which stack; else the configured one",
    )
    if dry:
        dry_run(one)
    one.set_defaults(call=call)
    return one


def _named(one: Parser) -> Parser:
    one.add_argument(
        "name", nargs="?", default="", metavar="NAME", help="else the stack's"
    )
    return one


def _looking(below: "Commands[Parser]") -> None:
    as_json(_one(below, "list", "list the databases", _list, dry=False))
    as_json(_named(_one(below, "size", "its tables' sizes", _size, dry=False)))
    one = _named(_one(below, "psql", "psql on any database, also a lease", _psql))
    one.usage = "%(prog)s [options] [NAME] [-- OPTION of psql ...]"
    one.add_argument(
        "-c", "--command", dest="sql", default="", metavar="SQL", help="run only this"
    )
    _named(_one(below, "console", "Tryton's console on a database", _console))


def _making(below: "Commands[Parser]") -> None:
    _content(_named(_one(below, "create", "make a database", _create)))
    text = "make a database anew; the former one serves until the new one is whole"
    _content(asking(_named(_one(below, "rebuild", text, _rebuild))))
    for which in ("test", "demo"):
        text = f"a database with the {which} data, in place of the one that is there"
        one = asking(_named(_one(below, f"{which}-setup", text, _rebuild)))
        one.set_defaults(template=which, modules=(), filled=True)
        _datasets(one)
    one = asking(_one(below, "delete", "delete databases, ending sessions", _delete))
    one.add_argument("names", nargs="+", metavar="NAME", help="which")
    one = asking(_one(below, "copy", "copy a database while it is used", _copy))
    one.add_argument("source", metavar="A", help="the database")
    one.add_argument("target", metavar="B", help="its copy; an older one is replaced")
    text = "update modules on a copy that takes the database's place at the end"
    one = asking(_named(_one(below, "update", text, _update, dry=False)))
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


def _files(below: "Commands[Parser]") -> None:
    text = "write a backup to -o, to stdout in a pipe, else below backups/"
    one = as_json(_named(_one(below, "backup", text, _backup)))
    one.add_argument("-o", "--output", type=Path, help="the file; - is stdout")
    one.add_argument("--force", action="store_true", help="replace the file")
    text = "make a database from a backup, verified before and after"
    one = asking(_one(below, "restore", text, _restore))
    one.add_argument("file", type=Path, metavar="FILE", help="what backup has written")
    trusting(_named(one))
    one.add_argument(
        "--no-privileges",
        action="store_true",
        help="grant nothing: the backup's roles need not be there",
    )
    text = "remove all data of the server, after a backup of each database"
    asking(_one(below, "destroy", text, _destroy))


def _wish(options: argparse.Namespace) -> "DatabaseRequest":
    from harness.commands.db_place import DatabaseRequest

    return DatabaseRequest(
        on=options.on,
        environment=options.environment,
        dry=getattr(options, "dry_run", False),
    )


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

    return db.list_(apart(context, options), wish=_wish(options), as_json=options.json)


def _size(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db

    return db.size(
        apart(context, options),
        wish=_wish(options),
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
        wish=_wish(options),
        name=name,
        words=words,
        terminal=_terminal(),
    )


def _console(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db

    return db.console(
        context, wish=_wish(options), name=options.name, terminal=_terminal()
    )


def _create(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.create(
        context, wish=_wish(options), name=options.name, content=_wanted(options)
    )


def _rebuild(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.rebuild(
        context,
        wish=_wish(options),
        name=options.name,
        content=_wanted(options),
        leave=leave(options),
    )


def _delete(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.delete(
        context, wish=_wish(options), names=options.names, leave=leave(options)
    )


def _copy(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_make

    return db_make.copy(
        context,
        wish=_wish(options),
        source=options.source,
        target=options.target,
        leave=leave(options),
    )


def _update(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_update

    return db_update.update(
        context,
        wish=_wish(options),
        name=options.name,
        modules=options.modules,
        leave=leave(options),
    )


def _backup(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    """Where the backup goes to stdout, all words go to stderr."""
    from harness.commands import db_files

    output = options.output
    piped = output is None and not sys.stdout.isatty() and not options.json
    streams = (output == Path("-") or piped) and not options.dry_run
    if not streams:
        return db_files.backup(
            apart(context, options),
            wish=_wish(options),
            name=options.name,
            output=output,
            stdout=None,
            force=options.force,
            as_json=options.json,
        )
    console = Console(sys.stderr, context.environ)
    try:
        code = db_files.backup(
            replace(context, console=console),
            wish=_wish(options),
            name=options.name,
            output=None,
            stdout=sys.stdout.buffer.write,
            force=False,
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


def _restore(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_files

    return db_files.restore(
        context,
        wish=_wish(options),
        path=options.file,
        name=options.name,
        trusted=options.trusted,
        privileges=not options.no_privileges,
        leave=leave(options),
    )


def _destroy(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import db_files

    return db_files.destroy(
        context,
        wish=_wish(options),
        leave=leave(options),
    )
