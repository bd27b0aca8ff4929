# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks of room: disks, shared memory, memory."""

import os
from pathlib import Path

from harness.doctor.base import (
    DOCKER,
    Finding,
    Machine,
    nearest,
    ok,
    skipped,
    warning,
)
from harness.errors import HarnessError
from harness.postgres.memory import ROOM
from harness.quantities import size

GIB = 2**30
STATE, ROOT, TEMPORARY, MEMORY = 2 * GIB, 5 * GIB, GIB, GIB
"""Bytes below which it gets tight."""


def state(machine: Machine) -> list[Finding]:
    """The state directory: may it be written, is there room."""
    name, path = "state directory", nearest(machine.state)
    if not os.path.isdir(path) or not os.access(path, os.W_OK | os.X_OK):
        return [
            machine.lacking(
                name,
                f"{machine.state} cannot be written",
                needed=True,
                remedy="export HARNESS_STATE=DIRECTORY",
                need="everything",
            )
        ]
    return [
        room(
            machine,
            name,
            machine.state,
            STATE,
            remedy="harness template prune --all",
            need="environments and templates",
        )
    ]


def room(
    machine: Machine, name: str, path: Path, least: int, *, remedy: str, need: str
) -> Finding:
    """Whether a place has at least so many bytes free."""
    usage = machine.usage(nearest(path))
    if usage is None:
        return skipped(name, f"{path} cannot be measured")
    text = f"{size(usage.free)} free in {path}"
    if usage.free >= least:
        return ok(name, text)
    text = f"only {text}, less than {size(least)}"
    return warning(name, text, remedy=remedy, need=need)


def docker(machine: Machine) -> list[Finding]:
    """The engine's own directory, where it is on this machine."""
    name = "docker disk"
    reason = machine.docker.why_not()
    if reason:
        return [skipped(name, reason)]
    try:
        root = machine.docker.info().values.get("DockerRootDir")
        local = machine.docker.host().startswith("unix:")
    except HarnessError as error:
        return [skipped(name, error.message)]
    if not root or not local or not os.path.isdir(root):
        return [skipped(name, "the engine is not on this machine")]
    remedy = "docker builder prune"
    return [room(machine, name, Path(root), ROOT, remedy=remedy, need=DOCKER)]


def temporary(machine: Machine) -> list[Finding]:
    """The directory for temporary files."""
    return [
        room(
            machine,
            "temporary files",
            machine.temporary,
            TEMPORARY,
            remedy="export TMPDIR=DIRECTORY",
            need="files of runs",
        )
    ]


def shared(machine: Machine) -> list[Finding]:
    """Shared memory: databases are there if they fit."""
    name, path = "shared memory", machine.memory
    if machine.server in ("sqlite", "given"):
        return [skipped(name, f"--database {machine.server} does not use it")]
    storage = machine.config.database.storage
    if storage == "disk":
        return [skipped(name, "database.storage is disk")]
    usage = machine.usage(path) if os.path.isdir(path) else None
    if usage is not None and usage.free >= ROOM and os.access(path, os.W_OK):
        return [ok(name, f"{size(usage.free)} free in {path}")]
    needed = storage == "memory" and machine.server == "local"
    if usage is None:
        text, remedy = f"{path} is not there", "export HARNESS_DATABASE_STORAGE=disk"
    else:
        text = f"only {size(usage.free)} free in {path}, less than {size(ROOM)}"
        least = -(-(usage.total - usage.free + ROOM) // GIB)
        remedy = machine.root(f"mount -o remount,size={least}G {path}")
    if not needed:
        text += ": databases go to disk, which is several times slower"
    need = "database.storage = memory" if needed else "speed"
    return [machine.lacking(name, text, needed=needed, remedy=remedy, need=need)]


def memory(machine: Machine) -> list[Finding]:
    """What memory is left for worker processes."""
    name = "memory"
    try:
        text = (machine.proc / "meminfo").read_text("ascii", "replace")
    except OSError:
        return [skipped(name, f"there is no {machine.proc / 'meminfo'}")]
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    free = int(values.get("MemAvailable", "0 kB").split()[0]) * 1024
    total = int(values.get("MemTotal", "0 kB").split()[0]) * 1024
    found = f"{size(free)} of {size(total)} available"
    if free >= MEMORY:
        return [ok(name, found)]
    remedy = "export HARNESS_JOBS=1"
    return [warning(name, f"only {found}", remedy=remedy, need="parallel workers")]
