# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process does and how long it may: said in its note, held by its alarm."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any, Iterator

import pytest

from harness.plugins import alarms, notes

GRACE = (5.0, 30.0)
"""Seconds that what was interrupted gets to end: as long as its limit, within these."""
END = "the end of the session"


class Timeout(pytest.fail.Exception):  # type: ignore[name-defined,misc]
    """What a test is interrupted with; no ``except Exception`` hides it."""

    __module__ = "builtins"  # so it is shown without one, as pytest's own are


class StartTimeout(Exception):
    """The same where only an error of this kind is taken as one."""

    __module__ = "builtins"


class Section:
    """Something that has a limit; 0: none."""

    def __init__(self, what: str, seconds: float, more: dict[str, Any]) -> None:
        self.what = what
        self.seconds = seconds
        self.more = more
        self.kind: Any = Timeout
        self.stacks = ""
        """Those at the time when it was over."""

    @property
    def said(self) -> str:
        """What there is to say of it when it is over."""
        return f"{self.what} took longer than {self.seconds:g} s (timeout)"

    @property
    def told(self) -> str:
        """The same with the stacks."""
        return f"{self.said}\n\n{notes.TITLE}:\n{self.stacks}"


class Limits:
    """What this process does now, and how long it may."""

    def __init__(self, seconds: float, least: float, name: str) -> None:
        self.seconds = seconds
        self.least = max(seconds, least) if seconds else 0.0
        self.path = notes.place(name)
        self.pen = notes.Pen(self.path)
        self.alarm: alarms.Alarm | None = None
        self.sections: list[Section] = []

    @contextmanager
    def section(self, what: str, seconds: float, **more: Any) -> Iterator[Section]:
        """Limit the block."""
        section = Section(what, seconds, more)
        self.sections.append(section)
        self._begin()
        try:
            yield section
        finally:
            self.stop()
            self.sections.remove(section)
            if self.sections:
                self._begin()
            else:
                self.pen.clear()

    @contextmanager
    def waiting(self, what: str) -> Iterator[None]:
        """The harness has limits of its own for what it is asked for."""
        self.stop()
        if self.sections:
            self._note(waits=what)
        try:
            yield
        finally:
            if self.sections:
                self._begin()

    def stop(self) -> None:
        """What runs now has no limit."""
        if self.alarm is not None:
            self.alarm.clear()

    def last(self) -> None:
        """The process ends now, and is ended if it does not: nobody would report it."""
        section = Section(END, self.least, {})
        self.sections[:] = [section]
        self._note()
        if section.seconds:
            self._alarm().end(section.seconds)

    def _begin(self) -> None:
        self._note()
        seconds = self.sections[-1].seconds
        if seconds:
            self._alarm().set(seconds, grace(seconds))

    def _alarm(self) -> alarms.Alarm:
        if self.alarm is None:
            path = self.path and self.path + notes.STACKS
            self.alarm = alarms.Alarm(self._over, path)
        return self.alarm

    def _note(self, **more: Any) -> None:
        section = self.sections[-1]
        self.pen.write(section.what, limit=section.seconds, **section.more, **more)

    def _over(self) -> None:
        """The time of the innermost section is over."""
        __tracebackhide__ = True
        if not self.sections:
            return
        section = self.sections[-1]
        section.stacks = alarms.stacks()
        raise section.kind(section.said)


def grace(seconds: float) -> float:
    """What is given to what has taken so long."""
    least, most = GRACE
    return max(least, min(most, seconds))


LIMITS = pytest.StashKey[Limits]()
"""Of a configuration: what its process may."""


@contextmanager
def within(config: pytest.Config, what: str) -> Iterator[None]:
    """Limit a block that is no part of a test; `StartTimeout` when it is over."""
    limits = config.stash.get(LIMITS, None)
    if limits is None:
        yield
        return
    with limits.section(what, limits.seconds) as section:
        section.kind = StartTimeout
        yield
