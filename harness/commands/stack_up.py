# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness up``: images, ports, database, services, and a page that is answered."""

import time
from collections.abc import Mapping, Sequence
from typing import Final

from harness import locks
from harness.commands import (
    stack_answer,
    stack_before,
    stack_dump,
    stack_health,
    stack_release,
    stack_rolling,
    stack_saving,
    stack_settled,
    stack_show,
)
from harness.commands.stack import Stack, kept, open_
from harness.context import Context
from harness.errors import DatabaseError, EngineError, ExitCode
from harness.stack import access, overlay
from harness.stack import project as projects
from harness.stack.compose import replicas
from harness.stack.database import StackDatabase

FIRST: Final = 30.0
"""Seconds for a first page, which is slow to come: asked again, it begins anew."""


def up(
    context: Context,
    *,
    environment: str,
    services: Sequence[str],
    wait: bool,
    build: bool,
    dry: bool,
) -> int:
    """Start the stack, or services of it; what is up stays as it is."""
    stack = open_(context, environment)
    named = stack.project.services(services)
    wanted = stack.project.started(named)
    _ = stack.compose  # refuses bad secrets before anything starts
    if dry:
        call = started(stack, replicas(stack.looking.ps()), wanted, wait=wait)
        return stack.show([stack_dump.DATABASE, call])
    stack_before.check_settings(stack, stack.project.closure(wanted))
    stack_before.check_certificate(stack, wanted)
    # The database is made by an erpserver.
    needed = stack.project.closure([*wanted, "erpserver"])
    stack_before.ready_images(stack, needed, build=build)
    stack_before.check_files(stack)
    begin(stack, wanted, wait=wait)
    return ExitCode.OK


def begin(
    stack: Stack,
    wanted: Sequence[str],
    *,
    wait: bool,
    counts: Mapping[str, int] | None = None,
) -> None:
    """Start services of images that are there, replace older ones, and show them.

    There are `counts` of them then, or as many as run now.
    """
    context, began = stack.context, time.monotonic()
    place = context.store.directory("stack", stack.project.name)
    with locks.locked(place / "up.lock"):
        header(stack, wanted)
        there = stack.looking.ps()
        away = stack_show.distant(stack)
        if not away:
            stack_before.free_ports(stack, there, wanted)
        stack_before.check_cluster(stack, there)
        ready_database(stack)
        settled = stack_settled.is_it(stack, wanted)
        if not settled:
            stack_rolling.replace(stack, wanted)
        with context.console.step("services", ticker=True):
            if not settled:
                found = counts or replicas(stack.looking.ps())
                call = started(stack, found, wanted, wait=wait)
                stack_health.called(stack, call)
            stack_rolling.renew(stack)
            if wait and "nginx" in wanted and not away:
                answered(stack, wanted)
        if wait and not settled:
            stack_release.keep(stack, stack.project.closure(wanted))
            stack_settled.note(stack, wanted)
        (place / stack_health.STOPPED).unlink(missing_ok=True)
    seconds = time.monotonic() - began
    context.console.info(f"up after {seconds:.1f} s\n")
    there = stack.looking.ps()
    if away:
        context.console.info(away)
        return
    stack_show.show(stack, stack_show.answers(stack, there))


def started(
    stack: Stack, counts: Mapping[str, int], wanted: Sequence[str], *, wait: bool
) -> list[str]:
    """Compose's words that start services."""
    options = kept(stack.project, counts, wanted)
    if wait:
        options += ["--wait", f"--wait-timeout={stack.context.config.stack.timeout}"]
    return ["up", "--detach", *options, *wanted]


def header(stack: Stack, wanted: Sequence[str]) -> None:
    """What is about to be started."""
    project = stack.project
    rows = [("project", project.name), ("services", ", ".join(wanted))]
    if project.environment == "development":
        rows += [("source", str(one)) for one in stack.context.sources.values()]
    rows.append(("images", f"{project.config.images.prefix}/…:{project.variant}"))
    stack.context.console.header(f"harness up ({project.environment})", rows)


# -- database ------------------------------------------------------------------


def ready_database(stack: Stack) -> None:
    """The database is there and whole, and has all modules."""
    context, config = stack.context, stack.context.config
    made = stack_dump.maker(stack, config.stack.database)
    with context.console.step("database", ticker=True) as step:
        stack.compose.run(*stack_dump.DATABASE)
        there = made.name in prepared(stack, made)
        missing = made.missing(config.stack.modules) if there else []
        if missing:
            step.update(f"{', '.join(missing)} added, backup first")
            dump = stack_saving.before(stack, made.name)
            made.activate(made.name, missing, step.update)
            stack_release.updated(stack, dump)
        if there:
            made.protect(made.name)
            employed(stack, made)
            return
        step.update("none yet")
    wanted = stack_dump.recipe(stack)
    with context.console.step(stack_dump.title(wanted), ticker=True) as step:
        password = stack.secrets["admin_password"]
        how = made.create(wanted, password, stack_dump.told(step))
        employed(stack, made)
    if how == "restored":
        context.console.info("  restored from what was made before")


def prepared(stack: Stack, made: StackDatabase) -> list[str]:
    """All databases of a server that lets in those who are to come in.

    What is there from before there were roles is given to the one of the owner.
    """
    try:
        names = made.names(patience=stack.context.config.stack.timeout)
    except DatabaseError as error:
        ill = [one for one in stack.looking.ps() if one.service == "db"]
        error.checked = stack_health.told(stack, ill)
        raise
    old = access.login(made, stack.secrets)
    if old:
        # A session that uses a table would keep it from changing hands.
        stack.compose.run("stop", *projects.PYTHON, timeout=120)
    for name in old:
        access.adopt(made, name)
    return names


def employed(stack: Stack, made: StackDatabase) -> None:
    """Processing has its user in Tryton, if its groups say what it may do there."""
    place = stack.context.store.directory("stack", stack.project.name)
    groups = stack.context.config.stack.processing_groups
    if groups:
        access.employ(
            made,
            place / "processing",
            user=projects.worker(stack.project),
            groups=groups,
            password=stack.secrets["processing_password"],
            remedy=f"{stack.line('db update')}, then {stack.line('up')}",
        )


# -- answers -------------------------------------------------------------------


def answered(stack: Stack, wanted: Sequence[str]) -> None:
    """Wait until portal and API, and what else has pages, answer through nginx."""
    config = stack.context.config.stack
    secure = stack.project.pair.given
    port = config.https_port if secure else config.nginx_port
    deadline = time.monotonic() + config.timeout
    for service, names in overlay.hosts(stack.project).items():
        if service not in (*overlay.OWN, *wanted):
            continue
        page = overlay.page(stack.project, service)
        for name in names:
            while not (said := _answer(port, name, page, secure=secure)).isdigit():
                if time.monotonic() > deadline:
                    raise EngineError(
                        f"{service} does not answer for {name}",
                        checked=f"{page} at the port {port} of 127.0.0.1: {said}",
                        remedy=f"{stack.line('logs', service, 'nginx')} says why",
                    )
                time.sleep(0.1)


def _answer(port: int, name: str, page: str, *, secure: bool) -> str:
    """The code of an answer, or in words what came in place of one."""
    code = stack_answer.status(port, name, page, secure=secure, within=FIRST)
    if code >= 500:
        return f"the error {code}"
    return str(code) if code else "no answer"
