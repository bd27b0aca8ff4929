# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness docs``, ``lint``, ``completion``."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, Words, command, dry_run

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    _docs(commands)
    one = command(commands, "lint", "check the style of the sources")
    one.add_argument(
        "names", nargs="*", default=[], metavar="SOURCE", help="all without any"
    )
    one.add_argument("--json", action="store_true", help="the findings as JSON")
    dry_run(one).set_defaults(call="lint.run")
    one = command(commands, "completion", "a script that completes commands")
    one.add_argument("shell", choices=("bash", "zsh", "fish"), help="for this shell")
    one.set_defaults(call=_completion)


def _docs(commands: "Commands[Parser]") -> None:
    one = command(commands, "docs", "build the documentation; warnings are errors")
    one.add_argument(
        "--in",
        dest="runner",
        choices=("venv", "image"),
        default="venv",
        help="an environment here, or the documentation's image",
    )
    one.add_argument(
        "--build", action="store_true", help="in the image, built first if need be"
    )
    one.add_argument(
        "--no-autoapi",
        dest="autoapi",
        action="store_false",
        help="leave the sources' interface out",
    )
    one.add_argument(
        "--keep", action="store_true", help="build only what has changed since"
    )
    one.add_argument(
        "--down", action="store_true", help="remove pages and what builds have kept"
    )
    one.add_argument(
        "--serve", action="store_true", help="show it on 127.0.0.1, anew on change"
    )
    one.add_argument(
        "--port", type=int, default=8080, metavar="N", help="of --serve; 0: any"
    )
    one.add_argument(
        "--open", dest="show", action="store_true", help="open it in the browser"
    )
    dry_run(one).set_defaults(call="docs.run")


def _completion(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.cli import completion
    from harness.config.described import ALIASES, OF_STACK
    from harness.series import official

    services = (*dict.fromkeys((*OF_STACK, *context.config.service)), *ALIASES)
    parts = {Path(path).name for one in context.config.suite.values()
             for path in one.paths}  # fmt: skip
    modules = (*context.graph, *(one for one in official() if one not in context.graph))
    made = completion.tables(
        options.parser,
        {
            "SERVICE": services,
            "suite": tuple(context.config.suite),
            "SOURCE": tuple(context.config.source),
            "MODULE|TEMPLATE": (*context.config.template, *modules),
            "MODULE|ADDRESS": (*sorted(parts), *modules),
        },
    )
    made = completion.with_pytest(made)
    context.console.info(completion.script(options.shell, made).rstrip())
    if sys.stdout.isatty():
        context.console.info(f"# to install: {completion.PLACES[options.shell]}")
    return 0
