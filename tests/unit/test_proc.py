# SPDX-License-Identifier: GPL-3.0-or-later
"""The end of a child, without one."""

import os
from typing import Any

import pytest

from harness.errors import DiskFull
from harness.proc import Child


class Ended:
    """A process that has ended, as `subprocess.Popen` has it."""

    pid = 12345
    stdin = stdout = stderr = None

    def poll(self) -> int:
        return 0

    def wait(self, timeout: float | None = None) -> int:
        return 0


def test_who_was_ended_is_not_signalled_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What its group's number names later is somebody else's."""
    sent: list[tuple[Any, ...]] = []
    monkeypatch.setattr(os, "killpg", lambda *given: sent.append(given))
    child = Child.__new__(Child)
    child.process = Ended()  # type: ignore[assignment]
    child.foreground = child._ended = False
    assert [child.end(), child.end()] == [0, 0]
    assert len(sent) == 1


def test_programs_say_in_two_ways_that_a_disk_is_full() -> None:
    for said in ("pg_dump: No space left on device", "age: no space left on device"):
        assert DiskFull.said(said)
    assert not DiskFull.said("unknown recipient type")
