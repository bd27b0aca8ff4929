# SPDX-License-Identifier: GPL-3.0-or-later
"""Every order in which tests, their server and their user may end."""

import pytest

from harness.errors import CommandFailed, DatabaseError, HarnessError
from harness.run.running import GRACE, PARTING, WATCH, Running

LOST = DatabaseError("the server ended")


class Events:
    """What happens at each look, the tests' process and their server in one."""

    def __init__(self, *looks: str) -> None:
        self.looks = list(looks)
        self.now = "both run"
        self.done: list[str] = []

    def ended(self, *, within: float) -> bool:
        assert within == WATCH
        self.now = self.looks.pop(0)
        return self.now.startswith("tests end")

    def code(self) -> int:
        return -9 if "end" in self.done else 1

    def interrupt(self, *, grace: float) -> None:
        self.done.append(f"interrupt {grace:g}")

    def end(self, *, grace: float = 5.0) -> int:
        self.done.append("end")
        return -9

    def alive(self) -> bool:
        return "server ends" not in self.now

    def ending(self) -> HarnessError:
        return LOST


ENDED = [f"interrupt {GRACE:g}", "end"]


@pytest.mark.parametrize(
    ("looks", "done", "code"),
    [
        (["tests end"], [], 1),
        (["both run", "both run", "tests end"], [], 1),
        (["server ends", "nothing runs"], ENDED, -9),
        (["both run", "server ends", "nothing runs"], ENDED, -9),
        (["both run", "server ends", "tests end at once"], ENDED, -9),
        (["both run", "tests end, and server ends"], ENDED, -9),
    ],
)
def test_they_end_by_themselves_or_with_their_server(
    looks: list[str], done: list[str], code: int
) -> None:
    events, later = Events(*looks), CommandFailed("a lease failed")
    running = Running(tests=events, server=events, failures=[later])
    assert running.wait() == code
    assert events.done == done
    assert running.lost == bool(done)
    assert running.failures == [*([LOST] if done else []), later]


def test_on_sqlite_there_is_no_server_to_lose() -> None:
    events = Events("server ends", "tests end")
    running = Running(tests=events, server=None)
    assert (running.wait(), running.lost, events.done) == (1, False, [])


@pytest.mark.parametrize("looks", [["both run"], ["both run", "server ends"]])
def test_who_interrupts_them_hears_of_failures_of_tests_only(looks: list[str]) -> None:
    events = Events(*looks, "tests end")
    running = Running(tests=events, server=events, failures=[LOST])
    assert running.interrupted() == -9
    assert events.done == [f"interrupt {PARTING:g}", "end"]
    assert running.failures == []
