# SPDX-License-Identifier: GPL-3.0-or-later
"""The stack as all its commands see it; ``harness shell``, ``exec``, ``run``."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from harness import proc
from harness.context import Context
from harness.engine import Engine
from harness.errors import ExitCode, ImageError, UsageError
from harness.images.build import DIGEST
from harness.stack import lines, overlay, secrets
from harness.stack import project as projects
from harness.stack.compose import DEPLOYED, Compose, Container, attended
from harness.stack.project import Project
from harness.store import write_atomically


@dataclass(frozen=True, kw_only=True)
class Stack:
    """The stack of this checkout, as a command sees it."""

    context: Context
    project: Project

    @cached_property
    def engine(self) -> Engine:
        """The engine that it runs on."""
        return Engine(self.context.environ)

    @cached_property
    def looking(self) -> Compose:
        """Compose as far as it needs neither files nor secrets."""
        return self._compose([], {})

    @cached_property
    def compose(self) -> Compose:
        """Compose with all files, variables and secrets."""
        projects.worker(self.project)
        known = self.secrets
        return self._compose([*self.project.files(), self._overlay(known)], known)

    @cached_property
    def secrets(self) -> dict[str, str]:
        """Its secrets; those of development are made when missing.

        Raises `ConfigError` for ones that are not fit for the environment.
        """
        self.project.files()  # nothing is made where these are not there
        found = secrets.ensure(self.project.directory, self.project.environment)
        return found | self.project.pair.texts()

    def show(self, calls: Iterable[Sequence[str | Path]]) -> int:
        """Print calls of Compose as lines for a shell, instead of making them."""
        argvs = [self.compose.argv(*call) for call in calls]
        shown = lines.shown(self.project, self.context.store.id, argvs)
        self.context.console.info("\n".join(shown))
        return ExitCode.OK

    def with_file(self, path: Path) -> Compose:
        """`compose` with one more file, which wins."""
        return self._compose([*self.compose.files, path], self.secrets)

    def _compose(self, files: Sequence[Path], known: dict[str, str]) -> Compose:
        state = self.context.store.id
        return Compose(
            self.engine,
            project=self.project.name,
            files=files,
            directory=self.project.directory,
            variables=projects.variables(self.project, state=state, secrets=known),
        )

    def _overlay(self, known: dict[str, str]) -> Path:
        """The file of what depends on this checkout; JSON is YAML."""
        sources = self.context.sources.values()
        made = overlay.overlay(self.project, list(sources), known)
        place = self.context.store.directory("stack", self.project.name)
        path = place / "checkout.yaml"
        write_atomically(path, json.dumps(made, indent=1) + "\n")
        return path

    def deployed_name(self, service: str) -> str:
        """What the container of ``harness deploy`` is called."""
        return f"{self.project.name}-{service}{DEPLOYED}"

    def up(self) -> list[Container]:
        """The containers; raises `UsageError` where there are none."""
        found = self.looking.ps()
        if not any(one.state == "running" for one in found):
            raise UsageError(
                f"the stack {self.project.name} is not up",
                checked="docker compose ps",
                remedy=self.line("up"),
            )
        return found

    def running(self, service: str) -> list[Container]:
        """The containers of a service; raises `UsageError` where none runs."""
        found = [one for one in self.up() if one.service == service]
        if not any(one.state == "running" for one in found):
            raise UsageError(
                f"{service} does not run",
                checked=f"docker compose ps: {found[0].status}" if found else "",
                remedy=self.line("up", service),
            )
        return found

    def inside(
        self, container: Container, words: Sequence[str], *options: str, terminal: bool
    ) -> proc.Child:
        """A command in one container, with this terminal's input and output."""
        tty = ("--tty",) if terminal else ()
        argv = self.engine.argv(
            "exec", "--interactive", *tty, *options, container.name, *words
        )
        env = self.engine.environ
        return proc.Child(argv, env=env, stdin=None, foreground=True)

    def line(self, *words: str) -> str:
        """A command line for this environment."""
        default = self.context.config.stack.environment
        if self.project.environment != default:
            words = (words[0], "--environment", self.project.environment, *words[1:])
        return " ".join(["harness", *words])

    def require_images(self, names: Sequence[str]) -> list[str]:
        """What the images of services are made of, as digests, or their ids.

        Raises `ImageError` where one is not there.
        """
        wanted = self.project.images(names)
        form = (
            f'{{{{or (index .Config.Labels "{DIGEST}") .Id}}}} {{{{json .RepoTags}}}}'
        )
        done = self.engine.run(
            "image", "inspect", "--format", form, *wanted.values(), check=False
        )
        lines = [line for line in done.stdout.splitlines() if line.strip()]
        lacking = [n for n, tag in wanted.items() if f'"{tag}"' not in done.stdout]
        if done.code and not lacking:
            self.engine.require()
        if lacking:
            self.engine.require()
            variant = ""
            if self.project.variant != self.context.config.images.variant:
                variant = f" --variant {self.project.variant}"
            raise ImageError(
                f"{len(lacking)} of the stack's images are not built:"
                f" {', '.join(lacking)}",
                checked=", ".join(wanted[name] for name in lacking),
                remedy=f"harness build{variant} {' '.join(lacking)}",
            )
        return [line.split()[0] for line in lines]


