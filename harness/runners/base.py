# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runners of all kinds of suites share."""

import configparser
import contextlib
import hashlib
import itertools
import json
import os
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from harness import proc
from harness.options import shows
from harness.plan import Step
from harness.store import Store

INTERACTIVE = (
    "--pdb", "--trace", "-s", "--capture=no", "--setup-show", "--setupshow",
    "--setup-plan", "--setupplan", "--setup-only", "--setuponly",
    "--pdb-failures", "--pdb-errors", "--nocapture",
)  # fmt: skip
"""Options of pytest and nose that need the terminal: they switch parallel running
off."""
GIVEN = "harness.plugins.given"
"""The last plugin, so the first that sees what there is to run."""
PYTEST = ("PYTEST_ADDOPTS", "PYTEST_CURRENT_TEST", "PYTEST_VERSION", "PYTEST_XDIST_")
"""Variables of pytest that a step does not inherit: its options are words already, the
others are those of a session that calls the harness."""


WORKERS = "harness.plugins.workers"
RESTARTS = 1000
"""Workers that may crash; those that come to no test at all end the run earlier."""


@dataclass(frozen=True, kw_only=True)
class Files:
    """Where a step writes; all in the run's own directory but for the cache."""

    directory: Path
    cache: Path
    timings: Path
    link: Path
    """A directory on ``PYTHONPATH`` that holds nothing but the harness."""
    bytecode: Path = Path()
    """What Python compiles, where it may not write beside the sources."""
    durations: Path = Path()
    """What all machines know of how long tests take, for shards."""

    def results(self, step: Step) -> Path:
        """One JSON object a line."""
        return self.directory / f"{step.name}.jsonl"

    def junit(self, step: Step) -> Path:
        """JUnit of the step alone."""
        return self.directory / f"{step.name}.junit.xml"

    def exact(self, step: Step) -> Path:
        """The tests to run, in their order."""
        return self.directory / f"{step.name}.exact.json"

    def coverage(self, step: Step) -> Path:
        """How the names of coverage data files begin."""
        return self.directory / "coverage" / step.name

    def no_configuration(self) -> Path:
        """A configuration of pytest that says nothing, so that no other is found."""
        path = self.directory / "pytest.ini"
        path.write_text("[pytest]\n", "utf-8")
        return path


def serial(options: tuple[str, ...]) -> str:
    """The option that keeps a run from being parallel, or nothing."""
    for one, following in zip(options, (*options[1:], ""), strict=False):
        if one.startswith("--harness-debugger="):
            return "--debug"
        if one in INTERACTIVE or re.fullmatch(r"-[hlqvx]*s[hlqsvx]*", one):
            return one
        if (one, following) == ("--capture", "no"):
            return f"{one} {following}"
    return ""


OTHERWISE = {
    "-f": "harness watch; to stop at the first failure: -x",
    "--looponfail": "harness watch",
    "-p no:xdist": "--jobs 1",
    "-pno:xdist": "--jobs 1",
}
"""Options of pytest that a run cannot have, and what does the same here."""


def refused(options: tuple[str, ...]) -> str:
    """The option that a run cannot have, or nothing."""
    pairs = [f"{one} {following}" for one, following in itertools.pairwise(options)]
    return next((one for one in (*options, *pairs) if one in OTHERWISE), "")


def options(step: Step, files: Files) -> list[str]:
    """Options of every step: workers, results, and what the user gave."""
    doubtful = json.dumps({"words": dict(step.doubtful), "named": step.named})
    return [
        *([f"--harness-doubtful={doubtful}"] if step.doubtful else []),
        *_workers(step),
        f"--harness-isolation={step.isolation}",
        f"--harness-results={files.results(step)}",
        *([] if shows(step.options) else [f"--harness-junit={files.junit(step)}"]),
        "-o", f"cache_dir={files.cache}",
        *_shard(step, files),
        *_limit(step),
        *_manner(step, files),
        *step.options,
        # The user's last option may take a value or none (--cov): no address is that.
        f"--harness-timings={files.timings}",
    ]  # fmt: skip


def parallel(step: Step) -> bool:
    """Whether workers run the tests; a given order is run in one process."""
    return step.workers > 1 and not (step.manner.exact or shows(step.options))


def _workers(step: Step) -> list[str]:
    """pytest-xdist's options; a suite's own number of workers is not taken."""
    if not parallel(step):
        return ["-n", "0"]
    return ["-n", str(step.workers), f"--max-worker-restart={RESTARTS}"]


def loading(env: Mapping[str, str]) -> list[str]:
    """What has pytest load the plugin of our options, where it loads none by itself.

    By its own name: who says the same in ``addopts`` has it once.
    """
    return ["-p", "xdist"] if env.get("PYTEST_DISABLE_PLUGIN_AUTOLOAD") else []


def in_lane(argv: Sequence[str], socket: Path) -> list[str]:
    """The same command as the warm process of another session, which asks there."""
    at = argv.index(WORKERS) + 1
    return [*argv[:at], "--serve", str(socket), *argv[at:]]


