# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness, through the command line that a user types."""

import contextlib
import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import timing
from project import Project
from timing import Timed

TEN = (
    "country", "currency", "party", "company", "bank",
    "product", "account", "account_product", "account_invoice", "web_user",
)  # fmt: skip
"""Official modules of (f)."""
TEN_SERIES = "7.0"
TICK = os.sysconf("SC_CLK_TCK")


class Ours:
    """``python -m harness``, each run alone with its server unless it is held."""

    def __init__(self, project: Project, logs: Path) -> None:
        self.project = project
        self.logs = logs

    def test(self, name: str, database: str, *more: str) -> Timed:
        """``harness test tryton``, timed; `more` are modules and options."""
        step = self.project.step(database).name
        done = self._run(
            f"ours-{name}-{database}", "test", "tryton", *more, "--database", database
        )
        results = self.project.root / "reports" / "latest" / f"{step}.jsonl"
        return Timed(**{**vars(done), "outcomes": timing.read(results)})

    def source(self, name: str, database: str, *more: str) -> Timed:
        """The tests of the source."""
        if self.project.server is None:
            self.project.settle()
        return self.test(name, database, self.project.source, *more)

    def prune(self, database: str) -> None:
        """Forget all templates, keep the environment."""
        self._run("prune", "template", "prune", "--all", "--database", database)
        if self.project.server is None:
            self.project.settle()

    def _run(self, name: str, *arguments: str) -> Timed:
        return timing.run(
            name,
            self.project.command(*arguments),
            env=self.project.environ,
            cwd=self.project.root,
            logs=self.logs,
        )

    @contextlib.contextmanager
    def touched(self) -> Iterator[Path]:
        """One file of the module with a comment more, as nobody had it before."""
        files = sorted(self.project.module.path.glob("*.py"))
        path = next(one for one in files if one.name not in {"__init__.py", "setup.py"})
        text = path.read_text("utf-8")
        path.write_text(f"{text}\n# {uuid.uuid4()}\n", "utf-8")
        try:
            yield path
        finally:
            path.write_text(text, "utf-8")


# -- utilisation -----------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Utilisation:
    """How busy the processors were, as shares of all of them over the wall time."""

    seconds: float
    ours: float
    """Processes of the run and of the server."""
    machine: float
    """Everything on the machine: what others did is the difference."""
    outcomes: dict[str, str]


def utilisation(ours: Ours) -> Utilisation:
    """(f): ten modules in one command, templates cold."""
    ours.project.hold()
    server = _server(ours.project.directory())
    ours.prune("local")
    before, busy, started = _tree(server), _busy(), time.perf_counter()
    options = ("--database", "local", "--series", TEN_SERIES)
    done = ours._run("ours-ten", "test", "tryton", *TEN, *options)
    wall = (time.perf_counter() - started) * (os.cpu_count() or 1)
    results = ours.project.root / "reports" / "latest" / f"tryton-{TEN_SERIES}.jsonl"
    return Utilisation(
        seconds=done.seconds,
        ours=(done.cpu + _tree(server) - before) / wall,
        machine=(_busy() - busy) / wall,
        outcomes=timing.read(results),
    )


def _server(directory: Path | None) -> int:
    """The supervisor's process, whose child is the server."""
    assert directory is not None
    status = (directory / "data" / "postmaster.pid").read_text("ascii")
    return _stat(int(status.split()[0]))[0]


def _stat(pid: int) -> tuple[int, float]:
    """Parent and seconds of processor time, with those of children that ended."""
    text = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace")
    values = text.rpartition(")")[2].split()
    return int(values[1]), sum(map(int, values[11:15])) / TICK


def _tree(root: int) -> float:
    """Processor time of a process, of all below it, and of their ended ones."""
    parents: dict[int, tuple[int, float]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                parents[int(entry.name)] = _stat(int(entry.name))
    total, todo = 0.0, [root]
    while todo:
        pid = todo.pop()
        total += parents[pid][1] if pid in parents else 0.0
        todo += [child for child, (parent, _) in parents.items() if parent == pid]
    return total


def _busy() -> float:
    """Seconds that the processors of the machine were not idle."""
    values = list(map(int, Path("/proc/stat").read_text("ascii").split()[1:9]))
    return (sum(values) - values[3] - values[4]) / TICK
