# SPDX-License-Identifier: GPL-3.0-or-later
"""The Docker engine, by its command line: calls, labels, typed failures.

All that the harness makes carries the labels below, so that it can be found
again, and nothing else is ever touched.
"""

import json
import math
import re
import shutil
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from harness import proc
from harness.errors import EngineError, HarnessError, MissingTool
from harness.refusals import failure

STATE: Final = "harness.state"
"""Label: the id of the state directory whose register knows the owner."""
RUN: Final = "harness.run"
"""Label: the run that made it; it goes when the run has ended."""
ROLE: Final = "harness.role"
"""Label: what it is: server, runner, network, stack, data, image."""

TIMEOUT: Final = 60.0
"""Seconds that a call may take unless its caller says more."""

KINDS: Final = ("container", "network", "volume")
DISTANT: Final = ("tcp", "http", "https", "ssh")
"""How the addresses of engines begin that may be on other machines."""
REGISTRY: Final = "docker.io/"
"""The registry whose name the engine leaves out."""
ABSENT: Final = re.compile("no such|not found", re.IGNORECASE)
"""How it says that there is none of a name."""


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

    def elsewhere(self) -> str:
        """The address of an engine that is not behind a socket of this machine."""
        told = self.environ
        address = told.get("DOCKER_HOST", "")
        if not address and (told.get("DOCKER_CONTEXT") or self._has_context()):
            address = self._of_context("{{.Endpoints.docker.Host}}")
        return address if urlsplit(address).scheme in DISTANT else ""

    def named(self) -> dict[str, str]:
        """Variables that say of a context what a library without contexts must know."""
        address = self.elsewhere()
        if not address or self.environ.get("DOCKER_HOST"):
            return {}
        place = Path(self._of_context("{{.Storage.TLSPath}}"), "docker")
        found = {"DOCKER_HOST": address}
        if place.is_dir():
            found |= {"DOCKER_TLS_VERIFY": "1", "DOCKER_CERT_PATH": str(place)}
        return found

    def _of_context(self, form: str) -> str:
        done = self.run("context", "inspect", "--format", form, check=False)
        return done.stdout.strip()

    def _has_context(self) -> bool:
        """Whether one was chosen: without a process, since most have chosen none."""
        usual = Path(self.environ.get("HOME", ""), ".docker")
        place = Path(self.environ.get("DOCKER_CONFIG") or usual, "config.json")
        try:
            return '"currentContext"' in place.read_text("utf-8")
        except (OSError, ValueError):
            return False

    def require_files(self, directory: Path, image: str, remedy: str) -> None:
        """Raise `EngineError` where it does not have what is in this directory.

        It would mount what it has there itself: another version, or nothing.  Its
        address says nothing of that (a neighbour may share files), so it is asked, by
        a name that nobody else has.  `image` is any that it has.
        """
        address = self.elsewhere()
        if not address:
            return
        with tempfile.TemporaryDirectory(dir=directory, prefix=".seen-") as mark:
            mount = f"--mount=type=bind,source={mark},target=/seen,readonly"
            words = (*options({ROLE: "probe"}), mount, image)
            done = self.run("create", *words, check=False)
        if done.code == 0:
            self.run("rm", "--force", done.stdout.strip(), check=False)
        elif "bind source path does not exist" in done.stderr:
            raise EngineError(
                f"the engine at {address} has not the files of this machine, and would"
                f" mount its own in place of {directory}",
                checked="whether it sees a new directory there",
                remedy=remedy,
            )
        else:
            raise failure(self.argv("create", image), done.code, done.stderr)

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
            if ABSENT.search(done.stderr):
                return None
            raise failure(self.argv(kind, "inspect", name), done.code, done.stderr)
        found: list[dict[str, Any]] = json.loads(done.stdout)
        return found[0]

    def images(self, names: Collection[str]) -> dict[str, dict[str, Any]]:
        """What the engine knows of those images that it has, in one call."""
        if not names:
            return {}
        argv = ("image", "inspect", *names)
        done = self.run(*argv, check=False)
        if done.code and not ABSENT.search(done.stderr):
            raise failure(self.argv(*argv), done.code, done.stderr)
        found = {
            tag: one
            for one in json.loads(done.stdout or "[]")
            for tag in one.get("RepoTags") or ()
        }
        known = {name: found.get(name.removeprefix(REGISTRY)) for name in names}
        return {name: one for name, one in known.items() if one}

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
