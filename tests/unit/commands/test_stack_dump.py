# SPDX-License-Identifier: GPL-3.0-or-later
"""The database that ``harness build`` makes: of what, when, and that it is a run's."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import engine
from harness.commands import stack_dump
from harness.commands.stack import Stack
from harness.config import Config
from harness.config.schema import Images
from harness.context import Context
from harness.errors import DatabaseError
from harness.model import Module, Source
from harness.modules import Graph
from harness.output import Console
from harness.proc import Completed
from harness.stack import project as projects

IMAGES = ("db", "erpserver", "portal", "api", "processing", "nginx")


def context(root: Path, **texts: str) -> Any:
    """Sources, of which ``society`` and ``party`` are Tryton modules."""
    for name, text in texts.items():
        (root / name).mkdir()
        (root / name / "code.py").write_text(text)
    modules = [
        Module(name=one, path=root / one, version="7.0", depends=depends, origin="src")
        for one, depends in (("society", ("ir", "party")), ("party", ()))
    ]
    made = {one: Source(name=one, path=root / one, origin="src") for one in texts}
    return SimpleNamespace(graph=Graph(modules), sources=made)


def test_it_is_made_of_its_modules_and_of_what_they_import(tmp_path: Path) -> None:
    """An edit of the portal is none of the database."""
    there = context(
        tmp_path, society="import helper", party="", helper="from deep import a",
        deep="", portal="import society", filler="",
    )  # fmt: skip
    program = tmp_path / "fill.py"
    program.write_text("import filler.main as f\n")
    asked = ("society", "account")
    found = stack_dump.sources(there, asked, [])
    assert found == ["deep", "helper", "party", "society"]
    more = stack_dump.sources(there, asked, [program])
    assert set(more) - set(found) == {"filler"}


class Docker:
    """An engine with images and volumes."""

    def __init__(self) -> None:
        self.images, self.volumes, self.place = list(IMAGES), "", ""

    def require(self) -> None:
        pass

    def elsewhere(self) -> str:
        return self.place

    def run(self, *parts: str, **options: object) -> Completed:
        if parts[0] == "volume":
            return Completed(code=0, stdout=self.volumes, stderr="")
        wanted = [one for one in parts if one.startswith("p/")]
        there = [one for one in wanted if one[2:].partition(":")[0] in self.images]
        said = "".join(f'1 ["{one}"]\n' for one in there)
        return Completed(code=len(wanted) - len(there), stdout=said, stderr="")


@pytest.fixture
def docker() -> Docker:
    return Docker()


@pytest.fixture
def told() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def stack(tmp_path: Path, docker: Docker, told: io.StringIO) -> Stack:
    (tmp_path / "compose").mkdir()
    (tmp_path / "compose" / "compose.yaml").touch()
    config = Config(root=tmp_path, images=Images(prefix="p"))
    console = Console(told, {})
    surroundings = Context(config=config, environ={}, console=console, line="")
    made = Stack(context=surroundings, project=projects.make(config, ""))
    made.__dict__.update(engine=docker)
    return made


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Stack]:
    found: list[Stack] = []
    monkeypatch.setattr(stack_dump, "_made", found.append)
    return found


def test_it_is_made_where_the_first_up_is_about_to_come(
    stack: Stack, docker: Docker, made: list[Stack]
) -> None:
    stack_dump.ahead(stack, "development", IMAGES)
    stack_dump.ahead(stack, "development", ["erpserver"])
    assert made == [stack, stack]
    stack_dump.ahead(stack, "production", IMAGES)
    stack_dump.ahead(stack, "development", ["nginx", "selenium"])
    docker.volumes = f"{stack.project.name}_db\n"
    stack_dump.ahead(stack, "development", IMAGES)
    docker.volumes, docker.place = "another_db\n", "ssh://there"
    stack_dump.ahead(stack, "development", IMAGES)
    docker.place = ""
    docker.images.remove("nginx")
    stack_dump.ahead(stack, "development", IMAGES)
    docker.images.append("nginx")
    (stack.project.directory / "compose.yaml").unlink()
    stack_dump.ahead(stack, "development", IMAGES)
    assert len(made) == 2


def test_images_are_built_all_the_same(
    stack: Stack, told: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(stack: Stack) -> None:
        raise DatabaseError("no", checked="why")

    monkeypatch.setattr(stack_dump, "_made", refused)
    stack_dump.ahead(stack, "development", IMAGES)
    said = "warning: harness up makes its database itself: no (why)"
    assert said in told.getvalue()


def test_all_of_it_is_the_runs() -> None:
    """So whoever sweeps finds it; people's volumes have names, and these have none."""
    told = stack_dump.overlay("12")
    parts = [*told["services"].values(), *told["networks"].values()]
    for one in (*parts, *told["volumes"].values()):
        assert one["labels"] == {engine.RUN: "12", engine.ROLE: "build"}
    assert not [m for one in parts for m in one.get("volumes", ()) if "source" in m]
