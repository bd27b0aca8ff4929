# SPDX-License-Identifier: GPL-3.0-or-later
"""The suite's own Python environment: one per series, interpreter and sources.

Nothing is installed again while requirements, interpreter and packaging files
of the sources are unchanged.  Official modules are added when first named.
What all have in common is installed once and copied.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness import editable, index, packaging, proc
from harness import series as releases
from harness.discovery.packaging import installs
from harness.errors import CommandFailed, HarnessError, MissingTool, UsageError
from harness.installer import PackageInstaller
from harness.interpreters import Interpreter
from harness.locks import Lock, locked
from harness.model import Module, Source
from harness.modules import CORE
from harness.series import Series
from harness.store import Store, whole

TOOLS = ("pytest>=9.0,<10", "pytest-xdist>=3.8,<4", "coverage>=7.10")
"""What runs the tests; by major versions, since we are plugins of the first two."""
READY = "harness.json"
COMPLETE = "complete"


@dataclass(frozen=True, kw_only=True)
class EnvironmentRequest:
    """What an environment must hold."""

    series: Series
    interpreter: Interpreter
    sources: tuple[tuple[Source, Module | None], ...]
    """Sources to install, with the Tryton module of those that are one."""
    official: tuple[str, ...]
    """Official modules under test, with what their tests need."""
    extra: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    extras: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """Extras of a source's package, by its name."""

    @property
    def common(self) -> tuple[str, ...]:
        """The lines for pip that all environments of the series begin with."""
        pin = f"=={self.series.name}.*"
        return (
            f"trytond{pin}",
            f"proteus{pin}",
            self.series.driver,
            *self.series.requirements,
            *TOOLS,
        )

    @property
    def requirements(self) -> tuple[str, ...]:
        """The lines for pip, without the sources themselves."""
        pin = f"=={self.series.name}.*"
        own = {one.name for one, _ in self.sources}
        depends: set[str] = set()
        for source, module in self.sources:
            if module is None:
                continue
            needed = {*module.depends, *module.extras, *module.tests}
            known = releases.official() & needed
            if not installs(source.path):
                known |= {*module.depends}  # else it says itself where others' are
            depends |= known - {*CORE, *own}
        official = (f"trytond_{name}{pin}" for name in sorted(depends))
        return (*self.common, *official, *self.extra)

    @property
    def key(self) -> str:
        """Names the environment; equal as long as nothing must be installed."""
        parts: list[object] = [*self.requirements, *sorted(self.extras.items())]
        for source, _ in self.sources:
            parts.append(str(source.path))
            parts += [packaging.digest(source.path / one) for one in packaging.FILES]
        return self._named("tryton", parts)

    @property
    def base(self) -> str:
        """Names what the environment is a copy of."""
        return self._named("base", self.common)

    def _named(self, kind: str, parts: Iterable[object]) -> str:
        constraints = (*self.constraints, *self.series.constraints)
        whole = [str(self.interpreter.path), *parts, *constraints]
        digest = hashlib.sha256(repr(whole).encode()).hexdigest()[:10]
        return f"{kind}-{self.series.name}-py{self.interpreter.name}-{digest}"


@dataclass(frozen=True, kw_only=True)
class Environment:
    """A finished environment, locked for as long as it is used."""

    path: Path
    interpreter: Interpreter
    lock: Lock

    @property
    def python(self) -> Path:
        """The program that runs suites."""
        return self.path / "bin" / "python"

    @property
    def site(self) -> Path:
        """Its ``site-packages``."""
        return self.path / "lib" / f"python{self.interpreter.name}" / "site-packages"


