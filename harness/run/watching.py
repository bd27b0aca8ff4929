# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known between two rounds of a watched suite, and what keys and saves do."""

import queue
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from harness import results
from harness.context import Context
from harness.errors import HarnessError, UsageError
from harness.plan import Step
from harness.reports import figures
from harness.run import saves, traces
from harness.run.filters import PROMPTS, Filters
from harness.run.findings import Findings
from harness.run.kept import KeptStep
from harness.run.wish import ALL, Wish
from harness.selection import affected, changes
from harness.selection.affected import Traced

KEYS = "a all · f failed · r rest · p file · t name · Enter again · u unfold · q quit"
STRUCTURE = re.compile(r".*\.(toml|cfg|ini|conf)$|setup\.py$|requirements.*\.txt$")
"""Names of files that may change what a suite is, or needs."""
LOOK = 0.03
"""Seconds between two looks at what a round has found."""
IDLE = 1.0
"""Seconds between two looks at the base process."""
Event = tuple[str, object]


class Watching:
    """What is known between two rounds, and what keys and saves make of it."""

    def __init__(
        self,
        context: Context,
        step: Step,
        kept: KeptStep,
        again: Callable[[], tuple[Context, Step]],
    ) -> None:
        self.context = context
        self.console = context.console
        self.step = step
        self.kept = kept
        self.again = again
        self.findings = Findings(context.console)
        self.pending: set[Path] = set()
        """Saved, and no round has told of them."""
        self.covered: set[Path] = set()
        """Those that the round that goes on tells of."""
        self.unread: set[str] = set()
        """What was saved of the structure, and could not be read yet."""
        self.arrived: frozenset[Path] = frozenset()
        """Saved, and not looked at."""
        self.filters = Filters()
        self.wish = ALL
        """Of the round that goes on, or went last."""
        self.running = False
        self.rest = False
        """Whether the rest follows what a save has led to."""
        self.ran: set[str] = set()
        """Keys of the tests that have run since the last save."""

    def begin(self) -> None:
        """Prepare, and run what differs from the last commit."""
        self.kept.hold(self.context, self.step)
        try:
            self.kept.prepare(self.context, self.step)
        except HarnessError as error:
            self.console.error(error)
            return
        try:
            names = changes.files(self.context, "HEAD")
        except UsageError:  # no git, no commit: nothing differs from nothing
            names = ()
        tests = self.kept.known.tests
        count = sum(map(len, tests.values()))
        why = self.kept.why_not()
        if why:
            self.console.warn(f"{why}: a save runs what the rules say (docs/gate.md)")
        self.console.info(f"{count} tests in {len(tests)} files wait for a save")
        self.saved((self.context.config.root / name for name in names), failed=True)

    def loop(self, events: "queue.SimpleQueue[Event]") -> None:
        """Until the user quits."""
        while True:
            try:
                kind, value = events.get(timeout=LOOK if self.running else IDLE)
            except queue.Empty:
                kind, value = "", None
            if kind == "key" and not self.key(str(value)):
                return
            if kind == "saved":
                self.arrived |= value  # type: ignore[operator]
            if self.arrived and events.empty():
                arrived, self.arrived = self.arrived, frozenset()
                self.saved(arrived)
            if kind == "tell":
                self.console.warn(str(value))
            elif kind == "ended":
                self.ended(*value)  # type: ignore[misc]
            if self.running:
                self.findings.look(self.kept.results())
            cold = self.kept.basis.trouble()
            if cold:
                self.console.warn(f"rounds start cold, which takes longer: {cold}")

    # -- events ----------------------------------------------------------------

    def saved(self, files: Iterable[Path], *, failed: bool = False) -> None:
        """Run what saved files concern, and those of rounds that did not end.

        That a test has `failed` when it last ran may be a reason, too.
        """
        since, saved = time.monotonic(), set(files)
        traced = self.kept.traced(failed=failed)
        if self._concerned(saved, traced) is None:
            return
        self.pending |= saved
        wrong = {one: saves.wrong(one) for one in sorted(saved)}
        for path in filter(wrong.get, wrong):
            place = affected.name(self.context.config.root, path)
            self.console.warn(f"{place}:{wrong[path]}; save it again")
            return
        try:
            if self._restructured(saved):
                traced = None
        except HarnessError as error:
            self.console.error(error)
            return
        wish = self._concerned(self.pending, traced)
        if wish is None:
            return
        self.ran.clear()
        if wish.files == ():
            self._unconcerned(wish)
        else:
            self._start(wish, since, covers=self.pending)

    def key(self, key: str) -> bool:
        """Do what a key says; whether to go on."""
        now = time.monotonic()
        if self.filters.prompt:
            if self.filters.type(key):
                self._start(ALL, now)
        elif key in ("q", ""):
            return False
        elif key in PROMPTS:
            self.filters.begin(key)
        elif key == "a":
            self.filters.clear()
            self._start(ALL, now, covers=self.pending)
        elif key == "r":
            self.rest = not self.rest
            if self.rest and not self.running:
                self._follow(now)
        elif key == "f":
            self._start(Wish(why="failed", failed=True), now)
        elif key in "\r\n":
            self._start(self.wish, now)
        elif key == "u":
            for one in self.findings.last:
                text = figures.plain(one.longrepr or one.message)
                self.console.info(f"{one.outcome.upper()} {one.id}\n{text}\n")
        return True

    def ended(self, number: int, done: "results.Finished | BaseException") -> None:
        """Tell how a round has ended."""
        if number != self.kept.number:
            return
        self.running = False
        self.findings.look(self.kept.results())
        if isinstance(done, BaseException):
            raise done
        self.pending -= self.covered
        self.findings.end(done, self.kept.output())
        self.ran |= traces.outcomes(done.result.tests).keys()
        if self.rest and self.wish.first:
            self._follow(time.monotonic())

    # -- what follows of them ----------------------------------------------------

    def _concerned(self, saved: Iterable[Path], traced: Traced | None) -> Wish | None:
        tests = self.kept.known.tests
        found = affected.find(self.context, self.step.suite, saved, tests, traced)
        if found is None:
            return None
        wish = Wish(why=found.why, files=found.files, left=found.left, first=True)
        return wish.joined(self.wish) if self.running and self.wish.first else wish

    def _unconcerned(self, wish: Wish) -> None:
        """No test depends on what was saved."""
        self.pending.clear()
        self._say(f"{wish.why}: no test depends on what changed")
        if self.rest:
            self._follow(time.monotonic())

    def _follow(self, since: float) -> None:
        """Run what has not run since the last save."""
        left = frozenset(self.ran)
        tests = self.kept.known.tests
        files = tuple(path for path, keys in tests.items() if keys.keys() - left)
        if files:
            self._start(Wish(why="the rest", files=files, left=left), since)

    def _restructured(self, saved: set[Path]) -> bool:
        """Begin anew where the configuration, or what a suite needs, was saved."""
        root = self.context.config.root
        found = {one for one in saved if STRUCTURE.match(one.name)}
        self.unread |= {affected.name(root, one) for one in found}
        if not self.unread:
            return False
        names = affected.words(sorted(self.unread))
        self.console.info(f"{names}: all is looked at anew")
        self.kept.restart()
        self.running = False
        self.context, self.step = self.again()
        self.unread.clear()
        return True

    def _start(self, wish: Wish, since: float, *, covers: Iterable[Path] = ()) -> None:
        self.covered = set(covers)
        files = self.filters.files(wish.files, self.kept.known.tests)
        if files is not None and not files:
            self.console.info("there is no such file of tests: p changes the filter")
            return
        ids = [
            id_
            for path in (self.kept.known.tests if files is None else files)
            for key, id_ in self.kept.known.tests.get(path, {"": str(path)}).items()
            if key not in wish.left
        ]
        ids = list(self.findings.failing) if wish.failed else ids
        self.wish = wish
        self.findings.begin(len(ids), since)
        try:
            step = self._step(wish, files, ids)
            self.kept.start(self.context, step, wish.left)
            self.running = True
        except HarnessError as error:
            self.running = False
            self.console.error(error)

    def _step(self, wish: Wish, files: tuple[Path, ...] | None, ids: list[str]) -> Step:
        """The step of a round; says what it is."""
        few = self.findings.few(ids)
        options = [*self.step.options]
        what = f"{wish.why}: {len(ids)} tests"
        part = self.filters.parts["t"]
        if part:
            options += ["-k", part]
            what += f", of them {part!r}"
        if wish.failed:
            options += ["--last-failed", "--last-failed-no-failures=none"]
        elif self.findings.failing:
            options += ["--failed-first"]
        self._say(what)
        return replace(
            self.step,
            options=tuple(options),
            workers=1 if few else self.step.workers,
            paths=tuple(map(str, files)) if files else self.step.paths,
            named=bool(files) or self.step.named,
        )

    def _say(self, text: str) -> None:
        self.console.info(f"{time.strftime('%H:%M:%S')} {text}")

    # -- the last line -------------------------------------------------------------

    def rows(self) -> Iterator[str]:
        """The last line of a terminal: what is typed, what runs, or the keys."""
        found = self.findings
        if self.filters.prompt:
            yield self.filters.row()
        elif self.running:
            bad = f", {found.bad} failed" if found.bad else ""
            yield f"{found.done}/{found.expected} tests{bad} …"
        else:
            rest = ["the rest follows:"] * self.rest
            yield " ".join([*self.filters.words(), *rest, KEYS])
