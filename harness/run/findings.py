# SPDX-License-Identifier: GPL-3.0-or-later
"""What a round of a watch finds, told while it goes on, and remembered after it."""

import json
import time
from collections import Counter
from collections.abc import Set
from pathlib import Path

from harness.errors import ExitCode
from harness.model import Outcome, TestResult
from harness.output import Console
from harness.quantities import duration
from harness.reports import figures
from harness.results import Finished
from harness.run import traces

FEW = 2.0
"""Seconds of tests that need no second worker."""
UNKNOWN = 0.2
"""Seconds of a test that has not run."""
SHOWN = 200
"""Characters of a failure's message."""
OK = (ExitCode.OK, ExitCode.TESTS_FAILED, ExitCode.NOTHING_SELECTED)


class Findings:
    """Of all rounds so far."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self.failing: dict[str, TestResult] = {}
        """Tests that failed when they last ran."""
        self.last: tuple[TestResult, ...] = ()
        """Those of the last round that failed."""
        self.seconds: dict[str, float] = {}
        self.done = 0
        self.told: list[str] = []
        """Those that this round has told as failed."""
        self.expected = 0
        self._said = ""
        self._since = 0.0
        self._first = 0.0
        self._place = 0

    def begin(self, expected: int, since: float) -> None:
        """A round begins, for a save at the time `since` of the monotonic clock."""
        self.expected, self._since = expected, since
        self.done = self._place = 0
        self.told = []
        self._first = 0.0

    def few(self, ids: list[str]) -> bool:
        """Whether these tests are run sooner by one process than by several."""
        return sum(self.seconds.get(one, UNKNOWN) for one in ids) < FEW

    def look(self, path: Path) -> None:
        """Tell of failures that were written since the last look."""
        try:
            with path.open("rb") as stream:
                stream.seek(self._place)
                text = stream.read()
        except OSError:
            return
        whole = text[: text.rfind(b"\n") + 1]
        self._place += len(whole)
        for line in whole.splitlines():
            event = json.loads(line)
            if event["kind"] == "test":
                self._first = self._first or time.monotonic()
                self.done += 1
                if event["outcome"] in figures.BAD:
                    self._failed(event["outcome"], event["id"], event["message"])
            elif event["kind"] == "collect" and event["outcome"] == "error":
                *_, last = event["longrepr"].strip().splitlines() or [""]
                self._failed("error", event["id"], last.removeprefix("E").strip())

    def say(self, text: str, *, again: bool = True) -> None:
        """Tell what a save or a key leads to; not `again` where that was told last."""
        if again or text != self._said:
            self._said = text
            self.console.info(f"{time.strftime('%H:%M:%S')} {text}")

    def _failed(self, outcome: str, name: str, message: str) -> None:
        self.told.append(name)
        first, *_ = figures.plain(message).strip().splitlines() or [""]
        text = f"{outcome.upper()} {figures.plain(name)}"
        self.console.info(f"{text}\n  {first[:SHOWN]}" if first else text)

    def row(self) -> str:
        """How far the round is."""
        bad = f", {len(self.told)} failed" if self.told else ""
        return f"{self.done}/{max(self.expected, self.done)} tests{bad} …"

    def unfold(self) -> None:
        """Tell of the last round's failures with their whole tracebacks."""
        for one in self.last:
            text = figures.plain(one.longrepr or one.message)
            self.console.info(f"{one.outcome.upper()} {one.id}\n{text}\n")

    def keep(self, keys: Set[str]) -> None:
        """Forget what failed of tests that there are no more; `keys`: of all."""
        self.failing = {
            name: one
            for name, one in self.failing.items()
            if traces.outcomes([one]).keys() <= keys
        }

    def end(self, finished: Finished, output: str) -> None:
        """Tell what a round has come to; `output` is what it has printed."""
        tests = finished.result.tests
        self.seconds |= {one.id: one.duration for one in tests}
        for one in tests:
            self.failing.pop(one.id, None)
        self.last = tuple(one for one in tests if one.outcome in figures.BAD)
        self.failing |= {one.id: one for one in self.last}
        for error in finished.errors:
            self.console.error(error)
        if finished.code not in OK and not self.last:
            self.console.info(output.strip())
        self.console.info(self._summary(tests))

    def _summary(self, tests: tuple[TestResult, ...]) -> str:
        now = time.monotonic()
        counts = Counter(one.outcome for one in tests)
        words = [f"{counts[one]} {one}" for one in Outcome if counts[one]]
        text = f"{', '.join(words) or 'no test ran'} in {duration(now - self._since)}"
        if self._first:
            text += f" (the first after {duration(self._first - self._since)})"
        others = len(self.failing) - len(self.last)
        return f"{text}; {others} more fail: f" if others else text