class Environments:
    """Provides environments below the state directory."""

    def __init__(self, store: Store, environ: Mapping[str, str]) -> None:
        self.store = store
        self.environ = environ
        self.installer = PackageInstaller(environ)

    def installed(self, wanted: EnvironmentRequest) -> Environment | None:
        """The environment, if nothing has to be installed for it."""
        path = self.store.directory("envs") / wanted.key
        lock = Lock(path.with_name(f"{wanted.key}.lock"))
        if not self._holds(wanted):
            return None
        lock.acquire(shared=True)
        if not self._holds(wanted):  # somebody has removed it meanwhile
            lock.release()
            return None
        return Environment(path=path, interpreter=wanted.interpreter, lock=lock)

    def _holds(self, wanted: EnvironmentRequest) -> bool:
        """Whether all is there that is wanted."""
        have = self._have(wanted)
        return have is not None and set(wanted.official) <= set(have["official"])

    def _have(self, wanted: EnvironmentRequest) -> dict[str, Any] | None:
        """What is recorded of it; nothing where its interpreter has gone."""
        path = self.store.path / "envs" / wanted.key
        if _gone(path):
            return None
        found: dict[str, Any] | None = self.store.read(f"envs/{path.name}/{READY}")
        return found

    def ensure(
        self, wanted: EnvironmentRequest, *, step: Callable[[str], None]
    ) -> Environment:
        """The environment, installed or completed if it must be.

        `step` hears what is done.  Raises `UsageError` for a module that the
        series does not have, `CommandFailed` with pip's words otherwise.
        """
        while True:
            ready = self.installed(wanted)
            if ready:
                return ready
            path = self.store.directory("envs") / wanted.key
            lock = Lock(path.with_name(f"{wanted.key}.lock"))
            if not lock.acquire(wait=0):
                step("waiting for another run to install")
                lock.acquire()
            try:
                self._complete(wanted, path, step)
            finally:
                lock.release()

    def _complete(
        self, wanted: EnvironmentRequest, path: Path, step: Callable[[str], None]
    ) -> None:
        have = self._have(wanted)
        if have is None:
            self._create(wanted, path, step)
            have = {"official": []}
        more = [name for name in wanted.official if name not in have["official"]]
        if more:
            step(f"installing {', '.join(more)}")
            pin = f"=={wanted.series.name}.*"
            lines = [f"trytond_{name}[test]{pin}" for name in more]
            self._pip(wanted, path, lines)
        self._record(wanted, path, [*have["official"], *more])

    def _create(
        self, wanted: EnvironmentRequest, path: Path, step: Callable[[str], None]
    ) -> None:
        step(f"creating the environment {path.name}")
        base = path.with_name(wanted.base)
        with whole(path):
            with locked(base.with_name(f"{base.name}.lock")):
                if _gone(base) or not (base / COMPLETE).exists():
                    step(f"installing trytond {wanted.series.name}")
                    self._begin(wanted, base)
                _copy(base, path)
            step("installing what the sources need")
            self._install(wanted, path)

    def _install(self, wanted: EnvironmentRequest, path: Path) -> None:
        """The sources, led to their checkouts, with what they require."""
        mirrors: dict[Path, Path] = {}
        lines = list(wanted.requirements)
        for source, module in wanted.sources:
            if source.path in mirrors:
                continue  # it has several modules
            place = path / "mirrors" / source.name
            mirrors[source.path] = editable.mirror(source.path, module, place)
            extras = ",".join(wanted.extras.get(source.name, ()))
            given = f"{mirrors[source.path]}[{extras}]" if extras else ""
            lines += ["--editable", given or str(mirrors[source.path])]
        self._pip(wanted, path, lines)
        made = Environment(path=path, interpreter=wanted.interpreter, lock=Lock(path))
        editable.lead(made.site, mirrors)
        if any(one.startswith("setuptools") for one in wanted.series.requirements):
            editable.name(made.site, (module for _, module in wanted.sources))
        shutil.rmtree(path / "mirrors", ignore_errors=True)

    def _begin(self, wanted: EnvironmentRequest, base: Path) -> None:
        program = wanted.interpreter.path
        with whole(base):
            proc.run([program, "-m", "venv", base], env=self.environ)
            self._pip(wanted, base, wanted.common)
            (base / COMPLETE).touch()

    def _pip(
        self, wanted: EnvironmentRequest, path: Path, lines: Sequence[str]
    ) -> None:
        constraints = path / "constraints.txt"
        pins = [f"{name}=={wanted.series.name}.*" for name in ("trytond", "proteus")]
        text = [*pins, *wanted.series.constraints, *wanted.constraints]
        constraints.write_text("\n".join(text) + "\n", "utf-8")
        python = path / "bin" / "python"
        try:
            self.installer.install(python, lines, constraints=constraints)
        except CommandFailed as error:
            raise _explain(error, wanted) from error

    def _record(
        self, wanted: EnvironmentRequest, path: Path, official: Iterable[str]
    ) -> None:
        frozen = self.installer.freeze(path / "bin" / "python")
        (path / "lock.txt").write_text(frozen, "utf-8")
        value = {"official": sorted(official), "series": wanted.series.name}
        (path / READY).write_text(json.dumps(value), "utf-8")


def _gone(path: Path) -> bool:
    """Whether the interpreter that an environment was made by is there no more."""
    python = path / "bin" / "python"
    return python.is_symlink() and not python.exists()


def _copy(base: Path, path: Path) -> None:
    """An environment at another place: the programs in it name where it is.

    No hard links: what a developer changes in one environment stays there.
    """
    ignored = shutil.ignore_patterns(COMPLETE)
    shutil.copytree(base, path, symlinks=True, ignore=ignored)
    # It may have been made under another name of the same directory, by a link.
    former = re.compile(rb"/[^\n\"':]*/" + re.escape(os.fsencode(base.name)))
    for file in (*path.glob("bin/*"), path / "pyvenv.cfg"):
        if file.is_file() and not file.is_symlink():
            text = file.read_bytes()
            file.write_bytes(former.sub(lambda match: os.fsencode(path), text))


def _explain(error: CommandFailed, wanted: EnvironmentRequest) -> HarnessError:
    """Say in the user's words what pip could not do."""
    known = index.explained(error)
    if isinstance(known, MissingTool):
        return known
    modules = filter(None, (module for _, module in wanted.sources))
    if lost := index.lost(error, modules):
        return lost
    match = re.search(r"No matching distribution found for (\S+)", error.message)
    if match and match.group(1).startswith("trytond"):
        project = re.split(r"[=<>\[]", match.group(1))[0]
        name = re.sub(r"^trytond[-_]", "", project)
        if name == "trytond":
            return MissingTool(
                f"the package index has no trytond {wanted.series.name}",
                checked=f"pip install '{match.group(1)}'",
                remedy="is the index reachable, and does it have that series?",
            )
        return UsageError(
            f"series {wanted.series.name} has no module {name!r} on the package index",
            checked=f"pip install '{match.group(1)}'",
            remedy="choose another --series, or clone the module into src/",
        )
    return known
