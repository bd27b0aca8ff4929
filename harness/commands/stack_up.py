# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness up``: images, ports, database, services, and a page that is answered."""

import http.client
import json
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import harness
from harness import proc, store
from harness.commands import stack_health, stack_show
from harness.commands.stack import Stack, kept, open_
from harness.context import Context
from harness.doctor import ports
from harness.errors import EngineError, ExitCode, ImageError
from harness.images import services as applications
from harness.stack import access, secrets, settings
from harness.stack import database as databases
from harness.stack import project as projects
from harness.stack.compose import Compose, Container, replicas
from harness.stack.database import StackDatabase, StackRecipe

PROC = Path("/proc")
DATABASE = ("up", "--detach", "--no-deps", "db")
"""Compose's words that start the server; its database is made before the rest."""
ACCELERATE = Path(harness.__file__).parent / "plugins" / "accelerate.py"


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
    began = time.monotonic()
    stack = open_(context, environment)
    named = projects.services(services)
    wanted = projects.started(named)
    compose = stack.compose  # refuses bad secrets before anything starts
    if dry:
        call = started(stack, stack.looking.ps(), wanted, wait=wait)
        return stack.show([DATABASE, call])
    check_settings(stack, projects.closure(wanted))
    # The database is made by an erpserver.
    require(stack, projects.closure([*wanted, "erpserver"]), build=build)
    place = context.store.directory("stack", stack.project.name)
    with store.locked(place / "up.lock"):
        header(stack, wanted)
        there = stack.looking.ps()
        free_ports(stack, there, wanted)
        ready_database(stack)
        call = started(stack, there, wanted, wait=wait)
        with context.console.step("services", ticker=True):
            begin(stack, compose, call)
            if wait and "nginx" in wanted:
                answered(stack)
        (place / stack_health.STOPPED).unlink(missing_ok=True)
    seconds = time.monotonic() - began
    context.console.info(f"up after {seconds:.1f} s\n")
    there = stack.looking.ps()
    counts = stack_show.counted(there)
    stack_show.show(stack, stack_show.addresses(stack, there), counts)
    return ExitCode.OK


def started(
    stack: Stack, there: Sequence[Container], wanted: Sequence[str], *, wait: bool
) -> list[str]:
    """Compose's words that start services."""
    options = kept(replicas(there), wanted)
    if wait:
        options += ["--wait", f"--wait-timeout={stack.context.config.stack.timeout}"]
    return ["up", "--detach", *options, *wanted]


def begin(stack: Stack, compose: Compose, call: Sequence[str]) -> None:
    """Start services; who does not become well says itself why, in the error."""
    try:
        compose.run(*call, timeout=stack.context.config.stack.timeout + 60)
    except EngineError as error:
        named = error.message.split()
        there = stack.looking.ps()
        ill = [one for one in there if not one.well or one.name in named]
        if ill:
            error.checked = stack_health.told(stack, ill)
            error.remedy = stack.line("logs", *dict.fromkeys(o.service for o in ill))
        raise


def header(stack: Stack, wanted: Sequence[str]) -> None:
    """What is about to be started."""
    project = stack.project
    rows = [("project", project.name), ("services", ", ".join(wanted))]
    if project.environment == "development":
        rows += [("source", str(one)) for one in stack.context.sources.values()]
    rows.append(("images", f"{project.config.images.prefix}/…:{project.variant}"))
    stack.context.console.header(f"harness up ({project.environment})", rows)


def require(stack: Stack, names: Sequence[str], *, build: bool) -> None:
    """The images are there; missing ones are built if that is asked for."""
    try:
        stack.require_images(names)
    except ImageError:
        if not build:
            raise
    else:
        return
    variant = f"--variant={stack.project.variant}"
    words = [sys.executable, "-m", "harness", "build", variant, *names]
    environ, root = stack.context.environ, stack.context.config.root
    with proc.Child(words, env=environ, cwd=root, foreground=True) as child:
        code = child.code()
    if code:
        raise ImageError(
            "the stack's images could not be built",
            checked=f"{proc.line(words[2:])} ended with exit code {code}",
            remedy="see above",
        )
    stack.require_images(names)


# -- settings ------------------------------------------------------------------


def check_settings(stack: Stack, names: Sequence[str]) -> None:
    """Staging and production have what they need; nothing is made before."""
    project = stack.project
    if project.environment == "development" or "portal" not in names:
        return
    if not applications.application("portal", stack.context.sources):
        return  # a placeholder sends no mail
    config = json.loads(stack.compose.run("config", "--format", "json").stdout)
    told = {
        name: {key: value or "" for key, value in one.get("environment", {}).items()}
        for name, one in config["services"].items()
    }
    server = stack.secrets.get(secrets.MAIL, "")
    settings.require(project, told, server)
    warn = stack.context.console.warn
    if named := settings.example(told):
        warn(f"links lead to the example's names: {', '.join(named)}")
    if why := silent(server or told["portal"]["PORTAL_SMTP"]):
        warn(f"{why}: mails are not sent while it is so")


