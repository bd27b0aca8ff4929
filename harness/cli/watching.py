# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness watch``."""

import argparse
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, command, overrides, with_database
from harness.errors import UsageError
from harness.options import bare, meant

if TYPE_CHECKING:
    from harness.context import Context

NEAR = 0.8
"""How near to a suite's name a word is a slip: modules have names like these."""
EPILOG = """\
keys: a all tests, f those that failed, p only files whose path has …, t only tests
whose name has … (as pytest's -k), r the rest follows each save, Enter the same again,
u unfold the last failures, q quit.
All other options, and what follows --, go to pytest."""


def add(commands: "Commands[Parser]") -> None:
    """Add the command to the command line."""
    one = with_database(
        command(commands, "watch", "run the tests that a save concerns, at each save")
    )
    one.formatter_class = argparse.RawDescriptionHelpFormatter
    one.epilog = EPILOG
    one.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="SUITE|WORD",
        help="a suite (left out: the first of the configuration), then what harness"
        " test takes: modules, parts, files, addresses",
    )
    one.add_argument("--series", default="", help="Tryton series, such as 7.0")
    one.add_argument("--jobs", type=int, help="number of worker processes")
    one.add_argument(
        "--isolation",
        choices=("test", "class", "module", "worker"),
        help="how long a test keeps its database",
    )
    one.add_argument("--timeout", metavar="SECONDS", help="how long a test may take")
    one.set_defaults(call=_watch)


def _watch(
    context: "Context", options: argparse.Namespace, rest: tuple[str, ...]
) -> int:
    from harness import config
    from harness.commands import watch
    from harness.model import Isolation
    from harness.run import request

    suites = list(context.config.suite)
    if not suites:
        raise UsageError("there is no suite to watch", checked="the configuration")
    words = [bare(one) for one in options.words]
    first = words[0] if words else suites[0]
    slip = meant(first, suites, cutoff=NEAR)
    if slip and first not in suites:
        raise UsageError(f"there is no suite {first!r}", remedy=slip)
    suite, words = (first, words[1:]) if first in suites else (suites[0], words)
    paths = [one for one in words if "/" in one or "::" in one]
    asked = request.RunRequest(
        suite=suite,
        words=tuple(one for one in words if one not in paths),
        paths=tuple(paths),
        options=rest,
        series=options.series,
        isolation=Isolation(options.isolation) if options.isolation else None,
    )

    def reload() -> "Context":
        environ, root = context.environ, context.config.root
        return replace(context, config=config.load(root, environ, overrides(options)))

    keys = sys.stdin.fileno() if sys.stdin else -1
    return watch.run(context, asked, reload=reload, keys=keys)
