# SPDX-License-Identifier: GPL-3.0-or-later
"""Services begin in an order, and their own words are what is told of them."""

import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.commands import stack_health, stack_logs, stack_up
from harness.commands.stack import Stack
from harness.config import Config
from harness.context import Context
from harness.errors import DatabaseError, EngineError, UsageError
from harness.output import Console
from harness.proc import Completed
from harness.stack import project as projects
from harness.stack.compose import Container


class Docker:
    """Containers that become what is written of them."""

    def __init__(self, **written: str) -> None:
        self.calls: list[tuple[str, ...]] = []
        self.written = written

    def run(self, *parts: str, **options: object) -> Completed:
        self.calls.append(parts)
        text = self.written.get(parts[-1], "") if parts[0] == "logs" else ""
        return Completed(code=0, stdout=text, stderr="")

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        words = {"worker": "refused: 401\n", "killed": ""}
        log = [{"ExitCode": 1, "Output": words.get(name, "")}]
        return {"State": {"Health": {"Log": log}}} if name in words else {}


class Looking:
    """What ``ps`` says."""

    def __init__(self, *there: Container) -> None:
        self.there = list(there)

    def ps(self) -> list[Container]:
        return self.there


def one(service: str, name: str = "", **more: str) -> Container:
    values = {"state": "running", "health": "healthy", **more}
    return Container(service=service, name=name or service, **values)  # type: ignore[arg-type]


def stack(
    tmp_path: Path, docker: Docker, *there: Container
) -> tuple[Stack, io.StringIO]:
    shown = io.StringIO()
    context = Context(
        config=Config(root=tmp_path), environ={}, console=Console(shown, {}), line=""
    )
    made = Stack(context=context, project=projects.make(context.config, "production"))
    made.__dict__.update(engine=docker, looking=Looking(*there))  # cached properties
    return made, shown


def test_who_is_needed_begins_first(tmp_path: Path) -> None:
    there = [one(s) for s in ("processing", "portal", "api", "erpserver")]
    docker = Docker()
    made, _ = stack(tmp_path, docker, *there)
    stack_health.begin(made, there)
    assert docker.calls == [
        ("start", "erpserver"), ("start", "portal", "api"), ("start", "processing"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    "more",
    [{"state": "exited", "health": ""}, {"health": "unhealthy"}],
    ids=["exited", "unhealthy"],
)
def test_who_ends_is_not_waited_for(tmp_path: Path, more: dict[str, str]) -> None:
    """It was two minutes, and a warning."""
    ill = one("erpserver", **more)
    docker = Docker(erpserver="no database\n")
    made, _ = stack(tmp_path, docker, ill, one("portal"))
    with pytest.raises(EngineError, match="erpserver does not become well") as caught:
        stack_health.begin(made, [ill, one("portal")])
    assert "no database" in caught.value.checked
    assert "--environment production erpserver" in caught.value.remedy
    assert ("start", "portal") not in docker.calls


def test_a_health_check_is_told_in_its_own_words(tmp_path: Path) -> None:
    made, _ = stack(tmp_path, Docker(worker="line\n"))
    told = stack_health.told(made, [one("processing", "worker", status="Up")])
    assert told.splitlines() == [
        "worker: Up", "  its health check: refused: 401", "  line",
    ]  # fmt: skip
    ended = one("portal", "killed", status="Exited (137)")
    assert stack_health.told(made, [ended]) == "killed: Exited (137)"


def test_silence_is_no_answer_of_logs(tmp_path: Path) -> None:
    there = [one("portal", state="restarting", status="Restarting (1)")]
    made, shown = stack(tmp_path, Docker())
    stack_logs._speak(made, there, ["portal"])
    assert "portal: Restarting (1); it has written nothing" in shown.getvalue()
    with pytest.raises(UsageError, match="api has no container"):
        stack_logs._speak(made, there, ["api"])


class Refusing:
    """Compose, where nothing becomes well."""

    def run(self, *parts: str, **options: object) -> Completed:
        raise EngineError("the stack does not come up: worker is unhealthy")


def test_whatever_starts_services_tells_who_is_ill(tmp_path: Path) -> None:
    """``up``, ``restart`` and ``scale`` alike."""
    ill = one("processing", "worker", health="unhealthy", status="Up 2 minutes")
    made, _ = stack(tmp_path, Docker(worker="line\n"), ill, one("portal"))
    made.__dict__["compose"] = Refusing()
    with pytest.raises(EngineError) as caught:
        stack_health.called(made, ["up", "--detach", "processing"])
    assert "its health check: refused: 401" in caught.value.checked
    assert "line" in caught.value.checked
    assert caught.value.remedy == "harness logs --environment production processing"


@pytest.mark.parametrize("state", ["exited", "running"])
def test_a_server_that_has_ended_is_the_error(tmp_path: Path, state: str) -> None:
    """What its clients have said of that is not; nor what cannot be started again."""
    db = one("db", "db-1", state=state, status="Exited (137)")
    made, shown = stack(tmp_path, Docker(**{"db-1": "LOG: ready\n"}), db)
    first = DatabaseError("it said nothing")
    first.state = "x is as it was"

    def again() -> None:
        raise DatabaseError("db is away")

    with (
        pytest.raises(DatabaseError) as caught,
        stack_health.served(made),
        stack_health.otherwise(made, again),
    ):
        raise first
    said = str(caught.value)
    if state == "exited":
        assert said.startswith("the stack's database server has ended meanwhile\n")
        assert "db-1: Exited (137)\n  LOG: ready" in said
        assert "harness up --environment production starts it" in said
    else:
        assert caught.value is first
    assert "state: x is as it was" in said
    assert "stays so: db is away; harness up --env" in " ".join(
        shown.getvalue().split()
    )


@pytest.mark.parametrize("late", [502, 0, 200])
def test_a_first_page_may_be_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    """Given up after three seconds it began anew each time, and was never there."""

    def status(*_: object, secure: bool, within: float) -> int:
        return late if within > 20 else 0

    monkeypatch.setattr(stack_up.stack_answer, "status", status)
    monkeypatch.setattr(stack_up.overlay, "hosts", lambda _: {"portal": ["x.test"]})
    made, _ = stack(tmp_path, Docker())
    settings = replace(made.context.config.stack, timeout=0)
    config = replace(made.context.config, stack=settings)
    made = replace(made, context=replace(made.context, config=config))
    if late == 200:
        stack_up.answered(made, ["portal"])
        return
    with pytest.raises(
        EngineError, match=r"portal does not answer for x\.test"
    ) as caught:
        stack_up.answered(made, ["portal"])
    said = "the error 502" if late else "no answer"
    assert f"of 127.0.0.1: {said}" in str(caught.value)


class Silent:
    """A database whose server does not come up."""

    def names(self, *, patience: float) -> list[str]:
        raise DatabaseError("the stack's database server does not answer")


def test_a_server_that_does_not_begin_says_why_itself(tmp_path: Path) -> None:
    """A volume of another major, for one."""
    words = "FATAL: initialized by PostgreSQL version 14, which is not compatible\n"
    db = one("db", "db-1", state="exited", health="", status="Exited (1)")
    made, _ = stack(tmp_path, Docker(**{"db-1": words}), db)
    with pytest.raises(DatabaseError) as caught:
        stack_up.prepared(made, Silent())  # type: ignore[arg-type]
    assert "PostgreSQL version 14" in caught.value.checked
