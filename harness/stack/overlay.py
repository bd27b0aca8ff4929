# SPDX-License-Identifier: GPL-3.0-or-later
"""The Compose file of what depends on this checkout, and of described services."""

import hashlib
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from harness import envfile
from harness.config.services import ServiceTable
from harness.errors import ConfigError
from harness.model import Source
from harness.stack.certificates import CERTIFICATE, KEY
from harness.stack.project import PYTHON, SECRETS, SERVICES, Project
from harness.stack.secrets import NAMES

OWN: Final = {"portal": "PORTAL", "api": "API"}
"""Services with a server of nginx's own, and how its variables begin."""
LABELS: Final = {"harness.state": "${STACK_STATE:-}", "harness.role": "stack"}
HEALTHY: Final = ("CMD", "healthy", "python3", "-IS", "/opt/harness/healthy.py")
EXPORTED: Final = 'for one in {}; do export "${{one%%=*}}=$(cat "/run/secrets/${{one#*=}}")"; done; exec "$@"'  # noqa: E501
"""A shell's words that make variables of secrets: no `docker inspect` shows these."""
SITE: Final = """server {{
    listen {listen};
    server_name {host};
    location / {{
        set $service {service}:{port};
        include /tmp/nginx/kept/{service}.use*;
        proxy_pass http://$service;
    }}
}}
"""


def overlay(
    project: Project, sources: Iterable[Source], secrets: Mapping[str, str]
) -> dict[str, Any]:
    """What is laid over the Compose files.

    Containers have copies of secrets: a label makes those anew whose secrets are other
    ones.
    """
    made: dict[str, dict[str, Any]] = {}
    volumes: set[str] = set()
    for name, table in project.tables.items():
        made[name] = _described(project, name, table)
        volumes |= {one["source"] for one in made[name]["volumes"] if _named(one)}
    for service, names in SECRETS.items():
        known = "\n".join(secrets.get(name, "") for name in names).encode()
        mark = hashlib.scrypt(known, salt=project.name.encode(), n=2**12, r=8, p=1)
        labels = made.setdefault(service, {}).setdefault("labels", {})
        labels["harness.secrets"] = mark.hex()[:32]
    for name in dict.fromkeys((*SERVICES, *project.tables)):
        local = project.directory / "env" / "local" / f"{name}.env"
        if local.is_file():
            made.setdefault(name, {})["env_file"] = [str(local)]
    if project.environment == "development":
        for name in PYTHON:
            mounts = [
                _bind(source.path, f"/shared/src/{source.name}", reading=True)
                for source in sources
            ]
            if mounts:
                made.setdefault(name, {}).setdefault("volumes", []).extend(mounts)
    if project.config.stack.db_port:
        port = f"127.0.0.1:{project.config.stack.db_port}:5432"
        made.setdefault("db", {})["ports"] = [port]
    if told := _nginx(project):
        made.setdefault("nginx", {}).setdefault("environment", {}).update(told)
    found: dict[str, Any] = {"services": made}
    if project.pair.given:
        found["secrets"] = _encrypted(project, made.setdefault("nginx", {}))
    if volumes := volumes - {"files", "db"}:
        found["volumes"] = {name: {"labels": LABELS} for name in sorted(volumes)}
    return found


def hosts(project: Project) -> dict[str, list[str]]:
    """The host names of services with pages: the operator's, the table's, the usual."""
    base = project.directory / "env"
    usual, own = (
        envfile.load(path, {}, {}) if path.is_file() else {}
        for path in (base / "nginx.env", base / "local" / "nginx.env")
    )
    found = {"portal": ["repertoire.test"], "api": ["api.repertoire.test"]}
    for name, word in OWN.items():
        if f"{word}_NAMES" in usual:
            found[name] = usual[f"{word}_NAMES"].split()
    found |= {name: [one.vhost] for name, one in project.tables.items() if one.vhost}
    for name, word in OWN.items():
        if f"{word}_NAMES" in own:
            found[name] = own[f"{word}_NAMES"].split()
    return found


def page(project: Project, service: str) -> str:
    """A path of a service that answers."""
    table = project.tables.get(service)
    return table.page if table else "/"


def pages(project: Project) -> dict[str, int]:
    """The services that nginx stands before, and their ports inside."""
    own = {"erpserver": 8000, "portal": 6543, "api": 6544}
    return own | {
        name: table.port
        for name, table in project.tables.items()
        if table.port and (table.vhost or name in own)
    }


