# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that prints: plain lines, and on a terminal rows of what runs."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, TextIO

from harness import columns
from harness.errors import HarnessError
from harness.masks import masked
from harness.quantities import duration
from harness.steps import ConsoleStep
from harness.waiting import every

if TYPE_CHECKING:
    from harness.screen import Screen

WIDTH: Final = 80
HEIGHT: Final = 24
FRAME: Final = 0.1
"""Seconds between two pictures of the rows, at least."""
TICK: Final = 0.25
"""Seconds between two pictures that a ticker makes."""
PATIENCE: Final = 10.0
"""Seconds between two lines of progress where there are no rows."""

_ERASE: Final = "\r\x1b[2K"
RED: Final = "31;1"
GREEN: Final = "32;1"
YELLOW: Final = "33"
_BOLD: Final = "1"


class Console:
    """Writes for people to `stream`; all methods may be called from any thread.

    No password of an address is written.

    `environ` is asked for NO_COLOR, TERM, COLUMNS and GITHUB_ACTIONS.
    """

    def __init__(
        self,
        stream: TextIO,
        environ: Mapping[str, str],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        terminal = stream.isatty() and environ.get("TERM", "") != "dumb"
        self.folds: Final = environ.get("GITHUB_ACTIONS") == "true"
        self.live: Final = terminal and not self.folds
        self.colour: Final = self.live and not environ.get("NO_COLOR")
        self._stream = stream
        self._columns = environ.get("COLUMNS", "")
        self._clock = clock
        self._lock = threading.RLock()
        self._environ = environ
        self._steps: list[ConsoleStep] = []
        self._boards: list[Callable[[], Iterable[str]]] = []
        self._screen: Screen | None = None
        self._drawn = 0.0
        self._hinted = False
        self.taken = False
        """Whether another program draws on the terminal: rows would be wrong."""
        self.written = 0
        """Blocks of lines so far."""
        self._folded: ConsoleStep | None = None

    def header(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """A title and what belongs to it, name and value."""
        rows = list(rows)
        widest = max((len(name) for name, _ in rows), default=0)
        lines = [f"  {name:<{widest}}  {value}".rstrip() for name, value in rows]
        self._lines([self.painted(title, _BOLD), *lines])

    def hint(self, text: str, *, stays: bool = False) -> None:
        """A first sign of life: on a terminal what is said next replaces it.

        Elsewhere it is a line if it `stays`, or nothing.
        """
        with self._lock:
            if self.live:
                self._write(_ERASE + columns.cut(text, self.width - 1))
                self._hinted = True
            elif stays:
                self._lines([columns.shortened(text)])

    def info(self, text: str, colour: str = "") -> None:
        """One block of plain lines."""
        self._lines([self.painted(text, colour)])

    def link(self, path: Path) -> str:
        """A file's path, to be opened by a click where a terminal knows how."""
        return columns.linked(path) if self.live else str(path.absolute())

    def warn(self, text: str) -> None:
        """Something that the user should know, and that stops nothing."""
        self._lines([self._labelled("warning", text, YELLOW)])

    def error(self, error: HarnessError) -> None:
        """What happened, what was checked, how to mend it."""
        lines = [self._labelled("error", columns.shortened(error.message), RED)]
        for label, text in error.more.items():
            text = columns.shortened(text)
            lines.append("  " + self._labelled(label, text, _BOLD, indent=4))
        self._lines(lines)

    def table(
        self,
        rows: Iterable[Sequence[object]],
        headers: Sequence[str],
        to_right: Sequence[str] = (),
    ) -> None:
        """Aligned columns, numbers to the right; a terminal's width is kept.

        So are columns whose header is in `to_right`.
        """
        self._lines(self.aligned(rows, headers, to_right))

    @contextmanager
    def showing(
        self, rows: Callable[[], Iterable[str]], *, ticker: bool = True
    ) -> Iterator[None]:
        """On a terminal, keep rows below all that is written, during the block.

        With `ticker`, a thread asks for them again and again.
        """
        if not self.live:
            yield
            return
        with self._lock:
            self._boards.append(rows)
            self._draw()
        try:
            with every(TICK, self._draw) if ticker else nullcontext():
                yield
        finally:
            with self._lock:
                self._boards.remove(rows)
                self._draw()

    def write_on(self, text: str) -> None:
        """What another program writes to this terminal, be it less than a line."""
        with self._lock:
            self.written += 1
            self.taken = self._ready().write_on(text)

    def aligned(
        self,
        rows: Iterable[Sequence[object]],
        headers: Sequence[str],
        to_right: Sequence[str] = (),
    ) -> list[str]:
        """The lines of a table."""
        room = self.width if self.live else 0
        lines = columns.aligned(rows, headers, to_right, room=room)
        return [self.painted(line, _BOLD) for line in lines[:1]] + lines[1:]

    def passing(self, title: str) -> AbstractContextManager[None]:
        """Show `title` during the block, on a terminal; nothing stays of it."""
        step = ConsoleStep(title, started=self._clock(), refresh=self.refresh)
        return self.showing(partial(self._of, step))

    @contextmanager
    def step(self, title: str, *, ticker: bool = False) -> Iterator[ConsoleStep]:
        """Announce `title`, run the body, close with its duration.

        With `ticker`, a thread keeps the elapsed time moving.
        """
        step = ConsoleStep(title, started=self._clock(), refresh=self.refresh)
        self._opened(step)
        try:
            with self.showing(partial(self._of, step), ticker=ticker):
                yield step
        except BaseException as error:
            stopped = isinstance(error, KeyboardInterrupt)
            self._closed(step, "interrupted after" if stopped else step.failed)
            raise
        self._closed(step, "done in")

    def open(self, at: float) -> list[str]:
        """The steps that run, in words."""
        with self._lock:
            return [
                f"{one.title} {one.text}".strip() + f" ({duration(at - one.started)})"
                for one in self._steps
            ]

    def refresh(self, step: ConsoleStep, text: str, parts: Iterable[str] = ()) -> None:
        """Show that `step` is at `text`, if it is time to show something."""
        with self._lock:
            if step not in self._steps:
                return
            changed, step.text = text != step.text, text
            step.parts = tuple(parts)
            now = self._clock()
            if self.live:
                if now - self._drawn >= FRAME:
                    self._draw()
            elif changed and now - step.shown >= PATIENCE:
                step.shown = now
                passed = duration(now - step.started)
                self._lines([f"{step.title}: {passed}, {text}"])

    def _opened(self, step: ConsoleStep) -> None:
        with self._lock:
            self._steps.append(step)
            if self.live:
                return
            if self.folds and self._folded is None:
                self._folded = step
                self._lines([f"::group::{step.title}"])
            else:
                self._lines([f"{step.title} ..."])

    def _closed(self, step: ConsoleStep, verdict: str) -> None:
        with self._lock:
            self._steps.remove(step)
            passed = duration(self._clock() - step.started)
            lines = [f"{step.title}: {verdict} {passed}"]
            if self._folded is step:
                self._folded = None
                lines.insert(0, "::endgroup::")
            if not verdict.startswith("done"):
                lines[-1] = self.painted(lines[-1], RED)
            self._lines(lines)

    def _lines(self, lines: Sequence[str]) -> None:
        with self._lock:
            self.written += 1
            text = "".join(f"{line}\n" for line in lines)
            if self._screen is not None:
                self._screen.write(text)
                return
            erase = _ERASE if self._hinted else ""
            self._hinted = False
            self._write(erase + text)

    def _of(self, step: ConsoleStep) -> Iterator[str]:
        return step.rows(self._clock())

    def _draw(self) -> None:
        """The rows of what runs; none where nothing does."""
        with self._lock:
            self._drawn = self._clock()
            rows = [row for board in self._boards for row in board()]
            if rows:
                self._ready().show(rows)
            elif self._screen is not None:
                self._screen.end()

    def _ready(self) -> "Screen":
        if self._screen is None:
            from harness.screen import Screen  # with rich: for a terminal alone

            if self._hinted:
                self._write(_ERASE)
                self._hinted = False
            self._screen = Screen(self._write, self._environ, colour=self.colour)
        return self._screen

    def _write(self, text: str) -> None:
        text = masked(text)
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()

    def _labelled(self, label: str, text: str, colour: str, *, indent: int = 2) -> str:
        first, *more = text.splitlines() or [""]
        lines = [f"{self.painted(f'{label}:', colour)} {first}"]
        return "\n".join([*lines, *(f"{' ' * indent}{line}".rstrip() for line in more)])

    def painted(self, text: str, colour: str) -> str:
        """The text in a colour of ours, where there are colours."""
        return f"\x1b[{colour}m{text}\x1b[0m" if colour and self.colour else text

    @property
    def width(self) -> int:
        """Columns of the terminal."""
        if self._columns.isdecimal() and int(self._columns):
            return int(self._columns)
        return self.size[0]

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines of the terminal."""
        try:
            columns_, lines = os.get_terminal_size(self._stream.fileno())
        except (OSError, ValueError):
            return WIDTH, HEIGHT
        return columns_ or WIDTH, lines or HEIGHT
