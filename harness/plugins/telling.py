# SPDX-License-Identifier: GPL-3.0-or-later
"""Tells the session what workers report: at once, or when nothing is run again."""

from __future__ import annotations

import copy
from typing import Any, Callable, NamedTuple

from harness.plugins import again
from harness.plugins.units import Unit


class Test(NamedTuple):
    """What the session calls a test; a round has all of them anew."""

    nodeid: str
    location: Any


class Telling:
    """Passes on reports through the session's own hooks, by the number of the test."""

    def __init__(self, config: Any, items: list[Any]) -> None:
        options = config.option
        default = config.getoption("harness_isolation", "class")
        self.config = config
        self.items = items
        self.hook = config.hook
        self.tests = named(items, options.harness_repeat)
        self.ledger: again.Ledger | None = None
        if options.harness_reruns:
            self.ledger = again.Ledger(
                options.harness_reruns,
                lambda number: again.piece(items[number % len(items)], default),
            )

    def begin(self, number: int) -> None:
        """A test begins."""
        if self.ledger is None:
            self._start(number)
        else:
            self.ledger.begin(number)

    def add(self, number: int, report: Any) -> None:
        """A test has reported."""
        report.nodeid, report.location = self.tests[number]
        if self.ledger is None:
            self.hook.pytest_runtest_logreport(report=report)
        else:
            self.ledger.add(number, report)

    def finish(self, number: int) -> None:
        """A test is over."""
        if self.ledger is None:
            self._finish(number)

    def settle(self, unit: Unit, *, stop: Callable[[], bool]) -> list[int]:
        """A unit is over, or will not go on; those of its tests to be run again.

        Nothing is once the session wants to `stop`.
        """
        if self.ledger is None:
            return []
        final, repeated = self.ledger.settle(unit, stop=stop())
        for one in final:
            self._tell(one)
        if not stop():
            for number in repeated:
                self._mark(self.ledger.last(number))
        return repeated

    def lost(self, unit: Unit | None) -> bool:
        """Whether a unit that is not over has a failure that stands."""
        return bool(self.ledger and unit and self.ledger.lost(unit))

    def flush(self, running: list[int]) -> None:
        """At the end: what was to be run again, and is not, has failed."""
        for one in self.ledger.rest(running) if self.ledger else ():
            self._tell(one)

    def forget_rounds(self) -> None:
        """A failure in a round is one of its test, for ``--lf``."""
        plugin = self.config.pluginmanager.get_plugin("lfplugin")
        known: dict[Any, bool] = getattr(plugin, "lastfailed", {})
        items = {
            test.nodeid: self.items[at % len(self.items)]
            for at, test in enumerate(self.tests)
        }
        for key in [one for one in known if str(one) in items]:
            item = items[str(key)]
            own = item.nodeid if isinstance(key, str) else item.id  # pytest 9.2
            known[own] = known.pop(key)

    def _start(self, number: int) -> None:
        nodeid, location = self.tests[number]
        self.hook.pytest_runtest_logstart(nodeid=nodeid, location=location)

    def _finish(self, number: int) -> None:
        nodeid, location = self.tests[number]
        self.hook.pytest_runtest_logfinish(nodeid=nodeid, location=location)

    def _tell(self, final: again.Final) -> None:
        """Pass on the last word on a test."""
        self._start(final.number)
        writer = self.config.pluginmanager.get_plugin("harness-writer")
        if writer is not None and final.failures:
            writer.failed_before(*self.tests[final.number], final.failures)
        for report in final.reports:
            self.hook.pytest_runtest_logreport(report=report)
        self._finish(final.number)

    def _mark(self, reports: again.Reports) -> None:
        """Show that a test has failed, and is run again: to others it has not failed.

        JUnit files would have the test twice, and ``-x`` would end the run.
        """
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        bad = next((report for report in reports if report.failed), None)
        if terminal is not None and bad is not None:
            shown = copy.copy(bad)
            shown.outcome = "rerun"
            terminal.pytest_runtest_logreport(shown)


def named(items: list[Any], rounds: int) -> list[Test]:
    """The tests of all rounds; with several, ``[2/20]`` tells them apart."""
    found = []
    for round in range(1, rounds + 1):
        mark = f"[{round}/{rounds}]" if rounds > 1 else ""
        for item in items:
            file, line, title = item.location
            found.append(Test(f"{item.nodeid}{mark}", (file, line, f"{title}{mark}")))
    return found
