# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose images a stack is about to run: built of what is here, and by this checkout."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Final

from harness.commands import image_jobs
from harness.context import Context
from harness.engine import Engine
from harness.errors import ImageError
from harness.images.build import DIGEST, PROJECT, SERIES, ImageJob
from harness.images.material import DOCKERFILE
from harness.stack.project import derived

REVISION: Final = "org.opencontainers.image.revision"
"""Label: the sources."""
Labels = Mapping[str, Mapping[str, str]]
"""Of images, by name."""


def check(context: Context, names: Sequence[str], variant: str) -> None:
    """Say which images are not made of what is here, and what builds them.

    Raises `ImageError` for those of another checkout: they have other modules.
    """
    wanted = expected(context, names, variant)
    old, foreign = compared(
        wanted, _labels(context, wanted), derived(context.config.root)
    )
    if foreign:
        said = ", ".join(f"{name} (of {what})" for name, what in foreign.items())
        raise ImageError(
            f"images of another checkout, series, or of other sources: {said}",
            checked=f"their labels {PROJECT}, {SERIES}, {REVISION}",
            remedy=line([*foreign, *old], variant)
            + " (a name of your own keeps them apart: images.prefix)",
        )
    if old:
        context.console.warn(
            f"older than what is here: the images {', '.join(old)};"
            f" {line(old, variant)} builds them"
        )


def stale(context: Context, names: Sequence[str], variant: str) -> bool:
    """Whether a build would change any of the images."""
    wanted = expected(context, names, variant)
    return any(map(len, compared(wanted, _labels(context, wanted), "")))


def compared(
    wanted: Sequence[ImageJob], there: Labels, own: str
) -> tuple[list[str], dict[str, str]]:
    """The services with an older image, and those with a foreign one, with its sources.

    Where nothing says what an image is made of, nothing is said of it.
    """
    old: list[str] = []
    foreign: dict[str, str] = {}
    for job in wanted:
        labels = there.get(job.image, {})
        if labels.get(DIGEST, job.digest) == job.digest:
            continue
        whose = labels.get(PROJECT, own)
        kin = _sources(labels) in ([], _sources(job.labels))
        series = labels.get(SERIES, job.labels.get(SERIES))
        if series != job.labels.get(SERIES) and job.service in image_jobs.SOURCED:
            foreign[job.service] = f"series {series}"
        elif whose == own and (kin or job.service not in image_jobs.SOURCED):
            old.append(job.service)
        else:
            foreign[job.service] = labels.get(REVISION) or whose
    return old, foreign


def _sources(labels: Mapping[str, str]) -> list[tuple[str, str]]:
    """The sources of an image, each with where it came from; not their revisions."""
    return re.findall(r"(\w+) \((\w+)", labels.get(REVISION, ""))


def expected(context: Context, names: Sequence[str], variant: str) -> list[ImageJob]:
    """As they would be built now; none where nothing can be built here."""
    found = Engine(context.environ).inspect("image", context.config.images.base)
    if (
        found is None
        or not (context.config.root / image_jobs.PLACE / DOCKERFILE).is_file()
    ):
        return []
    return image_jobs.jobs(context, names, variant, str(found["Id"]))


def line(names: Sequence[str], variant: str) -> str:
    """The command that builds images."""
    return f"harness build --variant {variant} {' '.join(names)}"


def _labels(context: Context, wanted: Sequence[ImageJob]) -> Labels:
    if not wanted:
        return {}
    names = [job.image for job in wanted]
    done = Engine(context.environ).run("image", "inspect", *names, check=False)
    return {
        tag: one["Config"].get("Labels") or {}
        for one in json.loads(done.stdout or "[]")
        for tag in one.get("RepoTags") or ()
    }
