# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the parts: some at a time, the cheapest first, each with its own log."""

import shutil
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from harness import proc
from harness.errors import HarnessError
from harness.gate import outcome
from harness.gate.base import Row, Status
from harness.gate.parts import UNMEASURED, Part, Tools

LOG: Final = "output.log"
GRACE: Final = 10.0
"""Seconds that a part gets to tidy up."""


class Red(Exception):
    """Closes the announcement of a part that is not passed."""


Announce = Callable[[str], AbstractContextManager[object]]


@dataclass(kw_only=True)
class Gate:
    """One run of the parts; `announce` says that one begins and ends.

    A suite may have so many `flaky` tests.
    """

    tools: Tools
    environ: Mapping[str, str]
    announce: Announce
    jobs: int
    fail_fast: bool = False
    flaky: int = 0
    rows: dict[str, Row] = field(default_factory=dict)
    _children: dict[str, proc.Child] = field(default_factory=dict)
    _stopped: bool = False
    _lock: threading.Condition = field(default_factory=threading.Condition)

    def run(self, parts: Sequence[Part]) -> dict[str, Row]:
        """Run all; the rows by name.  An interrupt ends what runs and is raised."""
        together = [part for part in parts if not part.alone]
        try:
            self._pool(together, self.jobs)
            self._pool([part for part in parts if part.alone], 1)
        finally:
            for part in parts:
                self.rows.setdefault(part.name, _stopped(part, "it was not begun"))
        return self.rows

    def stop(self) -> None:
        """End what runs, begin nothing more."""
        with self._lock:
            self._stopped = True
            children = list(self._children.values())
        for child in children:
            child.signal(signal.SIGINT)

    def _pool(self, parts: Sequence[Part], jobs: int) -> None:
        queue = list(reversed(parts))
        with ThreadPoolExecutor(max(1, jobs), "gate") as pool:
            # Futures, not threads: an interrupted join of CPython before 3.13 takes
            # the thread for ended (what bpo-45274 made of it).
            workers = [pool.submit(self._work, queue) for _ in range(jobs)]
            try:
                for worker in workers:
                    worker.result()
            except BaseException:
                self.stop()
                wait(workers)
                raise

    def _work(self, queue: list[Part]) -> None:
        while True:
            with self._lock:
                if not queue or self._stopped:
                    return
                part = queue.pop()
            row = self._announced(part)
            self.rows[part.name] = row
            if row.red and self.fail_fast:
                self.stop()

    def _announced(self, part: Part) -> Row:
        row = _stopped(part, "")
        try:
            with self.announce(part.name):
                row = self._part(part)
                if row.red:
                    raise Red
        except Red:
            pass
        return row

    def _part(self, part: Part) -> Row:
        started = time.monotonic()
        place = self.tools.place(part.name)
        place.mkdir(parents=True)
        status, why, command = self._commands(part, place / LOG)
        return Row(
            name=part.name,
            status=status,
            why=why,
            seconds=round(time.monotonic() - started, 2),
            command=command,
            log=str((place / LOG).relative_to(self.tools.root)),
        )

    def _commands(self, part: Part, log: Path) -> tuple[Status, str, str]:
        path = self.environ.get("PATH")
        for program in part.programs:
            if not shutil.which(program, path=path):
                return Status.MISSING, f"{program} is not there", part.pasted[0]
        deadline = time.monotonic() + part.timeout
        why = ""
        for argv, pasted in zip(part.commands, part.pasted, strict=True):
            try:
                begun = log.stat().st_size if log.exists() else 0
                code = self._command(part, argv, pasted, log, deadline)
            except HarnessError as error:
                return Status.MISSING, error.message, pasted
            if self._stopped and code:
                return Status.STOPPED, "another part ended it", pasted
            if code is None:
                return Status.FAILED, f"it took more than {part.timeout:g} s", pasted
            if part.suite and argv is part.commands[0]:
                passed, why = outcome.of_suite(
                    code, log.parent / "latest", flaky=self.flaky
                )
            else:
                passed, told = outcome.of_command(code, _output(log, begun))
                why = why if passed else told
            if not passed:
                return Status.FAILED, why, pasted
        if part.data and not part.data.is_file():
            return Status.FAILED, UNMEASURED, part.pasted[-1]
        return Status.PASSED, why, part.pasted[0 if part.suite else -1]

    def _command(
        self,
        part: Part,
        argv: Sequence[str],
        pasted: str,
        log: Path,
        deadline: float,
    ) -> int | None:
        """The exit code; None for a command that took too long."""
        env = {**self.environ, "HARNESS_REPORTS": str(log.parent)}
        with log.open("ab") as stream:
            stream.write(f"$ {pasted}\n".encode())
            stream.flush()
            with proc.Child(
                argv,
                env=env if part.suite else self.environ,
                cwd=self.tools.root,
                stdout=stream,
                stderr=proc.STDOUT,
            ) as child:
                with self._lock:
                    self._children[part.name] = child
                    if self._stopped:
                        child.signal(signal.SIGINT)
                try:
                    return self._wait(child, deadline)
                finally:
                    with self._lock:
                        del self._children[part.name]

    def _wait(self, child: proc.Child, deadline: float) -> int | None:
        while not child.ended(within=0.5):
            if self._stopped:
                child.interrupt(grace=GRACE)
                return child.end()
            if time.monotonic() > deadline:
                child.interrupt(grace=GRACE)
                child.end()
                return None
        return child.code()


def _output(log: Path, begun: int) -> str:
    """What a command has written, without its line."""
    with log.open("rb") as stream:
        stream.seek(begun)
        return stream.read().decode(errors="replace").partition("\n")[2]


def _stopped(part: Part, why: str) -> Row:
    return Row(name=part.name, status=Status.STOPPED, why=why, command=part.pasted[0])