def open_(context: Context, environment: str) -> Stack:
    """The stack of this checkout in an environment; empty: the configured one."""
    return Stack(context=context, project=projects.make(context.config, environment))


def make_secrets(context: Context, *, environment: str) -> int:
    """Make those that are missing; raises `ConfigError` where others are not fit."""
    stack = open_(context, environment)
    place = secrets.directory(stack.project.directory, stack.project.environment)
    for name in secrets.create(place, secrets.NAMES):
        context.console.info(f"made: {place / name}")
    secrets.ensure(stack.project.directory, stack.project.environment)
    context.console.info(f"all secrets of {stack.project.environment} are there")
    return ExitCode.OK


def remove(stack: Stack, kinds: Sequence[str], *, dry: bool) -> bool:
    """End and remove all of the stack that is of these kinds; whether there was any.

    With `dry` it only says how.
    """
    found = {kind: labelled(stack, kind) for kind in kinds}
    if not any(found.values()):
        return False
    # Compose's own needs a container of each service that another depends on.
    servers = [name for name in found["container"] if re.search(r"-db-\d+$", name)]
    others = [name for name in found["container"] if name not in servers]
    calls = [("stop", *names) for names in (others, servers) if names]
    for kind, names in found.items():
        force = ("--force",) if kind != "network" else ()
        calls += [(kind, "rm", *force, *names)] if names else []
    if dry:
        argvs = [proc.line(stack.engine.argv(*call)) for call in calls]
        stack.context.console.info("\n".join(argvs))
        return True
    what = "with its data" if "volume" in kinds else "its data stay"
    title = f"down {stack.project.name} ({what})"
    with stack.context.console.step(title, ticker=True):
        for call in calls:
            stack.engine.run(*call, timeout=300)
    return True


def kept(
    project: Project, counts: Mapping[str, int], names: Iterable[str]
) -> list[str]:
    """Options of ``up`` that leave the replicas of what it touches as they are.

    Its ``--no-deps`` would not: it makes containers that the next ``up`` replaces.
    """
    touched = project.closure(names)
    return [f"--scale={name}={counts[name]}" for name in touched if name in counts]


def labelled(stack: Stack, kind: str) -> list[str]:
    """What of a kind belongs to the project, containers of ``run`` included."""
    column = "{{.Names}}" if kind == "container" else "{{.Name}}"
    every = ("--all",) if kind == "container" else ()
    label = f"label=com.docker.compose.project={stack.project.name}"
    done = stack.engine.run(kind, "ls", *every, "--format", column, "--filter", label)
    return done.stdout.split()


def shell(context: Context, *, environment: str, service: str, terminal: bool) -> int:
    """A shell in a service: bash where there is one."""
    words = ("sh", "-c", "command -v bash >/dev/null && exec bash; exec sh")
    return execute(
        context, environment=environment, service=service, argv=words,
        terminal=terminal,
    )  # fmt: skip


def execute(
    context: Context,
    *,
    environment: str,
    service: str,
    argv: Sequence[str],
    terminal: bool,
) -> int:
    """A command in a running service; its exit code."""
    stack = open_(context, environment)
    (name,) = stack.project.services([service])
    found = [one for one in stack.running(name) if one.state == "running"]
    if all(one.deployed for one in found):
        return attended(stack.inside(found[0], argv, terminal=terminal))
    options = [] if terminal else ["--no-TTY"]
    return stack.looking.attach("exec", *options, name, *argv)


def run(
    context: Context,
    *,
    environment: str,
    service: str,
    argv: Sequence[str],
    terminal: bool,
) -> int:
    """A command in a new container of a service, which goes with it."""
    stack = open_(context, environment)
    (name,) = stack.project.services([service])
    stack.require_images([name])
    options = [] if terminal else ["--no-TTY"]
    started = ("run", "--rm", "--env", "DEBUGGER_PORT=0", *options, name)
    return stack.compose.attach("--progress=quiet", *started, *argv)
