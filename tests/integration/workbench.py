# SPDX-License-Identifier: GPL-3.0-or-later
"""Small suites, run by pytest in three ways: alone, with cold and with warm workers."""

import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

from tests.integration.conftest import ROOT

TAG = "WORKBENCH_TAG"
"""Environment variable: tells the processes of one run."""
PATIENCE = 120.0
"""Seconds that a run gets; none waits for ever."""
SETTLED = 5.0
"""Seconds in which what a run has started is gone after it."""
WARM = ("-m", "harness.plugins.workers", "-p", "harness.plugins.workers")


@dataclass(frozen=True, kw_only=True)
class Ran:
    """How a run has ended."""

    code: int
    text: str
    outcomes: dict[str, str]
    seconds: float
    left: list[str] = field(default_factory=list)

    @property
    def told(self) -> tuple[int, dict[str, str]]:
        """What has to be the same whoever runs the tests."""
        return self.code, self.outcomes


class Suite:
    """A directory with test files."""

    def __init__(self, root: Path, python: Path) -> None:
        self.root = root
        self.python = python
        self.environ = {
            **{k: v for k, v in os.environ.items() if not k.startswith("PYTEST")},
            "PYTHONPATH": str(ROOT),
            "PYTHONDONTWRITEBYTECODE": "1",
        }

    def write(self, **files: str) -> "Suite":
        """Files by their names, without ``.py``."""
        for name, text in files.items():
            path = self.root / (f"{name}.py" if "." not in name else name)
            path.write_text(dedent(text))
        return self

    def plain(self, *options: str, **more: str) -> Ran:
        """As pytest runs it in one process."""
        return self.run(("-m", "pytest", *options), **more)

    def stock(self, *options: str, **more: str) -> Ran:
        """As pytest-xdist runs it."""
        return self.run(("-m", "pytest", "-n", "2", *options), **more)

    def warm(self, *options: str, **more: str) -> Ran:
        """As the harness has it run."""
        return self.run((*WARM, "-n", "2", *options), **more)

    def run(self, arguments: Sequence[str], **more: str) -> Ran:
        """Run Python to its end."""
        with self.started(arguments, **more) as run:
            pass
        return run.ran()

    @contextmanager
    def started(self, arguments: Sequence[str], **more: str) -> Iterator["Running"]:
        """Python runs; it is waited for at the end."""
        run = Running(self, arguments, more)
        try:
            yield run
            run.wait()
        finally:
            run.stop()


class Running:
    """A run that may be disturbed."""

    def __init__(
        self, suite: Suite, arguments: Sequence[str], more: dict[str, str]
    ) -> None:
        self.tag = uuid.uuid4().hex
        self.junit = suite.root / f"{self.tag}.xml"
        self.log = suite.root / f"{self.tag}.log"
        self.began = time.monotonic()
        self.seconds = 0.0
        options = ["-p", "no:cacheprovider", f"--junitxml={self.junit}"]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [str(suite.python), *arguments, *options],
                cwd=suite.root,
                env={**suite.environ, TAG: self.tag, **more},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait(self) -> None:
        self.process.wait(PATIENCE)
        self.seconds = time.monotonic() - self.began

    def processes(self) -> dict[int, str]:
        """The run's processes that are there, with their command lines."""
        found = {}
        for path in Path("/proc").glob("[0-9]*"):
            try:
                if f"{TAG}={self.tag}".encode() in (path / "environ").read_bytes():
                    words = (path / "cmdline").read_bytes().replace(b"\0", b" ")
                    found[int(path.name)] = words.decode(errors="replace")
            except OSError:
                continue
        return found

    def warm(self) -> int:
        """The warm process: a fork of the controller."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            for pid, words in self.processes().items():
                parent = Path(f"/proc/{pid}/stat").read_text().split()[3]
                if int(parent) == self.process.pid and words == self.command:
                    return pid
            time.sleep(0.02)
        raise TimeoutError(self.text)

    @property
    def command(self) -> str:
        """The command line of the controller, which its first fork has as well."""
        return self.processes()[self.process.pid]

    def says(self, text: str) -> None:
        """Wait until it has said something."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.text:
            assert time.monotonic() < deadline, self.text
            time.sleep(0.02)

    def until(self, path: Path) -> None:
        """Wait for a file that a test makes."""
        deadline = time.monotonic() + PATIENCE
        while not path.exists():
            assert time.monotonic() < deadline, self.text
            assert self.process.poll() is None, self.text
            time.sleep(0.02)

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def stop(self) -> None:
        """End what is there; what should not have been is in `left`."""
        deadline = time.monotonic() + SETTLED
        while (there := self.processes()) and time.monotonic() < deadline:
            time.sleep(0.05)
        self.left = list(there.values())
        for pid in there:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def ran(self) -> Ran:
        return Ran(
            code=self.process.returncode,
            text=self.text,
            outcomes=outcomes(self.junit),
            seconds=self.seconds,
            left=self.left,
        )


def outcomes(path: Path) -> dict[str, str]:
    """The outcome of each test by its name; none without a file."""
    if not path.exists():
        return {}
    found: dict[str, str] = {}
    for case in ElementTree.parse(path).iter("testcase"):
        name = f"{case.get('classname')}::{case.get('name')}"
        words = [child.tag for child in case if child.tag in WORDS]
        found[name] = " ".join(filter(None, [found.get(name), *(words or ["passed"])]))
    return found


WORDS = ("failure", "error", "skipped")
