# SPDX-License-Identifier: GPL-3.0-or-later
"""What is said when nothing is reported."""

import io

import pytest

from harness import waiting
from harness.output import Console
from harness.patience import Silence


@pytest.fixture
def silence() -> Silence:
    return Silence(Console(io.StringIO(), {}), 60)


def said(silence: Silence) -> list[str]:
    stream = silence.console._stream
    assert isinstance(stream, io.StringIO)
    return stream.getvalue().splitlines()


def test_gaps_grow(silence: Silence) -> None:
    began = silence.since
    with waiting.on("a lock"):
        for second in range(300):
            silence.look(began + second)
    lines = said(silence)
    assert len(lines) == 3
    for line, seconds in zip(
        lines, ("1 min 00 s", "2 min 00 s", "4 min 00 s"), strict=True
    ):
        assert line.startswith(f"nothing new for {seconds}; waiting for a lock (")


def test_news_begin_it_anew(silence: Silence) -> None:
    began, sign = silence.since, 0
    with waiting.on_others(lambda: (sign, ["gw0: test_a"])):
        for second in range(200):
            sign = second // 50
            silence.look(began + second)
    assert said(silence) == []


def test_all_that_is_waited_for_is_told(silence: Silence) -> None:
    began = silence.since
    with silence.console.step("templates"), waiting.on_others(lambda: (0, ["gw0: a"])):
        for second in range(70):
            silence.look(began + second)
    line = said(silence)[-2]
    assert line.startswith("nothing new for")
    assert "templates (" in line
    assert line.endswith("; gw0: a")
