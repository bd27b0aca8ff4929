# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows at the bottom of a terminal, below all that is written; rich draws them."""

import io
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.segment import ControlType, Segment
from rich.text import Text

SPARE: Final = 3
"""Cells behind the last row: a terminal writes ``^C`` where its cursor is."""
DRAWS: Final = re.compile(r"\x1b(?:\[[\d;?]*[A-JL-ln-z]|[78cDEM])")
"""What moves the cursor elsewhere than along its line, or sets the terminal up."""


class _Paper(io.TextIOBase):
    """The stream that rich writes to."""

    def __init__(self, write: Callable[[str], None]) -> None:
        self._text = write

    def write(self, text: str) -> int:
        self._text(text)
        return len(text)


class _Terminal(Console):
    """A terminal whose cursor is never hidden: who is killed cannot show it again."""

    def show_cursor(self, show: bool = True) -> bool:
        return False


class _Raw:
    """Text as it is, with what it does to a terminal."""

    def __init__(self, text: str) -> None:
        self.text = text

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield Segment(self.text)


class _Rows:
    """What is drawn with each text that is written."""

    def __init__(self) -> None:
        self.texts: list[Text] = []

    def __rich_console__(self, _: Console, options: ConsoleOptions) -> RenderResult:
        yield from self.texts


class Screen:
    """A terminal that others' programs write to as well; not safe for threads.

    What they write may end within a line: the rest of it will come, and so it is drawn
    with the rows.  One that moves the cursor about draws itself: from then on there
    are no rows.
    """

    def __init__(
        self, write: Callable[[str], None], environ: Mapping[str, str], *, colour: bool
    ) -> None:
        self._console = _Terminal(
            file=_Paper(write),  # type: ignore[arg-type]
            force_terminal=True,
            no_color=not colour,
            _environ=environ,
        )
        self._live: Live | None = None
        self._bottom = _Rows()
        self._rows: Sequence[str] = ()
        self._fitting: tuple[object, list[Text]] = ((), [])
        """The rows for a size as they are drawn: written text draws them again."""
        self._begun = ""
        self._lengths: list[int] = []
        self._width = 0
        self.taken = False
        """Whether somebody draws it."""

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return self._console.size

    def show(self, rows: Sequence[str]) -> None:
        """Draw these rows in place of those before."""
        self._rows = rows
        if not self.taken:
            self._draw("")

    def write(self, text: str) -> None:
        """Write above the rows; the text ends with its line."""
        self._draw(text)

    def write_on(self, text: str) -> bool:
        """Write what another program does, from where it was; whether it draws."""
        text = self._begun + text
        if not self.taken and DRAWS.search(text):
            self._remove()
            self.taken = True
        whole, end, rest = (text, "", "") if self.taken else text.rpartition("\n")
        self._begun = rest
        self._draw(whole + end)
        return self.taken

    def end(self) -> None:
        """No more rows, and whoever has written is at the end of a line."""
        self._rows, self.taken = (), False
        self._remove()
        if self._begun:
            self._begun, begun = "", self._begun
            self._draw(begun + "\n")

    def _draw(self, text: str) -> None:
        """Text, and then what stays below of all that is written."""
        width, height = self.size
        self._settle(width)
        texts = [*self._fitted(width, height)]
        if self._begun:
            begun = self._begun.rstrip("\r").rpartition("\r")[2]
            texts.insert(0, Text.from_ansi(begun, overflow="fold"))
        self._lengths = [one.cell_len for one in texts]
        self._bottom.texts = texts
        if texts and not self.taken and self._live is None:
            self._live = Live(
                self._bottom,
                console=self._console,
                auto_refresh=False,
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._live.start()
        if text:
            self._console.print(_Raw(text), crop=False, end="")
        elif self._live is not None:
            self._live.refresh()

    def _fitted(self, width: int, height: int) -> list[Text]:
        wanted = (*self._rows, width, height)
        if wanted != self._fitting[0]:
            texts = [Text.from_ansi(row) for row in self._rows[: height - 1]]
            for one in texts:
                spare = SPARE if one is texts[-1] else 0
                one.truncate(max(1, width - spare), overflow="ellipsis")
            self._fitting = wanted, texts
        return self._fitting[1]

    def _remove(self) -> None:
        if self._live is not None:
            self._settle(self._console.width)
            self._live.stop()
            self._live = None

    def _settle(self, width: int) -> None:
        """Erase the lines that a terminal has made of rows when it became narrower."""
        was, self._width = self._width, width
        if self._live is None or width >= was:
            return
        broken = sum(max(0, math.ceil(one / width) - 1) for one in self._lengths)
        up = [(ControlType.ERASE_IN_LINE, 2), (ControlType.CURSOR_UP, 1)]
        self._console.control(Control(ControlType.CARRIAGE_RETURN, *(up * broken)))
