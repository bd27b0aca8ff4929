# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose is called where anything has changed, and only there."""

import io
from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands import stack_settled
from harness.commands.stack import Stack
from harness.config import Config
from harness.context import Context
from harness.output import Console
from harness.proc import Completed
from harness.stack import project as projects
from harness.stack.compose import Container


class Engine:
    """One container of an image, made as Compose was told."""

    def __init__(self) -> None:
        self.told, self.image = "{}", "sha256:1"
        self.there = [Container(service="portal", name="p-1", id="12", state="running")]

    def ps(self) -> list[Container]:
        return self.there

    def run(self, *parts: str, **options: object) -> Completed:
        text = self.told if parts[0] == "config" else self.image
        return Completed(code=0, stdout=text, stderr="")


@pytest.fixture
def engine() -> Engine:
    return Engine()


@pytest.fixture
def stack(tmp_path: Path, engine: Engine) -> Stack:
    config = Config(root=tmp_path, state="state")
    console = Console(io.StringIO(), {})
    context = Context(config=config, environ={}, console=console, line="")
    made = Stack(context=context, project=projects.make(config, "production"))
    made.__dict__.update(engine=engine, looking=engine, compose=engine)
    return made


def test_it_is_settled_until_anything_changes(stack: Stack, engine: Engine) -> None:
    wanted = ["portal", "nginx"]
    assert not stack_settled.is_it(stack, wanted)
    stack_settled.note(stack, wanted)
    assert stack_settled.is_it(stack, wanted)
    assert not stack_settled.is_it(stack, ["portal"])
    [one] = before = engine.there
    for there in (
        [],
        [one, replace(one, id="13")],
        [replace(one, id="13")],
        [replace(one, health="unhealthy")],
        [replace(one, state="exited")],
    ):
        engine.there = there
        assert not stack_settled.is_it(stack, wanted)
    engine.there, engine.told = before, '{"portal": 1}'
    assert not stack_settled.is_it(stack, wanted)
    engine.told, engine.image = "{}", "sha256:2"
    assert not stack_settled.is_it(stack, wanted)
    engine.image = "sha256:1"
    assert stack_settled.is_it(stack, wanted)
