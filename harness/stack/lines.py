# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of Compose as lines for a shell, with secrets by their files, not as text."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import proc
from harness.stack import project as projects
from harness.stack import roles, secrets
from harness.stack.certificates import CERTIFICATE, KEY
from harness.stack.project import Project


def environment(project: Project, state: str) -> Iterator[str]:
    """The lines that set what the Compose files are filled with."""
    plain = projects.variables(project, state=state, secrets={})
    for role in roles.PASSWORDS:
        del plain[projects.services_variable(role)]
    place = secrets.directory(project.directory, project.environment)
    words = [f"{name}={shlex.quote(value)}" for name, value in plain.items()]
    words += [
        f'{name.upper()}="$(cat {shlex.quote(str(place / name))})"'
        for name in (*secrets.NAMES, secrets.MAIL, CERTIFICATE, KEY)
        if name in secrets.NAMES or (place / name).exists()
    ]
    yield " ".join(["export", *words])
    for role, name in roles.PASSWORDS.items():
        form = projects.service(role, "%s").replace("\n", r"\n")
        variable = projects.services_variable(role)
        yield f"""export {variable}="$(printf '{form}' "${name.upper()}")\""""


def shown(
    project: Project, state: str, calls: Sequence[Sequence[str | Path]]
) -> Iterator[str]:
    """What would run, a line each."""
    yield from environment(project, state)
    for argv in calls:
        yield proc.line(argv)
