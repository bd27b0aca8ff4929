# SPDX-License-Identifier: GPL-3.0-or-later
"""The only place that prints: plain lines, one live line on a terminal."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import zip_longest
from typing import Final, TextIO

from harness.errors import HarnessError
from harness.masks import masked

WIDTH: Final = 80
HEIGHT: Final = 24
FRAME: Final = 0.1
"""Seconds between two pictures of the live line, at least."""
TICK: Final = 0.25
"""Seconds between two pictures that a ticker makes."""
PATIENCE: Final = 10.0
"""Seconds between two lines of progress where there is no live line."""

_ERASE: Final = "\r\x1b[2K"
_RED: Final = "31;1"
_YELLOW: Final = "33"
_BOLD: Final = "1"
_NARROWEST: Final = 4


def duration(seconds: float) -> str:
    """``0.42 s``, ``3.1 s``, ``2 min 05 s``, ``1 h 02 min``."""
    seconds = max(0.0, seconds)
    if round(seconds, 2) < 1:
        return f"{seconds:.2f} s"
    if round(seconds, 1) < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest:02} s"
    return f"{minutes // 60} h {minutes % 60:02} min"


def size(count: int) -> str:
    """``512 B``, ``1.5 KiB``, ``6.0 GiB`` for a number of bytes."""
    if count < 1024:
        return f"{count} B"
    value = count / 1024
    for unit in ("KiB", "MiB", "GiB"):
        if round(value, 1) < 1024:
            return f"{value:.1f} {unit}"
        value /= 1024
    return f"{value:.1f} TiB"


@contextmanager
def every(seconds: float, call: Callable[[], None]) -> Iterator[None]:
    """Call again and again during the block, in a thread of its own."""
    ended = threading.Event()

    def go() -> None:
        while not ended.wait(seconds):
            call()

    thread = threading.Thread(target=go, name=f"every {seconds:g} s", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


class ConsoleStep:
    """A step that runs; made by `Console.step`."""

    def __init__(self, console: "Console", title: str, *, started: float) -> None:
        self.title = " ".join(title.split())
        self.started = started
        self.text = ""
        self.shown = started
        self._console = console

    def update(self, text: str) -> None:
        """Say what is going on; cheap, may be called as often as one likes."""
        self._console.refresh(self, text)


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
        self._steps: list[ConsoleStep] = []
        self._drawn = False
        self.written = 0
        """Blocks of lines so far."""
        self._folded: ConsoleStep | None = None

    def header(self, title: str, rows: Iterable[tuple[str, str]]) -> None:
        """A title and what belongs to it, name and value."""
        rows = list(rows)
        widest = max((len(name) for name, _ in rows), default=0)
        lines = [f"  {name:<{widest}}  {value}".rstrip() for name, value in rows]
        self._lines([self._painted(title, _BOLD), *lines])

    def hint(self, text: str) -> None:
        """A first sign of life, on a terminal: whatever is said next replaces it."""
        with self._lock:
            if self.live:
                self._write(_ERASE + _cut(text, self._width() - 1))
                self._drawn = True

    def info(self, text: str) -> None:
        """One block of plain lines."""
        self._lines([text])

    def warn(self, text: str) -> None:
        """Something that the user should know, and that stops nothing."""
        self._lines([self._labelled("warning", text, _YELLOW)])

    def error(self, error: HarnessError) -> None:
        """What happened, what was checked, how to mend it."""
        lines = [self._labelled("error", error.message, _RED)]
        for label, text in (("checked", error.checked), ("to mend it", error.remedy)):
            if text:
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

    def board(self) -> Callable[[Sequence[str]], None]:
        """What draws lines over those that it drew before, on a terminal."""
        drawn = 0

        def draw(lines: Sequence[str]) -> None:
            nonlocal drawn
            with self._lock:
                lines = lines[: self._height() - 1]
                up = f"\x1b[{drawn}F" if drawn else ""
                self._write(f"{up}\x1b[J" + "".join(f"{line}\n" for line in lines))
                drawn = len(lines)

        return draw

    def aligned(
        self,
        rows: Iterable[Sequence[object]],
        headers: Sequence[str],
        to_right: Sequence[str] = (),
    ) -> list[str]:
        """The lines of a table."""
        rows = [tuple(row) for row in rows]
        cells = [[" ".join(str(cell).split()) for cell in row] for row in rows]
        texts = list(zip_longest(headers, *cells, fillvalue=""))
        widths = [max(map(len, column)) for column in texts]
        if self.live:
            widths = _fitted(widths, self._width() - 2 * (len(widths) - 1))
        values = zip_longest(*rows, fillvalue="")
        right = [
            header in to_right or all(isinstance(cell, int | float) for cell in column)
            for header, column in zip_longest(headers, values, fillvalue="")
        ]
        columns = []
        for column, width, number in zip_longest(texts, widths, right):
            short = (_cut(cell, width) for cell in column)
            columns.append([f"{c:{'>' if number else '<'}{width}}" for c in short])
        lines = ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]
        return [self._painted(line, _BOLD) for line in lines[:1]] + lines[1:]

    @contextmanager
    def step(self, title: str, *, ticker: bool = False) -> Iterator[ConsoleStep]:
        """Announce `title`, run the body, close with its duration.

        With `ticker`, a thread keeps the elapsed time of the live line moving.
        """
        step = ConsoleStep(self, title, started=self._clock())
        self._opened(step)
        verdict = "failed after"
        try:
            with self._ticking(step) if ticker and self.live else _nothing():
                yield step
            verdict = "done in"
        except KeyboardInterrupt:
            verdict = "interrupted after"
            raise
        finally:
            self._closed(step, verdict)

    def open(self, at: float) -> list[str]:
        """The steps that run, in words."""
        with self._lock:
            return [
                f"{one.title} {one.text}".strip() + f" ({duration(at - one.started)})"
                for one in self._steps
            ]

    def refresh(self, step: ConsoleStep, text: str) -> None:
        """Show that `step` is at `text`, if it is time to show something."""
        with self._lock:
            if step not in self._steps:
                return
            changed, step.text = text != step.text, text
            now = self._clock()
            if self.live:
                if now - step.shown >= FRAME:
                    step.shown = now
                    self._draw()
            elif changed and now - step.shown >= PATIENCE:
                step.shown = now
                passed = duration(now - step.started)
                self._lines([f"{step.title}: {passed}, {text}"])

    def _opened(self, step: ConsoleStep) -> None:
        with self._lock:
            self._steps.append(step)
            if self.live:
                self._draw()
            elif self.folds and self._folded is None:
                self._folded = step
                self._lines([f"::group::{step.title}"])
            else:
                self._lines([f"{step.title} ..."])

    def _closed(self, step: ConsoleStep, verdict: str) -> None:
        with self._lock:
            self._steps.remove(step)
            lines = [
                f"{step.title}: {verdict} {duration(self._clock() - step.started)}"
            ]
            if self._folded is step:
                self._folded = None
                lines.insert(0, "::endgroup::")
            if not verdict.startswith("done"):
                lines[-1] = self._painted(lines[-1], _RED)
            self._lines(lines)

    def _ticking(self, step: ConsoleStep) -> AbstractContextManager[None]:
        return every(TICK, lambda: self.refresh(step, step.text))

    def _lines(self, lines: Sequence[str]) -> None:
        with self._lock:
            erase = _ERASE if self._drawn else ""
            self._drawn = False
            self.written += 1
            self._write(erase + "".join(f"{line}\n" for line in lines))
            if self._steps and self.live:
                self._draw()

    def _draw(self) -> None:
        step = self._steps[-1]
        seconds = int(self._clock() - step.started)
        passed = f"{seconds} s" if seconds < 60 else duration(seconds)
        line = " ".join(f"{step.title} ... {passed} {step.text}".split())
        self._write(_ERASE + _cut(line, self._width() - 1))
        self._drawn = True

    def _write(self, text: str) -> None:
        text = masked(text)
        encoding = self._stream.encoding or "utf-8"
        self._stream.write(text.encode(encoding, "replace").decode(encoding))
        self._stream.flush()

    def _labelled(self, label: str, text: str, colour: str, *, indent: int = 2) -> str:
        first, *more = text.splitlines() or [""]
        lines = [f"{self._painted(f'{label}:', colour)} {first}"]
        return "\n".join([*lines, *(f"{' ' * indent}{line}".rstrip() for line in more)])

    def _painted(self, text: str, colour: str) -> str:
        return f"\x1b[{colour}m{text}\x1b[0m" if self.colour else text

    def _height(self) -> int:
        try:
            return os.get_terminal_size(self._stream.fileno()).lines or HEIGHT
        except (OSError, ValueError):
            return HEIGHT

    def _width(self) -> int:
        if self._columns.isdecimal() and int(self._columns):
            return int(self._columns)
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or WIDTH
        except (OSError, ValueError):
            return WIDTH


@contextmanager
def _nothing() -> Iterator[None]:
    yield


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Take from the widest column until all fit, down to the narrowest useful."""
    result = list(widths)
    while sum(result) > room and max(result, default=0) > _NARROWEST:
        result[result.index(max(result))] -= 1
    return result


def _cut(text: str, width: int) -> str:
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"
