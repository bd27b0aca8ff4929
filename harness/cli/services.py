# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness deploy``, ``pip-install``, ``pdb``, ``monitor``: services that run."""

from harness.cli.base import Commands, Parser, actions, command, dry_run
from harness.cli.stack import NAMES, on_stack


def add(commands: "Commands[Parser]") -> None:
    """Add these commands to the command line."""
    one = on_stack(commands, "deploy", "a service in this terminal, anew on change")
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.add_argument(
        "--debug",
        dest="wait",
        action="store_true",
        help="begin when an editor is attached (.vscode/launch.json)",
    )
    dry_run(one).set_defaults(call="deploy.run")
    one = on_stack(
        commands, "pip-install", "install the mounted sources in running containers"
    )
    one.add_argument("service", metavar=NAMES, help="such as erpserver")
    one.add_argument(
        "--again", action="store_true", help="also where it was done already"
    )
    dry_run(one).set_defaults(call="pip_install.run")
    one = on_stack(commands, "pdb", "debug a breakpoint() of a service, in here")
    one.add_argument("service", metavar=NAMES, help="such as portal")
    one.add_argument(
        "--index", type=int, default=0, metavar="N", help="this replica; else any"
    )
    one.add_argument(
        "--no-wait",
        dest="wait",
        action="store_false",
        help="not where no breakpoint waits yet",
    )
    one.set_defaults(call="pdb.run")
    _monitor(commands)
    below = actions(command(commands, "secrets", "the secrets of a stack"))
    one = on_stack(below, "init", "make all that are missing; none is replaced")
    one.set_defaults(call="stack.make_secrets")


def _monitor(commands: "Commands[Parser]") -> None:
    one = on_stack(commands, "monitor", "what containers and servers take, live")
    one.add_argument("--once", action="store_true", help="one table, then end")
    form = one.add_mutually_exclusive_group()
    form.add_argument("--json", action="store_true", help="as JSON, a line per look")
    form.add_argument(
        "--prometheus", action="store_true", help="once, in Prometheus' text format"
    )
    one.add_argument(
        "--interval",
        type=float,
        default=2.0,
        metavar="SECONDS",
        help="between two looks",
    )
    one.set_defaults(call="monitor.run")
