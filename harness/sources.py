# SPDX-License-Identifier: GPL-3.0-or-later
"""Sources: a checkout in ``src/NAME``, else the bundled ``examples/NAME``."""

import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Final

from harness import modules, proc
from harness.config import Config, profiles
from harness.errors import HarnessError, SourceError
from harness.model import Module, Origin, Source

MADE: Final = re.compile(r'\?\? "?.*(\.egg-info|__pycache__|\.pytest_cache)/"?')
"""What installing and running leave in a source that does not ignore it."""
BELOW: Final = ("src", "trytond/modules", "src/trytond/modules")
"""Where packages lie in a source, beside its root."""


def resolve(config: Config, environ: Mapping[str, str]) -> dict[str, Source]:
    """All configured sources that are there, by name."""
    found: dict[str, Source] = {}
    for name, table in config.source.items():
        for origin, path in _places(config, name, table.path):
            if path.is_dir():
                found[name] = _describe(name, path, origin, environ)
                break
    return found


def check_whole(config: Config, names: Collection[str] | None = None) -> None:
    """Nothing is made of somebody's sources and of examples in place of the rest.

    Raises `SourceError` where a profile is cloned in part; where it is taken, the
    sources that matter are `names`.
    """
    for name, lost in profiles.begun(config.root, config.profile).items():
        if config.profile and names is not None:
            lost = {one: line for one, line in lost.items() if Path(one).name in names}
        if lost:
            raise SourceError(
                f"some sources of the profile {name} are there, and some are not:"
                f" {', '.join(lost)}",
                checked=f"[tool.harness.profile.{name}]; examples would stand in"
                " for them",
                remedy=f"{profiles.cloning(lost)} (or, if that is meant:"
                " --profile none)",
            )


def _places(config: Config, name: str, path: str) -> list[tuple[Origin, Path]]:
    if path:
        return [(Origin.SRC, Path(os.path.normpath(config.root / path)))]
    return [
        (Origin.SRC, config.root / config.src / name),
        (Origin.EXAMPLES, config.root / config.examples / name),
    ]


def _describe(
    name: str, path: Path, origin: Origin, environ: Mapping[str, str]
) -> Source:
    argv = ["git", "-C", str(path), "describe", "--always", "--abbrev=8"]
    status = [*argv[:3], "status", "--porcelain", "."]
    try:
        revision = proc.run(argv, env=environ).stdout.strip()
        lines = proc.run(status, env=environ).stdout.splitlines()
        dirty = not all(map(MADE.fullmatch, lines))
    except HarnessError:
        revision, dirty = "", False
    return Source(name=name, path=path, origin=origin, revision=revision, dirty=dirty)


def module_of(source: Source) -> Module:
    """The Tryton module of a source: in its root, or where packages lie.

    Raises `SourceError` when there is none, or its ``tryton.cfg`` is broken.
    """
    for inside in ("", source.name, *(f"{one}/{source.name}" for one in BELOW)):
        directory = source.path / inside
        if (directory / "tryton.cfg").exists():
            return modules.load(directory, name=source.name, origin=source.origin)
    raise SourceError(
        f"the source {source.name} is no Tryton module: it has no tryton.cfg",
        checked=f"{source.path} and {source.path / source.name}",
        remedy="complete the checkout, or remove it so that the example serves",
    )


def tests_of(module: Module) -> Path:
    """The directory of a module's tests; raises `SourceError` without any."""
    path = module.path / "tests"
    if not modules.has_tests(module.path):
        raise SourceError(
            f"the module {module.name} has no tests",
            checked=f"{path}/test_*.py and {path}/scenario_*.rst",
            remedy=f"add {path}/test_module.py with a ModuleTestCase",
        )
    return path


def absent(config: Config, name: str) -> SourceError:
    """What to say of a configured source that is nowhere."""
    table = config.source[name]
    place = f"{config.src}/{name}"
    clone = f"git clone {table.repository} {place}" if table.repository else ""
    return SourceError(
        f"the source {name} is not there",
        checked=f"{place} and {config.examples}/{name}",
        remedy=clone or f"put it into {place}",
    )
