# SPDX-License-Identifier: GPL-3.0-or-later
"""To which images, and which dump, a stack may go back."""

from pathlib import Path

from harness.stack.releases import FILE, Releases

A = {"portal": "a", "api": "a", "erpserver": "a"}
B = {**A, "portal": "b", "erpserver": "b"}


def test_what_served_together_is_gone_back_to() -> None:
    known = Releases().after(A)
    assert known.goal(A) == {}
    assert known.after({"portal": "a"}) is known
    known = known.after(B)
    assert known.goal(B) == {"portal": "a", "erpserver": "a"}
    # One service more: what did not change then is no longer of two releases ago.
    known = known.after({"api": "c"})
    assert known.goal({**B, "api": "c"}) == {"api": "a"}


def test_what_was_built_and_never_served_goes_first() -> None:
    known = Releases().after(A).after(B)
    assert known.goal({**B, "portal": "broken"}) == {"portal": "b"}


def test_some_services_alone_and_there_and_back_again() -> None:
    known = Releases().after(A).after(B)
    assert known.goal({"portal": "b"}) == {"portal": "a"}
    known = known.after({"portal": "a"})
    now = {**B, "portal": "a"}
    assert known.goal(now) == {"portal": "b"}


def test_a_dump_goes_with_the_code_that_updated() -> None:
    known = Releases(dump="x.dump", updated="b")
    assert known.dump_of(B) == "x.dump"
    assert known.dump_of(A) == ""
    assert Releases().dump_of({}) == ""


def test_what_is_written_is_read(tmp_path: Path) -> None:
    known = Releases(dump="x", updated="b").after(A).after(B)
    known.write(tmp_path)
    assert Releases.read(tmp_path) == known
    for nonsense in ("{", "[]", '{"else": 1}'):
        (tmp_path / FILE).write_text(nonsense)
        assert Releases.read(tmp_path) == Releases()
