# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness images sbom``, and what a build of production's images writes by itself."""

import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Final

from harness.context import Context
from harness.engine import Engine
from harness.errors import ExitCode, ImageError
from harness.images import contents, services
from harness.images.build import ImageJob
from harness.stack.project import DEFAULT
from harness.store import write_atomically

CYCLONEDX: Final = ".cdx.json"
"""What the names of the documents end in, as its tools want it."""
TOGETHER: Final = 4
"""Containers at a time that say what they have."""


def sbom(
    context: Context, *, names: tuple[str, ...], variant: str, output: Path
) -> int:
    """Write a file for each image; all are there before any is written."""
    docker, images = Engine(context.environ), context.config.images
    wanted = {
        one: f"{images.prefix}/{one}:{variant}"
        for one in services.choose(names or DEFAULT)
    }
    ids = _ids(docker.images([*wanted.values()]))
    if lacking := [name for name, image in wanted.items() if image not in ids]:
        raise ImageError(
            f"there is no image of {', '.join(lacking)}",
            checked=", ".join(wanted[name] for name in lacking),
            remedy=f"harness build --variant {variant} {' '.join(lacking)}",
        )
    output.mkdir(parents=True, exist_ok=True)
    files = {output / f"{name}{CYCLONEDX}": image for name, image in wanted.items()}
    for path, made in _write(context, docker, files, ids).items():
        count = len(made["components"])
        context.console.info(f"{path}: {count} packages of {files[path]}")
    return ExitCode.OK


def ensure(context: Context, jobs: Sequence[ImageJob], *, quiet: bool) -> Path:
    """Have a document of each of these images, which are there; their directory.

    Those of images that are what they were stay.
    """
    docker = Engine(context.environ)
    prefix = context.config.images.prefix.replace("/", "_")
    place = context.store.directory("sbom", prefix)
    ids = _ids(docker.images([job.image for job in jobs]))
    files = {place / f"{job.service}{CYCLONEDX}": job.image for job in jobs}
    todo = {path: one for path, one in files.items() if _of(path) != ids[one]}
    if todo:
        title = f"what is in {len(todo)} images"
        with nullcontext() if quiet else context.console.step(title, ticker=True):
            _write(context, docker, todo, ids)
    return place


def _ids(found: Mapping[str, Mapping[str, Any]]) -> dict[str, str]:
    return {image: str(one["Id"]) for image, one in found.items()}


def _of(path: Path) -> str:
    """The id of the image that a document is of."""
    try:
        said = json.loads(path.read_text("utf-8"))
        return str(said["metadata"]["component"]["version"])
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def _write(
    context: Context, docker: Engine, files: Mapping[Path, str], ids: Mapping[str, str]
) -> dict[Path, dict[str, Any]]:
    def write(path: Path, image: str) -> dict[str, Any]:
        said = contents.ask(docker, image)
        suite = context.config.images.suite
        made = contents.document(said, image, ids[image], suite)
        write_atomically(path, json.dumps(made, indent=1) + "\n")
        return made

    with ThreadPoolExecutor(max_workers=TOGETHER) as executor:
        return dict(zip(files, executor.map(write, files, files.values()), strict=True))
