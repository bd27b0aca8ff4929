# SPDX-License-Identifier: GPL-3.0-or-later
"""Embedded servers and their supervisors, by what the kernel says of processes."""

import contextlib
import os
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.monitor.base import Sample

TICKS: Final = os.sysconf("SC_CLK_TCK")
SUPERVISOR: Final = "harness.postgres.supervisor"


@dataclass(frozen=True, kw_only=True)
class SystemProcess:
    """A process: who started it, what it is, what it took."""

    pid: int
    parent: int
    words: tuple[str, ...]
    user: float
    system: float


def table(proc: Path) -> dict[int, SystemProcess]:
    """All processes that this user may see, on Linux."""
    found = {}
    for place in proc.iterdir() if proc.is_dir() else ():
        if place.name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                found[int(place.name)] = _process(place)
    return found


def _process(place: Path) -> SystemProcess:
    # The name, in brackets, may have spaces and brackets of its own.
    rest = (place / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    line = (place / "cmdline").read_bytes().rstrip(b"\0").split(b"\0")
    return SystemProcess(
        pid=int(place.name),
        parent=int(rest[1]),
        words=tuple(word.decode(errors="replace") for word in line),
        user=int(rest[11]) / TICKS,
        system=int(rest[12]) / TICKS,
    )


def look(proc: Path, directories: Iterable[Path]) -> list[Sample]:
    """The supervisors whose server lies in one of `directories`, and their servers."""
    known = table(proc)
    wanted = [str(one) for one in directories]
    samples = []
    for one in sorted(known.values(), key=lambda one: one.pid):
        if SUPERVISOR in one.words and any(w in one.words[-1] for w in wanted):
            samples.append(_sample(proc, "supervisor", [one]))
            family = list(_below(known, one.pid))
            if any(Path(c.words[0].split()[0]).name == "postgres" for c in family):
                samples.append(_sample(proc, "embedded db", family))
    return samples


def _below(known: dict[int, SystemProcess], pid: int) -> Iterator[SystemProcess]:
    for one in known.values():
        if one.parent == pid:
            yield one
            yield from _below(known, one.pid)


def _sample(proc: Path, service: str, family: list[SystemProcess]) -> Sample:
    memory = [_fields(proc / str(one.pid) / "status") for one in family]
    disk = [_fields(proc / str(one.pid) / "io") for one in family]
    return Sample(
        name=f"pid {family[0].pid}",
        service=service,
        kind="process",
        state="running",
        at=time.monotonic(),
        user=sum(one.user for one in family),
        system=sum(one.system for one in family),
        rss=1024 * sum(one.get("RssAnon", 0) for one in memory),
        # Shared by all of them, so it counts once.
        cache=1024
        * max(one.get("RssShmem", 0) + one.get("RssFile", 0) for one in memory),
        read=sum(one.get("read_bytes", 0) for one in disk) if all(disk) else None,
        written=sum(one.get("write_bytes", 0) for one in disk) if all(disk) else None,
        processes=len(family),
    )


def _fields(path: Path) -> dict[str, int]:
    """``Name: 123 kB`` lines; none where it may not be read."""
    found = {}
    with contextlib.suppress(OSError):
        for line in path.read_text("utf-8", "replace").splitlines():
            name, _, value = line.partition(":")
            words = value.split()
            if words and words[0].isdecimal():
                found[name] = int(words[0])
    return found
