# SPDX-License-Identifier: GPL-3.0-or-later
"""Which services are replaced while they serve, and in which steps."""

import io
import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands import stack_rolling
from harness.commands.stack import Stack
from harness.config import Config
from harness.config.services import ServiceTable
from harness.context import Context
from harness.errors import EngineError
from harness.output import Console
from harness.proc import Completed
from harness.stack import project as projects
from harness.stack.compose import Container

NEW = "now"


class Engine:
    """Containers, each with what it was made of; Compose adds one, perhaps ill."""

    def __init__(self, services: tuple[str, ...], *, well: bool = True) -> None:
        self.made = dict.fromkeys(services, "before")
        self.well = well
        self.ended: list[str] = []
        self.done: list[str] = []

    def ps(self) -> list[Container]:
        return [
            Container(
                service=name.split("-")[0],
                name=name,
                state="exited" if name in self.ended else "running",
            )
            for name in self.made
        ]

    def run(self, *parts: str, **options: object) -> Completed:
        text = ""
        if parts[0] == "--dry-run":
            old = [one for one, what in self.made.items() if what != NEW]
            text = "".join(f" DRY-RUN MODE -  Container {o}  Recreate\n" for o in old)
        elif parts[0] == "up":
            self.done.append(f"add {parts[-1]}")
            self.made[f"{parts[-1]}-{len(self.done) + 10}"] = NEW
            if not self.well:
                raise EngineError("it is unhealthy")
        elif parts[0] == "rm":
            self.done.append(f"remove {parts[-1]}")
            del self.made[parts[-1]]
        elif parts[0] == "exec" and "nginx-1" in parts:
            self.done.append("nginx")
        return Completed(code=0, stdout=text, stderr="")

    def inspect(self, kind: str, name: str) -> None:
        return None


def stack(
    root: Path, engine: Engine, environment: str, **tables: ServiceTable
) -> Stack:
    config = replace(Config(root=root, state="state"), service=tables)
    console = Console(io.StringIO(), {})
    context = Context(config=config, environ={}, console=console, line="")
    made = Stack(context=context, project=projects.make(config, environment))
    made.__dict__.update(engine=engine, looking=engine, compose=engine)
    return made


ALL = ("nginx-1", "erpserver-1", "portal-1", "portal-2", "processing-1")


def test_one_after_the_other(tmp_path: Path) -> None:
    engine = Engine(ALL)
    stack_rolling.replace(stack(tmp_path, engine, "production"), ["nginx"])
    # In nginx: its way back if we are killed, the others, and all again.
    asked = ["nginx"] * 2
    assert engine.done == [
        "add erpserver", *asked, "remove erpserver-1", "nginx",
        "add portal", *asked, "remove portal-1", "nginx",
        "add portal", *asked, "remove portal-2", "nginx",
    ]  # fmt: skip
    assert [one.service for one in engine.ps()].count("portal") == 2
    assert engine.made["processing-1"] != NEW  # Compose's, afterwards


@pytest.mark.parametrize(
    ("there", "environment", "tables"),
    [
        (("nginx-1", "portal-1"), "development", {}),
        (("portal-1", "portal-2"), "production", {}),
        (("nginx-1", "portal-1"), "production",
         {"portal": ServiceTable(ports=("6543:6543",))}),
        ((), "production", {}),
    ],
    ids=["alone", "no nginx", "a port outside", "nothing"],
)  # fmt: skip
def test_what_compose_replaces_itself(
    tmp_path: Path,
    there: tuple[str, ...],
    environment: str,
    tables: dict[str, ServiceTable],
) -> None:
    engine = Engine(there)
    stack_rolling.replace(stack(tmp_path, engine, environment, **tables), ["nginx"])
    assert engine.done == []


def test_one_that_does_not_become_well_goes(tmp_path: Path) -> None:
    engine = Engine(("nginx-1", "portal-1"), well=False)
    with pytest.raises(EngineError, match="the former portal still serves"):
        stack_rolling.replace(stack(tmp_path, engine, "production"), ["portal"])
    assert list(engine.made) == ["nginx-1", "portal-1"]


def test_what_a_killed_one_has_left_goes(tmp_path: Path) -> None:
    engine = Engine(("nginx-1", "portal-1", "portal-2", "portal-3"))
    engine.made = {"portal-0": "before", **dict.fromkeys(engine.made, NEW)}
    engine.ended = ["portal-0"]
    made = stack(tmp_path, engine, "production")
    place = made.context.store.directory("stack", made.project.name) / "rolling"
    place.write_text(json.dumps({"portal": 2}))
    stack_rolling.replace(made, ["portal"])
    assert list(engine.made) == ["nginx-1", "portal-1", "portal-2"]
    assert not place.exists()


def test_who_ends_by_itself_meanwhile_is_left_to_compose(tmp_path: Path) -> None:
    """One that crashes again and again, between two looks at it."""
    engine = Engine(("nginx-1", "portal-1"))
    run = engine.run

    def ending(*parts: str, **options: object) -> Completed:
        done = run(*parts, **options)
        if parts[0] == "--dry-run":
            engine.ended = ["portal-1"]
        return done

    engine.run = ending  # type: ignore[method-assign]
    stack_rolling.replace(stack(tmp_path, engine, "production"), ["portal"])
    assert engine.done == []
