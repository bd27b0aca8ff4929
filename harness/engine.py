# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine, by its command line: calls, labels, typed failures.

All that the harness makes carries the labels below, so that it can be found
again, and nothing else is ever touched.
"""

import json
import math
import re
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness import proc
from harness.errors import (
    CommandFailed,
    EngineError,
    HarnessError,
    ImageError,
    MissingTool,
)

STATE: Final = "harness.state"
"""Label: the id of the state directory whose register knows the owner."""
RUN: Final = "harness.run"
"""Label: the run that made it; it goes when the run has ended."""
ROLE: Final = "harness.role"
"""Label: what it is: server, runner, network, stack, data, image."""

Match = re.Match[str]
TIMEOUT: Final = 60.0
"""Seconds that a call may take unless its caller says more."""

KINDS: Final = ("container", "network", "volume")


@dataclass(frozen=True, kw_only=True)
class Owned:
    """A container, network or volume with the harness's labels."""

    kind: str
    id: str
    name: str
    role: str
    run: str


class Engine:
    """The engine that ``docker`` talks to: DOCKER_HOST, its context, or the socket."""

    def __init__(
        self, environ: Mapping[str, str], *, patience: float = math.inf
    ) -> None:
        """No call may take more than `patience` seconds."""
        self.environ = environ
        self.patience = patience
        self._version: str | None = None

    def why_not(self) -> str | None:
        """The reason why it cannot be used here, or None."""
        try:
            self.require()
        except HarnessError as error:
            return error.message
        return None

    def require(self) -> str:
        """The version of the engine.

        Raises `MissingTool` or `EngineError` with the remedy when there is none.
        """
        if self._version is None:
            done = self.run("version", "--format", "{{.Server.Version}}", timeout=10)
            self._version = done.stdout.strip()
        return self._version

    def argv(self, *parts: str | Path) -> list[str]:
        """The command line of a call."""
        path = self.environ.get("PATH")
        program = shutil.which("docker", path=path)
        if program is None:
            raise MissingTool(
                "docker is not installed",
                checked=f"PATH={path}",
                remedy="install Docker Engine, or go without: --database local",
            )
        return [program, *map(str, parts)]

    def run(
        self,
        *parts: str | Path,
        check: bool = True,
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
    ) -> proc.Completed:
        """Call ``docker``; `timeout` in seconds, `env` is added to its environment.

        Raises the error that belongs to what the engine says: see `failure`.
        """
        argv = self.argv(*parts)
        environ = {**self.environ, **(env or {})}
        limit = min(timeout, self.patience)
        done = proc.run(argv, env=environ, check=False, timeout=limit)
        if check and done.code:
            raise failure(argv, done.code, done.stderr or done.stdout)
        return done

    def read(self, *parts: str | Path) -> list[Any]:
        """The answer to a call with ``--format '{{json .}}'``, one value a line."""
        lines = self.run(*parts, "--format", "{{json .}}").stdout.splitlines()
        return [json.loads(line) for line in lines if line.strip()]

    def inspect(self, kind: str, name: str) -> dict[str, Any] | None:
        """What the engine knows of an object; None where there is none."""
        done = self.run(kind, "inspect", name, check=False)
        if done.code:
            if re.search(r"no such|not found", done.stderr, re.IGNORECASE):
                return None
            raise failure(self.argv(kind, "inspect", name), done.code, done.stderr)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0]

    def image_labels(self, image: str) -> dict[str, str] | None:
        """The labels of an image that is here; None where it is not."""
        found = self.inspect("image", image)
        return None if found is None else dict(found["Config"].get("Labels") or {})

    def owned(self, state: str) -> list[Owned]:
        """All that was made for a state directory, containers first."""
        found = []
        for kind in KINDS:
            columns = "{{.Names}}" if kind == "container" else "{{.Name}}"
            number = "{{.Name}}" if kind == "volume" else "{{.ID}}"
            form = "\t".join(
                (number, columns, f'{{{{.Label "{ROLE}"}}}}', f'{{{{.Label "{RUN}"}}}}')
            )
            every = ("--all",) if kind == "container" else ()
            done = self.run(
                kind, "ls", *every, "--filter", f"label={STATE}={state}",
                "--format", form,
            )  # fmt: skip
            for line in done.stdout.splitlines():
                id_, name, role, run = (line + "\t\t\t").split("\t")[:4]
                found.append(Owned(kind=kind, id=id_, name=name, role=role, run=run))
        return found

    def remove(self, things: Sequence[Owned]) -> None:
        """Remove these, containers first; what is gone already is no error."""
        for kind in KINDS:
            ids = [one.id for one in things if one.kind == kind]
            if not ids:
                continue
            if kind == "network":
                self._disconnect(ids)
            options = ("--force", "--volumes") if kind == "container" else ()
            done = self.run(kind, "rm", *options, *ids, check=False)
            left = [
                line
                for line in done.stderr.splitlines()
                if line.strip() and not GONE.search(line)
            ]
            if left:
                raise failure(self.argv(kind, "rm", *ids), done.code, "\n".join(left))

    def _disconnect(self, networks: Sequence[str]) -> None:
        """Take off who is still on them: a server that other runs use."""
        for network in networks:
            found = self.inspect("network", network) or {}
            for container in found.get("Containers") or {}:
                self.run(
                    "network", "disconnect", "--force", network, container, check=False
                )

    def sweep(self, state: str, live: Collection[str]) -> list[Owned]:
        """Remove what runs have left that are not among the `live` ones."""
        dead = [one for one in self.owned(state) if one.run and one.run not in live]
        self.remove(dead)
        return dead


