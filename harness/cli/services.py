# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness deploy``, ``pip-install``, ``pdb``, ``monitor``: services that run."""

import argparse
from typing import TYPE_CHECKING

from harness.cli.base import Commands, Parser, Words, actions, command, dry_run
from harness.cli.stack import NAMES, on_stack, terminal

if TYPE_CHECKING:
    from harness.context import Context


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    one = on_stack(commands, "deploy", "a service in this terminal, anew on change")
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.add_argument(
        "--debug",
        action="store_true",
        help="begin when an editor is attached (.vscode/launch.json)",
    )
    dry_run(one).set_defaults(call=_deploy)
    one = on_stack(
        commands, "pip-install", "install the mounted sources in running containers"
    )
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.add_argument(
        "--again", action="store_true", help="also where it was done already"
    )
    dry_run(one).set_defaults(call=_pip_install)
    one = on_stack(commands, "pdb", "debug a breakpoint() of a service, in here")
    one.add_argument("service", metavar=NAMES, help="such as portal")
    one.add_argument(
        "--index", type=int, default=0, metavar="N", help="this replica; else any"
    )
    one.add_argument(
        "--no-wait", action="store_true", help="not where no breakpoint waits yet"
    )
    one.set_defaults(call=_pdb)
    _monitor(commands)
    below = actions(command(commands, "secrets", "the secrets of a stack"))
    one = on_stack(below, "init", "make all that are missing; none is replaced")
    one.set_defaults(call=_secrets)


def _monitor(commands: "Commands[Parser]") -> None:
    one = on_stack(commands, "monitor", "what containers and servers take, live")
    one.add_argument("--once", action="store_true", help="one table, then end")
    one.add_argument("--json", action="store_true", help="as JSON, a line per look")
    one.add_argument(
        "--interval",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="between two looks",
    )
    one.set_defaults(call=_call_monitor)


def _deploy(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import deploy

    return deploy.run(
        context,
        environment=options.environment,
        service=options.service,
        wait=options.debug,
        terminal=terminal(),
        dry=options.dry_run,
    )


def _pip_install(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import pip_install

    return pip_install.run(
        context,
        environment=options.environment,
        service=options.service,
        again=options.again,
        dry=options.dry_run,
    )


def _pdb(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import pdb

    return pdb.run(
        context,
        environment=options.environment,
        service=options.service,
        index=options.index,
        wait=not options.no_wait,
    )


def _secrets(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import stack

    return stack.make_secrets(context, environment=options.environment)


def _call_monitor(context: "Context", options: argparse.Namespace, rest: Words) -> int:
    from harness.commands import monitor

    return monitor.run(
        context,
        environment=options.environment,
        once=options.once,
        as_json=options.json,
        interval=max(0.2, options.interval),
    )
