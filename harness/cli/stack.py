# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness up``, ``down``, ``ps``, ``logs``, ``scale`` …: the stack."""

import argparse
import sys
from typing import TYPE_CHECKING

from harness.cli.base import (
    Commands,
    Parser,
    Words,
    as_json,
    asking,
    command,
    dry_run,
    leave,
)
from harness.errors import UsageError

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
    one.set_defaults(call=_urls)
    one = on_stack(commands, "port", "where a port of a service is published")
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.add_argument("port", type=int, metavar="PORT", help="its own, such as 5678")
    one.add_argument(
        "--index", type=int, default=0, metavar="N", help="of this replica; else of all"
    )
    as_json(one)
    one.set_defaults(call=_port)


def on_stack(commands: "Commands[Parser]", name: str, text: str) -> Parser:
    """A command on the stack of an environment."""
    one = command(commands, name, text)
    one.add_argument(
        "--environment",
        choices=("development", "staging", "production"),
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
    dry_run(one).set_defaults(call=_up)
    one = on_stack(commands, "down", "end the stack and remove its containers")
    one.add_argument(
        "--volumes",
        action="store_true",
        help="and all of its data, after a question and a backup",
    )
    dry_run(asking(one)).set_defaults(call=_down)
    one = _services(on_stack(commands, "restart", "end services and start them again"))
    dry_run(one).set_defaults(call=_restart)
    one = as_json(on_stack(commands, "ps", "list the stack's containers"))
    one.set_defaults(call=_ps)
    one = _services(on_stack(commands, "logs", "what services have written"))
    one.add_argument("-f", "--follow", action="store_true", help="go on, until Ctrl-C")
    one.add_argument("--tail", default="all", metavar="N", help="the last N lines")
    one.set_defaults(call=_logs)


def _inside(commands: "Commands[Parser]") -> None:
    one = on_stack(commands, "shell", "a shell in a running service")
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.set_defaults(call=_shell)
    for name, text, call in (
        ("exec", "run a command in a running service", _exec),
        ("run", "run a command in a new container of a service", _run),
    ):
        one = on_stack(commands, name, text)
        one.add_argument("service", metavar=NAMES, help="such as erpserver")
        one.add_argument(
            "words", nargs=argparse.REMAINDER, metavar="COMMAND", help="and its options"
        )
        one.set_defaults(call=call)


def _up(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_up

    return stack_up.up(
        context,
        environment=options.environment,
        services=options.services,
        wait=options.wait,
        build=options.build,
        dry=options.dry_run,
    )


def _down(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_down

    return stack_down.down(
        context,
        environment=options.environment,
        volumes=options.volumes,
        dry=options.dry_run,
        leave=leave(options),
    )


def _restart(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_change

    return stack_change.restart(
        context,
        environment=options.environment,
        services=options.services,
        dry=options.dry_run,
    )


def _ps(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_show

    return stack_show.ps(context, environment=options.environment, as_json=options.json)


def _logs(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_logs

    return stack_logs.logs(
        context,
        environment=options.environment,
        services=options.services,
        follow=options.follow,
        tail=options.tail,
    )


def _shell(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack

    return stack.shell(
        context,
        environment=options.environment,
        service=options.service,
        terminal=terminal(),
    )


def _exec(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack

    return stack.execute(
        context,
        environment=options.environment,
        service=options.service,
        words=_given(options, "exec"),
        terminal=terminal(),
    )


def _run(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack

    return stack.run(
        context,
        environment=options.environment,
        service=options.service,
        words=_given(options, "run"),
        terminal=terminal(),
    )


def _given(options: argparse.Namespace, name: str) -> list[str]:
    words: list[str] = options.words
    words = words[1:] if words[:1] == ["--"] else words
    if not words:
        raise UsageError(
            "no command is given",
            remedy=f"harness {name} {options.service} COMMAND, or harness shell",
        )
    return words


def terminal() -> bool:
    """Whether somebody sits here."""
    return sys.stdin.isatty() and sys.stdout.isatty()


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


def _urls(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_show

    return stack_show.urls(
        context, environment=options.environment, as_json=options.json
    )


def _port(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack_show

    return stack_show.port(
        context,
        environment=options.environment,
        service=options.service,
        inside=options.port,
        index=options.index,
        as_json=options.json,
    )
