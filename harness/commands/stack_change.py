# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness restart``, ``scale``: services that are up, changed."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext

from harness.commands import stack_health, stack_rolling
from harness.commands.stack import Stack, kept, open_
from harness.context import Context
from harness.errors import EngineError, ExitCode
from harness.stack.compose import replicas
from harness.stack.overlay import pages


def restart(
    context: Context, *, environment: str, services: Sequence[str], dry: bool
) -> int:
    """End services and start them again, in place."""
    stack = open_(context, environment)
    names = stack.project.services(services)
    counts = replicas(stack.up())
    for name in names:
        stack.running(name)
    scales = kept(stack.project, counts, names or counts)
    again = ("up", "--detach", "--no-recreate", "--wait", *scales, *(names or counts))
    if dry:
        return stack.show([("restart", "--no-deps", *names), again])
    title = f"restart {', '.join(names) or stack.project.name}"
    with context.console.step(title, ticker=True):
        stack.compose.run("restart", "--no-deps", *names, timeout=300)
        stack_health.called(stack, again)
    return ExitCode.OK


def scale(
    context: Context, *, environment: str, words: Sequence[str], dry: bool, quiet: bool
) -> int:
    """Set how many there are of services; the others stay as they are."""
    stack = open_(context, environment)
    wanted = stack.project.scales(words)
    counts = replicas(stack.up()) | wanted
    scales = kept(stack.project, counts, wanted)
    call = ("up", "--detach", "--no-recreate", "--wait", *scales, *wanted)
    if dry:
        return stack.show([call])
    title = "scale " + ", ".join(f"{name}={n}" for name, n in wanted.items())
    with nullcontext() if quiet else context.console.step(title, ticker=True):
        for name in pages(stack.project):
            if name in wanted:
                stack_rolling.fewer(stack, name, wanted[name])
        stack_health.called(stack, call)
    _counted(stack, wanted)
    return ExitCode.OK


def _counted(stack: Stack, wanted: Mapping[str, int]) -> None:
    """Raises `EngineError` where there are not as many as were asked for."""
    there = replicas(stack.looking.ps())
    for name, count in wanted.items():
        if there.get(name, 0) != count:
            raise EngineError(
                f"{there.get(name, 0)} of {count} {name} run",
                checked="docker compose ps",
                remedy=f"{stack.line('logs', name)} says why",
            )