def _nginx(project: Project) -> dict[str, str]:
    """What nginx is told of tables, as variables."""
    variables = {}
    servers = ""
    for name, table in project.tables.items():
        if name in OWN and table.port:
            variables[f"{OWN[name]}_PORT"] = str(table.port)
        if name in OWN and table.vhost:
            variables[f"{OWN[name]}_NAMES"] = " ".join(hosts(project)[name])
        if name not in OWN and table.vhost:
            servers += SITE.format(
                host=table.vhost, service=name, port=table.port,
                listen="443 ssl http2" if project.pair.given else "81",
            )  # fmt: skip
    if servers:
        variables["SERVERS"] = servers.replace("$", "$$")
    if project.pair.given:
        names = [one for own in hosts(project).values() for one in own]
        variables["HTTPS_NAMES"] = " ".join(dict.fromkeys(names))
        variables["HTTPS_PORT"] = str(project.config.stack.https_port)
    return variables


def _encrypted(project: Project, nginx: dict[str, Any]) -> dict[str, Any]:
    """Give nginx the certificate, which is no part of what makes it anew.

    Answers the secrets that Compose is to know.
    """
    stack = project.config.stack
    nginx["ports"] = [f"{stack.address}:{stack.https_port}:443"]
    nginx["secrets"] = [CERTIFICATE, KEY]
    return {name: {"environment": name.upper()} for name in nginx["secrets"]}


def _described(project: Project, name: str, table: ServiceTable) -> dict[str, Any]:
    """A service as Compose has it."""
    secrets = [one.rpartition("=")[2] for one in table.secrets]
    if lost := [one for one in secrets if one not in NAMES]:
        raise ConfigError(
            f"{name} asks for a secret that there is not: {', '.join(lost)}",
            checked=f"service.{name}.secrets; secrets are {', '.join(NAMES)}",
            remedy="take one of these",
        )
    found: dict[str, Any] = {
        "image": project.image(name),
        "environment": _variables(project, table),
        "secrets": secrets,
        "volumes": [_mount(project, one) for one in table.volumes],
        "ports": [f"127.0.0.1:{one}" for one in table.ports],
        "depends_on": {one: {"condition": _when(project, one)} for one in table.after},
    }
    if table.replicas > 1:
        found["scale"] = table.replicas
    if words := _command(table):
        found["command"] = words
        if name in PYTHON:
            found["environment"]["DEPLOY"] = shlex.join(words)
    if table.health:
        url = len(table.health) == 1 and table.health[0].startswith("http")
        test = [*(HEALTHY if url else ("CMD",)), *table.health]
        found["healthcheck"] = {"test": test, "interval": "3s", "timeout": "15s",
                                "start_period": "120s", "retries": 5}  # fmt: skip
    return found if name in SERVICES else {**_plain(project), **found}


def _plain(project: Project) -> dict[str, Any]:
    """What any service has, as those of compose.yaml."""
    ends = project.environment == "development"
    return {
        "labels": LABELS,
        "restart": "on-failure:3" if ends else "always",
        "security_opt": ["no-new-privileges:true"],
        "cap_drop": ["ALL"],
        "pids_limit": 1000,
        "networks": ["frontend", "backend"],
        "logging": {
            "driver": "json-file",
            "options": {"max-size": "10m", "max-file": "3"},
        },
    }


def _command(table: ServiceTable) -> list[str]:
    told = [one for one in table.secrets if "=" in one]
    if not told or not table.command:
        return list(table.command)
    program = EXPORTED.format(shlex.join(told)).replace("$", "$$")
    return ["sh", "-c", program, "sh", *table.command]


def _variables(project: Project, table: ServiceTable) -> dict[str, str]:
    """Of files, taken as they are, and of the table, which Compose fills in."""
    known: dict[str, str] = {}
    for path in table.environment_files:
        known = envfile.load(project.config.root / path, known, {})
    plain = {name: value.replace("$", "$$") for name, value in known.items()}
    return plain | dict(one.partition("=")[::2] for one in table.environment)


def _when(project: Project, service: str) -> str:
    """What Compose waits for: health, where there is a check of it."""
    table = project.tables.get(service)
    checked = service in SERVICES or (table is not None and bool(table.health))
    return "service_healthy" if checked else "service_started"


def _mount(project: Project, text: str) -> dict[str, Any]:
    outside, inside, *more = text.split(":")
    if "/" not in outside and not outside.startswith("."):
        return {"type": "volume", "source": outside, "target": inside}
    return _bind(project.config.root / outside, inside, reading="ro" in more)


def _bind(source: Path, target: str, *, reading: bool) -> dict[str, Any]:
    return {"type": "bind", "source": str(source), "target": target,
            "read_only": reading}  # fmt: skip


def _named(mount: Mapping[str, Any]) -> bool:
    return bool(mount["type"] == "volume")
