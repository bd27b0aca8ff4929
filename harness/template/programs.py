# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs programs that come with PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path

from harness import proc
from harness.errors import MissingTool


def run(place: Path | None, name: str, *arguments: str, env: Mapping[str, str]) -> None:
    """Run `name` from `place`, else from PATH; raises `MissingTool`."""
    program = str(place / name) if place else name
    try:
        proc.run([program, *arguments], env=env)
    except MissingTool as error:
        raise MissingTool(
            f"{name} is missing",
            checked="the embedded PostgreSQL and PATH",
            remedy="apt-get install postgresql-client",
        ) from error
