# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness clean``: shows and removes what the harness made, and nothing else.

What a live run owns, and a database server that is in use, is never touched.
"""

import contextlib
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness import engine, store
from harness.commands import clean_images, clean_stack
from harness.context import Context
from harness.engine import Engine, Owned
from harness.errors import ExitCode, HarnessError, UsageError
from harness.images import workplace
from harness.postgres import memory, people
from harness.store import Lock, Store
from harness.template.sqlite import SQLite

YOUNG = 60.0
"""Seconds that a new directory in memory is left alone."""
BUILT_AGAIN = "templates, built again when needed"


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that can be removed; False from `remove`: it is in use by now."""

    kind: str
    name: str
    why: str
    remove: Callable[[], bool]


def run(
    context: Context,
    *,
    everything: bool,
    volumes: bool,
    dry: bool,
    yes: bool,
    save: bool,
    ask: Callable[[str], str] | None,
) -> int:
    """Remove leftovers; with `everything` also what is kept for speed.

    `volumes` takes the stack's volumes, too: the data in them is lost, after a backup
    with `save`.  `ask` is how to ask the user, None where nobody is there to answer.
    Production's stack, and data of other checkouts, are never taken.
    """
    items = list(_items(context, everything=everything, volumes=volumes))
    clean_stack.tell_kept(context, volumes=volumes)
    if everything:
        clean_images.tell_cache(context)
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
    if save:
        clean_stack.save(
            context, [item.name for item in items if item.kind == "volume"]
        )
    left = [item for item in items if not item.remove()]
    for item in left:
        context.console.warn(f"{item.kind} {item.name} is in use by now: it stays")
    context.console.info(f"{len(items) - len(left)} removed")
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
    yield from _scratch()
    for path in workplace.left(Path(tempfile.gettempdir())):
        yield Item(
            kind="files", name=str(path), why="its build was killed",
            remove=partial(workplace.remove, path),
        )  # fmt: skip
    yield from _of_engine(context, live, everything=everything, volumes=volumes)
    for path in filter(_old, memory.orphans(memory.MEMORY)):
        yield Item(
            kind="memory", name=str(path), why="no state directory leads to it",
            remove=partial(_erase_orphan, context, path),
        )  # fmt: skip
    if everything:
        yield from _kept(context, volumes=volumes)


def _old(path: Path) -> bool:
    """A younger one may be about to be led to."""
    return time.time() - path.stat().st_mtime > YOUNG


def _sweep(context: Context) -> bool:
    with store.locked(context.store.path / "runs.lock"):
        store.sweep(context.store)
    return True


def _scratch() -> Iterator[Item]:
    """Directories of this user's runs whose state directory is gone."""
    for path in sorted(Path(tempfile.gettempdir()).glob(f"{store.SCRATCH}*")):
        if _unknown(path):
            yield Item(
                kind="files", name=str(path), why="its run is not known any more",
                remove=partial(_remove_scratch, path),
            )  # fmt: skip


def _unknown(path: Path) -> bool:
    try:
        if path.lstat().st_uid != os.getuid():
            return False
        home = Path((path / store.STATE).read_text("utf-8").strip())
    except OSError:
        return False
    return not (home / "runs" / path.name.removeprefix(store.SCRATCH)).exists()


def _remove_scratch(path: Path) -> bool:
    if not _unknown(path):
        return False
    shutil.rmtree(path, ignore_errors=True)
    return True


def _of_engine(
    context: Context, live: set[str], *, everything: bool, volumes: bool
) -> Iterator[Item]:
    docker = Engine(context.environ)
    if docker.why_not():
        return
    guarded = _guarded(context.store)
    for one in docker.owned(context.store.id):
        if one.role == clean_stack.STACK and not clean_stack.taken(context, one):
            continue
        why = _why(one, live, guarded=guarded, everything=everything, volumes=volumes)
        if why:
            yield Item(
                kind=one.kind, name=one.name, why=why,
                remove=partial(_remove_owned, context.store, docker, one),
            )  # fmt: skip
    if everything:
        for name, why, remove in clean_images.built(context, docker):
            yield Item(kind="image", name=name, why=why, remove=remove)


def _guarded(state: Store) -> bool:
    """Whether a supervisor watches over the container of the database server."""
    locks = state.directory("docker").glob("*/supervisor.lock")
    return any(Lock(path).taken for path in locks)


