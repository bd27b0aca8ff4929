# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness images pull``, ``push`` and ``save``: images that a registry shares.

In the registry an image is named by the digest of all that it is made of, so what is
found there is what would be built here.
"""

from collections.abc import Iterator
from pathlib import Path

from harness.commands import image_jobs
from harness.context import Context
from harness.engine import Engine
from harness.errors import CommandFailed, ExitCode, ImageError, MissingTool
from harness.images.build import DIGEST, ImageJob

LENGTH = 32
"""Characters of a digest in a tag."""


def _jobs(context: Context, registry: str) -> Iterator[tuple[ImageJob, str]]:
    """Each image, and what it is called in the registry."""
    for job in image_jobs.jobs(context):
        tag = job.digest.removeprefix("sha256:")[:LENGTH]
        yield job, f"{registry}/{job.service}:{tag}"


def pull(context: Context, *, registry: str) -> int:
    """Take from the registry what is not here and would have to be built."""
    docker = Engine(context.environ)
    docker.require()
    for job, name in _jobs(context, registry):
        if _current(docker, job):
            said = "is here"
        elif docker.run("pull", "--quiet", name, check=False).code == 0:
            docker.run("tag", name, job.image)
            said = "pulled" if _current(docker, job) else "is not what its name says"
        else:
            said = "not in the registry"
        context.console.info(f"{job.service}: {said}")
    return ExitCode.OK


def push(context: Context, *, registry: str) -> int:
    """Give the registry those that it lacks; they must have been built."""
    docker = Engine(context.environ)
    docker.require()
    for job, name in _jobs(context, registry):
        _require(docker, job)
        if _there(docker, name):
            context.console.info(f"{job.service}: is there")
            continue
        docker.run("tag", job.image, name)
        try:
            docker.run("push", "--quiet", name)
        except CommandFailed as error:
            raise MissingTool(
                f"{name} cannot be pushed",
                checked=error.message,
                remedy=f"docker login {registry.partition('/')[0]}",
            ) from error
        context.console.info(f"{job.service}: pushed")
    return ExitCode.OK


def save(context: Context, *, file: Path, without: str) -> int:
    """Write those that the registry lacks to one file, for ``docker load``."""
    docker = Engine(context.environ)
    docker.require()
    chosen = []
    for job, name in _jobs(context, without):
        _require(docker, job)
        if not _there(docker, name):
            chosen.append(job.image)
    if chosen:
        docker.run("save", "--output", str(file), *chosen)
    context.console.info(f"{', '.join(chosen) or 'nothing'} saved")
    return ExitCode.OK


def _current(docker: Engine, job: ImageJob) -> bool:
    found = docker.inspect("image", job.image)
    labels = (found or {}).get("Config", {}).get("Labels") or {}
    return bool(labels.get(DIGEST) == job.digest)


def _require(docker: Engine, job: ImageJob) -> None:
    if not _current(docker, job):
        raise ImageError(
            f"the image {job.image} is not built of what is here",
            checked="the digest in its label",
            remedy=f"harness build {job.service}",
        )


def _there(docker: Engine, name: str) -> bool:
    # The engine speaks plain HTTP to a registry of this machine, this command asks.
    here = name.startswith(("127.", "localhost:"))
    options = ("--insecure",) if here else ()
    done = docker.run("manifest", "inspect", *options, name, check=False)
    return done.code == 0
