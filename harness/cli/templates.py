# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness template``."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import (
    Commands,
    Parser,
    Words,
    actions,
    command,
    trusting,
    with_database,
)

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add the command to the command line."""
    one = with_database(
        command(commands, "template", "finished databases that clones are made of")
    )
    below = actions(one)
    texts = {
        "list": "list all templates",
        "build": "build what is missing of a template",
        "explain": "say what a template is made of and what changed",
        "verify": "build a template again from nothing, and compare the contents",
        "digest": "print what names a template, and build nothing",
        "export": "write a template to a file",
        "import": "read a template from a file",
        "prune": "remove templates beyond the limits",
    }
    made = {
        name: with_database(command(below, name, text)) for name, text in texts.items()
    }
    made["list"].add_argument("--json", action="store_true", help="as JSON")
    for name in ("build", "explain", "verify", "digest", "export"):
        made[name].add_argument(
            "names",
            nargs="+",
            metavar="MODULE|TEMPLATE",
            help="modules, or a template of the configuration",
        )
        made[name].add_argument("--series", default="", help="Tryton series")
    made["export"].add_argument(
        "-o", "--output", type=Path, required=True, help="the file to write"
    )
    made["export"].add_argument(
        "--build", action="store_true", help="build before what is missing"
    )
    made["digest"].add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write it to a file, too"
    )
    exact(made["build"])
    made["import"].add_argument("file", type=Path, help="what export has written")
    trusting(made["import"])
    made["prune"].add_argument("--all", action="store_true", help="remove all")
    made["prune"].add_argument("--dry-run", action="store_true", help="only say")
    for name, call in CALLS.items():
        made[name].set_defaults(call=call)


def exact(one: Parser) -> None:
    """The option of those who build templates."""
    one.add_argument(
        "--exact",
        action="store_true",
        help="build templates anew for each change of a file, also for one that their"
        " build cannot have seen",
    )


def _list(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template

    return template.list_(context, as_json=options.json)


def _build(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template

    names = tuple(options.names)
    return template.build(context, names=names, wanted_series=options.series)


def _explain(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template_facts

    names = tuple(options.names)
    return template_facts.explain(context, names=names, wanted_series=options.series)


def _verify(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template_facts

    names = tuple(options.names)
    return template_facts.verify(context, names=names, wanted_series=options.series)


def _export(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template

    return template.export(
        context,
        names=tuple(options.names),
        wanted_series=options.series,
        output=options.output,
        make=options.build,
    )


def _digest(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template

    return template.digest(
        context,
        names=tuple(options.names),
        wanted_series=options.series,
        output=options.output,
    )


def _import(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template

    return template.import_(context, path=options.file, trusted=options.trusted)


def _prune(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import template

    return template.prune(context, everything=options.all, dry=options.dry_run)


CALLS = {
    "list": _list,
    "build": _build,
    "explain": _explain,
    "verify": _verify,
    "digest": _digest,
    "export": _export,
    "import": _import,
    "prune": _prune,
}
