# SPDX-License-Identifier: GPL-3.0-or-later
"""Steps inside a service's image: the same command, wrapped in ``docker run``.

The project, the state directory and the reports are mounted where they are
outside, so that their paths mean the same on both sides.  The image's own
environment and the sources have other paths in there: those are translated.
"""

import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Any, Final

from harness import engine as engine_
from harness import proc, waiting
from harness.engine import Engine
from harness.environment import Environment
from harness.errors import ImageError
from harness.interpreters import Interpreter
from harness.locks import Lock
from harness.store import Store

VENV: Final = "/opt/venv"
"""Where an image has its Python environment unless it says otherwise."""
SOURCES: Final = "/shared/src"
"""Where an image has the sources, each by its name."""
TESTS: Final = "tests"
"""The role of the container that the tests run in."""
SHARED: Final = "1g"
"""Shared memory; a browser needs more than Docker's 64 MB."""


@dataclass(frozen=True, kw_only=True)
class Image:
    """An image that is here, with a readable copy of its environment."""

    name: str
    id: str
    venv: str
    environment: Environment
    variables: Mapping[str, str] = field(default_factory=dict)
    """Those that a process in it has without being given any."""


def find(engine: Engine, store: Store, name: str, *, run: str, remedy: str) -> Image:
    """The image; its package metadata and Tryton modules are copied out once.

    The container that they are copied from is one of the `run`.

    Raises `ImageError` when it is not there, with the `remedy`, or has no environment.
    """
    found = engine.inspect("image", name)
    if found is None:
        raise ImageError(
            f"the image {name} is not there", remedy=remedy, checked="images"
        )
    variables = dict(
        line.partition("=")[::2] for line in found["Config"].get("Env") or ()
    )
    venv = variables.get("VIRTUAL_ENV", VENV)
    id_ = str(found["Id"]).removeprefix("sha256:")[:12]
    path = store.directory("images") / id_
    lock = Lock(path.with_name(f"{id_}.lock"))
    while not (lock.acquire(shared=True) and path.exists()):
        labels = engine_.labels(state=store.id, role="runner", run=run)
        lock.acquire()
        if not path.exists():
            with waiting.on(f"the names of the packages in the image {name}"):
                _copy(engine, name, venv, path, labels)
    [library] = (path / "lib").glob("python3.*")
    minor = int(library.name.removeprefix("python3."))
    interpreter = Interpreter(path=Path(venv, "bin", "python"), version=(3, minor))
    environment = Environment(path=path, interpreter=interpreter, lock=lock)
    return Image(
        name=name, id=id_, venv=venv, environment=environment, variables=variables
    )


def _copy(
    engine: Engine, name: str, venv: str, path: Path, labels: Mapping[str, str]
) -> None:
    made = engine.run("create", *engine_.options(labels), name)
    container = made.stdout.strip()
    half = Path(tempfile.mkdtemp(dir=path.parent, prefix=f"{path.name}."))
    try:
        argv = engine.argv("cp", f"{container}:{venv}/lib", "-")
        with proc.Child(
            argv, env=engine.environ, stdout=proc.PIPE, stderr=proc.PIPE
        ) as child:
            _unpack(child.process.stdout, half)
            child.process.communicate()
        if not list(half.glob("lib/python3.*")):
            raise ImageError(
                f"the image {name} has no Python environment",
                checked=f"{venv} in it",
                remedy="set VIRTUAL_ENV in the image, or choose another one",
            )
        half.chmod(0o755)
        half.rename(path)
    except BaseException:
        shutil.rmtree(half, ignore_errors=True)
        raise
    finally:
        engine.run("rm", "--force", "--volumes", container, check=False)


WANTED: Final = re.compile(
    r"(?!.*/\.\./)"
    r"lib/python3\.\d+/site-packages/(trytond/.*(?<!\.pyc)|[^/]+\.dist-info/[^/]+)"
)


def _unpack(stream: Any, directory: Path) -> None:
    try:
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            # Before Python 3.11.4, as in Debian 12, there is none, and nobody asks it.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            for member in archive:
                if member.isfile() and WANTED.fullmatch(member.name):
                    archive.extract(member, directory)
    except tarfile.ReadError:
        return  # nothing came: the caller looks at what is there


