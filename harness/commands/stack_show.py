# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness ps``, ``urls``, ``port``: what is up, and where it is reached."""

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from harness.commands.stack import Stack, open_
from harness.context import Context
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
        counts = counted(containers)
        values = [
            {
                "service": name,
                "url": url,
                "up": up,
                "well": counts.get(name, (0, 0))[0],
                "replicas": counts.get(name, (0, 0))[1],
            }
            for name, url, up in rows
        ]
        context.console.info(json.dumps(values, indent=2))
        return ExitCode.OK
    show(stack, rows, counted(containers))
    if not any(up for _, _, up in rows):
        context.console.info(f"\nnothing of it is up: {stack.line('up')}")
    return ExitCode.OK


def counted(containers: Iterable[Container]) -> dict[str, tuple[int, int]]:
    """Of each service: how many are well, and how many there are."""
    found: dict[str, tuple[int, int]] = {}
    for one in containers:
        well, total = found.get(one.service, (0, 0))
        found[one.service] = well + one.well, total + 1
    return found


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


def state(up: bool, well: int, total: int) -> str:
    """``up``, ``2 of 3 up``, or nothing to speak of."""
    if not up:
        return "–"
    return "up" if total == 1 else f"{well} of {total} up"


def show(
    stack: Stack,
    rows: Iterable[tuple[str, str, bool]],
    counts: Mapping[str, tuple[int, int]],
) -> None:
    """Addresses for people, and what they need to use them."""
    console, config = stack.context.console, stack.context.config
    place = secrets.directory(stack.project.directory, stack.project.environment)
    rows = list(rows)
    console.table(
        [(s, url, state(up, *counts.get(s, (0, 0)))) for s, url, up in rows],
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


def port(
    context: Context,
    *,
    environment: str,
    service: str,
    inside: int,
    index: int,
    as_json: bool,
) -> int:
    """Where a port of a service is published: ``ADDRESS:PORT``, a replica a line.

    An `index` of 0 is all replicas.
    """
    stack = open_(context, environment)
    (name,) = projects.services([service])
    containers = numbered(stack.running(name), index)
    door = projects.DOORS.get((name, inside))
    if door:
        containers, inside = stack.running("nginx"), door
    found = [
        (one.name, f"{address}:{out}")
        for one in containers
        for into, address, out in one.ports
        if into == inside
    ]
    if not found:
        raise _unpublished(name, inside, containers)
    if as_json:
        values = [{"container": one, "address": address} for one, address in found]
        context.console.info(json.dumps(values, indent=2))
    else:
        context.console.info("\n".join(address for _, address in found))
    return ExitCode.OK


def numbered(containers: list[Container], index: int) -> list[Container]:
    """The replica of this number; all for 0."""
    found = [one for one in containers if index in (0, one.number)]
    if not found:
        there = ", ".join(str(one.number) for one in containers)
        raise UsageError(
            f"there is no {containers[0].service} with the number {index}",
            checked=f"there are {there}",
            remedy="harness ps",
        )
    return found


def _unpublished(name: str, inside: int, containers: Iterable[Container]) -> UsageError:
    there = sorted({into for one in containers for into, _, _ in one.ports})
    there += [port for (service, port) in projects.DOORS if service == name]
    text = ", ".join(map(str, there)) or "none"
    return UsageError(
        f"the port {inside} of {name} is not published",
        checked=f"published of {name} are: {text}",
        remedy="publish it in compose/local.yaml"
        if name != "db"
        else "set stack.db_port in pyproject.toml (HARNESS_STACK_DB_PORT=5432)",
    )
