# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests that run: until they end, lose their database server, or are interrupted."""

from dataclasses import dataclass, field
from typing import Protocol

from harness.errors import HarnessError

WATCH = 0.5
"""Seconds between two looks at the database server while tests run."""
GRACE = 5.0
"""Seconds that tests get to end when they have no server any more."""
PARTING = 1.5
"""Seconds that an interrupted session gets to print its failures: after three in all
the report is to be there."""


class TestsProcess(Protocol):
    """Their process (`proc.Child`)."""

    def ended(self, *, within: float) -> bool:
        """Whether it has ended, after `within` seconds at the latest."""

    def code(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""

    def interrupt(self, *, grace: float) -> None:
        """What Ctrl-C does, and `grace` seconds to tidy up."""

    def end(self, *, grace: float = 5.0) -> int:
        """End it; the exit code."""


class ServerLife(Protocol):
    """Where their databases are (`PostgresServer`)."""

    def alive(self) -> bool:
        """Whether it still answers."""

    def ending(self) -> HarnessError:
        """Why it has ended."""


@dataclass(kw_only=True)
class Running:
    """The tests of a step and what they cannot do without; SQLite needs no server."""

    tests: TestsProcess
    server: ServerLife | None
    failures: list[HarnessError] = field(default_factory=list)
    """Of the run; the loss of the server comes first, the others come of it."""
    lost: bool = False

    def wait(self) -> int:
        """Until the tests end, or have no database server any more; the exit code."""
        while not self.tests.ended(within=WATCH) and not self.lost:
            self._look()
        self._look()
        return self.tests.code()

    def interrupted(self) -> int:
        """They end, and may print their failures before; the exit code."""
        self.tests.interrupt(grace=PARTING)
        self.failures.clear()  # of what is ended, nothing else is to be expected
        return self.tests.end(grace=0)

    def _look(self) -> None:
        """End the tests when the server is gone: each would wait for it in vain."""
        if self.lost or self.server is None or self.server.alive():
            return
        self.lost = True
        self.failures.insert(0, self.server.ending())
        self.tests.interrupt(grace=GRACE)
        self.tests.end()