def silent(server: str) -> str:
    """Why a mail server does not answer this machine, or nothing."""
    parts = urlsplit(server)
    port = parts.port or (465 if parts.scheme == "smtps" else 25)
    try:
        socket.create_connection((parts.hostname, port), timeout=3).close()
    except OSError as error:
        return f"the mail server {parts.hostname}:{port} does not answer: {error}"
    return ""


# -- ports ---------------------------------------------------------------------


def free_ports(stack: Stack, there: Iterable[Container], wanted: Sequence[str]) -> None:
    """Raises `EngineError` for a port that somebody else has, and says who."""
    own = {out for container in there for _, _, out in container.ports}
    for port, what in stack.project.ports.items():
        if port in own or (what if what == "db" else "nginx") not in wanted:
            continue
        holder = who(stack, port)
        if holder:
            setting = f"{what}_port"
            raise EngineError(
                f"the port {port} for {what} is taken by {holder}",
                checked=f"stack.{setting} = {port}"
                f" ({stack.project.config.source_of(f'stack.{setting}')})",
                remedy=f"free it, or take another one: HARNESS_STACK_"
                f"{setting.upper()}={port + 10000 if port < 1024 else port + 1}"
                " harness up (in [tool.harness.stack] for good)",
            )


def who(stack: Stack, port: int) -> str:
    """Who listens on a port of 127.0.0.1; empty where nobody does."""
    done = stack.engine.run(
        "ps", "--filter", f"publish={port}", "--format",
        '{{.Names}}\t{{.Label "com.docker.compose.project"}}\t{{.Ports}}',
    )  # fmt: skip
    for line in done.stdout.splitlines():
        name, project, published = line.split("\t")
        if f":{port}->" in published:
            text = f"the container {name}"
            return f"{text} of the project {project}" if project else text
    found = [
        one for one in ports.listeners(PROC) if one.port == port and ports.clashes(one)
    ]
    if not found:
        return ""
    for pid in ports.holders(PROC, (one.inode for one in found)):
        return f"pid {pid} ({ports.command(PROC, pid)})"
    return f"a process of the user with the id {found[0].uid}"


# -- database ------------------------------------------------------------------


def database(stack: Stack, name: str) -> StackDatabase:
    """What makes a database of the stack."""
    return StackDatabase(
        stack.compose,
        stack.context.store,
        name=name,
        script=stack.project.directory / "erpserver" / "initialise.py",
        accelerate=ACCELERATE if stack.project.environment == "development" else None,
    )


def ready_database(stack: Stack) -> None:
    """The database is there and whole, and has all modules."""
    context, config = stack.context, stack.context.config
    made = database(stack, config.stack.database)
    with context.console.step("database", ticker=True) as step:
        stack.compose.run(*DATABASE)
        there = made.name in prepared(stack, made)
        missing = made.missing(config.stack.modules) if there else []
        if missing:
            made.activate(made.name, missing, step.update)
        if there:
            made.protect(made.name)
            employed(stack, made)
            return
        step.update("none yet")
    modules = ", ".join(config.stack.modules)
    with context.console.step(f"database with {modules}", ticker=True) as step:
        count = 0

        def listener(name: str) -> None:
            nonlocal count
            count += 1
            step.update(f"module {count}, {name}")

        how = made.create(recipe(stack), stack.secrets["admin_password"], listener)
        employed(stack, made)
    if how == "restored":
        context.console.info("  restored from what an earlier stack has made")


def prepared(stack: Stack, made: StackDatabase) -> list[str]:
    """All databases of a server that lets in those who are to come in.

    What is there from before there were roles is given to the one of the owner.
    """
    names = made.names(patience=stack.context.config.stack.timeout)
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


def recipe(stack: Stack) -> StackRecipe:
    """What the database is made of."""
    mounted = stack.project.environment == "development"
    trees = [
        f"{name} {databases.tree(source.path)}"
        for name, source in sorted(stack.context.sources.items())
        if mounted
    ]
    return StackRecipe(
        modules=stack.context.config.stack.modules,
        images=tuple(stack.require_images(["db", "erpserver"])),
        trees=tuple(trees),
        again=lambda: recipe(stack),
    )


# -- answers -------------------------------------------------------------------


def answered(stack: Stack) -> None:
    """Wait until portal and API answer through nginx."""
    config = stack.context.config.stack
    deadline = time.monotonic() + config.timeout
    for service, names in projects.hosts(stack.project).items():
        for name in names:
            while (code := status(config.nginx_port, name)) >= 500 or not code:
                if time.monotonic() > deadline:
                    raise EngineError(
                        f"{service} does not answer for {name}",
                        checked=f"http://127.0.0.1:{config.nginx_port}/: {code}",
                        remedy=f"harness logs {service} nginx says why",
                    )
                time.sleep(0.1)


def status(port: int, host: str) -> int:
    """The code of an answer; 0 without one."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/", headers={"Host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
