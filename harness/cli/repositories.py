# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness update`` and ``harness sources …``: repositories."""

import argparse
import sys
from typing import TYPE_CHECKING

from harness.cli.base import Call, Commands, Parser, Words, apart, command

if TYPE_CHECKING:
    from harness.commands.sources import Choice
    from harness.context import Context

STAGES = ("development", "staging", "production")


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    one = command(commands, "update", "clone and pull the sources, say what follows")
    _names(one)
    one.add_argument(
        "--environment", choices=STAGES, default="", help="whose refs; else the stack's"
    )
    one.add_argument(
        "--reset",
        action="store_true",
        help="throw local changes away, after a question",
    )
    one.add_argument(
        "--self",
        dest="itself",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="also this checkout, on the branch that it is on",
    )
    one.add_argument("--json", action="store_true", help="as JSON; nothing is offered")
    _changing(one, yes="do not ask, do what follows").set_defaults(call=_update)
    one = command(
        commands, "sources", "list the sources: place, revision, series; or work in all"
    )
    one.set_defaults(call=_list)
    _actions(one.add_subparsers(dest="action", metavar="ACTION"))


def _names(one: Parser) -> Parser:
    one.add_argument(
        "names", nargs="*", default=[], metavar="SOURCE", help="these; else all"
    )
    return one


def _only(one: Parser) -> Parser:
    one.add_argument(
        "--source",
        dest="names",
        action="append",
        default=[],
        metavar="NAME",
        help="only this one; may be given again",
    )
    return one


def _changing(one: Parser, yes: str = "do not ask") -> Parser:
    one.add_argument("--dry-run", action="store_true", help="print the lines only")
    one.add_argument("--yes", action="store_true", help=yes)
    return one


def _actions(below: "Commands[Parser]") -> None:
    def action(name: str, text: str, call: Call) -> Parser:
        one = command(below, name, text)
        one.set_defaults(call=call)
        return one

    one = _names(action("status", "branches and changes of all, in a table", _status))
    one.add_argument("--fetch", action="store_true", help="ask the remotes first")
    one.add_argument("--json", action="store_true", help="as JSON")
    one = _names(action("diff", "changes of tracked files", _diff))
    one.add_argument("--stat", action="store_true", help="only numbers per file")
    one = _only(action("checkout", "switch those that have the branch", _checkout))
    one.add_argument("branch", metavar="BRANCH", help="here, or at the remote")
    one.add_argument("--create", action="store_true", help="make it where it is not")
    _changing(one)
    _changing(_names(action("pull", "go forward where nothing is in the way", _pull)))
    one = _only(action("commit", "commit in all that have changes", _commit))
    one.add_argument("-m", "--message", required=True, help="of all the commits")
    _changing(one)
    _changing(_names(action("push", "push, after showing what", _push)))
    one = _only(action("merge", "merge a branch; conflicts are undone", _merge))
    one.add_argument("branch", metavar="BRANCH", help="into what is checked out")
    _changing(one)
    text = "merge an environment's branches into the next stage's, and push"
    one = _only(action("promote", text, _promote))
    one.add_argument("stage", choices=STAGES[:-1], help="the environment")
    _changing(one)


def _choice(options: argparse.Namespace) -> "Choice":
    from harness.commands.sources import Choice

    there = sys.stdin is not None and sys.stdin.isatty()
    return Choice(
        names=tuple(options.names),
        yes=getattr(options, "yes", False),
        dry=getattr(options, "dry_run", False),
        ask=input if there else None,
    )


def _update(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import update

    return update.run(
        apart(context, options),
        choice=_choice(options),
        environment=options.environment,
        reset=options.reset,
        itself=options.itself,
        as_json=options.json,
    )


def _list(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.run import heading

    return heading.sources(context)


def _status(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    return sources.status(
        apart(context, options),
        choice=_choice(options),
        fetch=options.fetch,
        as_json=options.json,
    )


def _diff(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    words = ("--stat",) if options.stat else ()
    return sources.diff(context, choice=_choice(options), words=words)


def _checkout(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    return sources.checkout(
        context, choice=_choice(options), branch=options.branch, create=options.create
    )


def _pull(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    return sources.pull(context, choice=_choice(options))


def _commit(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    return sources.commit(context, choice=_choice(options), message=options.message)


def _push(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    return sources.push(context, choice=_choice(options))


def _merge(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    return sources.merge(context, choice=_choice(options), branch=options.branch)


def _promote(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import sources

    return sources.promote(context, choice=_choice(options), environment=options.stage)
