# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness up``, ``down``, ``ps``, ``logs``, ``scale`` …: the stack."""

import argparse
from typing import TYPE_CHECKING

from harness.cli.base import (
    Commands,
    Parser,
    Words,
    actions,
    as_json,
    asking,
    command,
    dry_run,
    identified,
    written,
)
from harness.model import ENVIRONMENTS

if TYPE_CHECKING:
    from harness.context import Context

NAMES = "SERVICE"


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    _whole(commands)
    _inside(commands)
    one = on_stack(commands, "scale", "set how many there are of services")
    one.add_argument(
        "words", nargs="+", metavar="SERVICE=NUMBER", help="such as portal=2"
    )
    dry_run(as_json(one)).set_defaults(call=_scale)
    one = as_json(on_stack(commands, "urls", "where the stack is reached"))
    one.set_defaults(call="stack_show.urls")
    whole = command(commands, "stack", "the stack for other machines than this one")
    one = on_stack(actions(whole), "export", "write it for a swarm, for Kubernetes")
    one.add_argument(
        "--format",
        dest="form",
        choices=("swarm", "kubernetes"),
        default="swarm",
        help="swarm: a file for docker stack deploy; kubernetes: for kubectl apply",
    )
    one.add_argument(
        "-o", "--output", type=written, required=True, help="the file to write"
    )
    one.set_defaults(call="stack_export.export")
    one = on_stack(commands, "port", "where a port of a service is published")
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.add_argument("inside", type=int, metavar="PORT", help="its own, such as 5678")
    one.add_argument(
        "--index", type=int, default=0, metavar="N", help="of this replica; else of all"
    )
    as_json(one)
    one.set_defaults(call="stack_show.port")


def on_stack(commands: "Commands[Parser]", name: str, text: str) -> Parser:
    """A command on the stack of an environment."""
    one = command(commands, name, text)
    one.add_argument(
        "--environment",
        choices=ENVIRONMENTS,
        default="",
        help="which stack; else the configured one",
    )
    return one


def _services(one: Parser) -> Parser:
    one.add_argument(
        "services", nargs="*", default=[], metavar=NAMES, help="these only"
    )
    return one


def _whole(commands: "Commands[Parser]") -> None:
    one = _services(on_stack(commands, "up", "start the stack, its database included"))
    one.add_argument(
        "--wait",
        action=argparse.BooleanOptionalAction,
        default=True,
        help="until all is healthy and answers",
    )
    one.add_argument(
        "--build", action="store_true", help="build missing and older images first"
    )
    dry_run(one).set_defaults(call="stack_up.up")
    one = on_stack(commands, "down", "end the stack and remove its containers")
    one.add_argument(
        "-v",
        "--volumes",
        action="store_true",
        help="and all of its data, after a question and a backup",
    )
    dry_run(asking(one)).set_defaults(call="stack_down.down")
    one = _services(
        on_stack(commands, "rollback", "go back to the images that served before")
    )
    one.add_argument(
        "--with-database",
        dest="data",
        action="store_true",
        help="and to the backup that was made before these updated the database",
    )
    identified(dry_run(asking(one))).set_defaults(call="stack_rollback.rollback")
    one = _services(on_stack(commands, "restart", "end services and start them again"))
    dry_run(one).set_defaults(call="stack_change.restart")
    one = as_json(on_stack(commands, "ps", "list the stack's containers"))
    one.set_defaults(call="stack_show.ps")
    one = _services(on_stack(commands, "logs", "what services have written"))
    one.add_argument("-f", "--follow", action="store_true", help="go on, until Ctrl-C")
    one.add_argument(
        "-n", "--tail", default="all", metavar="N", help="the last N lines"
    )
    one.set_defaults(call="stack_logs.logs")


def _inside(commands: "Commands[Parser]") -> None:
    one = on_stack(commands, "shell", "a shell in a running service")
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.set_defaults(call="stack.shell")
    for name, text, call in (
        ("exec", "run a command in a running service", "stack.execute"),
        ("run", "run a command in a new container of a service", "stack.run"),
    ):
        one = on_stack(commands, name, text)
        one.add_argument("service", metavar=NAMES, help="such as erpserver")
        one.add_argument(
            "words", nargs=argparse.REMAINDER, metavar="COMMAND", help="and its options"
        )
        one.set_defaults(call=call)


def _scale(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_change, stack_show

    code = stack_change.scale(
        context,
        environment=options.environment,
        words=options.words,
        dry=options.dry_run,
        quiet=options.json,
    )
    if options.dry_run:
        return code
    return stack_show.ps(context, environment=options.environment, as_json=options.json)
