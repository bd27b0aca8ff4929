# SPDX-License-Identifier: GPL-3.0-or-later
"""Builds of images by BuildKit: compared first, in parallel, told as they go."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import engine, refusals
from harness.engine import Engine
from harness.errors import CommandFailed, HarnessError, ImageError, Interrupted
from harness.images import dockerfile, secrets, workplace
from harness.images.material import DOCKERFILE, Material
from harness.images.progress import BuildProgress, ImageStep
from harness.images.secrets import Secrets
from harness.images.stream import Streams

DIGEST: Final = "harness.image"
"""Label: the digest of all that the image is made of."""
PROJECT: Final = "harness.project"
"""Label: the checkout that built it; another one's sources may be other ones."""
SERIES: Final = "harness.series"
"""Label: Tryton's."""
PLACEHOLDER: Final = "harness.placeholder"
"""Label: there was no source that could be started."""
BUILDKIT: Final = {"DOCKER_BUILDKIT": "1", "BUILDX_BUILDER": "default"}
TOGETHER: Final = 8
"""Builds at a time, at most: they share layers, and wait for what is loaded."""

Listener = Callable[[str, BuildProgress, ImageStep | None], None]


@dataclass(frozen=True, kw_only=True)
class ImageJob:
    """An image to be had: its target, name, digest and labels."""

    service: str
    image: str
    digest: str
    arguments: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Built:
    """An image that is there: whether it was built now; `size` in bytes."""

    job: ImageJob
    fresh: bool
    size: int
    seconds: float


class ImageBuilder:
    """Builds images of one context.

    `listener` hears, from several threads, of each line that is worth it: the
    service, its progress, and the layer that was finished by it or None.
    """

    def __init__(
        self,
        docker: Engine,
        material: Material,
        secret: Callable[[], Secrets],
        listener: Listener,
        *,
        cache: bool = True,
    ) -> None:
        self.docker = docker
        self.material = material
        self.listener = listener
        self.cache = cache
        self._secret = secret
        self._streams = Streams({**docker.environ, **BUILDKIT})

    def unchanged(self, jobs: Sequence[ImageJob]) -> list[Built]:
        """Those images that are there and made of the same."""
        found = self.docker.images([job.image for job in jobs])
        same = [
            job
            for job in jobs
            if (one := found.get(job.image)) and _labels(one).get(DIGEST) == job.digest
        ]
        return [
            Built(job=job, fresh=False, size=int(found[job.image]["Size"]), seconds=0.0)
            for job in same
        ]

    def build(self, jobs: Sequence[ImageJob]) -> list[Built]:
        """Build these, as many together as make sense; the first error ends all."""
        names = [job.image for job in jobs]
        before = self._digests(names)
        with self._prepared() as (context, options):
            done = self._together(jobs, context, options)
        # They have no name now; what a container uses stays, and what is others'.
        for digest in sorted(before - self._digests(names)):
            wanted = f"label={DIGEST}={digest}"
            self.docker.run("image", "prune", "--force", "--filter", wanted)
        return done

    def _digests(self, images: Sequence[str]) -> set[str]:
        there = self.docker.images(images).values()
        return {_labels(one).get(DIGEST, "") for one in there} - {""}

    def export(self, job: ImageJob) -> dict[str, str]:
        """The files of a target that is no image but texts."""
        with self._prepared() as (context, options):
            place = context.parent / "output"
            more = [*options, "--output", f"type=local,dest={place}"]
            self._run(job, self._argv(job, context, more))
            return {
                str(path.relative_to(place)): path.read_text("utf-8")
                for path in sorted(place.rglob("*"))
                if path.is_file()
            }

    @contextmanager
    def _prepared(self) -> Iterator[tuple[Path, list[str]]]:
        """The context and the secrets on the disk; they go with the block."""
        with workplace.opened() as place:
            context, hidden = place / "context", place / "secrets"
            hidden.mkdir(mode=0o700)
            self.material.write(context)
            try:
                yield context, self._secret().write(hidden)
            except BaseException:
                self._streams.end()
                raise

    def _together(
        self, jobs: Sequence[ImageJob], context: Path, options: Sequence[str]
    ) -> list[Built]:
        with ThreadPoolExecutor(max_workers=TOGETHER) as executor:
            futures = [
                executor.submit(self._one, job, context, options) for job in jobs
            ]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                # Here, and not further out: leaving the executor waits for them.
                self._streams.end()
                raise
        return [future.result() for future in futures]

    def _one(self, job: ImageJob, context: Path, options: Sequence[str]) -> Built:
        started = time.monotonic()
        named = ["--tag", job.image, *options]
        self._run(job, self._argv(job, context, named))
        found = self.docker.inspect("image", job.image) or {}
        return Built(
            job=job,
            fresh=True,
            size=int(found.get("Size", 0)),
            seconds=time.monotonic() - started,
        )

    def _run(self, job: ImageJob, argv: Sequence[str]) -> None:
        progress = BuildProgress()

        def hear(line: str) -> None:
            self.listener(job.service, progress, progress.feed(line))

        code = self._streams.run(argv, hear)
        if code < 0:
            raise Interrupted(f"the build of {job.service} was ended")
        if code:
            raise failure(job, argv, code, progress, self._text())

    def _text(self) -> str:
        return self.material.files[DOCKERFILE].read_text("utf-8")

    def _argv(self, job: ImageJob, context: Path, options: Sequence[str]) -> list[str]:
        labels = {**job.labels, DIGEST: job.digest}
        pairs = [
            part
            for name in sorted(job.arguments)
            for part in ("--build-arg", f"{name}={job.arguments[name]}")
        ]
        return self.docker.argv(
            "build", "--progress=plain",
            "--file", context / DOCKERFILE, "--target", job.service,
            *([] if self.cache else ["--no-cache"]),
            *pairs, *secrets.arguments(self.docker.environ),
            *engine.options(labels), *options, context,
        )  # fmt: skip


def _labels(image: Mapping[str, Any]) -> Mapping[str, str]:
    return image["Config"].get("Labels") or {}


def failure(
    job: ImageJob, argv: Sequence[str], code: int, progress: BuildProgress, text: str
) -> HarnessError:
    """The error of a failed build: the line of the Dockerfile, the end of its log.

    `text` is that Dockerfile: the engine's own BuildKit names no line (20.10).
    """
    layer = progress.failed
    told = [*layer.log, layer.error] if layer else []
    said = "\n".join([*told, *progress.tail])
    own = layer is not None and layer.instructs and layer.what.startswith("RUN")
    if not own or "no space left on device" in said.lower():
        known = refusals.failure(argv, code, said)
        if not isinstance(known, CommandFailed):
            return known
    line = progress.line
    if layer and not line:
        line = dockerfile.locate(text, layer.stage, layer.what)
    place = f" at Dockerfiles/Dockerfile:{line}" if line else ""
    what = progress.instruction or (layer.what if layer else "")
    log = list(layer.log) if layer and layer.log else [*told, *progress.tail]
    shown = "\n".join(one for one in (what, *log) if one)
    return ImageError(
        f"the image {job.service} cannot be built: it fails{place}\n{shown}",
        checked=f"docker build ended with exit code {code}",
        remedy=f"mend that line, then: harness build {job.service}",
    )
