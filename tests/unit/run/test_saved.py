# SPDX-License-Identifier: GPL-3.0-or-later
"""What a save leads to while a round goes on, and after one that it has ended."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.run.known import KnownTests
from harness.run.saved import Saved
from harness.run.wish import ALL, Wish
from harness.selection.affected import Concerned, Traced

A, B, SHOP = Path("test_a.py"), Path("test_b.py"), Path("shop.py")
KEYS = frozenset({"a1", "a2", "b1"})
ALONE = Concerned(files=(A,), why="shop.py")
ROUND = Wish(why="shop.py", files=(A,), left=KEYS - {"a1", "a2"}, first=True)


@pytest.fixture
def known() -> KnownTests:
    made = KnownTests()
    made.found([(f"test_{key[0]}.py::{key}", f"test_{key[0]}.py", key) for key in KEYS])
    return made


@pytest.fixture
def saved() -> Saved:
    """A round goes on, of a test that depends on what is in `a`."""
    made = Saved()
    made.files.add(SHOP)
    made.decided(traced(a1="function a is 2"))
    made.begun(made.files)
    return made


def traced(**changed: str) -> Traced:
    stale = {key: frozenset({text} - {""}) for key, text in changed.items()}
    return Traced(known=KEYS, stale=stale)


@pytest.mark.parametrize(
    ("now", "concern"),
    [
        (traced(a1="function a is 2"), False),
        (traced(a1="function a is 2", b1=""), False),  # it failed once: no save's doing
        (traced(a1="function a is 3"), True),
        (traced(a1="function a is 2", b1="function b is 2"), True),
        (traced(), True),  # saved back: what runs is of no use
        (None, True),
    ],
)
def test_a_save_that_concerns_no_test_lets_the_round_go_on(
    saved: Saved, now: Traced | None, *, concern: bool
) -> None:
    assert saved.concern(ALONE, now) is concern
    assert saved.concern(replace(ALONE, ruled=True), now)
    assert not saved.concern(None, now)


def test_it_is_looked_at_again_after_the_round(saved: Saved) -> None:
    saved.late.add(SHOP)
    assert saved.ended({"a1"}) == {SHOP}
    assert not saved.files
    assert not saved.changed(traced()), "what ran is as it ran"
    assert saved.changed(traced(b1="function b is 2"))
    saved.begun([])
    assert saved.ended({"a1"}) == set()


def test_a_round_that_is_ended_owes_what_it_has_told(
    saved: Saved, known: KnownTests
) -> None:
    """The others are found again by their traces, or are as they were."""
    saved.broken(ROUND, [], known)
    assert saved.owed == replace(ROUND, files=(), left=KEYS, first=False)
    saved.broken(ROUND, ["test_a.py::a2"], known)
    assert saved.owed is not None
    assert (saved.owed.files, saved.owed.left) == ((A,), KEYS - {"a2"})
    saved.broken(ROUND, ["test_b.py::b1"], known)
    assert (saved.owed.files, saved.owed.left) == ((A, B), {"a1"})
    saved.begun([])
    assert saved.owed is None


def test_it_owes_all_of_what_was_asked_for_or_could_not_be_collected(
    saved: Saved, known: KnownTests
) -> None:
    saved.broken(ROUND, ["test_a.py"], known)
    assert saved.owed == replace(ROUND, first=False)
    saved.broken(ALL, [], known)
    assert saved.owed is not None
    assert (saved.owed.files, saved.owed.left) == (None, frozenset())


def test_the_same_content_saved_again_is_nothing_new(tmp_path: Path) -> None:
    saved, path = Saved(), tmp_path / "shop.py"
    assert not saved.anew([path]) or not path.exists()
    path.write_text("a")
    assert saved.anew([path])
    path.write_text("a")
    assert not saved.anew([path])
    path.unlink()
    assert saved.anew([path])
