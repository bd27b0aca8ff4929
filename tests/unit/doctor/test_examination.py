# SPDX-License-Identifier: GPL-3.0-or-later
"""All checks at once: their order, their failures, their time."""

import threading
import time
from collections.abc import Callable, Sequence
from typing import Any

from harness.doctor import Finding, examine
from harness.doctor.base import ok
from harness.doctor.examination import CHECKS, Check
from harness.errors import MissingTool

Make = Callable[..., Any]


def check(name: str, call: Callable[[], Sequence[Finding]]) -> Check:
    return Check(name=name, call=lambda machine: call())


def test_nothing_is_missing_where_all_is_well(make: Make) -> None:
    found = examine(make())
    assert {str(one.status) for one in found} <= {"ok", "skipped"}
    assert [one.check for one in found][:5] == [
        "docker client", "docker engine", "docker socket",
        "docker compose", "docker buildx",
    ]  # fmt: skip


def test_names_are_unique() -> None:
    assert len({one.name for one in CHECKS}) == len(CHECKS)


def test_a_check_that_crashes_is_a_finding(make: Make) -> None:
    def crash() -> Sequence[Finding]:
        raise ZeroDivisionError("by zero")

    def refuse() -> Sequence[Finding]:
        raise MissingTool("no\n  tool", remedy="get it")

    first, second, third = examine(
        make(),
        checks=[
            check("one", crash),
            check("two", lambda: [ok("two", "fine")]),
            check("three", refuse),
        ],
    )
    assert first.found == "this check failed itself: ZeroDivisionError: by zero"
    assert str(first.status) == "warning"
    assert second.found == "fine"
    assert (third.found, third.remedy) == ("no tool", "get it")


def test_a_check_that_hangs_is_given_up(make: Make) -> None:
    ended = threading.Event()

    def hang() -> Sequence[Finding]:
        ended.wait(30)
        return [ok("slow", "late")]

    started = time.monotonic()
    slow, quick = examine(
        make(),
        checks=[check("slow", hang), check("quick", lambda: [ok("quick", "fine")])],
        limit=0.2,
    )
    ended.set()
    assert time.monotonic() - started < 5
    assert slow.found == "no answer within 0.2 s"
    assert str(slow.status) == "warning"
    assert quick.found == "fine"


def test_checks_run_at_the_same_time(make: Make) -> None:
    together = threading.Barrier(8)

    def meet() -> Sequence[Finding]:
        together.wait(10)
        return [ok("met", "fine")]

    found = examine(make(), checks=[check(str(number), meet) for number in range(8)])
    assert [one.found for one in found] == ["fine"] * 8
