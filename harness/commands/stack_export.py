# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness stack export``: the stack for a swarm, with the lines that begin it."""

import json
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from harness.commands.stack import Stack, open_
from harness.context import Context
from harness.errors import ExitCode, UsageError
from harness.stack import project as projects
from harness.stack import roles, swarm
from harness.store import write_atomically


def export(context: Context, *, environment: str, form: str, output: Path) -> int:
    """Write what ``docker stack deploy`` takes; no secret is in it."""
    if form == "kubernetes":
        raise UsageError(
            "the stack is not exported for Kubernetes",
            checked="docs/stack.md says why",
            remedy="harness stack export --format swarm",
        )
    stack = open_(context, environment)
    config = json.loads(stack.compose.run("config", "--format", "json").stdout)
    absent = [
        name
        for name, one in config.get("secrets", {}).items()
        if not stack.compose.env.get(one.get("environment", ""))
    ]
    made, left = swarm.stack(config, absent)
    write_atomically(output, json.dumps(made, indent=2) + "\n")
    for line in left:
        context.console.warn(line)
    context.console.info("\n".join(begin(stack, made, output)))
    return ExitCode.OK


def begin(stack: Stack, made: Mapping[str, Any], output: Path) -> Iterator[str]:
    """The lines that make a stack of it, on a manager of the swarm."""
    name = stack.project.name
    yield f"docker node update --label-add {swarm.DATA}=true NODE  # has the volumes"
    owners = {f"pgservice_{role}": role for role in roles.PASSWORDS}
    for secret, one in made["secrets"].items():
        role = owners.get(secret, "")
        path = stack.project.secret(roles.PASSWORDS[role] if role else secret)
        file = shlex.quote(str(path))
        create = f"docker secret create {one['name']}"
        if role:
            form = projects.service(role, "%s").replace("\n", r"\n")
            yield f"""printf '{form}' "$(cat {file})" | {create} -"""
        else:
            yield f"{create} {file}"
    file = shlex.quote(str(output))
    yield f"docker stack deploy --with-registry-auth --compose-file {file} {name}"
