# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness template``."""

from pathlib import Path

from harness.cli.base import (
    Commands,
    Parser,
    actions,
    command,
    trusting,
    with_database,
    written,
)


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
        "-o", "--output", type=written, required=True, help="the file to write"
    )
    made["export"].add_argument(
        "--build", dest="make", action="store_true", help="build before what is missing"
    )
    made["digest"].add_argument(
        "-o", "--output", type=written, metavar="FILE", help="write it to a file, too"
    )
    exact(made["build"])
    made["verify"].add_argument(
        "--traced",
        action="store_true",
        help="each name is one template; only those that are not called as today's"
        " files say",
    )
    made["import"].add_argument(
        "path", type=Path, metavar="file", help="what export has written"
    )
    trusting(made["import"])
    made["prune"].add_argument(
        "--all", dest="everything", action="store_true", help="remove all"
    )
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


CALLS = {
    "list": "template.list_",
    "build": "template.build",
    "explain": "template_facts.explain",
    "verify": "template_facts.verify",
    "digest": "template.digest",
    "export": "template.export",
    "import": "template.import_",
    "prune": "template.prune",
}
