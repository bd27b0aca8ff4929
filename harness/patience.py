# SPDX-License-Identifier: GPL-3.0-or-later
"""Says what a command waits for when nothing has been reported for some time."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from harness import waiting
from harness.output import Console
from harness.quantities import duration
from harness.waiting import every

LOOK: Final = 1.0
"""Seconds between two looks."""
GROWTH: Final = 2
"""Each line comes after so many times the silence of the one before."""
SHOWN: Final = 8
"""Lines of what is waited for."""


class Silence:
    """How long nothing has been reported, and what there is to say of it."""

    def __init__(self, console: Console, first: float) -> None:
        self.console = console
        self.first = first
        self.due = first
        self.since = time.monotonic()
        self.sign: object = None

    def look(self, at: float) -> None:
        """Print a line if it is time."""
        sign, waits, lines = waiting.now()
        sign = (sign, self.console.written)
        if sign != self.sign:
            self.sign, self.since, self.due = sign, at, self.first
        elif at - self.since >= self.due:
            self.due = (at - self.since) * GROWTH
            told = [f"{what} ({duration(at - since)})" for what, since in waits]
            told += self.console.open(at) if not told else []
            self.say([*told, *lines], at - self.since)

    def say(self, told: list[str], seconds: float) -> None:
        """One plain line, and of several waits one each."""
        more = [f"and {len(told) - SHOWN} more"] if len(told) > SHOWN else []
        words = [*told[:SHOWN], *more] or ["nobody knows what"]
        self.console.info(
            f"nothing new for {duration(seconds)}; waiting for {'; '.join(words)}"
        )
        self.sign = (waiting.now()[0], self.console.written)


@contextmanager
def watched(console: Console, first: float) -> Iterator[None]:
    """Say it during the block, for the first time after `first` seconds; 0: never."""
    if not first:
        yield
        return
    silence = Silence(console, first)
    with every(LOOK, lambda: silence.look(time.monotonic())):
        yield
