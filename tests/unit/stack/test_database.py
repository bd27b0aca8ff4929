# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database of the stack is made of."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands.stack_show import unresolved
from harness.stack.recipe import StackRecipe, mark, tree
from harness.template import digest

RECIPE = StackRecipe(modules=("a", "b"), images=("1", "2"), trees=("x",))


def test_every_part_is_in_the_digest() -> None:
    others = [
        replace(RECIPE, modules=("a",)),
        replace(RECIPE, images=("1", "3")),
        replace(RECIPE, trees=("y",)),
    ]
    digests = {one.digest for one in (RECIPE, *others)}
    assert len(digests) == 4
    assert replace(RECIPE).digest == RECIPE.digest


def test_what_changed_while_it_was_made_gets_no_name() -> None:
    """Of modules there may be others than the stack's own."""
    now = RECIPE
    recipe = replace(RECIPE, modules=("c",), again=lambda: now)
    assert RECIPE.holds()
    assert recipe.holds()
    now = replace(RECIPE, trees=("y",))
    assert not recipe.holds()


def test_the_code_that_makes_it_is_in_the_digest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = RECIPE.digest
    monkeypatch.setattr(digest, "building", lambda: "another")
    assert RECIPE.digest != before


def test_a_mark_tells_passwords_apart() -> None:
    assert mark(RECIPE, "one") == mark(RECIPE, "one")
    assert mark(RECIPE, "one") != mark(RECIPE, "other")
    assert mark(RECIPE, "one") != mark(replace(RECIPE, modules=()), "one")
    assert "one" not in mark(RECIPE, "one")


def test_a_changed_file_is_another_tree(tmp_path: Path) -> None:
    (tmp_path / "party.py").write_text("1")
    first = tree(tmp_path)
    assert tree(tmp_path) == first
    (tmp_path / "party.py").write_text("2")
    assert tree(tmp_path) != first


def test_names_that_the_hosts_file_lacks() -> None:
    text = "127.0.0.1 localhost a.test # b.test\n#127.0.0.1 c.test\n"
    assert unresolved(["a.test", "b.test", "c.test"], text) == ["b.test", "c.test"]
