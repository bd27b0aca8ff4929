# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the tests of Tryton modules in the suite's environment."""

import configparser
import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from harness import proc
from harness.environment import Environment
from harness.model import Module, Origin
from harness.plan import Step
from harness.plugins.client import BROKER

PLUGINS = (
    "harness.plugins.workers", "harness.plugins.results", "harness.plugins.tryton",
)  # fmt: skip
INTERACTIVE = ("--pdb", "--trace", "-s", "--capture=no")
"""Options of pytest that need the terminal: they switch parallel running off."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where a step writes; all in the run's own directory but for the cache."""

    directory: Path
    cache: Path
    timings: Path
    link: Path
    """A directory on ``PYTHONPATH`` that holds nothing but the harness."""

    def results(self, step: Step) -> Path:
        """One JSON object a line."""
        return self.directory / f"{step.name}.jsonl"

    def junit(self, step: Step) -> Path:
        """JUnit of the step alone."""
        return self.directory / f"{step.name}.junit.xml"

    def coverage(self, step: Step) -> Path:
        """How the names of coverage data files begin."""
        return self.directory / "coverage" / step.name


def serial(options: tuple[str, ...]) -> str:
    """The option that keeps a run from being parallel, or nothing."""
    for one, following in zip(options, (*options[1:], ""), strict=False):
        if one in INTERACTIVE or re.fullmatch(r"-[hlqvx]*s[hlqsvx]*", one):
            return one
        if (one, following) == ("--capture", "no"):
            return f"{one} {following}"
    return ""


def command(
    step: Step,
    modules: Mapping[str, Module],
    environment: Environment,
    files: Files,
) -> list[str]:
    """The command of a step, as it could be pasted."""
    paths = [str(modules[one.name].path / "tests") for one in step.tested]
    argv = [str(environment.python), "-m", "pytest"]
    for plugin in PLUGINS:
        argv += ["-p", plugin]
    argv += _settings(step, modules, environment, files)
    argv += [
        "--doctest-glob=scenario_*.rst",
        f"--workers={step.workers}",
        f"--isolation={step.isolation}",
        f"--timings={files.timings}",
        f"--results={files.results(step)}",
        f"--junitxml={files.junit(step)}",
        "-o", f"cache_dir={files.cache}",
        *step.options,
    ]  # fmt: skip
    return argv + list(step.paths or paths)


def _settings(
    step: Step, modules: Mapping[str, Module], environment: Environment, files: Files
) -> list[str]:
    """The module's own pytest configuration, or none at all.

    Without this, pytest would find the harness's own above the examples.
    """
    if len(step.tested) == 1:
        module = modules[step.tested[0].name]
        for directory in (module.path / "tests", module.path, module.path.parent):
            found = _configuration(directory)
            if found:
                return ["-c", str(found)]
            if directory == module.path and module.origin is Origin.INDEX:
                break
    own = files.directory / "pytest.ini"
    own.write_text("[pytest]\n", "utf-8")
    if any(one.origin is Origin.INDEX for one in step.tested):
        root = environment.site / "trytond" / "modules"
    else:
        root = modules[step.tested[0].name].path
    return ["-c", str(own), f"--rootdir={root}"]


def _configuration(directory: Path) -> Path | None:
    for name in ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini"):
        if (directory / name).exists():
            return directory / name
    for name, section in (("tox.ini", "pytest"), ("setup.cfg", "tool:pytest")):
        parser = configparser.ConfigParser()
        try:
            parser.read(directory / name, "utf-8")
        except configparser.Error:
            continue
        if parser.has_section(section):
            return directory / name
    try:
        text = (directory / "pyproject.toml").read_text("utf-8")
        if "pytest" in tomllib.loads(text).get("tool", {}):
            return directory / "pyproject.toml"
    except (OSError, tomllib.TOMLDecodeError):
        pass
    return None


def variables(
    step: Step,
    *,
    modules: Mapping[str, Module],
    files: Files,
    environ: Mapping[str, str],
    database: Mapping[str, str],
    broker: str = "",
) -> dict[str, str]:
    """The environment of a step's processes, computed from nothing but these."""
    hidden = ("PYTEST_", "TRYTOND_", "DB_", "PG", "COVERAGE_", "HARNESS_")
    env = {
        key: value
        for key, value in environ.items()
        if not key.startswith(hidden) and key not in {"PYTHONPATH", "PYTHONHOME"}
    }
    env |= {**database, "PYTHONPATH": str(files.link)}
    if broker:
        env[BROKER] = broker
    measured = [
        str(modules[one.name].path)
        for one in step.tested
        if one.origin is not Origin.INDEX
    ]
    if step.coverage and measured:
        files.coverage(step).parent.mkdir(parents=True, exist_ok=True)
        env["HARNESS_COVERAGE"] = json.dumps(
            {"data": str(files.coverage(step)), "sources": measured}
        )
    return env


def run(
    argv: list[str], *, env: Mapping[str, str], cwd: Path, interactive: bool
) -> proc.Child:
    """Start a step; an interactive one gets the terminal."""
    if interactive:
        return proc.Child(argv, env=env, cwd=cwd, stdin=None, foreground=True)
    return proc.Child(argv, env=env, cwd=cwd)
