# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that the harness installs for itself, in the state directory, when asked.

Each set of requirements is an environment (or a directory of packages) of its own,
named by what is in it: what is there is complete, and never installed again.
"""

import hashlib
import shutil
import sys
import tomllib
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from pathlib import Path

from harness import editable, index, proc
from harness.errors import CommandFailed, MissingTool
from harness.installer import QUIET, PackageInstaller
from harness.locks import locked
from harness.store import Store, whole

Say = Callable[[str], None]


def pinned(name: str) -> tuple[str, ...]:
    """The requirements of a group of ``data/tools.toml``."""
    text = files("harness.data").joinpath("tools.toml").read_text("utf-8")
    return tuple(tomllib.loads(text)[name])


class Toolbox:
    """Environments and packages, made on first use."""

    def __init__(self, store: Store, environ: Mapping[str, str]) -> None:
        self.store = store
        self.environ = environ

    def environment(
        self,
        name: str,
        requirements: Sequence[str],
        say: Say,
        *,
        project: Path | None = None,
        extra: str = "",
    ) -> Path:
        """The directory of the programs; raises `MissingTool` where pip fails.

        A `project` is in it as it is from now on, with what its `extra` requires.
        """

        def fill(path: Path) -> None:
            say(f"installing {name} (once)")
            proc.run([sys.executable, "-m", "venv", path], env=self.environ)
            words = list(requirements)
            mirrors = {}
            if project:
                mirrors = {project: editable.mirror(project, None, path / "mirror")}
                words += ["--editable", f"{mirrors[project]}{extra and f'[{extra}]'}"]
            python = path / "bin" / "python"
            self._tried(
                name, lambda: PackageInstaller(self.environ).install(python, words)
            )
            for site in path.glob("lib/python*/site-packages"):
                editable.lead(site, mirrors)
            shutil.rmtree(path / "mirror", ignore_errors=True)

        key = [*requirements, *([f"{project}[{extra}]"] if project else [])]
        return self._made(name, key, fill) / "bin"

    def packages(self, name: str, requirements: Sequence[str], say: Say) -> Path:
        """A directory for any interpreter's path, without extension modules."""

        def fill(path: Path) -> None:
            say(f"installing {name} (once)")
            pure = ("--platform", "any", "--only-binary", ":all:", "--no-deps")
            argv = [sys.executable, "-m", "pip", "install", *QUIET, *pure]
            argv += ["--target", str(path), *requirements]
            self._tried(name, lambda: proc.run(argv, env=self.environ))

        return self._made(name, requirements, fill)

    def _made(
        self, name: str, requirements: Sequence[str], fill: Callable[[Path], None]
    ) -> Path:
        """Environments do not move, so this one is marked when it is complete."""
        text = "\n".join([sys.executable, sys.version, *requirements])
        key = hashlib.sha256(text.encode()).hexdigest()[:10]
        path = self.store.directory("tools") / f"{name}-{key}"
        mark = path / "complete"
        if not mark.exists():
            with locked(path.with_name(f"{path.name}.lock")):
                if not mark.exists():
                    with whole(path):
                        fill(path)
                        mark.touch()
        return path

    def _tried(self, name: str, install: Callable[[], object]) -> None:
        try:
            install()
        except CommandFailed as error:
            known = index.explained(error)
            if isinstance(known, MissingTool):
                raise known from error
            raise MissingTool(
                f"{name} cannot be installed",
                checked=error.message.strip()[-1500:],
                remedy="is the package index reachable? harness doctor",
            ) from error
