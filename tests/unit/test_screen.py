# SPDX-License-Identifier: GPL-3.0-or-later
"""Rows below what others write; `tests/integration/test_screen.py` has a terminal."""

import pytest

from harness.screen import Screen
from tests.unit.terminal import seen


class Paper:
    """What a terminal has been sent, and what can be seen of it."""

    def __init__(self, **environ: str) -> None:
        self.text = ""
        self.environ = {"COLUMNS": "40", "LINES": "10", **environ}
        self.screen = Screen(self.write, self.environ, colour=True)

    def write(self, text: str) -> None:
        self.text += text

    @property
    def seen(self) -> list[str]:
        return seen(self.text)


def test_rows_stay_below_what_is_written() -> None:
    paper = Paper()
    paper.screen.show(["a 1 s", "b 1 s"])
    assert paper.seen == ["a 1 s", "b 1 s"]
    paper.screen.write("one\ntwo\n")
    assert paper.seen == ["one", "two", "a 1 s", "b 1 s"]
    paper.screen.show(["b 2 s"])
    assert [line for line in paper.seen if line] == ["one", "two", "b 2 s"]
    paper.screen.end()
    assert [line for line in paper.seen if line] == ["one", "two"]


def test_what_is_not_a_line_yet_stays_the_last_one() -> None:
    paper = Paper()
    paper.screen.show(["row"])
    paper.screen.write_on("tests \x1b[32m..\x1b[0m")
    assert paper.seen == ["tests ..", "row"]
    paper.screen.write("FAILED x\n")
    paper.screen.write_on("..\nmore\rcollected 4")
    assert paper.seen == ["FAILED x", "tests ....", "collected 4", "row"]
    paper.screen.end()
    assert [line for line in paper.seen if line] == [
        "FAILED x", "tests ....", "collected 4",
    ]  # fmt: skip


def test_rows_fit_and_leave_room_for_an_interrupt() -> None:
    paper = Paper()
    paper.screen.show(["x" * 100, *map(str, range(50))])
    assert paper.seen[0] == "x" * 39 + "…"
    assert len(paper.seen) == 9
    paper.screen.show(["x" * 100, "y" * 100])
    assert paper.seen[1] == "y" * 36 + "…"


@pytest.mark.parametrize("text", ["\x1b[2A", "\x1b[?1049h", "\x1b[3;4H", "\x1b7"])
def test_who_draws_itself_has_the_terminal(text: str) -> None:
    paper = Paper()
    paper.screen.show(["row"])
    paper.screen.write_on(f"one {text} two")
    paper.text = ""
    paper.screen.show(["row"])
    assert paper.text == ""
    paper.screen.write_on("\x1b[2A three")
    assert paper.text == "\x1b[2A three"
    paper.screen.end()
    paper.screen.show(["row"])
    assert "row" in paper.text


def test_colours_and_erasing_a_line_is_not_drawing() -> None:
    paper = Paper()
    paper.screen.show(["row"])
    paper.screen.write_on("\x1b[1;32mok\x1b[0m\x1b[K\n")
    assert paper.seen == ["ok", "row"]


def test_the_cursor_is_never_hidden() -> None:
    paper = Paper()
    paper.screen.show(["row"])
    paper.screen.end()
    assert "\x1b[?25" not in paper.text


def test_rows_that_a_narrower_terminal_breaks_are_erased() -> None:
    paper = Paper()
    paper.screen.show(["x" * 30, "y" * 10])
    paper.environ["COLUMNS"] = "20"
    paper.screen._console._environ = paper.environ
    paper.screen._console._width = 20
    paper.text = ""
    paper.screen.show(["z"])
    assert paper.text.count("\x1b[1A") == 2  # three lines of two rows
