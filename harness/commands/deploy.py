# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness deploy``: a service in this terminal, in place of its replicas.

What belongs in front of it and behind it is up, the service itself is not; then it
runs here, begins again on change, and its replicas come back when it ends.
"""

import contextlib
import json
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import locks
from harness.commands import stack_before, stack_up
from harness.commands.stack import Stack, kept, open_
from harness.context import Context
from harness.errors import EngineError, ExitCode, UsageError
from harness.stack import lines
from harness.stack import project as projects
from harness.stack.compose import Compose, replicas
from harness.store import write_atomically

INSIDE = 5678
"""The debugger's port in a container."""


@dataclass(frozen=True, kw_only=True)
class DeployPlan:
    """What is to be done, before it is."""

    stack: Stack
    service: str
    counts: Mapping[str, int]
    """Replicas that run now."""
    port: int
    """Of the debugger, outside."""
    wait: bool
    terminal: bool

    @property
    def around(self) -> list[str]:
        """What is started for it."""
        front = self.stack.project.front(self.service)
        return [front] if front else list(projects.DEPENDS[self.service])

    def before(self) -> list[str | Path]:
        """Compose's words that start all but the service."""
        counts = {**self.counts, self.service: 0}
        scales = kept(self.stack.project, counts, self.around)
        return ["up", "--detach", "--no-recreate", "--wait", *scales, *self.around]

    def itself(self) -> list[str | Path]:
        """Compose's words that run the service here."""
        words: list[str | Path] = ["--progress=quiet", "run", "--rm", "--no-deps"]
        words += ["--use-aliases", "--service-ports"]
        words += ["--name", self.stack.deployed_name(self.service)]
        if self.wait:
            words += ["--env", f"DEBUGGER_WAIT=127.0.0.1:{self.port}"]
        if not self.terminal:
            words += ["--no-TTY"]
        return [*words, self.service, "execute", f"deploy-{self.service}"]

    def after(self) -> list[str | Path]:
        """Compose's words that bring the replicas back; none where there were none."""
        if not self.counts.get(self.service):
            return []
        scales = kept(self.stack.project, self.counts, [self.service])
        return ["up", "--detach", "--no-recreate", *scales, self.service]

    def overlay(self) -> dict[str, object]:
        """The Compose file that publishes the debugger where an editor looks."""
        ports = [f"127.0.0.1:{self.port}:{INSIDE}"] if self.port else []
        return {"services": {self.service: {"restart": "no", "ports": ports}}}


def run(
    context: Context,
    *,
    environment: str,
    service: str,
    wait: bool,
    terminal: bool,
    dry: bool,
) -> int:
    """Deploy a service; its exit code.  With `wait`, not before an editor is there."""
    plan = _plan(open_(context, environment), service, wait=wait, terminal=terminal)
    own = plan.stack.with_file(_file(plan))
    if dry:
        _show(plan, own)
        return ExitCode.OK
    needed = plan.stack.project.closure([*plan.around, "erpserver"])
    stack_before.check_settings(plan.stack, needed)
    stack_before.check_certificate(plan.stack, needed)
    stack_before.ready_images(plan.stack, needed, build=False)
    _alone(plan)
    _surround(plan)
    with _replicas(plan):
        _header(plan)
        code = own.attach(*plan.itself())
    return ExitCode.OK if code in (0, 130) else ExitCode.COMMAND_FAILED


def _plan(stack: Stack, service: str, *, wait: bool, terminal: bool) -> DeployPlan:
    (name,) = stack.project.services([service])
    if name not in projects.PYTHON:
        raise UsageError(
            f"{name} has nothing to deploy",
            checked=f"services of Python are {', '.join(projects.PYTHON)}",
            remedy=stack.line("up", name),
        )
    development = stack.project.environment == "development"
    if wait and not development:
        raise UsageError(
            f"there is no debugger in the images of {stack.project.environment}",
            remedy="leave --debug out, or take --environment development",
        )
    return DeployPlan(
        stack=stack,
        service=name,
        counts=replicas(stack.looking.ps()),
        port=_port(projects.DEBUGGERS[name]) if development else 0,
        wait=wait,
        terminal=terminal,
    )


def _port(wanted: int) -> int:
    """This port of 127.0.0.1, or any free one where somebody has it."""
    for port in (wanted, 0):
        with (
            contextlib.suppress(OSError),
            socket.create_server(("127.0.0.1", port)) as probe,
        ):
            return int(probe.getsockname()[1])
    raise EngineError("there is no free port on 127.0.0.1")


def _file(plan: DeployPlan) -> Path:
    place = plan.stack.context.store.directory("stack", plan.stack.project.name)
    path = place / f"deploy-{plan.service}.yaml"
    write_atomically(path, json.dumps(plan.overlay(), indent=1) + "\n")
    return path


def _show(plan: DeployPlan, own: Compose) -> None:
    stack = plan.stack
    calls = [stack.compose.argv(*plan.before()), own.argv(*plan.itself())]
    if plan.after():
        calls.append(stack.compose.argv(*plan.after()))
    shown = lines.shown(stack.project, stack.context.store.id, calls)
    stack.context.console.info("\n".join(shown))


def _alone(plan: DeployPlan) -> None:
    """Nobody else deploys it; what a dead one has left is removed."""
    name = plan.stack.deployed_name(plan.service)
    found = plan.stack.engine.inspect("container", name)
    if found is None:
        return
    if found["State"]["Running"]:
        raise UsageError(
            f"{plan.service} is deployed already",
            checked=f"the container {name} runs",
            remedy=f"end it there, or: docker stop {name}",
        )
    plan.stack.engine.run("container", "rm", "--force", name)


def _surround(plan: DeployPlan) -> None:
    """Start all that belongs to the service, as ``harness up`` does."""
    stack, around = plan.stack, plan.around
    lock = stack.context.store.directory("stack", stack.project.name) / "up.lock"
    with locks.locked(lock):
        there = stack.looking.ps()
        stack_before.free_ports(stack, there, around)
        stack_before.check_cluster(stack, there)
        stack_up.ready_database(stack)
        title = f"{', '.join(around)} around {plan.service}"
        with stack.context.console.step(title, ticker=True):
            if plan.counts.get(plan.service):
                stack.compose.run("stop", plan.service, timeout=60)
            timeout = stack.context.config.stack.timeout
            stack.compose.run(*plan.before(), timeout=timeout + 60)


@contextlib.contextmanager
def _replicas(plan: DeployPlan) -> Iterator[None]:
    """For the block there is none but the deployed one."""
    try:
        yield
    finally:
        words = plan.after()
        if words:
            count = plan.counts[plan.service]
            title = f"{plan.service}: {count} as before"
            with plan.stack.context.console.step(title, ticker=True):
                plan.stack.compose.run(*words, timeout=120)


def _header(plan: DeployPlan) -> None:
    stack = plan.stack
    rows = [("container", stack.deployed_name(plan.service))]
    if plan.port:
        rows.append(("debugger", f"127.0.0.1:{plan.port}"))
    rows += [
        ("source", f"{one.name}, begins again when {one.path} changes")
        for one in stack.context.sources.values()
        if stack.project.environment == "development"
    ]
    rows.append(("ends with", "Ctrl-C"))
    stack.context.console.header(f"harness deploy {plan.service}", rows)
