# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits: whose word counts, and what is said."""

from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins import limits, notes
from harness.plugins.limited import Limits, Section, grace


class Item:
    """A test with its mark ``timeout``, if any."""

    def __init__(self, *given: Any, **more: Any) -> None:
        self.stash: dict[Any, Any] = {}
        self.mark = SimpleNamespace(args=given, kwargs=more) if given or more else None

    def get_closest_marker(self, name: str) -> Any:
        return self.mark if name == "timeout" else None


def plugin(
    *, seconds: float = 600, theirs: bool = False, fixed: bool = False, ini: str = ""
) -> limits.Plugin:
    config: Any = SimpleNamespace(
        pluginmanager=SimpleNamespace(hasplugin=lambda name: theirs),
        option=SimpleNamespace(timeout=None),
        getini=lambda name: ini,
    )
    return limits.Plugin(config, Limits(seconds, 60, "main"), fixed=fixed)


@pytest.mark.parametrize(
    ("item", "more", "seconds"),
    [
        (Item(), {}, 600),
        (Item(), {"seconds": 0}, 0),
        (Item(5), {}, 5),
        (Item(timeout=5), {}, 5),
        (Item(method="thread"), {}, 600),
        (Item(0), {}, 0),
        (Item(5), {"seconds": 0}, 0),
        (Item(), {"ini": "60"}, 600),
        (Item(), {"ini": "60", "theirs": True}, 90),
        (Item(), {"ini": "0", "theirs": True}, 0),
        (Item(20), {"ini": "60", "theirs": True}, 40),
        (Item(), {"ini": "60", "theirs": True, "fixed": True}, 600),
        (Item(1), {"theirs": True, "fixed": True}, 6),
    ],
)
def test_whose_word_counts(item: Any, more: dict[str, Any], seconds: float) -> None:
    assert plugin(**more).seconds(item) == seconds


@pytest.mark.parametrize("method", ["thread", "signal"])
def test_the_thread_of_pytest_timeout_is_done_without(method: str) -> None:
    one, item = plugin(theirs=True), Item(7)
    settings = SimpleNamespace(method=method, timeout=7)
    done = one.pytest_timeout_set_timer(item, settings)  # type: ignore[arg-type]
    taken = method == "thread"
    assert bool(done) == taken
    assert one.seconds(item) == (7 if taken else 14)  # type: ignore[arg-type]


def test_what_was_interrupted_gets_some_time() -> None:
    assert [grace(one) for one in (1, 12, 600)] == [5, 12, 30]


def test_a_test_that_hides_it_has_failed() -> None:
    section = Section("test_a", 2, {})
    section.stacks = "MainThread: …"
    report = SimpleNamespace(passed=True, outcome="passed", longrepr=None)
    limits.told(report, section)
    assert report.outcome == "failed"
    assert report.longrepr.startswith("test_a took longer than 2 s (timeout)\n")
    assert "MainThread" in report.longrepr


def test_a_stack_without_what_runs_tests() -> None:
    assert notes.ours('  File "/x/site-packages/_pytest/runner.py", line 1 in a')
    assert not notes.ours('  File "/x/shop/tests/test_a.py", line 1 in test_a')


def test_words() -> None:
    assert notes.words({"what": "test_a"}) == "test_a"
    told = notes.words({"what": "setup of test_a", "waits": "a database"})
    assert told == "setup of test_a, which waits for a database"
