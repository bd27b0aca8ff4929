# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``harness up`` looks at before anything starts: settings, images, ports."""

import socket
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from urllib.parse import urlsplit

from harness import proc
from harness.commands import stack_images
from harness.commands.stack import Stack, labelled
from harness.doctor import ports
from harness.errors import (
    ConfigError,
    DatabaseError,
    EngineError,
    ImageError,
)
from harness.images import services as applications
from harness.refusals import HERE
from harness.stack import certificates, overlay, secrets, settings
from harness.stack.compose import Container

PROC = Path("/proc")
MAJOR = "harness.postgresql"
"""Label: the version of PostgreSQL in an image."""


def check_settings(stack: Stack, names: Sequence[str]) -> None:
    """Staging and production have what they need; nothing is made before."""
    project = stack.project
    if project.environment == "development" or "portal" not in names:
        return
    if not applications.application("portal", stack.context.sources):
        return  # a placeholder sends no mail
    config = stack.compose.config()
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
        place = f"{project.secret(secrets.MAIL)} or portal.env"
        warn(f"{why}: mails are not sent while it is so; it stands in {place}")


def check_cluster(stack: Stack, there: Iterable[Container]) -> None:
    """The data in the volume are of the PostgreSQL that would run on them.

    Raises `DatabaseError` where they are not: nothing that serves is ended for it.
    """
    volume, image = f"{stack.project.name}_db", stack.project.image("db")
    found = stack.engine.inspect("image", image) or {}
    major = found.get("Config", {}).get("Labels", {}).get(MAJOR, "")
    servers = [one for one in there if one.service == "db"]
    for one in servers:
        known = stack.engine.inspect("container", one.name) or {}
        if known.get("Image") == found.get("Id"):
            return
    if not major or volume not in labelled(stack, "volume"):
        return
    words = ("run", "--rm", "--network=none", "--user=0", "--entrypoint=cat")
    mount = ("--volume", f"{volume}:/data:ro")
    # Without the file there is no cluster yet.
    said = stack.engine.run(*words, *mount, image, "/data/PG_VERSION", check=False)
    has = "" if said.code else said.stdout.strip()
    if has in ("", major):
        return
    serves = any(one.state == "running" for one in servers)
    raise DatabaseError(
        f"the data of the stack are of PostgreSQL {has}, its image is of {major}",
        checked=f"PG_VERSION in the volume {volume}, the label {MAJOR} of {image};"
        " nothing was changed",
        remedy=(
            f"{stack.line('db destroy')} backs all databases up by the server that"
            f" runs, then {stack.line('db restore')} FILE"
            if serves
            else f"run it with an image of PostgreSQL {has} once more, for a backup:"
            f" {stack.line('db backup')}"
        ),
    )


def check_files(stack: Stack) -> None:
    """An engine of another machine has nothing of this one's to mount."""
    if not stack.engine.elsewhere():
        return
    config = stack.compose.config()
    mounted = [
        f"{one['source']} in {name}"
        for name, service in config["services"].items()
        for one in service.get("volumes") or ()
        if one["type"] == "bind"
    ]
    if mounted:
        stack.engine.require_files(
            stack.project.directory,
            stack.project.image("db"),
            f"put what is mounted into images or volumes ({', '.join(mounted[:3])});"
            " staging and production have the sources in theirs (--environment); or"
            f" take this machine's engine: {HERE}",
        )


def check_certificate(stack: Stack, names: Sequence[str]) -> None:
    """Browsers would take the certificate, and without one nobody else is let in."""
    project, config = stack.project, stack.context.config
    if "nginx" not in names:
        return
    if project.pair.given:
        hosts = [name for own in overlay.hosts(project).values() for name in own]
        if said := certificates.require(project.pair, hosts, now=time.time()):
            stack.context.console.warn(said)
    elif config.stack.address != "127.0.0.1":
        raise ConfigError(
            f"others are let in at {config.stack.address}, but there is no certificate",
            checked=f"stack.address ({config.source_of('stack.address')}),"
            f" {project.pair.certificate}",
            remedy="put certificate and key there, or leave stack.address out",
        )


def silent(server: str) -> str:
    """Why a mail server does not answer this machine, or nothing."""
    parts = urlsplit(server)
    port = parts.port or (465 if parts.scheme == "smtps" else 25)
    try:
        socket.create_connection((parts.hostname, port), timeout=3).close()
    except OSError as error:
        return f"the mail server {parts.hostname}:{port} does not answer: {error}"
    return ""


def ready_images(stack: Stack, names: Sequence[str], *, build: bool) -> None:
    """The images are there, and of what is here; with `build`, they are made so."""
    context, variant = stack.context, stack.project.variant
    targets = list(stack.project.images(names))
    if build and (
        _lacks(stack, names) or stack_images.stale(context, targets, variant)
    ):
        begun = [sys.executable, "-m", "harness", "build", "--no-database"]
        words = [*begun, f"--variant={variant}", *targets]
        root = context.config.root
        with proc.Child(words, env=context.environ, cwd=root, foreground=True) as child:
            code = child.code()
        if code:
            raise ImageError(
                "the stack's images could not be built",
                checked=f"{proc.line(words[2:])} ended with exit code {code}",
                remedy="see above",
            )
    stack.require_images(names)
    stack_images.check(context, targets, variant)


def _lacks(stack: Stack, names: Sequence[str]) -> bool:
    try:
        stack.require_images(names)
    except ImageError:
        return True
    return False


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
