# SPDX-License-Identifier: GPL-3.0-or-later
"""What a database of the stack is made of."""

import tarfile
from dataclasses import replace
from pathlib import Path
from typing import IO, cast

import pytest

from harness import proc
from harness.commands.stack_show import unresolved
from harness.errors import DiskFull
from harness.proc import Completed
from harness.stack import programs
from harness.stack.database import StackDatabase
from harness.stack.recipe import StackRecipe, mark, tree
from harness.store import Store
from harness.template import digest
from harness.template.layer import Program

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


def test_a_program_depends_on_its_words_and_on_what_it_reads(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "users.csv").write_text("1")
    made = Program(
        name="demo", argv=("python", "-c", "fill()"), root=tmp_path,
        directory=tmp_path / "data", reads=("data",), environment=("MODE=x",),
    )  # fmt: skip
    first = programs.fact(made)
    assert programs.fact(replace(made)) == first
    assert programs.fact(replace(made, environment=())) != first
    words = " ".join(programs.words(["run", "--rm"], "building_x", made, far=False))
    assert words.startswith(f"run --rm --volume {tmp_path}/data:/shared/data:ro")
    assert "--env DB_NAME=building_x" in words
    assert "--env MODE=x" in words
    assert words.endswith("erpserver python -c fill()")
    (tmp_path / "data" / "users.csv").write_text("2")
    assert programs.fact(made) != first


def test_an_engine_of_elsewhere_is_given_what_a_program_is_run_in(
    tmp_path: Path,
) -> None:
    """Mounted, there would be an empty directory."""
    (tmp_path / "data" / "__pycache__").mkdir(parents=True)
    (tmp_path / "data" / "users.csv").write_text("1")
    (tmp_path / "data" / "users.csv").chmod(0o600)
    made = Program(
        name="demo", argv=("python", "fill.py"), root=tmp_path,
        directory=tmp_path / "data", reads=("data",), environment=(),
    )  # fmt: skip
    words = programs.words(["run"], "building_x", made, far=True)
    assert "--volume" not in words
    assert words[-3:] == ["/shared/data", "python", "fill.py"]
    with (
        programs.given(made, far=True) as stream,
        tarfile.open(fileobj=cast("IO[bytes]", stream)) as archive,
    ):
        found = {one.name: one.mode for one in archive}
    assert found == {".": 0o755, "./users.csv": 0o644}
    with programs.given(made, far=False) as stream:
        assert stream == proc.DEVNULL


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


class Full:
    """Compose on a machine where nothing more can be written."""

    def run(self, *parts: str | Path, **options: object) -> Completed:
        if parts[0] == "cp":
            raise DiskFull("no space left")
        return Completed(code=0, stdout="", stderr="")


class Filled(StackDatabase):
    def activate(self, *words: object) -> None:
        pass


def test_what_cannot_be_kept_is_made_all_the_same(tmp_path: Path) -> None:
    """And nothing of it is left: half a dump would be nobody's."""
    made = Filled(
        Full(),
        Store(tmp_path),
        name="x",
        script=tmp_path,
        accelerate=None,  # type: ignore[arg-type]
    )
    assert made.fill("building_x", RECIPE, "password", print) == "made"
    assert isinstance(made.unkept, DiskFull)
    assert made.dumps(RECIPE) == []
    assert [*(tmp_path / "stack" / "dumps").iterdir()] == []


class Distant:
    """An engine, and the Compose that calls it; of another machine, or of this one."""

    project = "x"

    def __init__(self, address: str) -> None:
        self.address = address
        self.engine = self

    def elsewhere(self) -> str:
        return self.address


def test_an_engine_of_another_machine_gets_the_text_of_a_program(
    tmp_path: Path,
) -> None:
    """It has not its file, and would mount an empty directory in place of that."""
    script = tmp_path / "initialise.py"
    script.write_text("print()")
    for address, mounts, start in (
        ("ssh://there", 0, ("-c", "print()")),
        ("", 1, ("/opt/initialise/initialise.py",)),
    ):
        made = StackDatabase(
            Distant(address),  # type: ignore[arg-type]
            Store(tmp_path), name="own", script=script, accelerate=None,
        )  # fmt: skip
        words = made.command("building_own", "--update", "party")
        assert words.count("--volume") == mounts
        end = ("python3", *start, "--database", "building_own", "--update", "party")
        assert tuple(words[-len(end) :]) == end
