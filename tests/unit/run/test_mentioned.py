# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests a change of a member concerns."""

from pathlib import Path

import pytest

from harness.model import Outcome
from harness.plugins.trace.facts import Now
from harness.run import traces
from harness.run.traces import TracedTest

VALUES = """\
A = 1
B = 2
def plain(a=1): return a
def idle(): return B
def test_one(): pass
def test_two(): pass
"""
USER = """\
from own import values
from own.values import B
from own.values import B as other
def reads(): return values.A
def other_name(): return other
def by_name(name): return getattr(values, name)
def hands(): return patch(values)
def hands_more():
    from . import values as v
    return v
def calls(): return values.plain()
def nothing(): return 1
"""
OPAQUE = """\
import inspect
def f(): return inspect.stack()
def idles(): pass
"""
ROOT_MODULES = ("module own/values.py", "members own/values.py")


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/values.py").write_text(VALUES)
    (tmp_path / "own/user.py").write_text(USER)
    (tmp_path / "own/opaque.py").write_text(OPAQUE)
    return tmp_path


FACTS = {
    "reads": ("function own/user.py:reads",),
    "by name": ("function own/user.py:by_name",),
    "hands": ("function own/user.py:hands",),
    "hands more": ("function own/user.py:hands_more",),
    "calls": ("function own/user.py:calls",),
    "entered": ("function own/values.py:plain",),
    "nothing": ("function own/user.py:nothing",),
    "idle": ("function own/values.py:idle",),
    "opaque": ("file own/opaque.py", "function own/opaque.py:idles"),
    "looks": ("file own/opaque.py", "function own/opaque.py:f"),
    "data": ("file own/data.csv",),
    "asked": ("all own/values.py",),
    "asked another": ("all own/user.py",),
    "text": ("all *",),
    "one": ("function own/values.py:test_one",),
}
LOOKING = {"by name", "hands", "hands more", "looks", "asked", "text"}


def reasons(known: dict[str, TracedTest], now: Now) -> dict[str, list[str]]:
    return traces.reasons(known, now, traces.stale(known, now))


def concerned(place: Path, old: str, new: str, more: tuple[str, ...] = ()) -> set[str]:
    (place / "own/values.py").write_text(VALUES)
    before = Now(str(place))
    known = {
        name: TracedTest(
            run="1",
            outcome=Outcome.PASSED,
            needs=frozenset(
                (fact, before.digest(fact)) for fact in (*ROOT_MODULES, *facts, *more)
            ),
        )
        for name, facts in FACTS.items()
    }
    assert VALUES.count(old) == 1
    (place / "own/values.py").write_text(VALUES.replace(old, new))
    return set(reasons(known, Now(str(place))))


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("A = 1", "A = 2", {"reads"}),
        ("A = 1", "A = 2\nMORE = 1", {"reads"}),
        ("A = 1\n", "", {"reads"}),
        ("A = 1", "A = 1\ndef getattr(): 1", {"by name"}),
        ("A = 1", "A = 1\nnothing = 1", {"nothing"}),
        ("B = 2", "B = 3", {"idle"}),
        ("plain(a=1)", "plain(a=2)", {"calls", "entered"}),
        ("def test_two", "def test_new(): 1\ndef test_two", set()),
        ("test_one(): pass", "test_one(a=1): pass", {"one"}),
    ],
)
def test_who_mentions_it(place: Path, old: str, new: str, found: set[str]) -> None:
    assert concerned(place, old, new) == found | LOOKING


def test_an_import_at_the_module_s_level_counts_where_something_comes_or_goes(
    place: Path,
) -> None:
    module = ("module own/user.py",)
    everybody = set(FACTS)
    assert concerned(place, "A = 1", "A = 2", module) == {"reads", *LOOKING}
    assert concerned(place, "B = 2", "B = 3", module) == everybody  # another name
    assert concerned(place, "def idle(", "def idler(", module) == {"idle", *LOOKING}
    assert concerned(place, "B = 2\n", "", module) == everybody


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("def test_one(): pass\n", ""),
        (
            "def test_one(): pass\ndef test_two(): pass",
            "def test_two(): pass\ndef test_one(): pass",
        ),
        ("A = 1", "A = plain()"),
        ("A = 1", "A ="),
    ],
)
def test_what_concerns_all_who_need_the_module(place: Path, old: str, new: str) -> None:
    """A test may count on what those before it have done."""
    assert concerned(place, old, new) == set(FACTS)


def test_the_reason_names_it(place: Path) -> None:
    needs = ("members own/values.py", "function own/user.py:reads")
    before = Now(str(place))
    pairs = frozenset((fact, before.digest(fact)) for fact in needs)
    known = {"a": TracedTest(run="1", outcome=Outcome.PASSED, needs=pairs)}
    (place / "own/values.py").write_text(VALUES.replace("A = 1", "A = 2"))
    assert reasons(known, Now(str(place))) == {"a": ["own/values.py: A changed"]}
