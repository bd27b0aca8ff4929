# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known between two rounds of a watched suite, and what keys and saves do."""

import ast
import queue
import re
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from harness import results
from harness.context import Context
from harness.errors import HarnessError, UsageError
from harness.plan import Step
from harness.reports import figures
from harness.run.findings import Findings
from harness.run.kept import KeptStep
from harness.selection import affected, changes

KEYS = "a all · f failed · p file · t name · Enter again · u unfold · q quit"
PROMPTS = {"p": "part of a file's path", "t": "part of a name, as -k has it"}
STRUCTURE = re.compile(r".*\.(toml|cfg|ini|conf)$|setup\.py$|requirements.*\.txt$")
"""Names of files that may change what a suite is, or needs."""
LOOK = 0.03
"""Seconds between two looks at what a round has found."""
IDLE = 1.0
"""Seconds between two looks at the base process."""
Event = tuple[str, object]


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What a round is to run; `files` None: all."""

    why: str
    files: tuple[Path, ...] | None = None
    failed: bool = False


ALL = Wish(why="all")


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
        self.filters = {"p": "", "t": ""}
        self.prompt = ""
        """The key of the filter that is typed now."""
        self.typed = ""
        self.wish = ALL
        """Of the round that goes on, or went last."""
        self.running = False

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
        count = sum(map(len, self.kept.tests.values()))
        files = len(self.kept.tests)
        self.console.info(f"{count} tests in {files} files wait for a save")
        self.saved(self.context.config.root / name for name in names)

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

    def saved(self, files: Iterable[Path]) -> None:
        """Run what saved files concern, and those of rounds that did not end."""
        since, saved = time.monotonic(), set(files)
        if self._concerned(saved) is None:
            return
        self.pending |= saved
        wrong = next(filter(None, map(self._wrong, sorted(saved))), "")
        if wrong:
            self.console.warn(wrong)
            return
        try:
            self._restructure(saved)
        except HarnessError as error:
            self.console.error(error)
            return
        wish = self._concerned(self.pending)
        if wish is not None:
            self._start(wish, since, covers=self.pending)

    def key(self, key: str) -> bool:
        """Do what a key says; whether to go on."""
        now = time.monotonic()
        if self.prompt:
            self._type(key)
        elif key in ("q", ""):
            return False
        elif key in PROMPTS:
            self.prompt, self.typed = key, self.filters[key]
        elif key == "a":
            self.filters = {"p": "", "t": ""}
            self._start(ALL, now, covers=self.pending)
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

    # -- what follows of them ----------------------------------------------------

    def _concerned(self, saved: Iterable[Path]) -> Wish | None:
        found = affected.find(self.context, self.step.suite, saved, self.kept.tests)
        return Wish(why=found.why, files=found.files) if found else None

    def _wrong(self, path: Path) -> str:
        """Why no Python can read a file; where it is another's, that one says so."""
        try:
            if path.suffix == ".py":
                ast.parse(path.read_bytes(), path.name)
        except SyntaxError as error:
            place = affected.name(self.context.config.root, path)
            return f"{place}:{error.lineno}: {error.msg}; save it again"
        except (OSError, ValueError):  # it has vanished; it is no text
            pass
        return ""

    def _restructure(self, saved: set[Path]) -> None:
        """Begin anew where the configuration, or what a suite needs, was saved."""
        root = self.context.config.root
        found = {one for one in saved if STRUCTURE.match(one.name)}
        self.unread |= {affected.name(root, one) for one in found}
        if self.unread:
            names = affected.words(sorted(self.unread))
            self.console.info(f"{names}: all is looked at anew")
            self.kept.restart()
            self.running = False
            self.context, self.step = self.again()
            self.unread.clear()

    def _start(self, wish: Wish, since: float, *, covers: Iterable[Path] = ()) -> None:
        self.covered = set(covers)
        files = self._filtered(wish.files)
        if files is not None and not files:
            self.console.info("there is no such file of tests: p changes the filter")
            return
        tests = self.kept.tests
        chosen = tests if files is None else files
        ids = [one for path in chosen for one in tests.get(path, [str(path)])]
        ids = list(self.findings.failing) if wish.failed else ids
        self.wish = wish
        self.findings.begin(len(ids), since)
        try:
            self.kept.start(self.context, self._step(wish, files, ids))
            self.running = True
        except HarnessError as error:
            self.running = False
            self.console.error(error)

    def _filtered(self, files: tuple[Path, ...] | None) -> tuple[Path, ...] | None:
        part = self.filters["p"]
        if not part:
            return files
        return tuple(
            one for one in files or sorted(self.kept.tests) if part in one.as_posix()
        )

    def _step(self, wish: Wish, files: tuple[Path, ...] | None, ids: list[str]) -> Step:
        """The step of a round; says what it is."""
        few = self.findings.few(ids)
        options = [*self.step.options]
        what = f"{wish.why}: {len(ids)} tests"
        if self.filters["t"]:
            options += ["-k", self.filters["t"]]
            what += f", of them {self.filters['t']!r}"
        if wish.failed:
            options += ["--last-failed", "--last-failed-no-failures=none"]
        elif self.findings.failing:
            options += ["--failed-first"]
        self.console.info(f"{time.strftime('%H:%M:%S')} {what}")
        return replace(
            self.step,
            options=tuple(options),
            workers=1 if few else self.step.workers,
            paths=tuple(map(str, files)) if files else self.step.paths,
            named=bool(files) or self.step.named,
        )

    # -- the last line -------------------------------------------------------------

    def _type(self, key: str) -> None:
        """Take a letter of a filter."""
        if key in "\r\n":
            self.filters[self.prompt], self.prompt = self.typed.strip(), ""
            self._start(ALL, time.monotonic())
        elif key in ("\x1b", ""):
            self.prompt = ""
        elif key in "\x7f\b":
            self.typed = self.typed[:-1]
        elif key.isprintable():
            self.typed += key

    def rows(self) -> Iterator[str]:
        """The last line of a terminal: what is typed, what runs, or the keys."""
        found = self.findings
        if self.prompt:
            yield f"{PROMPTS[self.prompt]} (Enter, Esc): {self.typed}_"
        elif self.running:
            bad = f", {found.bad} failed" if found.bad else ""
            yield f"{found.done}/{found.expected} tests{bad} …"
        else:
            now = [f"{name}={text}" for name, text in self.filters.items() if text]
            yield " ".join([*now, KEYS])
