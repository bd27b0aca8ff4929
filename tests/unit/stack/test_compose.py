# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of Compose, and what is read of its answers."""

import json
from pathlib import Path

import pytest

from harness.engine import Engine
from harness.errors import (
    CommandFailed,
    EngineError,
    HarnessError,
    ImageError,
    MissingTool,
)
from harness.stack.compose import Compose, Container, parsed, refusal, replicas

ONE = {
    "Service": "nginx",
    "Name": "x-nginx-1",
    "State": "running",
    "Health": "healthy",
    "Status": "Up 2 minutes (healthy)",
    "Image": "i",
    "Publishers": [
        {"URL": "127.0.0.1", "TargetPort": 8000, "PublishedPort": 18000},
        {"URL": "127.0.0.1", "TargetPort": 81, "PublishedPort": 1081},
        {"URL": "", "TargetPort": 5000, "PublishedPort": 0},
    ],
}


class Docker(Engine):
    """An engine whose client is always there."""

    def argv(self, *parts: str | Path) -> list[str]:
        return ["docker", *map(str, parts)]


def compose(*files: Path) -> Compose:
    return Compose(
        Docker({"A": "1"}),
        project="x",
        files=files,
        directory=Path("/c"),
        variables={"B": "2"},
    )


def test_a_line_names_project_files_and_profiles() -> None:
    assert compose(Path("/c/a.yaml"), Path("/c/b.yaml")).argv("ps") == [
        "docker", "compose", "--project-name", "x", "--file", "/c/a.yaml",
        "--file", "/c/b.yaml", "--project-directory", "/c",
        "--profile", "browser", "ps",
    ]  # fmt: skip


def test_without_files_only_the_project_is_named() -> None:
    assert compose().argv("ps") == [
        "docker", "compose", "--project-name", "x", "--profile", "browser", "ps",
    ]  # fmt: skip


def test_variables_are_added_to_the_environment_and_not_to_the_line() -> None:
    made = compose()
    assert made.env == {"A": "1", "B": "2"}
    assert "2" not in made.argv("up")


@pytest.mark.parametrize("text", [json.dumps(ONE) + "\n", json.dumps([ONE])])
def test_both_forms_of_ps_are_read(text: str) -> None:
    [found] = parsed(text)
    assert found == Container(
        service="nginx",
        name="x-nginx-1",
        state="running",
        health="healthy",
        status="Up 2 minutes (healthy)",
        image="i",
        ports=((81, "127.0.0.1", 1081), (8000, "127.0.0.1", 18000)),
    )
    assert found.well


def test_nothing_is_up() -> None:
    assert parsed("") == []
    assert parsed("[]") == []


def test_other_words_are_no_answer() -> None:
    with pytest.raises(CommandFailed):
        parsed("NAME  STATUS")


def test_replicas_are_in_the_order_of_their_numbers() -> None:
    lines = [
        json.dumps({"Service": "portal", "Name": f"x-portal-{n}", "State": state})
        for n, state in ((10, "running"), (2, "running"), (1, "exited"))
    ]
    found = parsed("\n".join(lines))
    assert [one.name[-2:] for one in found] == ["-1", "-2", "10"]
    assert replicas(found) == {"portal": 2}


@pytest.mark.parametrize(
    ("state", "health", "well"),
    [
        ("running", "", True),
        ("running", "healthy", True),
        ("running", "starting", False),
        ("running", "unhealthy", False),
        ("exited", "", False),
    ],
)
def test_well(state: str, health: str, *, well: bool) -> None:
    assert Container(service="s", name="n", state=state, health=health).well is well


@pytest.mark.parametrize(
    ("text", "kind", "word"),
    [
        ("docker: 'compose' is not a docker command.", MissingTool, "Compose v2"),
        ("unknown flag: --project-name", MissingTool, "Compose v2"),
        ("container x-portal-1 is unhealthy", EngineError, "x-portal-1 is unhealthy"),
        ("container x-db-1 exited (1)", EngineError, "x-db-1 exited (1)"),
        ("context deadline exceeded", EngineError, "in time"),
        ("application not healthy after 2m0s", EngineError, "in time"),
        ("Bind for 127.0.0.1:81 failed: port is already allocated", EngineError, "81"),
        ("pull access denied for x", ImageError, "image"),
        ("something else", CommandFailed, "something else"),
    ],
)
def test_refusals(text: str, kind: type[HarnessError], word: str) -> None:
    error = refusal(["docker", "compose", "up"], 1, f"first line\n{text}")
    assert type(error) is kind
    assert word in error.message
