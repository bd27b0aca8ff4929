# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness test``, ``config``."""

import argparse
from typing import TYPE_CHECKING

from harness.cli import order
from harness.cli.base import (
    Commands,
    Parser,
    Words,
    command,
    with_database,
)
from harness.cli.templates import exact
from harness.errors import UsageError
from harness.options import bare, meant

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    _test(commands)
    one = with_database(
        command(commands, "config", "print each setting with its source")
    )
    one.add_argument("--json", action="store_true", help="as JSON")
    one.set_defaults(call=".run.heading.config")


def _test(commands: "Commands[Parser]") -> None:
    one = with_database(
        command(commands, "test", "run a suite, each test in a database of its own")
    )
    one.epilog = (
        "All other options, and what follows --, go to pytest (-- --help: its help)."
    )
    one.add_argument(
        "suite",
        nargs="?",
        default="",
        help="a suite of the configuration, such as tryton; none: the only one",
    )
    one.add_argument(
        "words",
        nargs="*",
        default=[],
        metavar="MODULE|ADDRESS",
        help="modules; of other suites their parts (unit), files, addresses of"
        " pytest (file.py::Class) or nose (file.py:Class.method)",
    )
    one.add_argument(
        "--path",
        action="append",
        default=[],
        metavar="ADDRESS",
        help="the same; may be given several times",
    )
    one.add_argument("--series", default="", help="Tryton series, such as 7.0")
    one.add_argument(
        "--isolation",
        choices=("test", "class", "module", "worker"),
        help="how long a test keeps its database",
    )
    one.add_argument(
        "--in",
        dest="runner",
        choices=("venv", "image"),
        default="",
        help="where it runs: an environment here, or the service's image",
    )
    one.add_argument("--jobs", type=int, help="number of worker processes")
    one.add_argument(
        "--worker",
        action="append",
        metavar="[N*]ssh=HOST",
        help="a worker (or N) on another machine, beside those here",
    )
    one.add_argument(
        "--changed-since",
        default="",
        metavar="REV",
        help="the modules whose files changed, and all that depend on them",
    )
    one.add_argument(
        "--affected",
        nargs="?",
        choices=("run", "check"),
        const="run",
        default="",
        help="only tests that depend on what changed, and what never passed; =check:"
        " all, and whether that would have missed one (docs/affected.md)",
    )
    one.add_argument(
        "--shard",
        default="",
        metavar="K/N",
        help="the K-th of N parts of about the same duration",
    )
    one.add_argument(
        "--timeout",
        metavar="SECONDS",
        help="how long a test, its set-up and its tear-down may take; 0: for ever"
        " (pytest-timeout's: -- --timeout=N)",
    )
    one.add_argument(
        "--with",
        action="append",
        metavar="REQUIREMENT",
        help="a package that tests need and nobody requires; again for more",
    )
    one.add_argument("--keep", action="store_true", help="leave the server warm")
    exact(one)
    one.add_argument(
        "--keep-failed",
        action="store_true",
        help="keep a copy of each failed test's database: harness db psql NAME",
    )
    one.add_argument(
        "--sql",
        action="store_true",
        help="the last SQL statements of each failed test, on its page",
    )
    one.add_argument(
        "--browser",
        metavar="WHERE",
        help="browsers of suites that need them: auto, local, docker or http://…",
    )
    one.add_argument(
        "--selenium", metavar="URL", help="the same: a Selenium Grid or service"
    )
    one.add_argument("--headed", action="store_true", help="show the browser's window")
    one.add_argument(
        "--evidence",
        metavar="WHEN",
        help="screenshots, page, console, logs: always, failures or never",
    )
    one.add_argument(
        "--coverage", action="store_true", help="measure branch coverage of the sources"
    )
    order.add(one)
    one.add_argument(
        "--debug",
        action="store_true",
        help="begin when an editor is attached (pytest's own: -- --debug)",
    )
    one.add_argument(
        "--list", action="store_true", help="print the plan, start nothing"
    )
    one.add_argument("--json", action="store_true", help="the plan as JSON")
    one.add_argument(
        "--list-tests",
        action="store_true",
        help="print the ids of the tests, also of a --shard and of -k; run none",
    )
    one.set_defaults(call=_run_test)


