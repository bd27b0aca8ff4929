# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness stack export``: for many machines, with the lines that begin it."""

import json
import shlex
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.errors import ExitCode, ImageError
from harness.stack import certificates, kubernetes, overlay, pods, roles, swarm
from harness.stack import project as projects
from harness.store import write_atomically


def export(context: Context, *, environment: str, form: str, output: Path) -> int:
    """Write what a swarm or ``kubectl apply`` takes; no secret is in it."""
    stack = open_(context, environment)
    config = stack.compose.config()
    absent = [
        name
        for name, one in config.get("secrets", {}).items()
        if not stack.compose.env.get(one.get("environment", ""))
    ]
    if form == "kubernetes":
        objects, left = kubernetes.manifests(
            config, absent, _images(stack, config), _site(stack)
        )
        text = "---\n".join(f"{json.dumps(one, indent=2)}\n" for one in objects)
        lines = _cluster(stack, objects, output)
    else:
        made, left = swarm.stack(config, absent)
        text = json.dumps(made, indent=2) + "\n"
        lines = _swarm(stack, made, output)
    write_atomically(output, text)
    for line in left:
        context.console.warn(line)
    context.console.info("\n".join(lines))
    return ExitCode.OK


def _images(stack: Stack, config: Mapping[str, Any]) -> dict[str, pods.PodImage]:
    """Raises `ImageError` where one is not here: it says who it is, and its health."""
    made = {}
    for name, service in kubernetes.wanted(config).items():
        found = stack.engine.inspect("image", service["image"])
        if found is None:
            raise ImageError(
                f"the image {service['image']} is not there: it says how {name} runs",
                remedy=f"harness build --variant {stack.project.variant}",
            )
        made[name] = pods.PodImage.of(found)
    return made


def _site(stack: Stack) -> kubernetes.Site:
    ports = overlay.pages(stack.project)
    named = overlay.hosts(stack.project).items()
    return kubernetes.Site(
        hosts={name: (ports[name], hosts) for name, hosts in named},
        secure=stack.project.pair.given,
    )


def _given(stack: Stack, secret: str) -> tuple[str, str]:
    """What writes a secret into a pipe, or nothing and its file; both for a shell."""
    owners = {f"pgservice_{role}": role for role in roles.PASSWORDS}
    role = owners.get(secret, "")
    path = stack.project.secret(roles.PASSWORDS[role] if role else secret)
    file = shlex.quote(str(path))
    if not role:
        return "", file
    form = projects.service(role, "%s").replace("\n", r"\n")
    return f"""printf '{form}' "$(cat {file})" | """, ""


def _swarm(stack: Stack, made: Mapping[str, Any], output: Path) -> Iterator[str]:
    """The lines that make a stack of it, on a manager of the swarm."""
    name = stack.project.name
    yield f"docker node update --label-add {swarm.DATA}=true NODE  # has the volumes"
    for secret, one in made["secrets"].items():
        pipe, file = _given(stack, secret)
        yield f"{pipe}docker secret create {one['name']} {file or '-'}"
    file = shlex.quote(str(output))
    yield f"docker stack deploy --with-registry-auth --compose-file {file} {name}"


def _cluster(
    stack: Stack, objects: Collection[Mapping[str, Any]], output: Path
) -> Iterator[str]:
    """The lines that begin it in a namespace, and bring the data there."""
    kubectl = f"kubectl --namespace {stack.project.name}"
    yield f"kubectl create namespace {stack.project.name}"
    for secret in kubernetes.secrets(objects):
        pipe, file = _given(stack, secret)
        yield (
            f"{pipe}{kubectl} create secret generic {pods.plain(secret)}"
            f" --from-file={secret}={file or '/dev/stdin'}"
        )
    if stack.project.pair.given:
        one, key = (
            shlex.quote(str(stack.project.secret(name)))
            for name in (certificates.CERTIFICATE, certificates.KEY)
        )
        yield f"{kubectl} create secret tls tls --cert={one} --key={key}"
    yield f"{kubectl} apply --filename {shlex.quote(str(output))}"
    here, there = stack.line("exec", "db"), f"{kubectl} exec -i statefulset/db --"
    yield f"{here} pg_dumpall --roles-only | {there} psql --dbname=postgres"
    own = stack.context.config.stack.database
    restore = "pg_restore --create --dbname=postgres"
    yield f"{here} pg_dump --format=custom {own} | {there} {restore}"
