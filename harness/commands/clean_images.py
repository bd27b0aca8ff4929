# SPDX-License-Identifier: GPL-3.0-or-later
"""What ``harness clean --all`` may take of images: those that this checkout built."""

from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

from harness import engine, refusals
from harness.commands.stack_release import KEPT
from harness.context import Context
from harness.engine import Engine
from harness.images.build import DIGEST

NAMELESS: Final = "<none>"

Removal = Callable[[], bool]


def built(context: Context, docker: Engine) -> Iterator[tuple[str, str, Removal]]:
    """Name, reason, and how it is removed, of each image of this state directory.

    One without a name was replaced by a later build; it is called by its id.
    """
    done = docker.run(
        "image", "ls", "--filter", f"label={DIGEST}",
        "--filter", f"label={engine.STATE}={context.store.id}",
        "--format", "{{.Repository}}:{{.Tag}} {{.ID}}",
    )  # fmt: skip
    for line in sorted(set(done.stdout.splitlines())):
        name, number = line.split()
        if NAMELESS in name:
            yield number, "a later build has its name", partial(_remove, docker, number)
        elif KEPT.search(name):
            yield name, "kept for harness rollback", partial(_remove, docker, name)
        else:
            yield name, "harness build makes it again", partial(_remove, docker, name)


def _remove(docker: Engine, name: str) -> bool:
    done = docker.run("image", "rm", name, check=False)
    if done.code and "conflict" not in done.stderr and not engine.GONE.search(
        done.stderr
    ):  # fmt: skip
        raise refusals.failure(docker.argv("image", "rm", name), done.code, done.stderr)
    return "conflict" not in done.stderr


def tell_cache(context: Context) -> None:
    """BuildKit's cache has no owners, so it is named, and not taken."""
    docker = Engine(context.environ)
    if docker.why_not():
        return
    for one in docker.read("system", "df"):
        if one["Type"] == "Build Cache" and not one["Size"].startswith("0"):
            context.console.info(
                f"the engine's build cache ({one['Size']}) stays, it is not only ours:"
                " docker builder prune"
            )
