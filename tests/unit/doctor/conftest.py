# SPDX-License-Identifier: GPL-3.0-or-later
"""A machine on which all is well, and what can be changed of it."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.config import Config
from harness.config.schema import DatabaseSettings
from harness.doctor import DockerProbe, Finding, Machine
from harness.doctor.base import Usage
from harness.engine import TIMEOUT, Engine
from harness.errors import HarnessError, MissingTool
from harness.proc import Completed
from harness.refusals import failure

GIB = 2**30
NOW = 1_800_000_000.0


def done(stdout: str = "", code: int = 0, stderr: str = "") -> Completed:
    return Completed(code=code, stdout=stdout, stderr=stderr)


VERSION = {"Client": {"Version": "28.2.2"}, "Server": {"Version": "20.10.24+dfsg1"}}
INFO = {
    "SystemTime": "2027-01-15T08:00:00.123456789Z",  # NOW
    "DockerRootDir": "/nowhere/docker",
    "ClientInfo": {
        "Plugins": [
            {"Name": "buildx", "Version": "0.13.1+ds1"},
            {"Name": "compose", "Version": "v2.26.1"},
        ]
    },
}
SERVICES = ("db", "erpserver", "portal", "api", "processing", "nginx", "selenium")
ANSWERS: Mapping[str, Completed | HarnessError] = {
    "version": done(json.dumps(VERSION)),
    "info": done(json.dumps(INFO)),
    "context inspect": done("unix:///nowhere/docker.sock\n"),
    "image inspect debian:bookworm-slim": done("[{}]"),
    "image ls": done(
        "".join(f"collecting-society/{name}:development\n" for name in SERVICES)
    ),
    "ps": done(""),
    "container ls": done(""),
    "network ls": done(""),
    "volume ls": done(""),
}
"""What the engine says to a call that begins so; all else fails."""


class Fake(Engine):
    """An engine that says what it was told to."""

    def __init__(self) -> None:
        super().__init__({})
        self.answers = {**ANSWERS}
        self.calls: list[str] = []

    def argv(self, *parts: str | Path) -> list[str]:
        return ["docker", *map(str, parts)]

    def run(
        self,
        *parts: str | Path,
        check: bool = True,
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
    ) -> Completed:
        line = " ".join(map(str, parts))
        self.calls.append(line)
        fitting = [one for one in self.answers if line.startswith(one)]
        answer = self.answers[max(fitting, key=len)] if fitting else done(code=1)
        if isinstance(answer, HarnessError):
            raise answer
        if check and answer.code:
            raise failure(self.argv(*parts), answer.code, answer.stderr)
        return answer

    def refuse(self, message: str) -> None:
        """No engine answers."""
        client = json.dumps({**VERSION, "Server": None})
        self.answers["version"] = done(client, 1, message)

    def absent(self) -> None:
        """There is no client."""
        self.answers = {"": MissingTool("docker is not installed")}


@pytest.fixture
def engine() -> Fake:
    return Fake()


PROGRAMS = {
    "git": "git version 2.39.5",
    "chromium": "Chromium 120.0.6099.224 built on Debian",
    "chromedriver": "ChromeDriver 120.0.6099.10 (abc)",
    "firefox": "Mozilla Firefox 140.1esr",
    "geckodriver": "geckodriver 0.36.0 (abc)",
    "apt-get": "apt 2.6",
}

Make = Callable[..., Machine]


@pytest.fixture
def make(tmp_path: Path, engine: Fake) -> Make:
    """A machine; `programs` and `config` are changed, the rest replaced."""
    for name in ("proc/net", "tmp", "shm", "root"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "hosts").write_text("127.0.0.1 repertoire.test api.repertoire.test\n")
    (tmp_path / "proc/meminfo").write_text(
        "MemTotal: 16777216 kB\nMemAvailable: 8388608 kB\n"
    )

    def build(
        *,
        programs: Mapping[str, str | None] | None = None,
        server: str = "auto",
        config: Mapping[str, Any] | None = None,
        **changes: Any,
    ) -> Machine:
        here = {**PROGRAMS, **(programs or {})}

        def run(argv: Sequence[str]) -> Completed:
            text = here.get(argv[0].rpartition("/")[2])
            return done(code=127) if text is None else done(f"{text}\n")

        def which(name: str) -> str | None:
            return f"/usr/bin/{name}" if name in here else None

        settings = {"database": DatabaseSettings(server=server), **(config or {})}
        machine = Machine(
            config=Config(root=tmp_path / "root", **settings),
            environ={"HOME": str(tmp_path)},
            state=tmp_path / "state",
            docker=DockerProbe(engine, clock=lambda: NOW),
            run=run,
            which=which,
            usage=lambda path: Usage(total=64 * GIB, free=32 * GIB),
            now=lambda: NOW,
            stamp=lambda path: NOW,
            released=NOW - 1000,
            series=lambda: {"7.0": "the configured one"},
            wheel=lambda: None,
            python=(3, 11),
            uid=1000,
            encodings={"standard output": "UTF8"},
            ports={81: "portal and API", 8000: "erpserver"},
            proc=tmp_path / "proc",
            hosts=tmp_path / "hosts",
            temporary=tmp_path / "tmp",
            memory=tmp_path / "shm",
            systemd=tmp_path / "systemd",
        )
        return replace(machine, **changes)

    return build


@pytest.fixture
def told() -> Callable[[Sequence[Finding]], tuple[str, str, str]]:
    """Status, text, remedy of the only finding."""

    def tell(findings: Sequence[Finding]) -> tuple[str, str, str]:
        [one] = findings
        return str(one.status), one.text, one.remedy

    return tell
