# SPDX-License-Identifier: GPL-3.0-or-later
"""The services that have an image: a target of the Dockerfile each."""

from collections.abc import Iterable, Mapping
from typing import Final

from harness.config.described import ALIASES, OF_STACK
from harness.errors import UsageError
from harness.model import Source
from harness.options import meant

BESIDE: Final = ("documentation",)
"""Images that no service of the stack runs, and that are built with the others."""
SERVICES: Final = (*OF_STACK, *BESIDE)
MORE: Final = ("tests",)
"""Images that are built where they are named, or a table has a service run them."""
APPLICATIONS: Final = {
    "portal": "portal_web",
    "api": "portal_web",
    "processing": "collecting_society_worker",
}
"""Services that a source of kind ``python`` is; without it they are placeholders."""


def choose(names: Iterable[str]) -> tuple[str, ...]:
    """The images meant by `names`, in their order.

    Raises `UsageError` with the nearest name.
    """
    wanted = {ALIASES.get(name, name) for name in names}
    for name in sorted(wanted.difference(SERVICES, MORE)):
        raise UsageError(
            f"there is no service {name!r}",
            checked=f"services are {', '.join((*SERVICES, *MORE))}",
            remedy=meant(name, [*SERVICES, *MORE, *ALIASES])
            or "name one of them, or none",
        )
    return tuple(name for name in (*SERVICES, *MORE) if name in wanted)


def application(service: str, sources: Mapping[str, Source]) -> Source | None:
    """The source that a service starts, if it is there and ``python -m`` can."""
    name = APPLICATIONS.get(service, "")
    source = sources.get(name)
    if source and (source.path / name / "__main__.py").is_file():
        return source
    return None
