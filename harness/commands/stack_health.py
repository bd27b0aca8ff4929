# SPDX-License-Identifier: GPL-3.0-or-later
"""What services that are not well say themselves: health checks, last lines."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final

from harness.commands.stack import Stack
from harness.errors import DatabaseError, EngineError, HarnessError
from harness.stack.compose import Container
from harness.stack.project import PYTHON

POLL: Final = 0.3
"""Seconds between two looks at services that start."""
LAST: Final = 6
"""Lines of a service's output that are shown."""
STOPPED: Final = "stopped"
"""File with the containers that were stopped for a moment."""
STAGES: Final = (("erpserver",), ("portal", "api"), ("processing",))
"""Services that use the database, in the order in which they find what they need."""


def stop(stack: Stack, names: Sequence[str]) -> None:
    """Stop containers, if there are any."""
    if names:
        with stack.context.console.step(f"stop {', '.join(names)}", ticker=True):
            stack.engine.run("stop", *names, timeout=300)


@contextlib.contextmanager
def otherwise(stack: Stack, again: Callable[[], None]) -> Iterator[None]:
    """Where the block fails, start again what was stopped for it."""
    try:
        yield
    except BaseException:
        try:
            again()
        except HarnessError as error:  # what went wrong first is the answer
            stack.context.console.warn(
                f"what was stopped for it stays so: {error.message};"
                f" {stack.line('up')} starts it"
            )
        raise


@contextlib.contextmanager
def served(stack: Stack) -> Iterator[None]:
    """Where the block fails since the database server has ended, that is the error."""
    try:
        yield
    except HarnessError as error:
        ended = [
            one
            for one in stack.looking.ps()
            if one.service == "db" and one.state != "running"
        ]
        if not ended:
            raise
        found = DatabaseError(
            "the stack's database server has ended meanwhile",
            checked=told(stack, ended),
            remedy=f"{stack.line('up')} starts it, and what was stopped",
        )
        found.state = error.state
        raise found from error


def begin(stack: Stack, containers: Sequence[Container]) -> None:
    """Start containers again, stage by stage, each when the one before is well.

    Raises `EngineError` with the words of the first that does not become well.
    """
    for names in staged(containers):
        title = f"start {', '.join(names)}"
        with stack.context.console.step(title, ticker=True):
            stack.engine.run("start", *names, timeout=300)
            _wait(stack, names)


def called(stack: Stack, call: Sequence[str]) -> None:
    """Call Compose to start services; who is not well says itself why, in the error."""
    try:
        stack.compose.run(*call, timeout=stack.context.config.stack.timeout + 60)
    except EngineError as error:
        named = error.message.split()
        there = stack.looking.ps()
        ill = [one for one in there if not one.well or one.name in named]
        if ill:
            error.checked = told(stack, ill)
            error.remedy = stack.line("logs", *dict.fromkeys(o.service for o in ill))
        raise


def tell_idle(stack: Stack) -> None:
    """Say what starts the services, where there are none yet: on an empty machine."""
    if not any(one.service in PYTHON for one in stack.looking.ps()):
        stack.context.console.info(f"no service runs yet: {stack.line('up')}")


def staged(containers: Sequence[Container]) -> list[list[str]]:
    """The names of containers, stage by stage."""
    stages = [[o.name for o in containers if o.service in stage] for stage in STAGES]
    return [names for names in stages if names]


def _wait(stack: Stack, names: Sequence[str]) -> None:
    deadline = time.monotonic() + stack.context.config.stack.timeout
    while True:
        there = [one for one in stack.looking.ps() if one.name in names]
        lost = [one for one in there if not one.well]
        if not lost:
            return
        # One that has ended, or is ill, does not become well by being waited for.
        ended = [one for one in lost if one.state == "exited"]
        ill = [one for one in lost if one.health == "unhealthy"]
        if ended or ill or time.monotonic() > deadline:
            first = (ended or ill or lost)[0]
            raise EngineError(
                f"the database is in its place, but {first.name} does not become well",
                checked=told(stack, [first]),
                remedy=stack.line("logs", first.service),
            )
        time.sleep(POLL)


def told(stack: Stack, containers: Iterable[Container]) -> str:
    """What containers say of themselves: state, health check, last lines."""
    return "\n".join(line for one in containers for line in _told(stack, one))


def _told(stack: Stack, one: Container) -> list[str]:
    lines = [f"{one.name}: {one.status or one.state}"]
    found = stack.engine.inspect("container", one.name) or {}
    checks = (found.get("State", {}).get("Health") or {}).get("Log") or []
    said = checks[-1].get("Output", "").strip() if checks else ""
    if said and checks[-1].get("ExitCode"):
        lines.append(f"  its health check: {said}")
    return [*lines, *(f"  {line}" for line in last(stack, one.name))]


def last(stack: Stack, name: str, number: int = LAST) -> list[str]:
    """The last lines that a container has written."""
    done = stack.engine.run("logs", "--tail", str(number), name, check=False)
    return [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
