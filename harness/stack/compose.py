# SPDX-License-Identifier: GPL-3.0-or-later
"""Compose, by its command line: calls for one project, typed failures, ``ps``."""

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from harness import proc
from harness.engine import Engine
from harness.errors import CommandFailed, EngineError, HarnessError, MissingTool
from harness.images.build import PLACEHOLDER
from harness.refusals import failure
from harness.stack.project import PROFILES

ROOT: Final = Path("/")
"""Where Compose is called: it would take a file that lies about for the stack's."""

ERASE: Final = "\x1b[2K"
DEPLOYED: Final = "-deploy"
"""How the names of containers of ``harness deploy`` end."""
RUN: Final = re.compile(r"-run-[0-9a-f]+$")
"""How Compose calls containers of ``run``: ``ps`` lists them too."""


@dataclass(frozen=True, kw_only=True)
class Container:
    """A container of the stack; `ports` are (inside, address, outside)."""

    service: str
    name: str
    state: str
    id: str = ""
    health: str = ""
    status: str = ""
    image: str = ""
    ports: tuple[tuple[int, str, int], ...] = field(default=())
    deployed: bool = False
    """Whether it runs in somebody's terminal: ``harness deploy``."""
    placeholder: bool = False
    """Whether nothing of the service was there when its image was built."""

    @property
    def well(self) -> bool:
        """Whether it runs, and says so if it is asked."""
        return self.state == "running" and self.health in ("", "healthy")

    @property
    def said(self) -> str:
        """How it is, in a word: a placeholder is nothing that could be healthy."""
        if self.placeholder and self.well:
            return "placeholder"
        return self.health or self.state

    @property
    def number(self) -> int:
        """Which replica it is; 0 where it is none."""
        return _number(self.name)


class Compose:
    """Calls of ``docker compose`` for one project; `variables` fill its files."""

    def __init__(
        self,
        engine: Engine,
        *,
        project: str,
        files: Sequence[Path],
        directory: Path,
        variables: Mapping[str, str],
    ) -> None:
        self.engine = engine
        self.project = project
        self.files = list(files)
        self.directory = directory
        self.env = {**engine.environ, **variables}

    def argv(self, *parts: str | Path) -> list[str]:
        """The command line of a call."""
        options: list[str | Path] = ["--project-name", self.project]
        for path in self.files:
            options += ["--file", path]
        if self.files:
            options += ["--project-directory", self.directory]
        for profile in PROFILES.values():
            options += ["--profile", profile]
        return self.engine.argv("compose", *options, *parts)

    def run(
        self, *parts: str | Path, check: bool = True, timeout: float = 60
    ) -> proc.Completed:
        """Call it to its end; raises the error that belongs to what it says."""
        argv = self.argv(*parts)
        done = proc.run(argv, env=self.env, cwd=ROOT, check=False, timeout=timeout)
        if check and done.code:
            raise refusal(argv, done.code, done.stderr or done.stdout)
        return done

    def config(self) -> dict[str, Any]:
        """What it makes of all files and variables."""
        found: dict[str, Any] = json.loads(
            self.run("config", "--format", "json").stdout
        )
        return found

    def child(self, *parts: str | Path, **options: Any) -> proc.Child:
        """Start it; the options are those of `proc.Child`."""
        return proc.Child(self.argv(*parts), env=self.env, cwd=ROOT, **options)

    def attach(self, *parts: str | Path) -> int:
        """Call it with this terminal; its exit code."""
        return attended(self.child(*parts, stdin=None, foreground=True))

    def read(self, listener: Callable[[str], None], *parts: str) -> int:
        """Call it and hand on what it prints, line by line; its exit code."""
        with self.child(*parts, stdout=proc.PIPE, stderr=proc.STDOUT) as child:
            assert child.process.stdout
            for line in child.process.stdout:
                # Compose 2.26 erases the line even where there is no terminal.
                listener(line.decode(errors="replace").removeprefix(ERASE).rstrip())
            return child.code()

    def ps(self) -> list[Container]:
        """All containers of the project, without those of ``run``."""
        return parsed(self.run("ps", "--all", "--format", "json").stdout)


def attended(child: proc.Child) -> int:
    """The exit code of a child that has the terminal, Ctrl-C included."""
    with child:
        while True:
            try:
                return child.code()
            except KeyboardInterrupt:
                child.interrupt()


def parsed(text: str) -> list[Container]:
    """What ``ps --format json`` printed: an object a line, or (older) one list."""
    try:
        values = json.loads(text) if text.lstrip().startswith("[") else None
        if values is None:
            values = [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise CommandFailed(
            f"docker compose ps printed something else than JSON: {error}",
            checked=text[:200],
            remedy="use Docker Compose 2.20 or newer: docker compose version",
        ) from error
    found = [
        Container(
            service=one["Service"],
            name=one["Name"],
            state=one.get("State", ""),
            id=one.get("ID", ""),
            health=one.get("Health", ""),
            status=one.get("Status", ""),
            image=one.get("Image", ""),
            deployed=one["Name"].endswith(DEPLOYED),
            placeholder=f"{PLACEHOLDER}=true" in one.get("Labels", ""),
            ports=tuple(
                sorted(
                    (port["TargetPort"], port.get("URL", ""), port["PublishedPort"])
                    for port in one.get("Publishers") or ()
                    if port.get("PublishedPort")
                )
            ),
        )
        for one in values
        if not RUN.search(one["Name"])
    ]
    return sorted(found, key=lambda one: (one.service, _number(one.name), one.name))


def _number(name: str) -> int:
    last = re.search(r"\d+$", name)
    return int(last[0]) if last else 0


def replicas(containers: Sequence[Container]) -> dict[str, int]:
    """How many of each service run."""
    return dict(
        Counter(
            one.service
            for one in containers
            if one.state == "running" and not one.deployed
        )
    )


def refusal(argv: Sequence[str], code: int, output: str) -> HarnessError:
    """The error that belongs to what Compose, or the engine through it, said."""
    text = output.strip()
    if re.search(
        r"'compose' is not a docker command|unknown command: docker compose|"
        r"unknown (shorthand )?flag: .*(project-name|'p')",
        text,
    ):
        return MissingTool(
            "Docker Compose v2 is not installed",
            checked=text.splitlines()[0],
            remedy="install it: apt-get install docker-compose-plugin"
            " (Debian: docker-compose)",
        )
    sick = re.search(r"container (\S+) (is unhealthy|exited \(\d+\))", text)
    late = re.search(r"context deadline exceeded|not healthy after|(?i:timeout)", text)
    if sick or late:
        what = f"{sick[1]} {sick[2]}" if sick else "it did not become healthy in time"
        return EngineError(
            f"the stack does not come up: {what}",
            checked=text.splitlines()[-1],
            remedy="look at harness ps and harness logs",
        )
    return failure(argv, code, output)
