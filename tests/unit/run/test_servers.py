# SPDX-License-Identifier: GPL-3.0-or-later
"""What a place of templates opens is closed in its order, whatever fails."""

import io
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.config import Config
from harness.context import Context
from harness.errors import DatabaseError
from harness.output import Console
from harness.postgres import Address
from harness.run import servers
from harness.store import Run

OPENED = ["start", "house", "shelf", "sweep"]
CLOSED = ["close shelf", "close house", "stop"]


class Parts:
    """The server, what keeps it in order, and the shelf; one of them may fail."""

    version = 180001

    def __init__(self, failing: str) -> None:
        self.failing = failing
        self.log: list[str] = []

    def note(self, name: str) -> "Parts":
        self.log.append(name)
        if name == self.failing:
            raise DatabaseError(f"{name} failed")
        return self

    def stop(self) -> None:
        self.note("stop")

    def sweep(self) -> list[str]:
        self.note("sweep")
        return ["harness_c_old"]

    def entered(self, *arguments: object, alone: bool) -> tuple[Address, Any]:
        self.note("start").note("house")
        return Address(host="/s"), SimpleNamespace(close=self.closing("house"))

    def shelf(self, *arguments: object) -> Any:
        self.note("shelf")
        return SimpleNamespace(
            version=self.version, sweep=self.sweep, close=self.closing("shelf")
        )

    def closing(self, name: str) -> Any:
        return lambda: self.note(f"close {name}")


@pytest.fixture
def context(tmp_path: Path) -> Context:
    return Context(
        config=Config(root=tmp_path, state=str(tmp_path / "state")),
        console=Console(io.StringIO(), environ={}),
        environ={},
        line="harness test",
    )


@pytest.mark.parametrize(
    ("failing", "log"),
    [
        ("", [*OPENED, "tests", *CLOSED]),
        ("start", ["start", "stop"]),
        ("house", ["start", "house", "stop"]),
        ("shelf", ["start", "house", "shelf", *CLOSED[1:]]),
        ("sweep", [*OPENED, *CLOSED]),
        ("tests", [*OPENED, "tests", *CLOSED]),
        ("close shelf", [*OPENED, "tests", *CLOSED]),
    ],
)
def test_what_was_opened_is_closed(
    context: Context, monkeypatch: pytest.MonkeyPatch, failing: str, log: list[str]
) -> None:
    parts = Parts(failing)
    monkeypatch.setattr(servers, "server", lambda context, kind: parts)
    monkeypatch.setattr(servers.housing, "entered", parts.entered)
    monkeypatch.setattr(servers, "_postgresql", parts.shelf)
    failed = ""
    with Run(context.store) as run:
        try:
            with servers.place(context, run, "local") as place:
                parts.note("tests")
                assert place.label == "postgresql-18"
                assert place.variables["PGHOST"] == "/s"
        except DatabaseError as error:
            failed = error.message
    assert parts.log == log
    assert failed == (f"{failing} failed" if failing else "")


def test_nobody_connects_before_a_server_is_named() -> None:
    for kind in ("local", "docker", "given", "sqlite"):
        assert servers.dialect(kind)["PGHOST"].startswith(f"{servers.NOWHERE}/")
