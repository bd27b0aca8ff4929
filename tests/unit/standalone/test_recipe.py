# SPDX-License-Identifier: GPL-3.0-or-later
import sys
from pathlib import Path

import pytest

from harness.errors import SourceError
from harness.standalone.recipe import PG_RESTORE, PSQL, Recipe, RecipeLayers
from harness.template.layer import Request


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "schema.sql").write_text("CREATE TABLE item (id int);\n")
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "data.py").write_text("def fill(url): ...\n")
    return tmp_path


def layers(recipe: Recipe, run: str = "1") -> RecipeLayers:
    return RecipeLayers(recipe, server="postgresql-18", environment="packages", run=run)


def test_a_line_is_a_file_a_function_or_a_command(root: Path) -> None:
    lines = ("schema.sql", "shop.data:fill", "python manage.py 'two words'")
    made = Recipe(root=root, lines=lines, path=("/a", "/b")).programs()
    assert made[0].argv == (*PSQL, "schema.sql")
    (root / "a.backup").mkdir()
    (dump,) = Recipe(root=root, lines=("a.backup",)).programs()
    assert (dump.argv, dump.reads) == ((*PG_RESTORE, "a.backup"), ("a.backup",))
    assert made[1].argv[0] == sys.executable
    assert made[1].argv[-1] == "shop.data:fill"
    assert made[1].environment == ("HARNESS_FUNCTIONS=/a:/b",)
    assert made[2].argv == ("python", "manage.py", "two words")
    assert {one.directory for one in made} == {root}


def test_a_line_is_a_layer(root: Path) -> None:
    recipe = Recipe(root=root, lines=("schema.sql", "shop.data:fill"), reads=("shop",))
    made = layers(recipe)
    top = made.resolve(Request(tracked=True))
    names = [one.name for one in top.chain()]
    assert names == ["schema.sql", "shop.data:fill", "shop.data:fill+undo"]
    (root / "shop" / "data.py").write_text("def fill(url): 1\n")
    again = made.resolve(Request(tracked=True))
    assert again.digest != top.digest
    (root / "schema.sql").write_text("CREATE TABLE other (id int);\n")
    third = made.resolve(Request())
    assert third.chain()[0].digest != top.chain()[0].digest


@pytest.mark.parametrize(
    ("lines", "reads", "lasting"),
    [
        (("schema.sql",), (), True),
        (("more.sql",), (), False),
        (("shop.data:fill",), (), False),
        (("shop.data:fill",), ("shop",), True),
        (("schema.sql", "make data"), (), False),
        (("data.dump",), (), True),
        (("gone.dump",), (), False),
    ],
)
def test_what_is_not_wholly_known_is_the_runs_alone(
    root: Path, lines: tuple[str, ...], reads: tuple[str, ...], *, lasting: bool
) -> None:
    (root / "more.sql").write_text("\\ir schema.sql\n")
    (root / "data.dump").write_bytes(b"PGDMP\0 \\ir")
    recipe = Recipe(root=root, lines=lines, reads=reads)
    one, other = layers(recipe), layers(recipe, run="2")
    same = one.resolve(Request()).digest == other.resolve(Request()).digest
    assert recipe.lasting() is same is lasting
    chain = one.resolve(Request(tracked=True)).chain()
    assert one.own() == ([] if lasting else [x.digest for x in reversed(chain)])


def test_what_is_not_there_is_named(root: Path) -> None:
    recipe = Recipe(root=root, lines=("schema.sql",), reads=("nowhere",))
    with pytest.raises(SourceError, match="nowhere: No such file"):
        layers(recipe).resolve(Request())
