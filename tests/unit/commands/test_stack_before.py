# SPDX-License-Identifier: GPL-3.0-or-later
"""What is refused before anything of a stack is ended or started."""

import io
from pathlib import Path
from typing import Any

import pytest

from harness.commands import stack_before, stack_show
from harness.commands.stack import Stack
from harness.config import Config
from harness.config.schema import StackSettings
from harness.context import Context
from harness.errors import ConfigError, DatabaseError
from harness.output import Console
from harness.proc import Completed
from harness.stack import project as projects
from harness.stack.compose import Container


class Engine:
    """One with a volume of a version, an image of 15, and perhaps a container."""

    def __init__(self, version: str, *, ran: str = "former") -> None:
        self.version, self.ran = version, ran

    def inspect(self, kind: str, name: str) -> dict[str, Any]:
        if kind == "container":
            return {"Image": self.ran}
        return {"Id": "now", "Config": {"Labels": {stack_before.MAJOR: "15"}}}

    def run(self, *parts: str, **options: object) -> Completed:
        if parts[0] == "volume":
            return Completed(code=0, stdout="x-production_db\n", stderr="")
        code = 0 if self.version else 1
        return Completed(code=code, stdout=f"{self.version}\n", stderr="")


def stack(root: Path, engine: Engine, **settings: str) -> Stack:
    config = Config(root=root, stack=StackSettings(project="x", **settings))  # type: ignore[arg-type]
    console = Console(io.StringIO(), {})
    context = Context(config=config, environ={}, console=console, line="")
    made = Stack(context=context, project=projects.make(config, "production"))
    made.__dict__.update(engine=engine)
    return made


SERVER = Container(service="db", name="x-production-db-1", state="running")


@pytest.mark.parametrize(
    ("there", "remedy"), [([SERVER], "destroy"), ([], "with an image of PostgreSQL 14")]
)
def test_data_of_another_postgresql(
    tmp_path: Path, there: list[Container], remedy: str
) -> None:
    with pytest.raises(DatabaseError, match="are of PostgreSQL 14") as caught:
        stack_before.check_cluster(stack(tmp_path, Engine("14")), there)
    assert remedy in caught.value.remedy


@pytest.mark.parametrize(
    "engine", [Engine("15"), Engine(""), Engine("14", ran="now")],
    ids=["the same", "none yet", "it runs already"],
)  # fmt: skip
def test_data_that_fit(tmp_path: Path, engine: Engine) -> None:
    stack_before.check_cluster(stack(tmp_path, engine), [SERVER])


def test_nobody_else_is_let_in_without_a_certificate(tmp_path: Path) -> None:
    made = stack(tmp_path, Engine("15"), address="0.0.0.0")
    with pytest.raises(ConfigError, match="there is no certificate"):
        stack_before.check_certificate(made, ["nginx"])
    stack_before.check_certificate(made, ["db"])
    stack_before.check_certificate(stack(tmp_path, Engine("15")), ["nginx"])
    (tmp_path / "compose" / "secrets" / "production").mkdir(parents=True)
    made.project.pair.key.write_text("x")
    with pytest.raises(ConfigError, match="tls_certificate is missing"):
        stack_before.check_certificate(made, ["nginx"])


class Distant(Engine):
    """One that has no files of this machine, and what Compose makes of them."""

    def __init__(self, kind: str) -> None:
        super().__init__("15")
        mount = {"type": kind, "source": "/s/x", "target": "/x"}
        self.services = {"acme": {"volumes": [mount]}, "db": {}}
        self.remedies: list[str] = []

    def elsewhere(self) -> str:
        return "ssh://there"

    def config(self) -> dict[str, Any]:
        return {"services": self.services}

    def require_files(self, directory: Path, image: str, remedy: str) -> None:
        self.remedies.append(remedy)


def test_what_an_engine_of_another_machine_would_mount_of_its_own(
    tmp_path: Path,
) -> None:
    """In production, too: a service's own table mounts what it likes."""
    bound, kept = Distant("bind"), Distant("volume")
    for engine in (bound, kept):
        made = stack(tmp_path, engine)
        made.__dict__.update(compose=engine)
        stack_before.check_files(made)
    [remedy] = bound.remedies
    assert "(/s/x in acme)" in remedy
    assert kept.remedies == []
    line = "ssh -L 81:127.0.0.1:81 -L 8000:127.0.0.1:8000 there"
    assert stack_show.distant(made).endswith(line)
    kept.elsewhere = lambda: "tcp://127.0.0.1:2376"  # type: ignore[method-assign]
    assert not stack_show.distant(made)