def _shard(step: Step, files: Files) -> list[str]:
    if not step.shard:
        return []
    return [
        "-p", "harness.plugins.shards", f"--harness-shard={step.shard}",
        f"--harness-durations={files.durations}",
    ]  # fmt: skip


def _limit(step: Step) -> list[str]:
    """The plugin's options; without a limit it still says what is done."""
    fixed = ["--harness-timeout-fixed"] if step.limit.fixed else []
    return [f"--harness-timeout={step.limit.seconds}", *fixed]


def _manner(step: Step, files: Files) -> list[str]:
    """The plugin's options: their names are no other plugin's."""
    manner = step.manner
    if manner.exact:
        path = files.exact(step)
        wanted = {"keys": manner.exact, "strict": manner.strict}
        path.write_text(json.dumps(wanted), "utf-8")
        return [f"--harness-exact={path}"]
    given = {
        "reruns": manner.reruns,
        "repeat": manner.repeat if manner.repeat > 1 else 0,
        "seed": manner.seed,
    }
    words = [f"--harness-{name}={value}" for name, value in given.items() if value]
    return [*words, "--harness-shuffle-all"] if manner.everything else words


CONFIGURING = ("pytest.toml", ".pytest.toml", "pytest.ini", ".pytest.ini")
"""Files that configure pytest before all others."""


def configuration(directory: Path) -> Path | None:
    """The file in a directory that configures pytest."""
    for name in CONFIGURING:
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
    return _table(directory, "pytest")


def settings(measured: Iterable[Path]) -> list[Path]:
    """The files that configure coverage for these directories, each once."""
    found: dict[Path, None] = {}
    for directory in measured:
        paths = filter(None, map(_settings, (directory, directory.parent)))
        found |= dict.fromkeys(itertools.islice(paths, 1))
    return list(found)


def _settings(directory: Path) -> Path | None:
    """The file in a directory that configures coverage, in coverage's order."""
    if (directory / ".coveragerc").exists():
        return directory / ".coveragerc"
    for name in ("setup.cfg", "tox.ini"):
        parser = configparser.RawConfigParser()
        try:
            parser.read(directory / name, "utf-8")
        except configparser.Error:
            continue
        if any(one.startswith("coverage:") for one in parser.sections()):
            return directory / name
    return _table(directory, "coverage")


def _table(directory: Path, tool: str) -> Path | None:
    """The directory's ``pyproject.toml`` if it configures a tool."""
    path = directory / "pyproject.toml"
    try:
        known = tomllib.loads(path.read_text("utf-8")).get("tool", {})
    except (OSError, tomllib.TOMLDecodeError):
        return None
    return path if tool in known else None


def variables(
    step: Step,
    *,
    measured: Iterable[Path],
    files: Files,
    environ: Mapping[str, str],
    database: Mapping[str, str],
) -> dict[str, str]:
    """The environment of a step's processes, computed from nothing but these.

    Coverage is taken of the directories `measured`, if the step wants any.
    """
    hidden = (*PYTEST, "TRYTOND_", "DB_", "PG", "COVERAGE_", "HARNESS_")
    env = {
        key: value
        for key, value in environ.items()
        if not key.startswith(hidden) and key not in {"PYTHONPATH", "PYTHONHOME"}
    }
    env |= {**database, "PYTHONPATH": str(files.link)}
    if env.get("PYTHONDONTWRITEBYTECODE"):
        # Else each process compiles all the sources, and pytest all its plugins.
        env |= {
            "PYTHONDONTWRITEBYTECODE": "",
            "PYTHONPYCACHEPREFIX": str(files.bytecode),
        }
    measured = list(measured)
    sources = [str(path) for path in measured]
    if step.coverage and sources:
        files.coverage(step).parent.mkdir(parents=True, exist_ok=True)
        env["HARNESS_COVERAGE"] = json.dumps(
            {
                "data": str(files.coverage(step)),
                "sources": sources,
                "settings": next(map(str, settings(measured)), ""),
                "apart": bool(step.affected),
            }
        )
    return env


def run(
    argv: list[str],
    *,
    env: Mapping[str, str],
    cwd: Path,
    interactive: bool,
    output: BinaryIO | None = None,
) -> proc.Child:
    """Start a step; an interactive one gets the terminal, others print to `output`."""
    if interactive:
        return proc.Child(argv, env=env, cwd=cwd, stdin=None, foreground=True)
    return proc.Child(argv, env=env, cwd=cwd, stdout=output, stderr=output)


def link(store: Store) -> Path:
    """A directory that holds the harness and nothing else, for ``PYTHONPATH``."""
    package = Path(__file__).parents[1]
    name = hashlib.sha256(os.fsencode(package)).hexdigest()[:12]
    directory = store.directory("link", name)
    target = directory / "harness"
    if not target.exists():
        target.unlink(missing_ok=True)
        with contextlib.suppress(FileExistsError):
            target.symlink_to(package)
    return directory
