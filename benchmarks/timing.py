# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs commands, times them, and reads which tests came out how."""

import itertools
import json
import math
import re
import resource
import statistics
import subprocess  # noqa: TID251  (its exception only)
import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from harness import proc
from harness.errors import CommandFailed

LIMIT = 3600.0
"""Seconds that one command may take."""
SCENARIO = re.compile(
    r"Doctest: (?P<name>\S+\.rst) \.\.\. .*?"
    r"(?P<word>\bok|\bFAIL|\bERROR|\bskipped\b[^\n]*)\n",
    re.DOTALL,
)
"""A scenario in the output of ``python -m unittest -v``."""
WORDS = {"ok": "passed", "FAIL": "failed", "ERROR": "error"}

_numbers = itertools.count(1)


@dataclass(frozen=True, kw_only=True)
class Timed:
    """A command that has ended; `cpu` is user and system time of its whole tree."""

    seconds: float
    cpu: float
    code: int
    log: Path
    outcomes: Mapping[str, str] = field(default_factory=dict)

    def __add__(self, other: "Timed") -> "Timed":
        return Timed(
            seconds=self.seconds + other.seconds,
            cpu=self.cpu + other.cpu,
            code=max(self.code, other.code),
            log=other.log,
            outcomes={**self.outcomes, **other.outcomes},
        )


def run(
    name: str,
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str],
    cwd: Path,
    logs: Path,
    results: Path | None = None,
) -> Timed:
    """Run to the end; tests may fail, anything else is an error with its log's tail.

    `results` is the file that ``harness.plugins.results`` writes.
    """
    logs.mkdir(parents=True, exist_ok=True)
    log = logs / f"{next(_numbers):03}-{name}.log"
    before, started = _children(), time.perf_counter()
    with log.open("wb") as output:
        output.write(f"$ {proc.line(argv)}\n".encode())
        output.flush()
        child = proc.Child(argv, env=env, cwd=cwd, stdout=output, stderr=proc.STDOUT)
        with child:
            try:
                code = child.process.wait(LIMIT)
            except subprocess.TimeoutExpired:
                raise CommandFailed(
                    f"{name} did not end within {LIMIT:g} s:\n{tail(log)}"
                ) from None
    seconds = time.perf_counter() - started
    if code not in {0, 1}:
        raise CommandFailed(f"{name} ended with exit code {code}:\n{tail(log)}")
    return Timed(
        seconds=seconds,
        cpu=_children() - before,
        code=code,
        log=log,
        outcomes=read(results) if results else {},
    )


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tail(log: Path, count: int = 25) -> str:
    """The end of a log, to be shown."""
    lines = log.read_text("utf-8", "replace").splitlines()
    return "\n".join([f"({log})", *(f"  | {line}" for line in lines[-count:])])


# -- outcomes ------------------------------------------------------------------


def read(path: Path) -> dict[str, str]:
    """Outcomes by normalised id, from a file of ``harness.plugins.results``."""
    events = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    found = {}
    for event in events:
        if event["kind"] == "test":
            found[normalised(event["id"])] = str(event["outcome"])
        elif event["kind"] == "collect":
            found[normalised(event["id"])] = "error"
    return found


def normalised(test: str) -> str:
    """``file::rest``: where the root is differs between the ways to run."""
    place, _, rest = test.partition("::")
    return f"{place.rpartition('/')[2]}::{rest}"


def scenarios(log: Path, tests: Path) -> dict[str, str]:
    """Outcomes of the scenarios that ``python -m unittest -v`` ran."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for match in SCENARIO.finditer(log.read_text("utf-8", "replace")):
        name = match["name"]
        several = (tests / name).with_suffix(".json").exists()
        which = f"[{seen[name]}]" if several else ""
        seen[name] += 1
        found[f"{name}::{name}{which}"] = WORDS.get(match["word"], "skipped")
    return found


def counts(outcomes: Mapping[str, str]) -> tuple[int, int]:
    """How many passed, how many did not (skipped ones are neither)."""
    found = Counter(outcomes.values())
    return (
        found["passed"] + found["xfailed"],
        found["failed"] + found["error"] + found["xpassed"],
    )


# -- figures -------------------------------------------------------------------


def percentile(values: Iterable[float], share: float) -> float:
    """The value that `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * share) - 1)]


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row of the table: what was measured, and its rounds in seconds."""

    part: str
    name: str
    database: str
    seconds: tuple[float, ...]
    outcomes: Mapping[str, str] = field(default_factory=dict)
    bar: float = 0.0
    """The largest ratio to (a) that the issue allows; 0: it has none."""

    @property
    def median(self) -> float:
        """Median of the rounds."""
        return statistics.median(self.seconds)
