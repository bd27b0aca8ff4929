# SPDX-License-Identifier: GPL-3.0-or-later
"""Other machines whose processors help with a step, reached by ssh.

What a worker needs is brought there by rsync, to the same absolute paths, and one
connection carries the broker's socket and the database server's there.  A machine that
is away is left out, with one line.
"""

import json
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import proc
from harness.context import Context
from harness.environment import Environment
from harness.errors import CommandFailed, HarnessError, MissingTool, UsageError
from harness.plan import Step
from harness.postgres import Address
from harness.run.servers import TemplatePlace
from harness.runners import base
from harness.template.broker import BROKER, Broker

WORDS: Final = re.compile(r"(?:(?P<number>[1-9]\d*)\*)?ssh=(?P<host>[^-\s]\S*)")
SSH: Final = (
    "ssh", "-oBatchMode=yes", "-oConnectTimeout=5", "-oServerAliveInterval=2",
    "-oServerAliveCountMax=3",
)  # fmt: skip
PATIENCE: Final = 15.0
"""Seconds for one short command over there."""
BRINGING: Final = 600.0
"""Seconds for all that is brought there."""
MARK: Final = ".harness-brought"
"""File in a directory that the harness has brought, and may change."""
GIVEN: Final = "HARNESS_DISTANT"
REACH: Final = "HARNESS_REACH"
"""As `harness.plugins.workers.distant` and `harness.plugins.client` have them."""
PLUGIN: Final = "harness.plugins.workers.distant"
LEFT_OUT: Final = (".git", "__pycache__", ".pytest_cache", MARK)


@dataclass(frozen=True, kw_only=True)
class Host:
    """A machine and the number of workers that it is to have."""

    name: str
    workers: int = 1


def parse(words: Iterable[str]) -> tuple[Host, ...]:
    """The hosts that ``[N*]ssh=HOST`` name; raises `UsageError` for other words."""
    found: dict[str, int] = {}
    for word in words:
        match = WORDS.fullmatch(word)
        if match is None:
            raise UsageError(
                f"{word!r} is no worker",
                checked="--worker, [tool.harness] workers",
                remedy="write ssh=HOST, or 4*ssh=USER@HOST for four of them",
            )
        name = match["host"]
        found[name] = found.get(name, 0) + int(match["number"] or 1)
    return tuple(Host(name=name, workers=number) for name, number in found.items())


def check(paths: Sequence[Path], scratch: Path) -> str:
    """What is asked of a machine first: is it another one, and is there room?"""
    lines = [f"test -e {shlex.quote(str(scratch / 'state'))} && echo same && exit 0"]
    for path in paths:
        place, mark = shlex.quote(str(path)), shlex.quote(str(path / MARK))
        lines.append(
            f"if [ -e {place} ] && [ ! -e {mark} ]; then echo taken {place}; fi"
        )
    return "\n".join([*lines, "exit 0"])


def make(paths: Sequence[Path], scratch: Path, directory: Path) -> str:
    """Directories over there, those that are brought marked as ours."""
    lines = ["set -e", f"mkdir -p -m 700 {shlex.quote(str(scratch))}"]
    lines.append(f"mkdir -p {shlex.quote(str(directory))}")
    for path in paths:
        lines.append(f"mkdir -p {shlex.quote(str(path))}")
        lines.append(f": > {shlex.quote(str(path / MARK))}")
    return "\n".join(lines)


def outermost(paths: Iterable[Path]) -> list[Path]:
    """Without those that lie in others."""
    found: list[Path] = []
    for path in sorted(set(paths)):
        if not any(path.is_relative_to(one) for one in found):
            found.append(path)
    return found


