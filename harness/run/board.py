# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of a step do now: rows for a terminal, and failures as they happen."""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

from harness import waiting
from harness.columns import cut, tail
from harness.output import GREEN, RED, Console
from harness.plugins import notes
from harness.quantities import duration
from harness.run.progress import Notes

BAR: Final = 16
"""Cells of the bar."""
TOLD: Final = 20
"""Failures that are told as they happen; more are only counted."""
ALIKE: Final = 3
"""Of those with the same first line."""
KNOWN: Final = 0.5
"""The share of the tests whose duration is known, for a word on the time left."""


class RunBoard:
    """Hears what the session writes; its rows fit any terminal."""

    def __init__(
        self, console: Console, notes_: Notes, workers: int, known: Mapping[str, float]
    ) -> None:
        self.console = console
        self.notes = notes_
        self.workers = workers
        self.known = known
        """Seconds that tests took, by their keys."""
        self.started = time.time()
        self.ended = False
        """Whether the session tells of its failures now."""
        self.total = 0
        self.failed = 0
        self.left: dict[str, float | None] = {}
        """The tests that have no outcome yet, with the seconds that they will take."""
        self._told: Counter[str] = Counter()
        self._names: set[str] = set()

    def hear(self, event: Mapping[str, Any]) -> None:
        """Take in one line of the results."""
        if event["kind"] == "plan":
            keys = event.get("keys") or event["ids"]
            pairs = zip(event["ids"], keys, strict=True)
            self.left = {one: self.known.get(key) for one, key in pairs}
            self.total = len(self.left)
        elif event["kind"] in ("test", "collect"):
            self.left.pop(event["id"], None)
            if event.get("outcome") in ("failed", "error"):
                self._tell(event)

    def _tell(self, event: Mapping[str, Any]) -> None:
        self.failed += 1
        first, *_ = event.get("message", "").strip().splitlines() or [""]
        self._told[first] += 1
        told = self._told[first]
        much = told > ALIKE or self.failed > TOLD
        if much or self.ended or self.console.taken:
            return
        words = f"{event['outcome'].upper()} {event['id']}"
        lines = [self.console.painted(tail(words, self.console.width - 1), RED)]
        lines += [f"  {cut(first, self.console.width - 3)}"] if first else []
        if self.failed == TOLD:
            lines.append("  more failures are counted below, and told in the end")
        elif told == ALIKE:
            lines.append("  more of this kind are counted below")
        self.console.info("\n".join(lines))

    def rows(self) -> Iterator[str]:
        """What is done, and what runs since when."""
        now = time.time()
        said = dict(self.notes.said())
        if self.total:
            yield self._bar(now, said)
        elif not self.console.open(now):  # steps have rows of their own
            passed = duration(now - self.started)
            what = "the tests are collected" if said else "starts"
            yield f"{what} ... {passed}"
            for wait, since in waiting.now()[1]:
                yield f"  waits for {wait} ({duration(time.monotonic() - since)})"
        self._names |= said.keys()
        for name in sorted(self._names, key=lambda one: (len(one), one)):
            worker = name.startswith("gw")
            if self.total and not worker and len(self._names) > 1:
                continue  # who has collected waits for the workers
            if note := said.get(name):
                yield self._row(name, note, now)
            elif worker:
                yield f"  {name}"

    def _row(self, name: str, note: Mapping[str, Any], now: float) -> str:
        name = name.partition("-")[0]
        passed = f"{max(0, now - note['since']):.0f} s"
        room = self.console.width - max(4, len(name)) - 14
        return f"  {name:<4}  {passed:>5}  {tail(notes.words(dict(note)), room)}"

    def _bar(self, now: float, said: Mapping[str, Mapping[str, Any]]) -> str:
        done = self.total - len(self.left)
        cells = BAR * done // self.total
        colour = RED if self.failed else GREEN
        bar = self.console.painted("━" * cells, colour)
        bar += self.console.painted("─" * (BAR - cells), "2")
        words = [f"{done}/{self.total}"]
        words += [self.console.painted(f"{self.failed} failed", RED)] * bool(
            self.failed
        )
        words += [duration(now - self.started)]
        if left := self.remaining(now, said):
            words.append(f"about {left} left")
        return f"{bar} {' · '.join(words)}"

    def remaining(self, now: float, said: Mapping[str, Mapping[str, Any]]) -> str:
        """How long the tests that are left will take; empty where nobody knows."""
        known = [one for one in self.left.values() if one is not None]
        if not known or len(known) < KNOWN * len(self.left):
            return ""
        mean = sum(known) / len(known)
        rest = {name: mean if one is None else one for name, one in self.left.items()}
        for note in said.values():
            name = note.get("test")
            if name in rest:
                rest[name] = max(0.0, rest[name] - (now - note["since"]))
        least = sum(rest.values()) / max(1, self.workers)
        left = max(1.0, least, *rest.values())
        return f"{left:.0f} s" if left < 60 else f"{left / 60:.0f} min"
