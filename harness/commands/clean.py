# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness clean``: shows and removes what the harness made, and nothing else.

What a live run owns, and a database server that is in use, is never touched.
"""

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from harness import locks, store
from harness.commands import clean_images, clean_stack
from harness.commands.clean_state import Item, claimed, erase_orphan, kept
from harness.context import Ask, Context, confirm
from harness.engine import Engine, Owned
from harness.errors import ExitCode
from harness.images import workplace
from harness.locks import Lock
from harness.postgres import memory
from harness.store import Store

YOUNG = 60.0
"""Seconds that a new directory in memory is left alone."""


def run(
    context: Context,
    *,
    everything: bool,
    volumes: bool,
    dry: bool,
    yes: bool,
    save: bool,
    ask: Ask,
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
        confirm(ask, "remove all of this")
    if save:
        clean_stack.save(
            context, [item.name for item in items if item.kind == "volume"]
        )
    left = [item for item in items if not item.remove()]
    for item in left:
        context.console.warn(f"{item.kind} {item.name} is in use by now: it stays")
    context.console.info(f"{len(items) - len(left)} removed")
    return ExitCode.OK


def _items(context: Context, *, everything: bool, volumes: bool) -> Iterator[Item]:
    state = context.store
    with locks.locked(state.path / "runs.lock"):
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
            remove=partial(erase_orphan, context, path),
        )  # fmt: skip
    if everything:
        yield from kept(context, volumes=volumes)


def _old(path: Path) -> bool:
    """A younger one may be about to be led to."""
    return time.time() - path.stat().st_mtime > YOUNG


def _sweep(context: Context) -> bool:
    with locks.locked(context.store.path / "runs.lock"):
        store.sweep(context.store)
    return True


def _scratch() -> Iterator[Item]:
    """Directories of this user's runs whose state directory is gone."""
    for path in sorted(store.scratches().glob(f"{store.SCRATCH}*")):
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
    with claimed(state.path / "docker.lock") as ours:  # nobody begins a server now
        if not ours or _guarded(state):
            return False
        docker.remove([one])
        return True


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
