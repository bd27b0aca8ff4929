# SPDX-License-Identifier: GPL-3.0-or-later
"""What the state directory keeps for speed, and how it is removed."""

import contextlib
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from harness import engine, locks
from harness.context import Context
from harness.engine import Engine
from harness.errors import HarnessError
from harness.locks import Lock
from harness.postgres import memory, people
from harness.store import Store
from harness.template.sqlite import SQLite

BUILT_AGAIN = "templates, built again when needed"


@dataclass(frozen=True, kw_only=True)
class Item:
    """Something that can be removed; False from `remove`: it is in use by now."""

    kind: str
    name: str
    why: str
    remove: Callable[[], bool]


@contextlib.contextmanager
def claimed(*paths: Path) -> Iterator[bool]:
    """Hold these locks for the block; whether nobody else has one."""
    locks = [Lock(path) for path in paths]
    try:
        yield all(lock.acquire(wait=0) for lock in locks)
    finally:
        for lock in locks:
            lock.release()


def kept(context: Context, *, volumes: bool) -> Iterator[Item]:
    """Environments, copies of images, templates, servers' data with theirs.

    Data with people's databases go with `volumes` only.
    """
    state = context.store
    for folder, why in (
        ("envs", "installed again when needed"),
        ("images", "copied again when needed"),
        ("sbom", "written again by a build of production"),
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
            remove=partial(remove_template, state, one.digest),
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
    with claimed(lock) as ours:
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


def remove_template(state: Store, digest: str) -> bool:
    with locks.locked(state.path / "runs.lock"):  # nobody begins a run now
        if state.live():
            return False
        SQLite(state, "").remove(digest)
        return True


def _forget(context: Context, mark: Path, path: Path, locks: Path) -> bool:
    """Remove a server's data unless somebody has begun to use them."""
    state = context.store
    gates = (state.path / "server.lock", state.path / "docker.lock")
    own = (locks / "supervisor.lock", locks / "users.lock")
    with claimed(*gates, *own) as ours:
        if not ours or mark.resolve() != path:
            return False
        gone = _aside(path)
        mark.unlink(missing_ok=True)
        return _erase(context, gone)


def erase_orphan(context: Context, path: Path) -> bool:
    with claimed(path / "supervisor.lock", path / "users.lock") as ours:
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
