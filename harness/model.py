# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that the parts hand to each other: frozen, plain, printable."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

ENVIRONMENTS: Final = ("development", "staging", "production")
"""Each one's successor is the next stage."""


class Isolation(StrEnum):
    """How long a lease is kept before the next one is asked for."""

    TEST = "test"
    CLASS = "class"
    MODULE = "module"
    WORKER = "worker"


class Origin(StrEnum):
    """Where a source, or a configuration value, comes from."""

    SRC = "src"
    EXAMPLES = "examples"
    INDEX = "index"


@dataclass(frozen=True, kw_only=True)
class Source:
    """A package under test: a checkout below ``src/`` or its bundled example."""

    name: str
    path: Path
    origin: Origin
    revision: str = ""
    dirty: bool = False

    def __str__(self) -> str:
        state = f" {self.revision}" if self.revision else ""
        return f"{self.name} ({self.origin}{state}{' dirty' if self.dirty else ''})"


@dataclass(frozen=True, kw_only=True)
class Module:
    """A Tryton module: its name, what its ``tryton.cfg`` says, where it is.

    `origin` is ``index`` for an official module from the package index, `tests` are
    modules that only its tests need.
    """

    name: str
    path: Path
    version: str
    depends: tuple[str, ...] = ()
    extras: tuple[str, ...] = ()
    tests: tuple[str, ...] = ()
    origin: Origin = Origin.INDEX


# -- results of a run ------------------------------------------------------


class Outcome(StrEnum):
    """Outcome of a test, in pytest's words."""

    PASSED = "passed"
    FAILED = "failed"
    ERROR = "error"
    SKIPPED = "skipped"
    XFAILED = "xfailed"
    XPASSED = "xpassed"
    FLAKY = "flaky"
    """Failed, then passed when it was run again."""


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """A file that a test left, such as a screenshot.

    `file` is relative to the directory of the report; `missing` says why it is not
    there.
    """

    title: str
    file: str
    missing: str = ""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """A time that a test failed before it was run again; as in `TestResult`."""

    outcome: Outcome
    worker: str
    started: float
    duration: float
    message: str = ""
    longrepr: str = ""
    sections: tuple[tuple[str, str], ...] = ()
    fault: int = 0
    evidence: tuple[Evidence, ...] = ()


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """One executed test.

    Times are seconds; `started` is seconds since the epoch; `phases` has the
    duration of ``setup``, ``call`` and ``teardown``; `waits` what of it was
    spent waiting for a lease.  `sections` are captured outputs (title, text).
    """

    __test__ = False

    step: str
    id: str
    module: str
    worker: str
    outcome: Outcome
    started: float
    duration: float
    phases: Mapping[str, float] = field(default_factory=dict)
    waits: float = 0.0
    message: str = ""
    longrepr: str = ""
    sections: tuple[tuple[str, str], ...] = ()
    file: str = ""
    path: str = ""
    """The file on the machine that ran it, where it can be opened."""
    line: int = 0
    key: str = ""
    """The same wherever the project lies: durations are remembered by it."""
    fault: int = 0
    """The line of `file` that failed, as near as the traceback tells."""
    evidence: tuple[Evidence, ...] = ()
    attempts: tuple[Attempt, ...] = ()
    """The failures before, the oldest first, where it was run again."""
    subtest: str = ""
    """What the id of a subtest ends in, after that of its test and a space."""

    @property
    def test(self) -> str:
        """The id of the test itself."""
        return self.id.removesuffix(f" {self.subtest}") if self.subtest else self.id

    @property
    def files(self) -> tuple[Evidence, ...]:
        """The evidence of all times that it ran."""
        before = (piece for one in self.attempts for piece in one.evidence)
        return (*before, *self.evidence)


@dataclass(frozen=True, kw_only=True)
class TemplateCost:
    """What a template cost in this run; `action` is ``built`` or ``reused``."""

    name: str
    digest: str
    layer: str
    modules: tuple[str, ...]
    action: str
    started: float
    seconds: float
    size: int = 0


@dataclass(frozen=True, kw_only=True)
class LeaseCost:
    """One hand-out of a lease.

    `kind`: ``ready`` (from the pool), ``fresh`` (cloned on demand), ``clean``
    (handed on, since nothing wrote to it), ``reset`` (put back in place, between two
    tests or for the next worker).  `seconds` is the waiting time of
    the worker.
    """

    worker: str
    template: str
    kind: str
    started: float
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StepResult:
    """One process of the plan: its tests, its exit code, its log file."""

    name: str
    suite: str
    series: str
    database: str
    exit_code: int
    started: float
    seconds: float
    sources: tuple[str, ...] = ()
    log: str = ""
    tests: tuple[TestResult, ...] = ()
    planned: int = 0
    """How many tests were to run."""
    isolation: str = ""
    runner: str = ""
    error: str = ""
    """Why there is no more to tell of it, where that is known."""


@dataclass(frozen=True, kw_only=True)
class FileCoverage:
    """Line and branch counts of one file of a source."""

    path: str
    statements: int
    missing: int
    branches: int
    partial: int
    percent: float


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One row of the gate: a check or a suite, and the command that repeats it."""

    name: str
    status: str
    reason: str = ""
    seconds: float = 0.0
    command: str = ""


@dataclass(frozen=True, kw_only=True)
class RunResult:
    """All that one run leaves to the reports.

    `roots` are the directories whose coverage was measured: relative to the project
    (or absolute, outside of it), and as the data name them.  `files` are those of the
    report that a merge needs.
    """

    id: str
    command: str
    started: float
    seconds: float
    exit_code: int
    version: str
    steps: tuple[StepResult, ...]
    templates: tuple[TemplateCost, ...] = ()
    leases: tuple[LeaseCost, ...] = ()
    coverage: tuple[FileCoverage, ...] = ()
    header: Mapping[str, str] = field(default_factory=dict)
    roots: Mapping[str, str] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    judged: tuple[Judged, ...] = ()
    order: str = ""
    """How often tests ran and in which order, where that was not the usual."""
    again: str = ""
    """The command that does the same in the same order, where that was drawn."""

    @property
    def tests(self) -> tuple[TestResult, ...]:
        """All tests of all steps."""
        return tuple(test for step in self.steps for test in step.tests)
