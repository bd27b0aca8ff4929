# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs tests again that have failed: what must be run with them, what they reported.

A test that finds its database as new (isolation ``test``) is run again alone; else
what shares the database with it is, the class or the module: a method of a sequence
cannot be repeated by itself.  It happens in a fresh process, so on a fresh lease and
with a fresh browser.  Pure.
"""

from __future__ import annotations

from typing import Any, Callable, Iterable, NamedTuple

from harness.plugins import isolation
from harness.plugins.units import Unit

Reports = list[Any]
"""What one time reported of a test: set-up, call, teardown."""


def piece(item: Any, default: str) -> tuple[str, ...]:
    """What is run again as a whole: all tests with the same answer."""
    level = isolation.of(item, default)
    place = str(item.path)
    if level in ("module", "worker"):
        return (place,)
    owner = getattr(item, "cls", None)
    if level == "class" and owner is not None:
        return (place, owner.__qualname__)
    return (place, item.nodeid)


class Final(NamedTuple):
    """The last word on a test: what its last time reported, and the failures before."""

    number: int
    reports: Reports
    failures: list[Reports]


class Ledger:
    """What tests have reported, until it is known whether they are run again."""

    def __init__(self, limit: int, piece: Callable[[int], tuple[str, ...]]) -> None:
        """A unit is run again `limit` times; `piece` is asked for a test's number."""
        self.limit = limit
        self.piece = piece
        self.held: dict[int, Reports] = {}
        self.before: dict[int, list[Reports]] = {}

    def begin(self, number: int) -> None:
        """A test begins."""
        self.held[number] = []

    def add(self, number: int, report: Any) -> None:
        """A test has reported."""
        self.held[number].append(report)

    def last(self, number: int) -> Reports:
        """What a test that is run again has reported, the last time."""
        before = self.before.get(number)
        return before[-1] if before else []

    def lost(self, unit: Unit) -> bool:
        """Whether a test of the unit has failed, and is not run again."""
        last = unit.attempt >= self.limit
        return last and any(failed(self.held.get(one)) for one in unit.indices)

    def settle(self, unit: Unit, *, stop: bool) -> tuple[list[Final], list[int]]:
        """A unit is over: what is final, and what is run again.

        With `stop` nothing is.
        """
        bad = {self.piece(one) for one in unit.indices if failed(self.held.get(one))}
        again = [one for one in unit.indices if self.piece(one) in bad]
        if stop or unit.attempt >= self.limit:
            again = []
        final = []
        for number in unit.indices:
            if number not in self.held:
                continue
            if number in again:
                self.before.setdefault(number, []).append(self.held.pop(number))
            else:
                final.append(self._final(number, self.held.pop(number)))
        return final, again

    def rest(self, running: Iterable[int]) -> list[Final]:
        """The last word on what nobody runs again; what is `running` says none."""
        for number in running:
            self.held.pop(number, None)
        numbers = sorted({*self.held, *self.before})
        return [self._final(one, self.held.pop(one, None)) for one in numbers]

    def _final(self, number: int, reports: Reports | None) -> Final:
        """A failure stands unless the test has passed since."""
        before = self.before.pop(number, [])
        failures = [one for one in before if failed(one)]
        if failures and (reports is None or not (failed(reports) or _ran(reports))):
            reports = failures.pop()
        return Final(number, before[-1] if reports is None else reports, failures)


def failed(reports: Reports | None) -> bool:
    """Whether one time of a test has failed, in whichever phase."""
    return any(report.failed for report in reports or ())


def _ran(reports: Reports) -> bool:
    """Whether it came to its end: what is skipped now has not passed."""
    return not any(
        report.skipped and not hasattr(report, "wasxfail") for report in reports
    )
