# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness gate``, ``hooks``, ``durations``."""

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, Words, actions, command, with_database
from harness.selection.trigger import EVENT

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    _gate(commands)
    one = command(commands, "hooks", "git hooks: the gate's quick part before a push")
    below = actions(one)
    made = command(below, "install", "write the pre-push hook, never over another")
    made.set_defaults(call="hooks.install")
    made = command(below, "remove", "remove it")
    made.set_defaults(call="hooks.remove")
    one = command(
        commands, "durations", "write how long tests take, for shards, to commit it"
    )
    one.set_defaults(call="durations.write")


def _gate(commands: "Commands[Parser]") -> None:
    one = with_database(
        command(commands, "gate", "run what a merge needs: one table, one verdict")
    )
    one.epilog = "Exit codes: 0 passed, 8 not passed, 3 nothing was needed."
    one.add_argument(
        "--since",
        default="",
        metavar="REV",
        help="compare with the common ancestor with this revision",
    )
    one.add_argument("--full", action="store_true", help="everything, whatever changed")
    one.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only this part"
    )
    one.add_argument(
        "--skip", action="append", default=[], metavar="NAME", help="not this part"
    )
    one.add_argument(
        "--quick", action="store_true", help="only what the pre-push hook runs"
    )
    one.add_argument(
        "--fail-fast", action="store_true", help="stop at the first part that fails"
    )
    one.add_argument(
        "--judge",
        nargs="+",
        type=Path,
        default=[],
        metavar="DIRECTORY",
        help="run nothing: judge what the jobs of CI left",
    )
    one.add_argument(
        "--list", action="store_true", help="print the selection, start nothing"
    )
    one.add_argument("--json", action="store_true", help="the same with CI's jobs")
    one.set_defaults(call=_run)


def _run(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import gate
    from harness.gate.judging import GateRequest

    asked = GateRequest(
        since=options.since,
        full=options.full,
        only=tuple(options.only),
        skip=tuple(options.skip),
        quick=options.quick,
        fail_fast=options.fail_fast,
        event=event_of(context.environ.get(EVENT, "")),
        judge=tuple(options.judge),
    )
    show = options.list or options.json
    return gate.run(context, asked, show=show, as_json=options.json)


def event_of(path: str) -> object:
    """GitHub's document about the event; nothing where it is damaged."""
    try:
        found: object = json.loads(Path(path).read_text("utf-8")) if path else None
    except (OSError, ValueError):
        return None
    return found