def _remove_owned(state: Store, docker: Engine, one: Owned) -> bool:
    if one.run or one.role == clean_stack.STACK:
        docker.remove([one])
        return True
    with _claimed(state.path / "docker.lock") as ours:  # nobody begins a server now
        if not ours or _guarded(state):
            return False
        docker.remove([one])
        return True


@contextlib.contextmanager
def _claimed(*paths: Path) -> Iterator[bool]:
    """Hold these locks for the block; whether nobody else has one."""
    locks = [Lock(path) for path in paths]
    try:
        yield all(lock.acquire(wait=0) for lock in locks)
    finally:
        for lock in locks:
            lock.release()


def _why(
    one: Owned, live: set[str], *, guarded: bool, everything: bool, volumes: bool
) -> str:
    """Why a thing may go, or nothing."""
    if one.run:
        return "" if one.run in live else f"the run {one.run} has ended"
    if one.role == "server":
        return "" if guarded else "no supervisor watches over it"
    if one.role == clean_stack.STACK:
        wanted = volumes if one.kind == "volume" else everything
        return "a part of the stack" if wanted else ""
    return "kept for speed" if everything and not guarded else ""


def _kept(context: Context, *, volumes: bool) -> Iterator[Item]:
    """Environments, copies of images, templates, servers' data with theirs.

    Data with people's databases go with `volumes` only.
    """
    state = context.store
    for folder, why in (
        ("envs", "installed again when needed"),
        ("images", "copied again when needed"),
    ):
        for path in sorted((state.path / folder).glob("*")):
            lock = path.with_name(f"{path.name}.lock")
            if path.is_dir() and not (lock.exists() and Lock(lock).taken):
                yield Item(
                    kind=folder, name=path.name, why=why,
                    remove=partial(_remove_locked, path, lock),
                )  # fmt: skip
    for one in SQLite(state, "").all():
        yield Item(
            kind="sqlite", name=f"{one.name} {one.digest}", why=BUILT_AGAIN,
            remove=partial(_remove_template, state, one.digest),
        )  # fmt: skip
    for mark in (state.path / "server", *state.path.glob("docker/*/data")):
        path = mark.resolve()
        locks = mark.parent if mark.name == "data" else path
        mine = people.noted(path)
        if path.exists() and not memory.in_use(locks) and (volumes or not mine):
            why = f"the databases {', '.join(mine)}" if mine else BUILT_AGAIN
            yield Item(
                kind="data", name=str(path), why=why,
                remove=partial(_forget, context, mark, path, locks),
            )  # fmt: skip
    for path in sorted(state.path.glob(f"postgres/*{memory.GONE}")):
        yield Item(
            kind="data", name=str(path), why="its removal was cut in two",
            remove=partial(_erase, context, path),
        )  # fmt: skip


def _remove_locked(path: Path, lock: Path) -> bool:
    with _claimed(lock) as ours:
        if ours:
            shutil.rmtree(_aside(path))
    return ours


def _aside(path: Path) -> Path:
    """A name that nobody takes for a whole one, should the removal be cut in two."""
    if path.name.endswith(memory.GONE):
        return path
    gone = path.with_name(f"{path.name}{memory.GONE}")
    shutil.rmtree(gone, ignore_errors=True)
    return path.rename(gone)


def _remove_template(state: Store, digest: str) -> bool:
    with store.locked(state.path / "runs.lock"):  # nobody begins a run now
        if state.live():
            return False
        SQLite(state, "").remove(digest)
        return True


def _forget(context: Context, mark: Path, path: Path, locks: Path) -> bool:
    """Remove a server's data unless somebody has begun to use them."""
    state = context.store
    gates = (state.path / "server.lock", state.path / "docker.lock")
    own = (locks / "supervisor.lock", locks / "users.lock")
    with _claimed(*gates, *own) as ours:
        if not ours or mark.resolve() != path:
            return False
        gone = _aside(path)
        mark.unlink(missing_ok=True)
        return _erase(context, gone)


def _erase_orphan(context: Context, path: Path) -> bool:
    with _claimed(path / "supervisor.lock", path / "users.lock") as ours:
        return ours and not memory.owned(path) and _erase(context, path)


def _erase(context: Context, path: Path) -> bool:
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
        return True
    except OSError as error:
        raise HarnessError(f"{path} cannot be removed: {error.strerror}") from error
    return True
