# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows and the verdict: never better than the worst of them."""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Final

from harness.errors import ExitCode, GateFailed, NothingSelected


class Status(StrEnum):
    """How a row ended."""

    PASSED = "passed"
    FAILED = "failed"
    MISSING = "missing"
    """A program that it needs is not there, or what a job should have left."""
    STOPPED = "stopped"
    """Ended by a signal or by another row's failure, or never begun."""
    UNNEEDED = "not needed"
    LEFT_OUT = "left out"
    """By hand: ``--only``, ``--skip``, ``--quick``."""


RED: Final = frozenset({Status.FAILED, Status.MISSING, Status.STOPPED})
HEADERS: Final = ("part", "status", "time", "why")


@dataclass(frozen=True, kw_only=True)
class Row:
    """One part of the gate; `command` reproduces it, `log` is where its output is.

    `why` is why it was needed until it has run, then what came out.
    """

    name: str
    status: Status
    why: str = ""
    seconds: float = 0.0
    command: str = ""
    log: str = ""

    @property
    def red(self) -> bool:
        """Whether it speaks against a merge."""
        return self.status in RED


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """All rows, and what they come to."""

    rows: tuple[Row, ...]

    @property
    def red(self) -> tuple[Row, ...]:
        """The rows that speak against a merge."""
        return tuple(row for row in self.rows if row.red)

    @property
    def code(self) -> ExitCode:
        """Not passed while one row is red; nothing, where none has passed."""
        if self.red:
            return ExitCode.GATE
        if any(row.status is Status.PASSED for row in self.rows):
            return ExitCode.OK
        return ExitCode.NOTHING_SELECTED

    @property
    def word(self) -> str:
        """``passed``, ``not passed`` or ``nothing was checked``."""
        words = {ExitCode.OK: "passed", ExitCode.GATE: "not passed"}
        return words.get(self.code, "nothing was checked")

    @property
    def complete(self) -> bool:
        """Whether nothing was left out by hand."""
        return all(row.status is not Status.LEFT_OUT for row in self.rows)

    def sentence(self) -> str:
        """``gate: passed: 3 of 9 parts, 6 not needed``."""
        counts = [
            f"{count} {status}"
            for status in Status
            if (count := sum(row.status is status for row in self.rows))
        ]
        return f"gate: {self.word}: {', '.join(counts) or 'there is no part'}"

    def check(self, place: str) -> None:
        """Raises the error of a gate that says no; `place` is where the rows are."""
        if self.code is ExitCode.GATE:
            commands = {
                row.command: f"{row.command}  # {row.name}"
                for row in self.red
                if row.command
            }
            raise GateFailed(
                "the gate says no: " + ", ".join(row.name for row in self.red),
                checked=place,
                remedy="\n".join(commands.values()),
            )
        if self.code is ExitCode.NOTHING_SELECTED:
            raise NothingSelected(
                "nothing was checked: no part of the gate is needed",
                checked="the changed files and the rules, see --list",
                remedy="run all of it: --full",
            )

    def document(self) -> dict[str, Any]:
        """For ``gate.json``."""
        return {
            "verdict": self.word,
            "exit_code": int(self.code),
            "complete": self.complete,
            "rows": [asdict(row) for row in self.rows],
        }


def rows(document: Mapping[str, Any]) -> tuple[Row, ...]:
    """The rows of a ``gate.json``; raises ValueError for what is none."""
    try:
        return tuple(
            Row(**{**one, "status": Status(one["status"])}) for one in document["rows"]
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"no rows of a gate: {error}") from error


def worst(name: str, parts: Iterable[Row]) -> Row:
    """One row of several jobs that are one part: shards, series, databases."""
    parts = list(parts)
    order = (*RED_ORDER, Status.PASSED, Status.UNNEEDED, Status.LEFT_OUT)
    chosen = min(parts, key=lambda row: order.index(row.status))
    same = [row for row in parts if row.status is chosen.status]
    why = "; ".join(dict.fromkeys(row.why for row in same if row.why))
    return Row(
        name=name,
        status=chosen.status,
        why=why,
        seconds=max(row.seconds for row in parts),
        command=chosen.command,
        log=chosen.log,
    )


RED_ORDER: Final = (Status.FAILED, Status.MISSING, Status.STOPPED)
