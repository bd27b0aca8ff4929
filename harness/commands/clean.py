# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness clean``: shows and removes what the harness made, and nothing else.

What a live run owns, and a database server that is in use, is never touched.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness import engine, store
from harness.commands.context import Context
from harness.engine import Engine, Owned
from harness.errors import ExitCode, HarnessError, UsageError
from harness.postgres import memory, people
from harness.store import Lock

STACK = "stack"
BUILT_AGAIN = "templates, built again when needed"


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that can be removed."""

    kind: str
    name: str
    why: str
    remove: Callable[[], None]


def run(
    context: Context,
    *,
    everything: bool,
    volumes: bool,
    dry: bool,
    yes: bool,
    ask: Callable[[str], str] | None,
) -> int:
    """Remove leftovers; with `everything` also what is kept for speed.

    `volumes` takes the stack's volumes, too: the data in them is lost.  `ask`
    is how to ask the user, None where nobody is there to answer.
    """
    items = list(_items(context, everything=everything, volumes=volumes))
    if not items:
        context.console.info("nothing is left over")
        return ExitCode.OK
    rows = [(item.kind, item.name, item.why) for item in items]
    context.console.table(rows, ("kind", "name", "why"))
    if dry:
        context.console.info(f"{len(items)} would be removed (--dry-run)")
        return ExitCode.OK
    if (everything or volumes) and not yes:
        _confirm(ask)
    for item in items:
        item.remove()
    context.console.info(f"{len(items)} removed")
    return ExitCode.OK


def _confirm(ask: Callable[[str], str] | None) -> None:
    if ask is None:
        raise UsageError(
            "nobody is there to be asked", remedy="say it beforehand: --yes"
        )
    if ask("remove all of this? [y/N] ").strip().lower() not in {"y", "yes"}:
        raise UsageError("nothing was removed")


def _items(context: Context, *, everything: bool, volumes: bool) -> Iterator[Item]:
    state = context.store
    with store.locked(state.path / "runs.lock"):
        live = state.live()
        for entry in sorted(state.directory("runs").iterdir()):
            if entry.name not in live:
                yield Item(
                    kind="run", name=entry.name, why="it ended without tidying up",
                    remove=partial(_sweep, context),
                )  # fmt: skip
    yield from _scratch(live)
    yield from _of_engine(context, live, everything=everything, volumes=volumes)
    for path in memory.orphans(memory.MEMORY):
        yield Item(
            kind="memory", name=str(path), why="no state directory leads to it",
            remove=partial(_erase, context, path),
        )  # fmt: skip
    if everything:
        yield from _kept(context, volumes=volumes)


def _sweep(context: Context) -> None:
    with store.locked(context.store.path / "runs.lock"):
        store.sweep(context.store)


def _scratch(live: set[str]) -> Iterator[Item]:
    """Directories of runs whose state directory is gone."""
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{store.SCRATCH}*")):
        mark = path / store.STATE
        try:
            home = Path(mark.read_text("utf-8").strip())
        except OSError:
            continue
        if not (home / "runs" / path.name.removeprefix(store.SCRATCH)).exists():
            yield Item(
                kind="files", name=str(path), why="its run is not known any more",
                remove=partial(shutil.rmtree, path, ignore_errors=True),
            )  # fmt: skip


def _of_engine(
    context: Context, live: set[str], *, everything: bool, volumes: bool
) -> Iterator[Item]:
    docker = Engine(context.environ)
    if docker.why_not():
        return
    guarded = any(
        Lock(path).taken
        for path in context.store.directory("docker").glob("*/supervisor.lock")
    )
    for one in docker.owned(context.store.id):
        why = _why(one, live, guarded=guarded, everything=everything, volumes=volumes)
        if why:
            yield Item(
                kind=one.kind, name=one.name, why=why,
                remove=partial(docker.remove, [one]),
            )  # fmt: skip
    if everything:
        yield from _images(context, docker)


def _why(
    one: Owned, live: set[str], *, guarded: bool, everything: bool, volumes: bool
) -> str:
    """Why a thing may go, or nothing."""
    if one.run:
        return "" if one.run in live else f"the run {one.run} has ended"
    if one.role == "server":
        return "" if guarded else "no supervisor watches over it"
    if one.role == STACK:
        wanted = volumes if one.kind == "volume" else everything
        return "a part of the stack" if wanted else ""
    return "kept for speed" if everything and not guarded else ""


def _images(context: Context, docker: Engine) -> Iterator[Item]:
    prefix = context.config.images.prefix
    done = docker.run(
        "image", "ls", "--filter", "label=harness.service",
        "--format", "{{.Repository}}:{{.Tag}}",
    )  # fmt: skip
    for name in sorted(set(done.stdout.split())):
        if name.startswith(f"{prefix}/"):
            yield Item(
                kind="image", name=name, why="harness build makes it again",
                remove=partial(_remove_image, docker, name),
            )  # fmt: skip


def _remove_image(docker: Engine, name: str) -> None:
    docker.run("image", "rm", name)


def _kept(context: Context, *, volumes: bool) -> Iterator[Item]:
    """Environments, copies of images, servers' data with their templates.

    Data with people's databases go with `volumes` only.
    """
    state = context.store
    for folder, why in (
        ("envs", "installed again when needed"),
        ("images", "copied again when needed"),
        ("sqlite", BUILT_AGAIN),
    ):
        for path in sorted((state.path / folder).glob("*")):
            lock = path.with_name(f"{path.name}.lock")
            if path.is_dir() and not (lock.exists() and Lock(lock).taken):
                yield Item(
                    kind=folder, name=path.name, why=why,
                    remove=partial(shutil.rmtree, path),
                )  # fmt: skip
    for mark in (state.path / "server", *state.path.glob("docker/*/data")):
        path = mark.resolve()
        locks = mark.parent if mark.name == "data" else path
        mine = people.noted(path)
        if path.exists() and not memory.in_use(locks) and (volumes or not mine):
            why = f"the databases {', '.join(mine)}" if mine else BUILT_AGAIN
            yield Item(
                kind="data", name=str(path), why=why,
                remove=partial(_forget, context, mark, path),
            )  # fmt: skip


def _forget(context: Context, mark: Path, path: Path) -> None:
    _erase(context, path)
    mark.unlink(missing_ok=True)


def _erase(context: Context, path: Path) -> None:
    """Remove data that a container's user may have written."""
    try:
        shutil.rmtree(path)
    except PermissionError:
        images = context.config.images
        docker = Engine(context.environ)
        docker.run(
            "run", "--rm", "--user", "0", "--network", "none",
            *engine.options(engine.labels(state=context.store.id, role="runner")),
            "--volume", f"{path}:/erase", "--entrypoint", "find",
            context.config.database.image or f"{images.prefix}/db:{images.variant}",
            "/erase", "-mindepth", "1", "-delete",
        )  # fmt: skip
        shutil.rmtree(path)
    except FileNotFoundError:
        return
    except OSError as error:
        raise HarnessError(f"{path} cannot be removed: {error.strerror}") from error
