# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness ps``, ``urls``, ``port``: what is up, and where it is reached."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path

from harness.commands.context import Context
from harness.commands.stack import Stack, open_
from harness.errors import ExitCode, UsageError
from harness.stack import project as projects
from harness.stack import secrets
from harness.stack.compose import Container

HOSTS = Path("/etc/hosts")


def ps(context: Context, *, environment: str, as_json: bool) -> int:
    """All containers of the stack."""
    stack = open_(context, environment)
    found = stack.looking.ps() if as_json else stack.up()
    if as_json:
        values = [
            {
                "service": one.service,
                "name": one.name,
                "state": one.state,
                "health": one.health,
                "status": one.status,
                "image": one.image,
                "ports": [
                    {"inside": i, "address": a, "outside": o} for i, a, o in one.ports
                ],
            }
            for one in found
        ]
        context.console.info(json.dumps(values, indent=2))
        return ExitCode.OK
    rows = [
        (
            one.service,
            one.name,
            one.health or one.state,
            one.status.partition(" (")[0],
            ", ".join(f"{address}:{out} → {into}" for into, address, out in one.ports),
        )
        for one in found
    ]
    context.console.table(rows, ("service", "container", "state", "status", "ports"))
    return ExitCode.OK


def urls(context: Context, *, environment: str, as_json: bool) -> int:
    """Where to look, and whether it answers there now."""
    stack = open_(context, environment)
    containers = stack.looking.ps()
    rows = list(addresses(stack, containers))
    if as_json:
        values = [{"service": s, "url": url, "up": up} for s, url, up in rows]
        context.console.info(json.dumps(values, indent=2))
        return ExitCode.OK
    show(stack, rows)
    if not any(up for _, _, up in rows):
        context.console.info(f"\nnothing of it is up: {stack.line('up')}")
    return ExitCode.OK


def addresses(
    stack: Stack, containers: Iterable[Container]
) -> Iterator[tuple[str, str, bool]]:
    """Each (service, address, whether it is up)."""
    config = stack.project.config.stack
    containers = list(containers)
    well = {one.service for one in containers if one.well}
    outside = {
        (one.service, inside): port
        for one in containers
        for inside, _, port in one.ports
    }
    web = outside.get(("nginx", 81), config.nginx_port)
    tail = "" if web == 80 else f":{web}"
    for service, names in projects.hosts(stack.project).items():
        for name in names:
            yield service, f"http://{name}{tail}/", {service, "nginx"} <= well
    port = outside.get(("nginx", 8000), config.erpserver_port)
    yield "erpserver", f"http://127.0.0.1:{port}/", {"erpserver", "nginx"} <= well
    port = outside.get(("db", 5432), config.db_port)
    if port:
        url = f"postgresql://tryton@127.0.0.1:{port}/{config.database}"
        yield "db", url, "db" in well


def show(stack: Stack, rows: Iterable[tuple[str, str, bool]]) -> None:
    """Addresses for people, and what they need to use them."""
    console, config = stack.context.console, stack.context.config
    place = secrets.directory(stack.project.directory, stack.project.environment)
    rows = list(rows)
    console.table(
        [(service, url, "up" if up else "–") for service, url, up in rows],
        ("service", "address", ""),
    )
    file = _short(place / "admin_password", config.root)
    console.info(
        f"login: admin, its password is in {file}; database {config.stack.database}"
    )
    names = [n for names in projects.hosts(stack.project).values() for n in names]
    unknown = unresolved(names, _read(HOSTS))
    if unknown:
        line = f"127.0.0.1 {' '.join(unknown)}"
        console.info(
            f"these names are not in {HOSTS} yet: echo '{line}' | sudo tee -a {HOSTS}"
        )


def unresolved(names: Iterable[str], text: str) -> list[str]:
    """Names that a hosts file does not have."""
    known = {
        word
        for line in text.splitlines()
        for word in line.partition("#")[0].split()[1:]
    }
    return [name for name in names if name not in known]


def _read(path: Path) -> str:
    try:
        return path.read_text("utf-8", "replace")
    except OSError:
        return ""


def _short(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def port(context: Context, *, environment: str, service: str, inside: int) -> int:
    """Where a port of a service is published: ``ADDRESS:PORT``, a replica a line."""
    stack = open_(context, environment)
    (name,) = projects.services([service])
    containers = stack.running(name)
    door = projects.DOORS.get((name, inside))
    if door:
        containers, inside = stack.running("nginx"), door
    known = [one for container in containers for one in container.ports]
    found = [f"{address}:{out}" for into, address, out in known if into == inside]
    if not found:
        there = sorted({into for into, _, _ in known})
        there += [p for (s, p), _ in projects.DOORS.items() if s == name]
        text = ", ".join(map(str, there)) or "none"
        raise UsageError(
            f"the port {inside} of {name} is not published",
            checked=f"published of {name} are: {text}",
            remedy="publish it in compose/local.yaml"
            if name != "db"
            else "set stack.db_port in pyproject.toml (HARNESS_STACK_DB_PORT=5432)",
        )
    context.console.info("\n".join(found))
    return ExitCode.OK
