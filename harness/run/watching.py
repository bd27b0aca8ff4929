# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known between two rounds of a watched suite, and what keys and saves do."""

import queue
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from harness import results
from harness.context import Context
from harness.errors import HarnessError, Superseded, UsageError
from harness.plan import Step
from harness.quantities import counted
from harness.run import saves, traces
from harness.run.events import QUIT, Events
from harness.run.filters import PROMPTS, Filters
from harness.run.findings import Findings
from harness.run.kept import KeptStep
from harness.run.saved import Saved
from harness.run.wish import ALL, Wish, rest
from harness.selection import affected, changes
from harness.selection.affected import Concerned, Traced

LOOK = 0.03
"""Seconds between two looks at what a round has found."""
IDLE = 1.0
"""Seconds between two looks at the base process."""


class Watching:
    """What is known between two rounds, and what keys and saves make of it."""

    def __init__(
        self,
        context: Context,
        step: Step,
        kept: KeptStep,
        again: Callable[[], tuple[Context, Step]],
        events: Events,
    ) -> None:
        self.context = context
        self.console = context.console
        self.step = step
        self.kept = kept
        self.again = again
        self.events = events
        self.findings = Findings(context.console)
        self.saves = Saved()
        self.arrived: frozenset[Path] = frozenset()
        """Saved, and not looked at."""
        self.filters = Filters()
        self.wish = ALL
        """Of the round that goes on, or went last."""
        self.running = False
        self.fresh = True
        """Whether no round has ended: what failed in others' is to run, too."""
        self.lost = False
        """Whether the last round has lost the database server."""
        self.rest = False
        """Whether the rest follows what a save has led to."""
        self.ran: set[str] = set()
        """Keys of the tests that have run since the last save."""

    def begin(self) -> None:
        """Prepare, and run what differs from the last commit."""
        self.kept.server.hold(self.context, self.step)
        try:
            self.kept.prepare(self.context, self.step)
        except HarnessError as error:
            if not isinstance(error, Superseded):  # what was saved begins it anew
                self.console.error(error)
            return
        names: tuple[str, ...] = ()
        with suppress(UsageError):  # no git, no commit: nothing differs from nothing
            names = changes.files(self.context, "HEAD")
        known = self.kept.known
        if why := self.kept.why_not():
            self.console.warn(f"{why}: a save runs what the rules say (docs/gate.md)")
        found = (counted(len(known.all), "test"), counted(len(known.tests), "file"))
        self.console.info(f"{' in '.join(found)} wait for a save")
        self.saved((self.context.config.root / name for name in names), quiet=True)

    def loop(self) -> None:
        """Until the user quits."""
        while True:
            try:
                kind, value = self.events.get(timeout=LOOK if self.running else IDLE)
            except queue.Empty:
                kind, value = "", None
            if kind == "key" and not self.key(str(value)):
                return
            if kind == "saved":
                self.arrived |= value  # type: ignore[operator]
            elif kind == "tell":
                self.console.warn(str(value))
            elif kind == "ended":
                self.ended(*value)  # type: ignore[misc]
            if self.arrived and self.events.empty():
                arrived, self.arrived = self.arrived, frozenset()
                self.saved(arrived)
            if self.running and not self.kept.lost:
                self.findings.look(self.kept.results())
            if cold := self.kept.basis.trouble():
                self.console.warn(f"rounds start cold, which takes longer: {cold}")

    def saved(self, files: Iterable[Path], *, quiet: bool = False) -> None:
        """Run what saved files concern, and what rounds that they end have told.

        A `quiet` one says nothing where that is nothing.
        """
        since, saved = time.monotonic(), set(files)
        wrong = saves.settled(sorted(saved))
        anew = self.saves.anew(saved)
        traced = self.kept.traced(failed=self.fresh)
        alone = self._found(saved, traced)
        self.kept.known.forget(one for one in saved if not one.exists())
        self.findings.keep(self.kept.known.all)
        if alone is None and not self.saves.owed:
            self._unconcerned(set() if quiet else saved, again=False)
            return
        self.saves.files |= saved
        for path in filter(wrong.get, wrong):
            self._end()
            place = affected.name(self.context.config.root, path)
            self.console.warn(f"{place}:{wrong[path]}; save it again")
            return
        try:
            if self._restructured(saved):
                traced = None
        except HarnessError as error:
            self.console.error(error)
            return
        if self.running and not self.saves.concern(alone, traced):
            self.saves.late |= saved
            self._unconcerned(saved if anew and not quiet else set())
            return
        if self._end():  # by itself: more is known now
            traced = self.kept.traced()
        self._decide(set() if quiet else saved, traced, since)

    def key(self, key: str) -> bool:
        """Do what a key says; whether to go on."""
        now = time.monotonic()
        if self.filters.prompt:
            if self.filters.type(key):
                self._start(ALL, now)
        elif key in QUIT:
            return False
        elif key in PROMPTS:
            self.filters.begin(key)
        elif key == "a":
            self.filters.clear()
            self._start(ALL, now, covers=self.saves.files)
        elif key == "r":
            self.rest = not self.rest
            if self.rest and not self.running:
                self._follow(now)
        elif key == "f" and not self.findings.failing:
            self.findings.say("no test failed when it last ran")
        elif key == "f":
            self._start(Wish(why="failed", failed=True), now)
        elif key in "\r\n":
            self._start(replace(self.wish, asked=True), now)
        elif key == "u":
            self.findings.unfold()
        return True

    def ended(self, number: int, done: "results.Finished | BaseException") -> None:
        """Tell how a round has ended by itself, and what follows of it."""
        if number != self.kept.whole or not self.running:
            return
        if self.kept.lost and not isinstance(done, BaseException):
            self._lost(done)
        elif late := self._told(done):
            self.saved(late, quiet=True)
        if self.rest and self.wish.first and not self.running:
            self._follow(time.monotonic())

    # -- what follows of them ----------------------------------------------------

    def _told(self, done: "results.Finished | BaseException") -> set[Path]:
        """The round has ended by itself; what is to be looked at again."""
        self.findings.look(self.kept.results())
        if isinstance(done, BaseException):
            raise done
        self.findings.keep(self.kept.known.all)
        self.findings.end(done, self.kept.output())
        ran = traces.outcomes(done.result.tests).keys()
        self.ran |= ran
        late = self.saves.ended(ran)
        if late and self.findings.told:  # by what was half-written, perhaps
            self.saves.broken(self.wish, self.findings.told, self.kept.known)
        self.running = self.fresh = self.lost = False
        return late

    def _lost(self, done: results.Finished) -> None:
        """The server has ended under the round: once more, but not again and again."""
        self.running = False
        for error in done.errors:
            self.console.error(error)
        if not self.lost:
            self.lost = True
            self._start(self.wish, time.monotonic(), covers=self.saves.covered)

    def _found(self, saved: Iterable[Path], traced: Traced | None) -> Concerned | None:
        tests = self.kept.known.tests
        return affected.find(self.context, self.step.suite, saved, tests, traced)

    def _end(self) -> bool:
        """End the round that goes on; what it has told is owed.

        Whether it has ended by itself before.
        """
        if not self.running:
            return False
        self.kept.cancel()
        number, done = self.events.take("ended")
        if number == self.kept.whole and not self.kept.lost:
            self._told(done)
            return True
        self.running = False
        told = self.findings.failing if self.wish.failed else self.findings.told
        self.saves.broken(self.wish, told, self.kept.known)
        return False

    def _decide(self, saved: set[Path], traced: Traced | None, since: float) -> None:
        """Run all that was saved and what is owed, if that is anything."""
        found = self._found(self.saves.files, traced)
        self.saves.decided(traced)
        found = found or Concerned(files=(), why=affected.words([]))
        wish = Wish(why=found.why, files=found.files, left=found.left, first=True)
        wish = wish.joined(self.saves.owed) if self.saves.owed else wish
        self.ran.clear()
        if wish.files == ():
            self.saves.files.clear()
            self._unconcerned(saved)
            if self.rest:
                self._follow(time.monotonic())
        else:
            self._start(wish, since, covers=self.saves.files)

    def _unconcerned(self, saved: set[Path], *, again: bool = True) -> None:
        """No test depends on what was saved; not `again` where that was said last."""
        if saved:
            names = affected.named(self.context.config.root, saved)
            self.findings.say(f"{names}: no test depends on what changed", again=again)

    def _follow(self, since: float) -> None:
        """Run what has not run since the last save."""
        wish = rest(self.kept.known.tests, self.ran)
        if wish.files:
            self._start(wish, since)

    def _restructured(self, saved: set[Path]) -> bool:
        """Begin anew where the configuration, or what a suite needs, was saved."""
        unread = self.saves.structure(saved)
        if not unread:
            return False
        names = affected.named(self.context.config.root, unread)
        self.console.info(f"{names}: all is looked at anew")
        self._end()
        self.kept.restart()
        self.context, self.step = self.again()
        unread.clear()
        return True

    def _start(self, wish: Wish, since: float, *, covers: Iterable[Path] = ()) -> None:
        files = self.filters.files(wish.files, self.kept.known.tests)
        if files is not None and not files:
            self.console.info("there is no such file of tests: p changes the filter")
            return
        self._end()
        ids = wish.ids(files, self.kept.known.tests, self.findings.failing)
        self.wish = wish
        part = self.filters.parts["t"]
        count = counted(len(ids), "test") if self.kept.known.tests else "all tests"
        of_them = f", of them {part!r}" if part else ""
        self.findings.say(f"{wish.why}: {count}{of_them}")
        self.findings.begin(len(ids), since)
        try:
            workers = 1 if self.findings.few(ids) else self.step.workers
            step = wish.step(self.step, files, workers, part, self.findings.failing)
            self.kept.start(self.context, step, wish.left)
            self.saves.begun(covers)
            self.running = True
        except HarnessError as error:
            self.running = False
            self.saves.broken(wish, (), self.kept.known)
            if not isinstance(error, Superseded):
                self.console.error(error)

    def rows(self) -> Iterator[str]:
        """The last line of a terminal: what is typed, what runs, or the keys."""
        if self.running and not self.filters.prompt:
            yield self.findings.row()
        else:
            yield self.filters.row(["the rest follows:"] * self.rest)
