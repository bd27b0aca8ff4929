# SPDX-License-Identifier: GPL-3.0-or-later
"""The last steps of a test in its browser, as `harness.plugins.film` left them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.model import Evidence

FILE: Final = "film.json"
PICTURE: Final = "film-"
LINES: Final = 6
"""Steps that are told of one picture."""


@dataclass(frozen=True, kw_only=True)
class ShownStep:
    """What was done, `at` seconds after the test began; its picture, if it has one."""

    at: float
    words: str
    times: int
    failed: str
    url: str
    picture: Evidence | None


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A picture, or none, and the steps that led to it; `more` are left out before."""

    steps: tuple[ShownStep, ...]
    more: int = 0
    picture: Evidence | None = None
    url: str = ""


def is_part(one: Evidence) -> bool:
    """Whether a piece of evidence is shown with its film."""
    return one.title == FILE or (
        one.title.startswith(PICTURE) and one.title.endswith(".jpg")
    )


def split(
    evidence: Sequence[Evidence], directory: Path | None
) -> tuple[list[list[Scene]], list[Evidence]]:
    """The films, and all other evidence; a film that cannot be read is such."""
    films: list[list[Scene]] = []
    others: list[Evidence] = []
    pictures: dict[str, Evidence] = {}
    for one in evidence:
        if is_part(one) and one.title != FILE:
            pictures[one.title] = one
        elif one.title == FILE and (steps := _read(one, directory, pictures)):
            films.append(_scenes(steps))
            pictures = {}
        else:
            others.append(one)
    return films, [*others, *pictures.values()]


def _scenes(steps: Sequence[ShownStep]) -> list[Scene]:
    scenes: list[Scene] = []
    told: list[ShownStep] = []
    url = ""
    for step in steps:
        told.append(step)
        if step.picture or step is steps[-1]:
            fresh = step.url if step.url != url and step.url not in step.words else ""
            url = step.url or url
            scenes.append(
                Scene(
                    steps=tuple(told[-LINES:]),
                    more=len(told[:-LINES]),
                    picture=step.picture,
                    url=fresh,
                )
            )
            told = []
    return scenes


def _read(
    one: Evidence, directory: Path | None, pictures: dict[str, Evidence]
) -> list[ShownStep]:
    if directory is None or not one.file:
        return []
    try:
        document = json.loads((directory / one.file).read_text("utf-8"))
        return [_step(step, pictures) for step in document["steps"]]
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _step(step: dict[str, Any], pictures: dict[str, Evidence]) -> ShownStep:
    return ShownStep(
        at=float(step["at"]),
        words=str(step["words"]),
        times=int(step["times"]),
        failed=str(step["failed"]),
        url=str(step["url"]),
        picture=pictures.get(str(step["picture"])),
    )
