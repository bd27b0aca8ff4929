# SPDX-License-Identifier: GPL-3.0-or-later
"""What a terminal shows of tests that run."""

import re
import time
from typing import Any

import pytest
from rich.text import Text

from harness import waiting
from harness.output import Console
from harness.run import board
from harness.run.board import RunBoard
from tests.unit.terminal import Terminal


class Said:
    """Notes of processes."""

    def __init__(self) -> None:
        self.all: dict[str, dict[str, Any]] = {}

    def said(self) -> list[tuple[str, dict[str, Any]]]:
        return list(self.all.items())


@pytest.fixture
def notes() -> Said:
    return Said()


@pytest.fixture
def stream() -> Terminal:
    return Terminal()


def made(stream: Terminal, notes: Said, **known: float) -> RunBoard:
    console = Console(stream, {"COLUMNS": "60"})
    return RunBoard(console, notes, 2, known)  # type: ignore[arg-type]


def plain(rows: Any) -> list[str]:
    """What is shown; parts of the first second are none."""
    texts = [Text.from_ansi(row).plain for row in rows]
    return [re.sub(r"\b0\.\d\d s", "0 s", text) for text in texts]


def test_before_there_is_a_plan_it_says_what_is_waited_for(
    stream: Terminal, notes: Said
) -> None:
    shown = made(stream, notes)
    with waiting.on("the start of the database server"):
        first, second = plain(shown.rows())
    assert first == "starts ... 0 s"
    assert second == "  waits for the start of the database server (0 s)"
    notes.all["main"] = {"what": "the import of conftest.py", "since": time.time() - 3}
    assert plain(shown.rows()) == [
        "the tests are collected ... 0 s",
        "  main    3 s  the import of conftest.py",
    ]


def test_rows_of_workers_fit_and_stay(stream: Terminal, notes: Said) -> None:
    long = "tests/functional/test_registration.py::Registration::test_mail"
    shown = made(stream, notes)
    shown.hear({"kind": "plan", "ids": [long, "b"], "keys": ["x", "y"]})
    for name in ("gw10", "gw2"):
        notes.all[name] = {"what": long, "test": long, "since": time.time() - 12}
    head, *rows = plain(shown.rows())
    assert head == "─" * 16 + " 0/2 · 0 s"
    assert [row[:16] for row in rows] == ["  gw2    12 s  …", "  gw10   12 s  …"]
    assert all(row.endswith("::test_mail") and len(row) <= 58 for row in rows)
    notes.all.clear()
    assert plain(shown.rows())[1:] == ["  gw2", "  gw10"]


def test_failures_are_told_as_they_happen(stream: Terminal, notes: Said) -> None:
    shown = made(stream, notes)
    ids = [f"t{number}" for number in range(30)]
    shown.hear({"kind": "plan", "ids": ids})
    shown.hear({"kind": "start", "id": "t0"})
    shown.hear({"kind": "test", "id": "t0", "outcome": "passed"})
    assert stream.getvalue() == ""
    for name in ids[1:6]:
        event = {"kind": "test", "id": name, "outcome": "failed"}
        shown.hear({**event, "message": "AssertionError: no\nmore"})
    assert plain(stream.getvalue().splitlines()) == [
        *(
            line
            for name in ids[1:4]
            for line in (f"FAILED {name}", "  AssertionError: no")
        ),
        "  more of this kind are counted below",
    ]
    for name in ids[6:]:
        shown.hear({"kind": "test", "id": name, "outcome": "error", "message": name})
    lines = plain(stream.getvalue().splitlines())
    assert lines[-3:] == [
        f"ERROR {ids[board.TOLD]}",
        f"  {ids[board.TOLD]}",
        "  more failures are counted below, and told in the end",
    ]
    assert plain(shown.rows())[0] == "━" * 16 + " 30/30 · 29 failed · 0 s"


def test_time_left_comes_from_earlier_durations(stream: Terminal, notes: Said) -> None:
    shown = made(stream, notes, a=10.0, b=30.0, c=2.0)
    ids = ["a", "b", "c", "d"]
    shown.hear({"kind": "plan", "ids": ids, "keys": ids})
    now = time.time()
    assert shown.remaining(now, notes.all) == "30 s"  # one of them takes as long
    notes.all["gw0"] = {"what": "b", "test": "b", "since": now - 20}
    assert shown.remaining(now, notes.all) == "18 s"
    for one in "bca":
        shown.hear({"kind": "test", "id": one, "outcome": "passed"})
    assert shown.remaining(now, notes.all) == ""  # nobody knows the one that is left
    assert "left" not in plain(shown.rows())[0]


@pytest.mark.parametrize("why", ["ended", "taken"])
def test_failures_are_not_told_into_what_others_say(
    stream: Terminal, notes: Said, why: str
) -> None:
    shown = made(stream, notes)
    shown.ended, shown.console.taken = why == "ended", why == "taken"
    shown.hear({"kind": "test", "id": "a", "outcome": "failed", "message": "no"})
    assert (shown.failed, stream.getvalue()) == (1, "")
