# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness restart``, ``scale``: services that are up, changed."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext

from harness.commands import stack_health
from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.errors import EngineError, ExitCode
from harness.stack.compose import replicas
from harness.stack.project import Project


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


def kept(
    project: Project, counts: Mapping[str, int], names: Iterable[str]
) -> list[str]:
    """Options of ``up`` that leave the replicas of what it touches as they are.

    Its ``--no-deps`` would not: it makes containers that the next ``up`` replaces.
    """
    touched = project.closure(names)
    return [f"--scale={name}={counts[name]}" for name in touched if name in counts]
