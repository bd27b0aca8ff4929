# SPDX-License-Identifier: GPL-3.0-or-later
"""A finding, and the machine as the checks see it."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path

from harness.config import Config
from harness.doctor.docker import DockerProbe
from harness.errors import HarnessError
from harness.proc import Completed
from harness.store import Store

DOCKER = "--database docker and the stack"
STACK = "the stack (harness up)"
MANAGERS = {"apt-get": "install", "dnf": "install", "pacman": "-S", "brew": "install"}


class FindingStatus(StrEnum):
    """How bad it is; only ``missing`` makes the exit code 4."""

    OK = "ok"
    WARNING = "warning"
    MISSING = "missing"
    SKIPPED = "skipped"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a check found; `remedy` is one command, `need` what it is good for."""

    check: str
    status: FindingStatus
    found: str
    remedy: str = ""
    need: str = ""

    @property
    def text(self) -> str:
        """What was found, and for what it is needed where it is not all right."""
        if self.need and self.status in (FindingStatus.WARNING, FindingStatus.MISSING):
            return f"{self.found}; needed for {self.need}"
        return self.found


def ok(check: str, found: str) -> Finding:
    """All right."""
    return Finding(check=check, status=FindingStatus.OK, found=found)


def skipped(check: str, reason: str) -> Finding:
    """It could not be looked at, or need not be."""
    return Finding(check=check, status=FindingStatus.SKIPPED, found=reason)


def warning(check: str, found: str, *, remedy: str = "", need: str = "") -> Finding:
    """Nothing that is configured needs it, or it is only slower without."""
    return Finding(
        check=check, status=FindingStatus.WARNING, found=found, remedy=remedy, need=need
    )


@dataclass(frozen=True, kw_only=True)
class Usage:
    """The size of a file system and what is free of it, in bytes."""

    total: int
    free: int


@dataclass(frozen=True, kw_only=True)
class Machine:
    """All that the checks may ask: paths and callables, so that tests pass theirs.

    `run` runs a program with a time limit, `which` finds one on PATH, `series` are
    the release series that the sources need, each with the reason, `wheel` says
    why the embedded server cannot be used, or None.  Times in seconds.
    """

    config: Config
    environ: Mapping[str, str]
    state: Path
    docker: DockerProbe
    run: Callable[[Sequence[str]], Completed]
    which: Callable[[str], str | None]
    usage: Callable[[Path], Usage | None]
    now: Callable[[], float]
    stamp: Callable[[Path], float]
    """The time that the file system gives to a new file in a directory."""
    released: float
    """When the files of the harness were written: it is not earlier than that."""
    series: Callable[[], Mapping[str, str]]
    wheel: Callable[[], str | None]
    python: tuple[int, int]
    uid: int
    encodings: Mapping[str, str]
    ports: Mapping[int, str]
    proc: Path = Path("/proc")
    hosts: Path = Path("/etc/hosts")
    temporary: Path = Path("/tmp")
    memory: Path = Path("/dev/shm")
    systemd: Path = Path("/run/systemd/system")

    @property
    def server(self) -> str:
        """The configured database server: auto, docker, local, sqlite, given."""
        server = self.config.database.server
        return "given" if "://" in server else server

    @property
    def needs_docker(self) -> bool:
        """Whether the configured server or a suite runs in a container."""
        suites = self.config.suite.values()
        return self.server == "docker" or any(one.runner == "image" for one in suites)

    @cached_property
    def store(self) -> Store | None:
        """The state directory, if there is one that can be used: none is made."""
        try:
            return Store(self.state) if os.path.isdir(self.state) else None
        except HarnessError:
            return None

    def lacking(
        self, check: str, found: str, *, needed: bool, remedy: str, need: str
    ) -> Finding:
        """Something is not there: `needed` by what is configured, or only useful."""
        return Finding(
            check=check,
            status=FindingStatus.MISSING if needed else FindingStatus.WARNING,
            found=found,
            remedy=remedy,
            need=need,
        )

    def root(self, command: str) -> str:
        """A command that only root may run."""
        return command if self.uid == 0 else f"sudo {command}"

    def install(self, apt: str, other: str = "") -> str:
        """The command that installs a package."""
        for program, command in MANAGERS.items():
            if self.which(program):
                name = apt if program == "apt-get" else other or apt
                line = f"{program} {command} {name}"
                return line if program == "brew" else self.root(line)
        return f"install {other or apt} with the system's package manager"

    def engine_script(self) -> str:
        """What sets an engine up on a Debian without systemd; empty elsewhere."""
        script = self.config.root / ".ci" / "engine"
        fits = self.uid == 0 and self.which("apt-get") and not self.systemd.exists()
        return f"{script} start" if fits and script.exists() else ""


def nearest(path: Path) -> Path:
    """The path itself, or the next directory above it that exists."""
    # Path.exists raises where a directory above may not be searched.
    return next(one for one in (path, *path.parents) if os.path.exists(one))


def some(names: Iterable[str], limit: int = 3) -> str:
    """The first of many names, and how many more there are."""
    names = list(names)
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return ", ".join(names[:limit]) + more
