# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of Docker: client, engine, rights, plugins, images."""

import os
import re
from pathlib import Path

from harness.config.described import OF_STACK
from harness.doctor.base import DOCKER, STACK, Finding, Machine, ok, skipped, warning
from harness.doctor.docker import reason
from harness.errors import HarnessError

OLDEST = (20, 10)
PLUGINS = {"compose": (2,), "buildx": (0, 8)}
"""Plugins of the client, each with its oldest version."""


def version(text: str) -> tuple[int, ...]:
    """The numbers that a version begins with."""
    match = re.search(r"\d+(?:\.\d+)*", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def dotted(numbers: tuple[int, ...]) -> str:
    """Numbers as a version."""
    return ".".join(map(str, numbers))


def client(machine: Machine) -> list[Finding]:
    """The program ``docker``."""
    name, needed = "docker client", machine.needs_docker
    start = machine.engine_script()
    try:
        found = machine.docker.versions().client
    except HarnessError as error:
        remedy = start or machine.install("docker.io", "docker")
        return [
            machine.lacking(
                name, error.message, needed=needed, remedy=remedy, need=DOCKER
            )
        ]
    if found and version(found) < OLDEST:
        remedy = start or machine.install("docker.io", "docker")
        text = f"{found} is older than {dotted(OLDEST)}"
        return [machine.lacking(name, text, needed=needed, remedy=remedy, need=DOCKER)]
    return [ok(name, found or "of unknown version")]


def engine(machine: Machine) -> list[Finding]:
    """The engine: whether it answers, its version."""
    name, needed = "docker engine", machine.needs_docker
    try:
        found = machine.docker.versions()
    except HarnessError as error:
        return [skipped(name, error.message)]
    if found.error is not None:
        if "socket" in found.error.message:
            return [skipped(name, "its socket may not be used")]
        text = f"{reason(found.error)} ({where(machine)})"
        return [
            machine.lacking(
                name, text, needed=needed, remedy=_start(machine), need=DOCKER
            )
        ]
    if version(found.engine) < OLDEST:
        text = f"{found.engine} is older than {dotted(OLDEST)}"
        remedy = machine.install("docker.io", "docker")
        return [machine.lacking(name, text, needed=needed, remedy=remedy, need=DOCKER)]
    return [ok(name, f"{found.engine} at {where(machine)}")]


def where(machine: Machine) -> str:
    """The address of the engine, and what named it."""
    named = machine.environ.get("DOCKER_HOST")
    return f"DOCKER_HOST={named}" if named else machine.docker.host() or "its socket"


def _start(machine: Machine) -> str:
    if machine.environ.get("DOCKER_HOST"):
        return "unset DOCKER_HOST"
    if machine.environ.get("DOCKER_CONTEXT"):
        return "unset DOCKER_CONTEXT"
    if not machine.docker.host().startswith("unix:"):
        return "docker context use default"
    return machine.engine_script() or machine.root("systemctl start docker")


def rights(machine: Machine) -> list[Finding]:
    """Whether this user may use the engine's socket."""
    name = "docker socket"
    try:
        host = machine.docker.host()
    except HarnessError as error:
        return [skipped(name, error.message)]
    if not host.startswith("unix://"):
        return [skipped(name, f"the engine is at {host}" if host else "none is named")]
    path = Path(host.removeprefix("unix://"))
    try:
        path.stat()
    except PermissionError:
        pass
    except OSError:
        return [skipped(name, f"{path} is not there: no engine runs")]
    if os.access(path, os.R_OK | os.W_OK):
        return [ok(name, f"you may use {path}")]
    return [
        machine.lacking(
            name,
            f"you may not use {path}",
            needed=machine.needs_docker,
            remedy="sudo usermod -aG docker $USER && newgrp docker",
            need=DOCKER,
        )
    ]


def plugins(machine: Machine) -> list[Finding]:
    """Compose v2 and buildx."""
    try:
        info = machine.docker.info()
    except HarnessError:
        silent = machine.docker.why_not() or "docker info does not answer"
        return [skipped(f"docker {name}", silent) for name in PLUGINS]
    found = []
    for name, oldest in PLUGINS.items():
        have, check = info.plugin(name), f"docker {name}"
        need = STACK if name == "compose" else "images (harness build)"
        remedy = machine.engine_script() or machine.install(
            f"docker-{name}-plugin", f"docker-{name}"
        )
        if have is None:
            text = f"the plugin {name} is not installed"
            found.append(warning(check, text, remedy=remedy, need=need))
        elif version(have) and version(have) < oldest:
            text = f"{have} is older than {dotted(oldest)}"
            found.append(warning(check, text, remedy=remedy, need=need))
        else:
            found.append(ok(check, have))
    return found


def base(machine: Machine) -> list[Finding]:
    """The image that all others begin with; without it, whether it can be pulled."""
    name, image = "base image", machine.config.images.base
    silent = machine.docker.why_not()
    if silent:
        return [skipped(name, silent)]
    docker = machine.docker.engine
    if docker.run("image", "inspect", image, check=False).code == 0:
        return [ok(name, image)]
    need = "building images"
    try:
        pullable = docker.run("manifest", "inspect", image, check=False).code == 0
    except HarnessError:
        pullable = False
    if pullable:
        text = f"{image} is not here, the registry has it"
        return [warning(name, text, remedy=f"docker pull {image}", need=need)]
    text = f"{image} is not here, and no registry gives it"
    return [warning(name, text, remedy="harness images base", need=need)]


def images(machine: Machine) -> list[Finding]:
    """The images of the stack, and the one of ``--database docker``."""
    name, settings = "images", machine.config.images
    silent = machine.docker.why_not()
    if silent:
        return [skipped(name, silent)]
    form = "{{.Repository}}:{{.Tag}}"
    done = machine.docker.engine.run("image", "ls", "--format", form)
    here = set(done.stdout.split())
    stack = {one: f"{settings.prefix}/{one}:{settings.variant}" for one in OF_STACK}
    found = []
    database = machine.config.database.image or stack["db"]
    if machine.server == "docker" and not _there(machine, database, here):
        own = database == stack["db"]
        found.append(
            machine.lacking(
                "database image",
                f"{database} is not here",
                needed=True,
                remedy="harness build db" if own else f"docker pull {database}",
                need="--database docker",
            )
        )
    absent = [one for one, image in stack.items() if image not in here]
    if not absent:
        found.append(ok(name, f"all {len(stack)} of {settings.prefix} are here"))
        return found
    text = f"{len(absent)} of {len(stack)} are not built: {', '.join(absent)}"
    found.append(warning(name, text, remedy="harness build", need=STACK))
    return found


def _there(machine: Machine, image: str, listed: set[str]) -> bool:
    """Whether an image is here, also one that is named by digest or without tag."""
    if image in listed:
        return True
    docker = machine.docker.engine
    return docker.run("image", "inspect", image, check=False).code == 0