def _choose(context: "Context", options: argparse.Namespace) -> None:
    """Where there is one suite, its name may be left out."""
    only = list(context.config.suite)
    word = options.suite
    if len(only) != 1 or word == only[0]:
        return
    named = word in context.graph or "/" in word or "::" in word
    if named or not word:
        options.suite = only[0]
        options.words = [word, *options.words] if word else options.words


def _run_application(
    context: "Context", options: argparse.Namespace, rest: Words
) -> int:
    from harness.commands import application

    options.words = [one for one in (options.suite, *options.words) if one]
    usual = options.here.get_default
    given = (one for one in OF_SUITES if getattr(options, one) != usual(one))
    odd = [f"--{one.replace('_', '-')}" for one in given]
    if odd:
        raise UsageError(
            f"{odd[0]} means nothing here: this is an application without Tryton",
            checked=f"there is no [tool.harness] in {context.config.root}",
            remedy=f"leave {odd[0]} out; pytest's own options are taken",
        )
    if options.list_tests:
        rest = ("--collect-only", "--quiet", *rest)
    return application.run(context, (*options.words, *options.path, *rest))


OF_SUITES = (
    "series", "isolation", "runner", "changed_since", "affected", "shard", "coverage",
    "keep_failed", "list", "json", "reruns", "repeat", "bisect", "debug", "worker",
)  # fmt: skip
"""Options that only configured suites have."""


def _run_test(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import test
    from harness.model import Isolation
    from harness.run import request

    suites = context.config.suite
    if context.application:
        return _run_application(context, options, rest)
    _choose(context, options)
    if options.suite not in suites:
        raise UsageError(
            f"there is no suite {options.suite!r}"
            if options.suite
            else "which suite? It can be left out where there is one alone",
            checked=f"configured are {', '.join(suites) or 'none'}",
            remedy=meant(options.suite, suites) or "harness config",
        )
    shown = {"--headed": options.headed, "--browser": options.browser,
             "--selenium": options.selenium}  # fmt: skip
    for name in (one for one, given in shown.items() if given):
        if not suites[options.suite].browser:
            raise UsageError(
                f"{name} means nothing: the suite {options.suite} has no browser",
                checked="the suites' setting browser",
                remedy=f"leave {name} out, or name one of"
                f" {', '.join(n for n, s in suites.items() if s.browser) or 'none'}",
            )
    words = [bare(one) for one in options.words]
    paths = [one for one in words if "/" in one or "::" in one]
    heading = options.list or options.json
    if options.list_tests:
        rest = ("--collect-only", "--quiet", *rest)
    if options.keep_failed:
        rest = ("--harness-keep-failed", *rest)
    if options.sql:
        rest = ("-p", "harness.plugins.statements", *rest)
    if options.debug:
        from harness.run import debugging

        inside = (options.runner or suites[options.suite].runner) == "image"
        rest = (*debugging.options(context, inside=inside, dry=heading), *rest)
    asked = request.RunRequest(
        suite=options.suite,
        words=tuple(one for one in words if one not in paths),
        paths=(*paths, *map(bare, options.path)),
        options=rest,
        series=options.series,
        isolation=Isolation(options.isolation) if options.isolation else None,
        runner=options.runner,
        changed_since=options.changed_since,
        measure=options.coverage,
        shard=options.shard,
        affected=options.affected,
        reruns=options.reruns,
        repeat=options.repeat,
        shuffle=order.shuffle(options),
        seed=options.seed,
        exactly=tuple(map(bare, options.exactly)),
        bisect=options.bisect or "",
    )
    return test.run(context, asked, show=heading, as_json=options.json)
