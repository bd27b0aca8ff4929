# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls of Compose as lines for a shell, with secrets by their files, not as text."""

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path

from harness import proc
from harness.stack import project as projects
from harness.stack import secrets
from harness.stack.project import Project


def environment(project: Project, state: str) -> Iterator[str]:
    """The lines that set what the Compose files are filled with."""
    plain = projects.variables(project, state=state, secrets={})
    del plain["PGSERVICE_TEXT"]
    place = secrets.directory(project.directory, project.environment)
    words = [f"{name}={shlex.quote(value)}" for name, value in plain.items()]
    words += [
        f'{name.upper()}="$(cat {shlex.quote(str(place / name))})"'
        for name in secrets.NAMES
    ]
    yield " ".join(["export", *words])
    form = projects.service("%s").replace("\n", r"\n")
    yield f"""export PGSERVICE_TEXT="$(printf '{form}' "$DATABASE_PASSWORD")\""""


def shown(
    project: Project, state: str, calls: Sequence[Sequence[str | Path]]
) -> Iterator[str]:
    """What would run, a line each."""
    yield from environment(project, state)
    for argv in calls:
        yield proc.line(argv)
