# SPDX-License-Identifier: GPL-3.0-or-later
"""No false green: every test that was chosen has an outcome, or the run has failed.

A process can end as if all were well while its tests run: ``os._exit(0)`` in one of
them is enough.  So a session says first which tests it was asked for and which one
it begins, and at its end that it has ended.
"""

import signal
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from harness.errors import HarnessError, Unfinished

SHOWN: Final = 10
"""Tests that did not run and are named."""


@dataclass(frozen=True, kw_only=True)
class Rest:
    """What a session has not told of the tests that it was asked for."""

    running: tuple[str, ...]
    """Begun, and without an outcome."""
    missing: tuple[str, ...]
    """Not begun."""
    ended: bool
    """Whether the session has come to its own end."""

    def broken(self, code: int) -> bool:
        """Whether that is a failure: nobody has stopped it, by `code` or otherwise."""
        return bool((self.running or self.missing) and not (self.ended and code))

    def error(self, code: int) -> HarnessError:
        """Names the tests that ran when it ended, and those that did not."""
        how = f"ended with {words(code)}"
        while_ = f" while it ran {', '.join(self.running)}" if self.running else ""
        if self.ended:
            how = "came to its end"
        count = len(self.missing)
        shown = list(self.missing[:SHOWN])
        more = [f"and {count - SHOWN} more"] if count > SHOWN else []
        names = ", ".join([*shown, *more])
        left = f"; {count} did not run: {names}" if count else ""
        return Unfinished(
            f"the tests' process {how}{while_}{left}",
            checked="that each chosen test has an outcome",
            remedy="look for what ends the process there, such as os._exit or a crash",
        )


def rest(events: Iterable[Mapping[str, Any]]) -> Rest:
    """What the lines of a session leave open."""
    asked: list[str] = []
    begun: dict[str, None] = {}
    done: set[str] = set()
    ended = False
    for event in events:
        match event["kind"]:
            case "plan":
                asked = event["ids"]
            case "start":
                begun[event["id"]] = None
            case "test":
                done.add(event["id"])
            case "session":
                ended = True
    running = tuple(one for one in begun if one not in done)
    return Rest(
        running=running, missing=_without(asked, {*done, *running}), ended=ended
    )


def _without(asked: Iterable[str], known: Collection[str]) -> tuple[str, ...]:
    return tuple(one for one in dict.fromkeys(asked) if one not in known)


def words(code: int) -> str:
    """An exit code as `subprocess` has it, in words."""
    if code >= 0:
        return f"exit code {code}"
    try:
        return f"signal {signal.Signals(-code).name}"
    except ValueError:
        return f"signal {-code}"
