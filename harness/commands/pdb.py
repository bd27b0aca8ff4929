# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness pdb``: this terminal at a ``breakpoint()`` of a service."""

import time
from collections.abc import Iterable

from harness.commands.stack import Stack, open_
from harness.commands.stack_show import numbered
from harness.context import Context
from harness.errors import ExitCode, UsageError
from harness.stack.compose import Container, attended

PROGRAM = ("python3", "-IS", "/opt/debugger/remotepdb.py")
LOOK = 0.5
"""Seconds between two looks for a breakpoint that waits."""


def run(
    context: Context, *, environment: str, service: str, index: int, wait: bool
) -> int:
    """Attach to the first breakpoint that waits, in any replica."""
    stack = open_(context, environment)
    if stack.project.environment != "development":
        raise UsageError(
            f"breakpoints are passed over in {stack.project.environment}",
            remedy="harness pdb --environment development",
        )
    (name,) = stack.project.services([service])
    found = numbered(
        [one for one in stack.running(name) if one.state == "running"], index
    )
    place = _waiting(stack, found)
    if place is None and not wait:
        raise UsageError(
            f"no breakpoint waits in {name}",
            checked=", ".join(one.name for one in found),
            remedy=f"write breakpoint() into the code, then: harness restart {name}",
        )
    while place is None:
        with context.console.step(f"waiting for a breakpoint in {name}", ticker=True):
            while place is None:
                time.sleep(LOOK)
                place = _waiting(stack, found)
    container, path = place
    context.console.info(f"{container.name}: c goes on, q leaves and goes on")
    words = (*PROGRAM, "attach", path)
    code = attended(stack.inside(container, words, terminal=False))
    return ExitCode.OK if code in (0, 130, -2) else ExitCode.COMMAND_FAILED


def _waiting(
    stack: Stack, containers: Iterable[Container]
) -> tuple[Container, str] | None:
    for one in containers:
        words = ("exec", one.name, *PROGRAM, "list")
        sockets = stack.engine.run(*words, check=False).stdout.split()
        if sockets:
            return one, sockets[0]
    return None
