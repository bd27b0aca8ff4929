# SPDX-License-Identifier: GPL-3.0-or-later
"""What does not go together in descriptions of services."""

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from harness.config.kinds import shown
from harness.config.names import guess, place
from harness.config.schema import Config
from harness.config.services import ServiceTable
from harness.model import ENVIRONMENTS

OF_STACK: Final = (
    "db",
    "erpserver",
    "portal",
    "api",
    "processing",
    "nginx",
    "selenium",
)
"""The services of the stack, as compose.yaml has them."""
ALIASES: Final = {
    "tryton": "erpserver", "webgui": "portal", "webapi": "api",
    "worker": "processing", "database": "db", "webserver": "nginx",
}  # fmt: skip
"""Names of older stacks, where a person types them."""
FORMER: Final = {"documentation": "harness docs; in its image: harness docs --in image"}
"""What was a service once, and the line that does its work now."""


def problems(config: Config) -> Iterator[str]:
    """All of it, one line each."""
    known = (*OF_STACK, *(name for name in config.service if name not in OF_STACK))
    for name, table in config.service.items():
        for key, value, why in _wrong(config.root, name, table, known):
            full = f"service.{name}.{key}"
            yield f"{place(full, config.source_of(full))} = {shown(value)}: {why}"


def _wrong(
    root: Path, name: str, table: ServiceTable, known: tuple[str, ...]
) -> Iterator[tuple[str, object, str]]:
    """Key, value, and what is wrong with it."""
    if name in ALIASES:
        yield "image", table.image, f"{name} is another name of {ALIASES[name]}"
    elif name not in OF_STACK and not table.image:
        yield "image", table.image, "a service of your own needs one"
    if table.vhost and not table.port:
        yield "vhost", table.vhost, "which port inside has its pages? Say it in port"
    for one in table.environments:
        if one not in ENVIRONMENTS:
            why = f"allowed: {', '.join(ENVIRONMENTS)}{guess(one, ENVIRONMENTS)}"
            yield "environments", one, why
    for one in table.after:
        if one not in known or one == name:
            why = f"there is no such service, allowed: {', '.join(known)}"
            yield "after", one, why + guess(one, known)
    for key in ("environment", "ports"):
        sign = "=" if key == "environment" else ":"
        for one in getattr(table, key):
            if sign not in one:
                yield key, one, f"it has no {sign}"
    for one in table.environment_files:
        if not (root / one).is_file():
            yield "environment_files", one, f"there is no such file in {root}"
    for one in table.volumes:
        outside, _, inside = one.partition(":")
        if not inside.startswith("/"):
            yield "volumes", one, "allowed: OUTSIDE:/INSIDE, :ro behind it"
        elif "/" in outside and not (root / outside).exists():
            yield "volumes", one, f"there is no {outside} in {root}"