class Distant:
    """The machines of one step."""

    def __init__(self, context: Context, stack: ExitStack, files: base.Files) -> None:
        self.context = context
        self.stack = stack
        self.files = files
        self.results = files.directory
        self.directory = context.config.root
        """Where the session runs."""
        self.broker = Path()
        self.address = Address(host="")
        self.reached: list[Host] = []
        self.same: set[str] = set()

    @property
    def scratch(self) -> Path:
        """The run's own directory, here and there."""
        return self.broker.parent

    def reach(
        self,
        hosts: Iterable[Host],
        step: Step,
        environment: Environment,
        broker: Broker,
        place: TemplatePlace,
    ) -> None:
        """Prepare all machines that can be had; say which cannot, and why."""
        assert place.address is not None  # `hosts` has seen to it
        self.broker, self.address = Path(broker.environment[BROKER]), place.address
        if step.source:
            self.directory = step.source.path
        paths = outermost(self._needed(step, environment))
        for host in hosts:
            try:
                with self.context.console.step(f"worker ssh={host.name}"):
                    self._prepare(host, paths, environment.python)
            except HarnessError as error:
                self._leave_out(host, error)
            else:
                self.reached.append(host)

    def _needed(self, step: Step, environment: Environment) -> Iterator[Path]:
        """What a worker opens."""
        yield environment.path
        yield self.files.directory
        yield self.files.link
        yield (self.files.link / "harness").resolve()
        for name in step.sources:
            yield self.context.sources[name].path
        for one in step.tested:
            if one.path:
                yield one.path

    def _prepare(self, host: Host, paths: Sequence[Path], python: Path) -> None:
        said = self._there(host, check(paths, self.scratch)).splitlines()
        if "same" in said:
            self.same.add(host.name)
            return
        if said:
            raise UsageError(
                f"it has {said[0].removeprefix('taken ')}, which the harness has not"
                " brought there",
                remedy=f"remove it there, or: ssh {host.name} touch"
                f" {said[0].removeprefix('taken ')}/{MARK}",
            )
        self._there(host, make(paths, self.scratch, self.directory))
        self._bring(host, paths)
        try:
            self._there(host, f"{shlex.quote(str(python))} -c 'import xdist'")
        except CommandFailed as error:
            raise MissingTool(
                f"{python} does not run there: {error.message}",
                remedy=f"install the Python there that is {python.resolve()} here",
            ) from error
        self._tunnel(host)

    def _there(self, host: Host, script: str) -> str:
        argv = [*SSH, host.name, script]
        env = self.context.environ
        done = proc.run(argv, env=env, timeout=PATIENCE, check=False)
        if done.code:
            said = (done.stderr or done.stdout).strip()[-500:]
            raise CommandFailed(said or f"ssh ended with exit code {done.code}")
        return done.stdout

    def bring_results(self) -> None:
        """What the step's command has been given in the run's directory meanwhile."""
        for host in [one for one in self.reached if one.name not in self.same]:
            try:
                self._bring(host, [self.results])
            except HarnessError as error:
                self.reached.remove(host)
                self._leave_out(host, error)

    def _leave_out(self, host: Host, error: HarnessError) -> None:
        self.context.console.warn(
            f"{host.name} is left out: {error.message}\nto mend it:"
            f" {error.remedy or f'ssh {host.name} true'}"
        )

    def _bring(self, host: Host, paths: Sequence[Path]) -> None:
        without = [f"--exclude={name}" for name in LEFT_OUT]
        argv = ["rsync", "-aR", "--delete", *without, "-e", shlex.join(SSH)]
        argv += [*map(str, paths), f"{host.name}:/"]
        proc.run(argv, env=self.context.environ, timeout=BRINGING)

    def _tunnel(self, host: Host) -> None:
        """Have the broker and the server answer there, until the step ends."""
        sockets = self.scratch / f"pg-{host.name}"
        there = sockets / ".s.PGSQL.5432"
        server = f"{self.address.host}:{self.address.port}"
        if self.address.host.startswith("/"):
            server = f"{self.address.host}/.s.PGSQL.{self.address.port}"
        self._there(host, f"mkdir -p -m 700 {shlex.quote(str(sockets))}")
        argv = [
            *SSH, "-N", "-oExitOnForwardFailure=yes", "-oStreamLocalBindMask=0177",
            "-R", f"{self.broker}:{self.broker}", "-R", f"{there}:{server}", host.name,
        ]  # fmt: skip
        self.stack.callback(self._tidy, host)
        log = self.stack.enter_context(
            (self.scratch / f"{host.name}.log").open("w+b", buffering=0)
        )
        child = self.stack.enter_context(
            proc.Child(argv, env=self.context.environ, stdout=log, stderr=proc.STDOUT)
        )
        ready = f"test -S {shlex.quote(str(there))} && echo ready; exit 0"
        deadline = time.monotonic() + PATIENCE
        while "ready" not in self._there(host, ready):
            if child.ended(within=0.1) or time.monotonic() > deadline:
                log.seek(0)
                said = log.read().decode(errors="replace").strip()
                raise CommandFailed(
                    f"no sockets are forwarded there: {said}",
                    remedy="AllowStreamLocalForwarding yes in its sshd_config",
                )

    def _tidy(self, host: Host) -> None:
        """Fetch what workers have written, and remove the run's directory."""
        argv = ["rsync", "-a", "--ignore-existing", f"--exclude={MARK}"]
        argv += ["-e", shlex.join(SSH), f"{host.name}:{self.results}/"]
        env = self.context.environ
        try:
            proc.run([*argv, f"{self.results}/"], env=env, timeout=BRINGING)
            gone = shlex.join(["rm", "-rf", str(self.scratch), str(self.results)])
            self._there(host, gone)
        except HarnessError as error:
            self.context.console.warn(
                f"{host.name}: nothing is fetched from there: {error.message[-200:]}"
            )

    def variables(self) -> Mapping[str, str]:
        """What the session is told."""
        places = [
            {
                "host": host.name,
                "ssh": list(SSH),
                "workers": host.workers,
                "away": str(self.scratch / f"away-{host.name}"),
                "environment": self._environment(host),
            }
            for host in self.reached
        ]
        return {GIVEN: json.dumps(places)} if places else {}

    def _environment(self, host: Host) -> dict[str, str]:
        if host.name in self.same:
            return {}
        reach = {"PGHOST": str(self.scratch / f"pg-{host.name}"), "PGPORT": "5432"}
        return {REACH: json.dumps(reach), **reach}


def hosts(context: Context, step: Step) -> tuple[Host, ...]:
    """The machines that a step may have; why it cannot is said."""
    found = parse(context.config.workers)
    why = ""
    if step.runner == "image":
        why = "it runs inside an image"
    elif step.database == "sqlite":
        why = "SQLite's databases are files here: --database local"
    elif not base.parallel(step):
        why = "it runs in one process: --jobs 2"
    if found and why:
        context.console.warn(f"no workers on other machines: {why}")
    return () if why else found
