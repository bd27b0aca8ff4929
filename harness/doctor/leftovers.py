# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of what dead runs left: containers, directories, templates."""

import hashlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

from harness import store as register
from harness.doctor.base import Finding, Machine, ok, skipped, some, warning
from harness.locks import Lock
from harness.postgres import memory as shared
from harness.quantities import size
from harness.store import SCRATCH, Store
from harness.template import limits
from harness.template.sqlite import SQLite

CLEAN = "harness clean"
YOUNG = 60.0
"""Seconds that a new directory is left alone: its run may not have begun."""


def containers(machine: Machine) -> list[Finding]:
    """Containers, networks, volumes of runs that have ended."""
    name = "leftover containers"
    reason = machine.docker.why_not()
    if reason:
        return [skipped(name, reason)]
    if machine.store is None:
        return [ok(name, "none: there is no state directory yet")]
    live = _live(machine.store)
    owned = machine.docker.engine.owned(machine.store.id)
    live |= _live(machine.store)  # a run that began or ended meanwhile is no leftover
    guarded = _guarded(machine.store)
    dead = [
        one
        for one in owned
        if (one.run and one.run not in live)
        or (one.role == "server" and not one.run and not guarded)
    ]
    if not dead:
        return [ok(name, "no container, network or volume of a dead run")]
    text = some(f"{one.kind} {one.name}" for one in dead)
    return [warning(name, f"of dead runs: {text}", remedy=CLEAN)]


def _live(store: Store) -> set[str]:
    return store.live() if os.path.isdir(store.path / "runs") else set()


def _guarded(store: Store) -> bool:
    """Whether a supervisor watches over the container of the database server."""
    return any(map(_locked, (store.path / "docker").glob("*/supervisor.lock")))


def scratch(machine: Machine) -> list[Finding]:
    """Directories of runs that have ended."""
    name = "leftover files"
    live = _live(machine.store) if machine.store else set()
    bound = sockets(machine.proc)
    dead = [
        path
        for path in _own(machine, machine.temporary, f"{SCRATCH}*")
        if path.name.removeprefix(SCRATCH) not in live
        and not _begins(path, bound)
        and _old(machine, path)
    ]
    if not dead:
        return [ok(name, f"none in {machine.temporary}")]
    text = some(str(path) for path in dead)
    return [warning(name, f"of dead runs: {text}", remedy=CLEAN)]


def memory(machine: Machine) -> list[Finding]:
    """Servers' directories in shared memory that nobody knows any more."""
    name = "leftover memory"
    bound, known = sockets(machine.proc), in_use(machine) | mounted(machine)
    dead = [
        path
        for path in _own(machine, machine.memory, f"harness-{machine.uid}-*")
        if path.name not in known
        and not shared.owned(path)
        and not _begins(path, bound)
        and not any(_locked(path / one) for one in ("supervisor.lock", "users.lock"))
        and not _served(machine, path)
        and _old(machine, path)
    ]
    if not dead:
        return [ok(name, f"none in {machine.memory}")]
    text = f"{some(str(path) for path in dead)}: {size(sum(map(_size, dead)))}"
    return [warning(name, f"used by no known state directory: {text}", remedy=CLEAN)]


def in_use(machine: Machine) -> set[str]:
    """Names in shared memory that a state directory of this user refers to."""
    names = set()
    project = machine.config.root / ".harness"
    inner = [one for one in project.glob("*") if one.is_dir()]
    for state in (machine.state, register.default(machine.environ), project, *inner):
        for link in (state / "server", *(state / "docker").glob("*/data")):
            if os.path.islink(link):
                target = link.resolve()
                digest = hashlib.sha256(os.fsencode(target)).hexdigest()[:12]
                names |= {target.name, f"harness-{machine.uid}-{digest}"}
    return names


def mounted(machine: Machine) -> set[str]:
    """Names of directories in shared memory that a running container uses."""
    if machine.docker.why_not():
        return set()
    done = machine.docker.engine.run("ps", "--no-trunc", "--format", "{{.Mounts}}")
    paths = map(Path, re.split(r"[,\s]+", done.stdout))
    return {path.name for path in paths if path.parent == machine.memory}


def _served(machine: Machine, path: Path) -> bool:
    """Whether a server may run on a directory that has no locks in it.

    In a container it is process 1; what may not be read is left alone.
    """
    try:
        text = (path / "data" / "postmaster.pid").read_text("ascii", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True
    pid = text.partition("\n")[0].strip()
    if pid == "1":
        return machine.docker.why_not() is not None
    return pid.isdecimal() and (machine.proc / pid).exists()


def sockets(proc: Path) -> set[str]:
    """The paths of all unix sockets that are bound."""
    try:
        text = (proc / "net" / "unix").read_text("utf-8", "replace")
    except OSError:
        return set()
    return set(re.findall(r" (/\S+)$", text, re.MULTILINE))


def _begins(path: Path, bound: set[str]) -> bool:
    return any(one.startswith(f"{path}/") for one in bound)


def _own(machine: Machine, directory: Path, pattern: str) -> Iterator[Path]:
    """Directories of this user, by name."""
    for path in sorted(directory.glob(pattern)):
        try:
            if path.is_dir() and path.lstat().st_uid == machine.uid:
                yield path
        except OSError:
            continue


def _old(machine: Machine, path: Path) -> bool:
    try:
        return machine.now() - path.stat().st_mtime > YOUNG
    except OSError:
        return False


def _locked(path: Path) -> bool:
    """Whether a lock is held; does not make its file."""
    try:
        return path.exists() and Lock(path).taken
    except OSError:
        return True


def _size(directory: Path) -> int:
    """The bytes of all files below a directory that may be read."""
    total = 0
    for place, _, names in os.walk(directory):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except OSError:
                continue
    return total


def templates(machine: Machine) -> list[Finding]:
    """Templates in files beyond the limits.

    Those in databases are not looked at: their server would have to be started.
    """
    name, table = "templates", machine.config.templates
    store = machine.store
    if store is None or not os.path.isdir(store.path / "sqlite"):
        return [ok(name, "none in files")]
    known = [limits.with_use(store, one) for one in SQLite(store, "").all()]
    going = limits.exceeding(
        known, count=table.count, size=table.size, age=table.age, now=machine.now()
    )
    if not going:
        return [ok(name, f"{len(known)} in files, none beyond the limits")]
    text = f"{len(going)} of {len(known)} in files are beyond the limits: {going[0][1]}"
    remedy = "harness template prune --database sqlite"
    return [warning(name, text, remedy=remedy)]
