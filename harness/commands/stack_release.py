# SPDX-License-Identifier: GPL-3.0-or-later
"""The images of a release of the stack are kept while ``harness rollback`` may ask."""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.commands.stack import Stack
from harness.stack.releases import CODE, Releases

KEPT: Final = re.compile(r"-[0-9a-f]{12}$")
"""How the names end by which images are kept."""


def directory(stack: Stack) -> Path:
    """Where a stack's releases are noted."""
    return stack.context.store.directory("stack", stack.project.name)


def current(stack: Stack, names: Iterable[str]) -> dict[str, str]:
    """The ids of the images that services would have now, by their targets."""
    wanted = stack.project.images(names)
    form = "{{.Id}} {{json .RepoTags}}"
    call = ("image", "inspect", "--format", form, *wanted.values())
    done = stack.engine.run(*call, check=False)
    tags = {
        tag: number
        for line in done.stdout.splitlines()
        for number, _, listed in [line.partition(" ")]
        for tag in json.loads(listed)
    }
    return {target: tags[one] for target, one in wanted.items() if one in tags}


def keep(stack: Stack, names: Iterable[str]) -> None:
    """These services are well: keep what they are, and what served before it."""
    if stack.project.environment == "development":
        return
    place, now = directory(stack), current(stack, names)
    known = Releases.read(place)
    made = known.after(now)
    if made == known:
        return
    for target, number in now.items():
        stack.engine.run("tag", number, _kept(stack, target, number))
    made.write(place)
    for name in {*_names(stack, known)} - {*_names(stack, made)}:
        stack.engine.run("image", "rm", name, check=False)


def updated(stack: Stack, dump: Path | None) -> None:
    """The code of today has updated the database: `dump` is of before, if there is one.

    The first one of a release stays: what code of before can read is in that.
    """
    place, code = directory(stack), current(stack, [CODE]).get(CODE, "")
    known = Releases.read(place)
    if known.updated != code or not Path(known.dump).is_file():
        said = str(dump.absolute()) if dump else ""
        replace(known, dump=said, updated=code).write(place)


def returned(stack: Stack) -> None:
    """The database is the one of before: no backup of before goes with it."""
    place = directory(stack)
    replace(Releases.read(place), dump="", updated="").write(place)


def _names(stack: Stack, releases: Releases) -> Iterator[str]:
    for images in (releases.served, releases.former):
        for target, number in images.items():
            yield _kept(stack, target, number)


def _kept(stack: Stack, target: str, number: str) -> str:
    """The name by which an image stays that has lost its own to a later build."""
    prefix = stack.context.config.images.prefix
    digest = number.removeprefix("sha256:")[:12]
    return f"{prefix}/{target}:{stack.project.name}-{digest}"
