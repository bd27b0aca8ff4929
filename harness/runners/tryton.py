# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of Tryton modules in the suite's environment."""

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from harness import addresses
from harness.environment import Environment
from harness.errors import UsageError
from harness.model import Module, Origin
from harness.plan import Step
from harness.runners import base
from harness.runners.base import Files

PLUGINS = (
    "harness.plugins.workers", "harness.plugins.results", "harness.plugins.hidden",
    "harness.plugins.limits", "harness.plugins.tryton", "harness.plugins.places",
    base.GIVEN,
)  # fmt: skip


def command(
    step: Step,
    modules: Mapping[str, Module],
    environment: Environment,
    files: Files,
) -> list[str]:
    """The command of a step, as it could be pasted."""
    paths = [str(modules[one.name].path / "tests") for one in step.tested]
    argv = [str(environment.python), "-m", base.WORKERS]
    for plugin in PLUGINS:
        argv += ["-p", plugin]
    argv += _settings(step, modules, environment, files)
    for module in (modules[one.name] for one in step.tested):
        if module.path.name != module.name:
            argv.append(f"--harness-place={module.name}={module.path}")
    argv += ["--doctest-glob=scenario_*.rst", *base.options(step, files)]
    return argv + list(chosen(step, modules) or paths)


def chosen(step: Step, modules: Mapping[str, Module]) -> tuple[str, ...]:
    """The addresses of a step with their files where they are."""
    places = [place for one in step.tested for place in _places(modules[one.name])]
    return found(step.paths, places)


def _places(module: Module) -> tuple[Path, ...]:
    """What an id in a module may be relative to: its root directory is one of these."""
    return module.path, *module.path.parents


def found(words: Iterable[str], places: Sequence[Path]) -> tuple[str, ...]:
    """The addresses with their files where they are; as they are where none is.

    Modules have files of the same name: the first that may have the test is meant.
    """
    made = []
    for word in words:
        file, colons, inside = word.partition("::")
        there = [place / file for place in places if (place / file).exists()]
        meant = [f"{one}{colons}{inside}" for one in there]
        made.append(next(filter(_may_be, meant), meant[0] if meant else word))
    return tuple(made)


def _may_be(address: str) -> bool:
    try:
        addresses.check(address)
    except UsageError:
        return False
    return True


def aimed(
    words: Iterable[str], modules: Mapping[str, Module], bases: Sequence[Path]
) -> tuple[tuple[str, ...], list[str]]:
    """The addresses, and the modules that they lie in, as far as that can be told.

    Their files are looked for from `bases`, then as ids of the `modules` are printed.
    """
    own = [place for one in modules.values() for place in _places(one)]
    addresses = found(words, [*bases, *own])
    names: dict[str, None] = {}
    for word in addresses:
        path = Path(word.partition("::")[0])
        owners = [n for n, one in modules.items() if path.is_relative_to(one.path)]
        _, official, inside = path.as_posix().rpartition("/trytond/modules/")
        names |= dict.fromkeys(owners or Path(inside if official else path).parts[:1])
    return addresses, list(names)


def check(words: Iterable[str], modules: Sequence[Module]) -> None:
    """Raises `UsageError` for an address that leads to no test of the modules."""
    for word in words:
        file = Path(word.partition("::")[0])
        if not file.exists():
            raise addresses.missing(file, [one.path / "tests" for one in modules])
        addresses.check(word)


def _settings(
    step: Step, modules: Mapping[str, Module], environment: Environment, files: Files
) -> list[str]:
    """The module's own pytest configuration, or none at all.

    Without this, pytest would find the harness's own above the examples.
    """
    if len(step.tested) == 1:
        module = modules[step.tested[0].name]
        for directory in (module.path / "tests", module.path, module.path.parent):
            found = base.configuration(directory)
            if found:
                return ["-c", str(found)]
            if directory == module.path and module.origin is Origin.INDEX:
                break
    roots = [
        environment.site / "trytond" / "modules"
        if one.origin is Origin.INDEX
        else modules[one.name].path
        for one in step.tested
    ]
    # Files outside of it would have ids that do not say where they are.
    root = os.path.commonpath(roots)
    return ["-c", str(files.no_configuration()), f"--rootdir={root}"]


def measured(step: Step, modules: Mapping[str, Module]) -> list[Path]:
    """The directories whose coverage is taken."""
    return [
        modules[one.name].path for one in step.tested if one.origin is not Origin.INDEX
    ]
