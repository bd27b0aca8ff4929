# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from new files: images, databases, settings.  Pure."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from harness.repositories.update import UpdateOutcome

ROOT: Final = "."
"""Name of the checkout's own repository."""
PACKAGING: Final = re.compile(
    r"^[^/]*(pyproject\.toml|setup\.py|setup\.cfg|requirements[^/]*\.txt)$|"
    r"^([^/]+/)?tryton\.cfg$"
)
DATABASE: Final = re.compile(r"\.(py|xml|po|cfg)$")
NOT_DATABASE: Final = re.compile(r"(^|/)(tests|docs?)/|(^|/)setup\.py$")
ENV: Final = re.compile(r"^compose/env/[^/]+\.env$")


@dataclass(frozen=True, kw_only=True)
class Consequence:
    """Something to do now: `words` are the command of the harness, if there is one."""

    what: str
    why: str
    words: tuple[str, ...] = ()


def consequences(
    outcomes: Iterable[UpdateOutcome], *, kinds: Mapping[str, str], copies: bool
) -> list[Consequence]:
    """What follows from outcomes.

    `kinds` has the kind of each source; `copies` is whether images hold copies of
    the sources, as those of production do.
    """
    changed = [one for one in outcomes if one.changed]
    found = []
    built = [one.name for one in changed if _of_images(one, copies=copies)]
    if built:
        why = f"what they are made of has changed: {', '.join(built)}"
        found.append(Consequence(what="rebuild the images", why=why, words=("build",)))
    modules = [
        one.name
        for one in changed
        if kinds.get(one.name) == "tryton" and one.before and _of_database(one)
    ]
    if modules:
        found.append(
            Consequence(
                what="update the database",
                why=f"modules have changed: {', '.join(modules)}",
                words=("db", "update", "-m", ",".join(modules)),
            )
        )
    if any(one.name == ROOT for one in changed):
        why = "the harness and its settings have changed"
        found.append(Consequence(what="run harness update again", why=why))
    return found


def _of_images(one: UpdateOutcome, *, copies: bool) -> bool:
    if one.name == ROOT:
        return any(path.startswith("Dockerfiles/") for path in one.files)
    return copies or any(PACKAGING.search(path) for path in one.files)


def _of_database(one: UpdateOutcome) -> bool:
    return any(
        DATABASE.search(path) and not NOT_DATABASE.search(path) for path in one.files
    )


def settings(outcomes: Iterable[UpdateOutcome]) -> list[str]:
    """Files with defaults of services that have changed."""
    return [
        path
        for one in outcomes
        if one.name == ROOT and one.changed
        for path in one.files
        if ENV.match(path)
    ]


def defaults(diff: str) -> list[str]:
    """The settings that a diff of env files brings, as ``NAME=VALUE``."""
    added = re.findall(r"^\+([A-Za-z_]\w*=.*)$", diff, re.MULTILINE)
    return list(dict.fromkeys(added))