def labels(*, state: str, role: str, run: str = "") -> dict[str, str]:
    """The labels of what is made now."""
    made = {STATE: state, ROLE: role}
    return {**made, RUN: run} if run else made


def options(labels_: Mapping[str, str]) -> list[str]:
    """Labels as options of ``docker``."""
    return [part for key in labels_ for part in ("--label", f"{key}={labels_[key]}")]


GONE: Final = re.compile(r"no such|not found|already in progress", re.IGNORECASE)


def failure(argv: Sequence[str], code: int, output: str) -> HarnessError:
    """The error that belongs to what ``docker`` said.

    `MissingTool` without an engine or rights, `EngineError` for a port that is
    taken and a full disk, `ImageError` where an image is not to be had,
    `CommandFailed` for the rest.
    """
    text = output.strip()
    line = proc.line(argv)
    for pattern, make in MEANINGS:
        for said in text.splitlines():
            match = re.search(pattern, said, re.IGNORECASE)
            if match:
                return make(match, said, line)
    return CommandFailed(f"{line} ended with exit code {code}:\n{text[-4000:]}")


def _no_rights(match: Match, said: str, line: str) -> HarnessError:
    return MissingTool(
        "you may not use the Docker engine's socket",
        checked=said,
        remedy="sudo usermod -aG docker $USER, then log in again",
    )


def _no_engine(match: Match, said: str, line: str) -> HarnessError:
    return MissingTool(
        "the Docker engine does not answer",
        checked=said,
        remedy="start it: sudo systemctl start docker"
        " (or go without: --database local)",
    )


def _port(match: Match, said: str, line: str) -> HarnessError:
    return EngineError(
        f"the port {match['port'].rstrip(':')} is taken",
        checked=said,
        remedy="harness doctor says by whom; free it, or set another one",
    )


def _full(match: Match, said: str, line: str) -> HarnessError:
    return EngineError(
        "the Docker engine has no space left",
        checked=said,
        remedy="docker system df says what takes it; harness clean removes"
        " what the harness made",
    )


def _no_image(match: Match, said: str, line: str) -> HarnessError:
    return ImageError(
        "an image is not here and cannot be pulled",
        checked=f"{line}: {said}",
        remedy="without a registry: harness images base, then harness build",
    )


MEANINGS: Final[tuple[tuple[str, Callable[[Match, str, str], HarnessError]], ...]] = (
    (r"permission denied.* connect", _no_rights),
    (
        r"cannot connect to the docker daemon|docker daemon running|"
        r"error during connect|^(?!error response from daemon).*connection refused|"
        r"EOF$",
        _no_engine,
    ),
    (
        r"(bind for |listen tcp4? )(?P<port>[\d.:]+).*"
        r"(already allocated|already in use)",
        _port,
    ),
    (r"no space left on device", _full),
    (
        r"pull access denied|manifest unknown|failed to resolve (source|reference)|"
        r"unable to find image|failed to do request|no such image|"
        r"lookup [^ ]+ on |registry[^ ]*: no such host",
        _no_image,
    ),
)
"""What docker says, and the error that it means."""
