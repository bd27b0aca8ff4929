# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness ps``, ``urls``, ``port``: what is up, and where it is reached."""

import http.client
import json
import socket
import ssl
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.errors import ExitCode, UsageError
from harness.stack import overlay
from harness.stack import project as projects
from harness.stack.compose import Container

HOSTS = Path("/etc/hosts")
WITHIN: Final = 3.0
"""Seconds in which a service must answer."""


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
                "health": one.said if one.placeholder else one.health,
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
            one.said,
            one.status.partition(" (")[0],
            ", ".join(f"{address}:{out} → {into}" for into, address, out in one.ports),
        )
        for one in found
    ]
    context.console.table(rows, ("service", "container", "state", "status", "ports"))
    return ExitCode.OK


def urls(context: Context, *, environment: str, as_json: bool) -> int:
    """Where to look, and what is answered there now."""
    stack = open_(context, environment)
    containers = stack.looking.ps()
    rows = answers(stack, containers)
    if as_json:
        context.console.info(json.dumps([asdict(one) for one in rows], indent=2))
        return ExitCode.OK
    show(stack, rows)
    if not containers:
        context.console.info(f"\nnothing of it is up: {stack.line('up')}")
    elif away := distant(stack):
        context.console.info(f"\n{away}")
    return ExitCode.OK


def distant(stack: Stack) -> str:
    """How the ports are reached where the engine's 127.0.0.1 is not the one of here."""
    host = urlsplit(stack.engine.elsewhere()).hostname or ""
    if host in ("", "127.0.0.1", "localhost", "::1"):
        return ""
    ports = " ".join(f"-L {one}:127.0.0.1:{one}" for one in stack.project.ports)
    return f"its ports are on 127.0.0.1 there: ssh {ports} {host}"


@dataclass(frozen=True, kw_only=True)
class Reached:
    """An address, what is said there, and how many containers of how many are well."""

    service: str
    url: str
    up: bool
    state: str
    well: int
    replicas: int


def answers(stack: Stack, containers: Sequence[Container]) -> list[Reached]:
    """What is said at each address now, asked at once."""
    places = addresses(stack, containers)
    with ThreadPoolExecutor(max_workers=len(places)) as together:
        said = list(together.map(lambda one: asked(*one[1:]), places))
    return [
        reached(service, url, answer, [o for o in containers if o.service == service])
        for (service, url, _, _), answer in zip(places, said, strict=True)
    ]


def addresses(
    stack: Stack, containers: Iterable[Container]
) -> list[tuple[str, str, int, str]]:
    """Each (service, address, port, host); where there is no host, no page is asked."""
    config = stack.project.config.stack
    outside = {
        (one.service, inside): port
        for one in containers
        for inside, _, port in one.ports
    }
    if stack.project.pair.given:
        scheme, usual, web = (
            "https",
            443,
            outside.get(("nginx", 443), config.https_port),
        )
    else:
        scheme, usual, web = "http", 80, outside.get(("nginx", 81), config.nginx_port)
    tail = "" if web == usual else f":{web}"
    found = [
        (service, f"{scheme}://{name}{tail}{page}", web, name)
        for service, names in overlay.hosts(stack.project).items()
        for page in [overlay.page(stack.project, service)]
        for name in names
    ]
    port = outside.get(("nginx", 8000), config.erpserver_port)
    found.append(("erpserver", f"http://127.0.0.1:{port}/", port, "127.0.0.1"))
    port = outside.get(("db", 5432), config.db_port)
    if port:
        url = f"postgresql://tryton@127.0.0.1:{port}/{config.database}"
        found.append(("db", url, port, ""))
    return found


def reached(
    service: str, url: str, answer: str, containers: Sequence[Container]
) -> Reached:
    """What is to be said of an address, of its answer and its service's containers."""
    well = sum(one.well and not one.placeholder for one in containers)
    if not containers:
        state = "–"
    elif answer == "" and any(one.placeholder for one in containers):
        state = "placeholder"
    elif answer:
        state = answer
    elif len(containers) == 1:
        state = "up"
    else:
        state = f"{well} of {len(containers)} up"
    up = bool(containers) and answer == "" and state != "placeholder"
    return Reached(
        service=service, url=url, up=up, state=state, well=well,
        replicas=len(containers),
    )  # fmt: skip


def asked(url: str, port: int, host: str) -> str:
    """Why a page at a port of this machine does not answer as it should, or nothing."""
    if not host:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=WITHIN).close()
        except OSError:
            return "does not answer"
        return ""
    parts = urlsplit(url)
    code = status(port, host, parts.path, secure=parts.scheme == "https")
    if not code:
        return "does not answer"
    return f"answers {code}" if code >= 500 or code == 404 else ""


def status(
    port: int, host: str, page: str = "/", *, secure: bool = False,
    within: float = WITHIN,
) -> int:  # fmt: skip
    """The code of an answer; 0 without one `within` so many seconds.

    This machine is who it is: what a certificate is worth was looked at before.
    """
    place = ("127.0.0.1", port)
    connection = http.client.HTTPConnection(*place, timeout=within)
    if secure:
        own = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        own.check_hostname, own.verify_mode = False, ssl.CERT_NONE
        connection = http.client.HTTPSConnection(*place, timeout=within, context=own)
    try:
        connection.request("GET", page, headers={"Host": host})
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()


def show(stack: Stack, rows: Sequence[Reached]) -> None:
    """Addresses for people, and what they need to use them."""
    console, config = stack.context.console, stack.context.config
    console.table(
        [(one.service, one.url, one.state) for one in rows], ("service", "address", "")
    )
    for name in dict.fromkeys(o.service for o in rows if o.state == "placeholder"):
        console.info(f"{name} is a placeholder: no source that can be started is there")
    file, name = stack.project.secret("admin_password"), config.stack.database
    console.info(f"login: admin, its password is in {file}; database {name}")
    names = [n for names in overlay.hosts(stack.project).values() for n in names]
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
    (name,) = stack.project.services([service])
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
