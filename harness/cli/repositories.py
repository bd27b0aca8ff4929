# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness update`` and ``harness sources …``: repositories."""

import argparse

from harness.cli.base import Commands, Parser, as_json, command
from harness.model import ENVIRONMENTS


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    one = command(commands, "update", "clone and pull the sources, say what follows")
    _names(one)
    one.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        default="",
        help="whose refs; else the stack's",
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
    _changing(one, yes="do not ask, do what follows")
    one.set_defaults(call="update.run", apart=True)
    one = command(
        commands, "sources", "list the sources: place, revision, series; or work in all"
    )
    one.set_defaults(call=".run.heading.sources")
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
    def action(name: str, text: str) -> Parser:
        one = command(below, name, text)
        one.set_defaults(call=f"sources.{name}")
        return one

    one = _names(action("status", "branches and changes of all, in a table"))
    one.set_defaults(apart=True)
    one.add_argument("--fetch", action="store_true", help="ask the remotes first")
    as_json(one)
    one = _names(action("diff", "changes of tracked files"))
    one.add_argument("--stat", action="store_true", help="only numbers per file")
    one = _only(action("checkout", "switch those that have the branch"))
    one.add_argument("branch", metavar="BRANCH", help="here, or at the remote")
    one.add_argument("--create", action="store_true", help="make it where it is not")
    _changing(one)
    _changing(_names(action("pull", "go forward where nothing is in the way")))
    one = _only(action("commit", "commit in all that have changes"))
    one.add_argument("-m", "--message", required=True, help="of all the commits")
    _changing(one)
    _changing(_names(action("push", "push, after showing what")))
    one = _only(action("merge", "merge a branch; conflicts are undone"))
    one.add_argument("branch", metavar="BRANCH", help="into what is checked out")
    _changing(one)
    text = "merge an environment's branches into the next stage's, and push"
    one = _only(action("promote", text))
    one.add_argument("environment", choices=ENVIRONMENTS[:-1], help="whose branches")
    _changing(one)
