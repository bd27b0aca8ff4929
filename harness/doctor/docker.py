# SPDX-License-Identifier: GPL-3.0-or-later
"""The engine as the checks ask it: few calls, short ones, each question once."""

import json
import textwrap
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from harness.engine import Engine
from harness.errors import CommandFailed, HarnessError, MissingTool
from harness.refusals import failure

T = TypeVar("T")

PATIENCE = 3.0
"""Seconds that a program may take on an idle machine: they take a tenth of it."""
SLOWEST = 10.0
"""Times as long as that, at most."""
SILENT = "the Docker engine does not answer"
LONGEST = 90
"""Characters of a message that are shown."""


def slowness(load: float, processors: int) -> float:
    """How many times as long all takes where so many processes want to run."""
    return min(SLOWEST, max(1.0, load / processors))


@dataclass(frozen=True, kw_only=True)
class Versions:
    """What ``docker version`` says; `error` where no engine answers."""

    client: str
    engine: str = ""
    error: HarnessError | None = None


@dataclass(frozen=True, kw_only=True)
class Info:
    """What ``docker info`` says, and our time before and after."""

    values: Mapping[str, Any]
    before: float
    after: float

    def plugin(self, name: str) -> str | None:
        """The version of a plugin of the client; None without it."""
        plugins = (self.values.get("ClientInfo") or {}).get("Plugins") or ()
        for one in plugins:
            if one.get("Name") == name and not one.get("Err"):
                return str(one.get("Version", "")) or "of unknown version"
        return None


class Once(Generic[T]):
    """A value that is computed once, whichever thread asks first; errors too."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._guard = threading.Lock()
        self._value: list[T] = []
        self._error: HarnessError | None = None

    def __call__(self) -> T:
        with self._guard:
            if self._error is not None:
                raise self._error
            if not self._value:
                try:
                    self._value.append(self._compute())
                except HarnessError as error:
                    self._error = error
                    raise
            return self._value[0]


class DockerProbe:
    """Questions to an engine; all raise `MissingTool` without the client."""

    def __init__(
        self, engine: Engine, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.engine = engine
        self._clock = clock
        self.versions = Once(self._versions)
        self.info = Once(self._info)
        self.host = Once(self._host)

    def _versions(self) -> Versions:
        try:
            done = self.engine.run("version", "--format", "{{json .}}", check=False)
        except CommandFailed as error:  # it took too long
            return Versions(client="", error=error)
        known = parsed(done.stdout)
        client = str((known.get("Client") or {}).get("Version", ""))
        server = str((known.get("Server") or {}).get("Version", ""))
        if server:
            return Versions(client=client, engine=server)
        argv = self.engine.argv("version")
        refused = failure(argv, done.code, done.stderr or done.stdout)
        return Versions(client=client, error=refused)

    def _info(self) -> Info:
        before = self._clock()
        done = self.engine.run("info", "--format", "{{json .}}", check=False)
        return Info(values=parsed(done.stdout), before=before, after=self._clock())

    def _host(self) -> str:
        form = "{{.Endpoints.docker.Host}}"
        done = self.engine.run("context", "inspect", "--format", form, check=False)
        return done.stdout.strip()

    def why_not(self) -> str | None:
        """Why nothing can be asked of the engine, or None."""
        try:
            error = self.versions().error
        except HarnessError as caught:
            error = caught
        if error is None:
            return None
        return error.message if isinstance(error, MissingTool) else SILENT


def reason(error: HarnessError) -> str:
    """Why the engine does not answer, in a few words."""
    if isinstance(error, MissingTool):
        return error.message
    last = error.message.strip().splitlines()[-1]
    return f"{SILENT}: {textwrap.shorten(last, LONGEST)}"


def parsed(text: str) -> dict[str, Any]:
    """A JSON object; empty where the text is none."""
    try:
        value = json.loads(text)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
