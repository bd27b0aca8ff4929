# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness build`` and ``harness images``."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from harness.commands import image_contents, stack_dump
from harness.commands.image_contents import CYCLONEDX
from harness.commands.image_jobs import (
    LOCKED,
    PLACE,
    SOURCED,
    chosen_of,
    job_of,
    material_of,
    series_of,
)
from harness.commands.stack import open_
from harness.context import Context
from harness.engine import Engine
from harness.errors import ExitCode
from harness.images import base as bases
from harness.images import secrets
from harness.images.board import Board
from harness.images.build import DIGEST, Built, ImageBuilder, ImageJob
from harness.images.material import Material
from harness.quantities import duration, size
from harness.series import Series
from harness.sources import check_whole
from harness.store import write_atomically


def build(
    context: Context,
    *,
    names: tuple[str, ...],
    cache: bool,
    pull: bool,
    variant: str,
    ahead: bool,
    as_json: bool,
) -> int:
    """Build what has changed; the exit code.

    With `ahead`, the stack's first database is made too, if it is about to be wanted.
    """
    started = time.monotonic()
    chosen = chosen_of(context, names)
    if {*chosen} & {*SOURCED}:
        check_whole(context.config)
    variant = variant or context.config.images.variant
    release = series_of(context)
    gathered = material_of(context, release, variant)
    docker = Engine(context.environ)
    base = bases.ensure(docker, context.config.images.base, pull=pull)
    jobs = [job_of(context, gathered, one, variant, release, base) for one in chosen]
    board = Board(context.console, quiet=as_json)
    secret = partial(secrets.gather, context.environ, context.config.images.suite)
    builder = ImageBuilder(docker, gathered, secret, board, cache=cache)
    kept = builder.unchanged(jobs) if cache else []
    todo = [job for job in jobs if job not in [one.job for one in kept]]
    if not as_json and any(job.service in LOCKED for job in todo):
        _warn_unlocked(context, gathered, release)
    done = {one.job.service: one for one in [*kept, *_build(board, builder, todo)]}
    place = None
    if variant == "production":
        place = image_contents.ensure(context, jobs, quiet=as_json)
    _show(context, [done[name] for name in chosen], started, place, as_json=as_json)
    if ahead and not as_json:
        stack_dump.ahead(open_(context, ""), variant, chosen)
    return ExitCode.OK


def _warn_unlocked(context: Context, gathered: Material, release: Series) -> None:
    if f"requirements/erpserver/locked-{release.name}.txt" not in gathered.files:
        context.console.warn(
            f"versions of series {release.name} are not locked: pip takes the newest"
            " of it (harness images lock writes them down)"
        )


def _build(board: Board, builder: ImageBuilder, jobs: list[ImageJob]) -> list[Built]:
    if not jobs:
        return []
    with board.shown("building " + ", ".join(job.service for job in jobs)):
        return builder.build(jobs)


def _show(
    context: Context,
    done: list[Built],
    started: float,
    place: Path | None,
    *,
    as_json: bool,
) -> None:
    if as_json:
        records = [_record(one, place) for one in done]
        context.console.info(json.dumps(records, indent=1))
        return
    rows = [
        (
            one.job.service,
            one.job.image,
            "built" if one.fresh else "unchanged",
            size(one.size),
            duration(one.seconds) if one.fresh else "",
        )
        for one in done
    ]
    context.console.table(rows, ["service", "image", "result", "size", "time"])
    fresh = sum(one.fresh for one in done)
    passed = duration(time.monotonic() - started)
    context.console.info(f"{fresh} built, {len(done) - fresh} unchanged, in {passed}")
    if place:
        context.console.info(f"what is in them, for scanners: {place}/*{CYCLONEDX}")


def _record(one: Built, place: Path | None) -> dict[str, object]:
    return {
        **({"sbom": str(place / f"{one.job.service}{CYCLONEDX}")} if place else {}),
        "service": one.job.service,
        "image": one.job.image,
        "digest": one.job.digest,
        "built": one.fresh,
        "size": one.size,
        "seconds": round(one.seconds, 2),
    }


def base(context: Context, *, suite: str) -> int:
    """Make the base image on this machine."""
    images = context.config.images
    docker = Engine(context.environ)
    suite = suite or images.suite
    title = f"{images.base} of Debian {suite}"
    with context.console.step(title, ticker=True) as live:
        made = bases.make(docker, images.base, suite, step=live.update)
    found = docker.inspect("image", made) or {"Size": 0}
    context.console.info(f"{images.base}: {size(int(found['Size']))}, {made[:19]}")
    return ExitCode.OK


def list_(context: Context, *, as_json: bool) -> int:
    """List the images that the harness made."""
    docker = Engine(context.environ)
    ids = docker.run(
        "image", "ls", "--quiet", "--filter", f"label={DIGEST}"
    ).stdout.split()
    found = [docker.inspect("image", one) for one in dict.fromkeys(ids)]
    rows = [_image(one) for one in found if one]
    rows.sort(key=lambda row: str(row["image"]))
    if as_json:
        context.console.info(json.dumps(rows, indent=1))
    elif rows:
        context.console.table(
            [(r["image"], size(int(str(r["size"]))), r["created"], r["digest"])
             for r in rows],
            ["image", "size", "created", "digest"],
        )  # fmt: skip
    else:
        context.console.info("there is none: harness build makes them")
    return ExitCode.OK


def _image(found: Mapping[str, Any]) -> dict[str, object]:
    labels = found["Config"].get("Labels") or {}
    return {
        "image": next(iter(found.get("RepoTags") or ()), found["Id"][:19]),
        "service": labels.get("harness.service", ""),
        "variant": labels.get("harness.variant", ""),
        "digest": labels[DIGEST],
        "size": int(found["Size"]),
        "created": str(found["Created"])[:19],
    }


def refresh(context: Context) -> int:
    """Ask the registry for the digests of the base images, and write them down."""
    before = bases.pins()
    docker = Engine(context.environ)
    with context.console.step("asking the registry", ticker=True) as live:
        after = bases.ask(docker, before, step=live.update)
    bases.write(after)
    for name in after:
        changed = "unchanged" if after[name] == before[name] else "new"
        context.console.info(f"{name}  {after[name]}  {changed}")
    return ExitCode.OK


def lock(context: Context) -> int:
    """Resolve all requirements anew and write the locked versions down."""
    docker = Engine(context.environ)
    release = series_of(context)
    base_ = bases.ensure(docker, context.config.images.base)
    gathered = material_of(context, release, "development")
    job = job_of(context, gathered, "locks", "development", release, base_)
    board = Board(context.console, quiet=False)
    secret = partial(secrets.gather, context.environ, context.config.images.suite)
    builder = ImageBuilder(docker, gathered, secret, board)
    with board.shown(f"locking requirements of series {release.name}"):
        found = builder.export(replace_asked(job))
    place = context.config.root / PLACE / "requirements"
    changed = [name for name in sorted(found) if _written(place / name, found[name])]
    context.console.info("\n".join(changed) or "nothing has changed")
    return ExitCode.OK


def replace_asked(job: ImageJob) -> ImageJob:
    """The same job, with an argument that no build had before."""
    return replace(job, arguments={**job.arguments, "ASKED": str(time.time())})


def _written(path: Path, text: str) -> bool:
    if path.exists() and path.read_text("utf-8") == text:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    path.chmod(0o644)
    return True
