# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness logs``: what services have written, or that they have written nothing."""

from collections.abc import Sequence

from harness.commands import stack_health
from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.errors import ExitCode, UsageError
from harness.stack.compose import Container


def logs(
    context: Context,
    *,
    environment: str,
    services: Sequence[str],
    follow: bool,
    tail: str,
) -> int:
    """What services have written."""
    stack = open_(context, environment)
    names = stack.project.services(services)
    there = stack.looking.ps()
    if not there:
        stack.up()
    if tail != "all" and not tail.isdecimal():
        raise UsageError(f"{tail!r} is no number of lines", remedy="--tail 100")
    _speak(stack, there, names)
    options = ["--follow"] if follow else []
    words = ("logs", *options, "--tail", tail, *names)
    if context.console.live:
        code = stack.looking.attach(*words)
    else:
        code = stack.looking.read(context.console.info, "--ansi=never", *words)
    ended = follow and code in (130, -2)  # Ctrl-C is how one leaves
    return ExitCode.OK if ended or not code else ExitCode.COMMAND_FAILED


def _speak(stack: Stack, there: Sequence[Container], names: Sequence[str]) -> None:
    """Say of services that have nothing to be shown why; silence is no answer."""
    for name in names:
        found = [one for one in there if one.service == name]
        if not found:
            raise UsageError(
                f"{name} has no container, so it has written nothing",
                checked="docker compose ps",
                remedy=stack.line("up", name),
            )
        for one in found:
            if not stack_health.last(stack, one.name, 1):
                told = stack_health.told(stack, [one])
                stack.context.console.info(f"{told}; it has written nothing")
