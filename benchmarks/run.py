# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/run.py``: the harness beside its peers, in one run; see README.md."""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import leases
import ours
import report
from ours import Ours
from peers import Plain
from project import Project
from report import Findings

from harness.errors import ExitCode, HarnessError
from harness.output import Console

PARTS = ("a", "b", "c", "d", "e", "f", "w")
READY = "bench_ready"


def options(argv: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description=__doc__)
    parser.add_argument(
        "--source", default="collecting_society", help="from src/ or examples/"
    )
    parser.add_argument("--path", default="", help="where it is, such as examples/NAME")
    parser.add_argument("--rounds", type=int, default=5, help="the median is taken")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, such as a,c,d")
    parser.add_argument("--slow", action="store_true", help="also plain on PostgreSQL")
    parser.add_argument("--test", default="test_rec_name", help="-k of part e")
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    parser.add_argument("--scratch", type=Path, help="kept; else made and removed")
    chosen = parser.parse_args(argv)
    chosen.only = tuple(part.strip() for part in chosen.only.split(",") if part.strip())
    if not set(chosen.only) <= set(PARTS):
        parser.error(f"--only: parts are {','.join(PARTS)}")
    if chosen.rounds < 1:
        parser.error("--rounds: 1 at least")
    return chosen


@contextmanager
def scratch(given: Path | None) -> Iterator[Path]:
    """The one directory that everything lies in."""
    if given:
        given.mkdir(parents=True, exist_ok=True)
        yield given.resolve()
        return
    made = Path(tempfile.mkdtemp(prefix="harness-bench-"))
    made.chmod(0o755)
    try:
        yield made
    finally:
        shutil.rmtree(made, ignore_errors=True)


class Benchmark:
    """One run: rounds of what is timed, then leases and utilisation."""

    def __init__(self, chosen: argparse.Namespace, project: Project) -> None:
        self.chosen = chosen
        self.project = project
        self.console = project.console
        logs = project.scratch / "logs" / time.strftime("%Y%m%d-%H%M%S")
        self.plain = Plain(project, logs)
        self.ours = Ours(project, logs)
        self.found = Findings(test=chosen.test)

    def run(self) -> Findings:
        """All chosen parts; rounds are interleaved, so that drift hits all."""
        self._header()
        rounds: dict[str, Callable[[], None]] = {
            "a": self._sqlite, "b": self._cache, "c": self._cases, "e": self._overhead,
            "w": self._workers,
        }  # fmt: skip
        for number in range(1, self.chosen.rounds + 1):
            for part in self.chosen.only:
                if part in rounds:
                    with self.console.step(f"round {number}: part {part}"):
                        rounds[part]()
        if self.chosen.slow:
            with self.console.step("plain pytest on PostgreSQL, without a cache"):
                done = self.plain.postgresql(cache=False)
                self.found.add("b2", "plain pytest", "postgresql", done)
        if "d" in self.chosen.only:
            self.project.hold()
            with self.console.step("part d: leases"):
                self.found.leases = leases.measure(self.project, self.chosen.rounds)
        if "f" in self.chosen.only:
            self._utilisation()
        return self.found

    def _header(self) -> None:
        project, step = self.project, self.project.step("local")
        environment = project.environment
        cpus = os.cpu_count()
        rows = {
            "source": str(project.origin),
            "series": f"{step.series} on Python {environment.interpreter.name}",
            "machine": f"{cpus} processors, load {os.getloadavg()[0]:.1f} before",
            "rounds": str(self.chosen.rounds),
            "scratch": str(project.scratch),
        }
        self.found.header = rows
        self.console.header("benchmark", rows.items())

    def _sqlite(self) -> None:
        self.found.add("a", "plain pytest", "sqlite", self.plain.sqlite())

    def _cache(self) -> None:
        """(b): the first run fills the cache and does not count."""
        self.project.hold()
        if not any(row.part == "b" for row in self.found.rows()):
            self.plain.postgresql(cache=True)
        done = self.plain.postgresql(cache=True)
        self.found.add("b", "plain pytest, DB_CACHE warm", "postgresql", done)
        self.project.release()

    def _workers(self) -> None:
        """(w): stock workers with the cache filled, and ours, round by round."""
        self.project.hold()
        if not any(row.part == "w" for row in self.found.rows()):
            self.plain.workers()
            self.ours.source("warm", "local")
        self.found.add("w", "pytest -n 2", "postgresql", self.plain.workers())
        self.project.release()
        done = self.ours.source("warm", "local", "--jobs", "2")
        self.found.add("w", "harness, two workers", "local", done)

    def _cases(self) -> None:
        """(c): cold, warm, touched; each run starts and stops its server."""
        self.project.release()
        for database in ("local", "sqlite"):
            self.ours.prune(database)
            for case in ("cold", "warm"):
                self._case(case, database)
            with self.ours.touched():
                self._case("touched", database)

    def _case(self, case: str, database: str) -> None:
        done = self.ours.source(case, database)
        self.found.add("c", f"harness, {case}", database, done)

    def _overhead(self) -> None:
        """(e): one trivial test on a warm database; the server kept, and not."""
        project, select = self.project, ("-k", self.chosen.test)
        project.hold()
        self.ours.source("one", "local", *select)
        leases.clone(project, READY)
        bare = self.plain.ready(READY, self.chosen.test)
        self.found.add("e", "plain pytest, ready database", "local", bare)
        kept = self.ours.source("one", "local", *select)
        self.found.add("e", "harness, server kept", "local", kept)
        project.drop(READY)
        project.release()
        alone = self.ours.source("one", "local", *select)
        self.found.add("e", "harness, server started", "local", alone)

    def _utilisation(self) -> None:
        """(f): the environment is completed before, so that it does not count."""
        from harness.run import needs

        project = self.project
        step = project.step("local", ours.TEN, ours.TEN_SERIES)
        needs.prepare(project.context("local"), step)
        for number in range(1, self.chosen.rounds + 1):
            with self.console.step(f"round {number}: part f"):
                self.found.utilisation.append(ours.utilisation(self.ours))


def _terminated(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def main(argv: list[str]) -> int:
    """Measure and print; the exit code."""
    environ = dict(os.environ)  # noqa: TID251  (this is a program of its own)
    console = Console(sys.stdout, environ)
    signal.signal(signal.SIGTERM, _terminated)
    chosen = options(argv)
    try:
        with ExitStack() as stack:
            place = stack.enter_context(scratch(chosen.scratch))
            project = Project(
                place,
                chosen.source,
                path=chosen.path,
                environ=environ,
                console=console,
            )
            stack.callback(project.close)
            found = Benchmark(chosen, project).run()
    except HarnessError as error:
        console.error(error)
        return error.code
    except KeyboardInterrupt:
        console.info("interrupted: the server is stopped")
        return ExitCode.INTERRUPTED
    report.show(found, console)
    if chosen.json:
        report.write(found, chosen.json)
    return ExitCode.OK


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