@dataclass(frozen=True, kw_only=True)
class Inside:
    """How the commands of one step are run in containers."""

    engine: Engine
    image: Image
    labels: Mapping[str, str]
    name: str
    network: str
    scratch: Path
    mounts: tuple[tuple[str, str, str], ...]
    """From, to, and ``ro`` or ``rw``."""
    paths: tuple[tuple[str, str], ...]
    """Beginnings of paths outside and inside, the longest first."""
    aliases: tuple[str, ...] = ()
    directory: str = ""
    variables: Mapping[str, str]
    connections: Mapping[str, str]
    """libpq's variables inside that differ from those outside."""

    def translate(self, text: str) -> str:
        """A text with the paths that are meant inside."""
        for outside, inside in self.paths:
            text = re.sub(rf"{re.escape(outside)}(?=[/\"':,]|$)", inside, text)
        return text

    def environ(self, env: Mapping[str, str]) -> dict[str, str]:
        """What a process is given inside that would be given `env` outside."""
        merged = {**env, **self.connections, **self.variables, "HOME": "/tmp"}
        return {key: self.translate(value) for key, value in merged.items()}

    def wrap(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        role: str,
        *,
        interactive: bool = False,
    ) -> list[str]:
        """The command line that runs `argv` in a container called after `role`."""
        lines = [f"{key}={value}" for key, value in self.environ(env).items()]
        long = [line for line in lines if "\n" in line]  # no env file takes them
        file = self.scratch / f"{self.container(role)}.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{line}\n" for line in lines if line not in long))
        options = [
            "run", "--rm", "--init", "--interactive", "--no-healthcheck",
            *(("--tty",) if interactive else ()),
            "--name", self.container(role), "--entrypoint", self.translate(argv[0]),
            "--user", f"{os.getuid()}:{os.getgid()}", "--shm-size", SHARED,
            "--env-file", str(file),
            *(word for line in long for word in ("--env", line)),
            *engine_.options(self.labels),
        ]  # fmt: skip
        if self.network:
            options += ["--network", self.network]
        if role == TESTS and self.network != "host":
            for alias in self.aliases:
                options += ["--network-alias", alias]
        options += published(argv)
        if self.directory:
            options += ["--workdir", self.directory]
        for source, target, mode in self.mounts:
            options += ["--volume", f"{source}:{target}:{mode}"]
        rest = [self.translate(part) for part in argv[1:]]
        return self.engine.argv(*options, self.image.name, *rest)

    def container(self, role: str) -> str:
        """What the container of `role` is called."""
        return f"{self.name}-{role}"

    def end(self, role: str) -> None:
        """Remove the container of `role`, if it is still there."""
        self.engine.run("rm", "--force", "--volumes", self.container(role), check=False)


def published(argv: Sequence[str]) -> list[str]:
    """Options that let an editor reach the debugger that a command waits with."""
    ports = [
        word.rpartition(":")[2]
        for word in argv
        if word.startswith("--harness-debugger=")
    ]
    return [part for one in ports for part in ("--publish", f"127.0.0.1:{one}:{one}")]


def linked(directory: Path) -> list[Path]:
    """Where links in a directory lead: who mounts the directory has but the links."""
    if not directory.is_dir():
        return []
    found = (one for one in directory.iterdir() if one.is_symlink() and one.exists())
    return sorted({one.resolve() for one in found})


def mounts(
    *paths: Path,
    sources: Mapping[str, Path],
    writable: Sequence[Path],
    more: Sequence[str],
) -> tuple[tuple[str, str, str], ...]:
    """`paths` and `writable` at their own places, sources at theirs inside.

    `more` are ``OUTSIDE:INSIDE[:ro]`` of the configuration; a name without a slash is
    a volume, and what is relative is below the first path, the root.
    """
    made = {str(path): (str(path), str(path), "ro") for path in paths}
    made |= {str(path): (str(path), str(path), "rw") for path in writable}
    for name, path in sources.items():
        target = str(PurePosixPath(SOURCES, name))
        made[target] = (str(path), target, "rw")
    for line in more:
        outside, inside, mode = (*line.split(":"), "rw")[:3]
        if "/" in outside:
            outside = str(paths[0] / outside)
        made[inside] = (outside, inside, mode)
    return tuple(made.values())


def translations(sources: Mapping[str, Path], image: Image | None) -> dict[str, str]:
    """Beginnings of paths outside → inside."""
    made = {str(path): f"{SOURCES}/{name}" for name, path in sources.items()}
    if image is not None:
        made[str(image.environment.path)] = image.venv
    return dict(sorted(made.items(), key=lambda pair: -len(pair[0])))


def beside(inside: Inside, name: str) -> Inside:
    """The same for another container of the step, which `network` gives a network."""
    return replace(inside, name=f"{inside.name}-{name}", network="")


def keeping(
    inside: Inside, directories: Sequence[str], scratch: Path
) -> tuple[Inside, dict[str, str]]:
    """The same with these directories inside kept outside: inside → outside."""
    kept: dict[str, str] = {}
    for number, directory in enumerate(directories):
        kept[directory] = str(scratch / f"{inside.name}-kept-{number}")
        Path(kept[directory]).mkdir()
    mounted = [one for one in inside.mounts if one[1] not in kept]
    mounted += [(outside, target, "rw") for target, outside in kept.items()]
    return replace(inside, mounts=tuple(mounted)), kept


@contextmanager
def network(inside: Inside, *, server: str, aliases: Sequence[str]) -> Iterator[Inside]:
    """A network of the run's own; the database server's container is on it too."""
    engine = inside.engine
    made = f"{inside.name}-network"
    engine.run("network", "create", *engine_.options(inside.labels), made)
    try:
        if server:
            names = [part for alias in aliases for part in ("--alias", alias)]
            engine.run("network", "connect", *names, made, server)
        yield replace(inside, network=made)
    finally:
        if server:
            engine.run("network", "disconnect", "--force", made, server, check=False)
        engine.run("network", "rm", made, check=False)
