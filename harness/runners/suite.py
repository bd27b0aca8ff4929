# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the suites of a Python source, nose-style or plain pytest, on leases."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from harness.environment import Environment
from harness.errors import SourceError, UsageError
from harness.model import Source
from harness.plan import Step
from harness.runners import base
from harness.runners.base import Files

PLUGINS = (
    "harness.plugins.workers", "harness.plugins.results", "harness.plugins.database",
)  # fmt: skip
NOSE = "harness.plugins.nose"
VARIABLES = "HARNESS_SUITE"
"""JSON: the suite's ``template``, and its ``variables`` that depend on the lease."""


BROWSER = "harness.plugins.browser"
LANES = "harness.plugins.lanes"
KEPT = "harness.plugins.kept"


def command(
    step: Step,
    source: Source,
    environment: Environment,
    files: Files,
    *,
    browser: bool = False,
    plugins: Sequence[str] = (),
) -> list[str]:
    """The command of a step, as it could be pasted."""
    argv = [str(environment.python), "-m", "pytest"]
    more = [*([NOSE] if step.nose else []), *([BROWSER] if browser else []), *plugins]
    for plugin in (*PLUGINS, *more):
        argv += ["-p", plugin]
    argv += ["-c", str(base.configuration(source.path) or files.no_configuration())]
    if not any(option.startswith("--rootdir") for option in step.options):
        argv.append(f"--rootdir={source.path / step.rootdir}")
    argv += ["--continue-on-collection-errors", *base.options(step, files)]
    return argv + list(step.paths)


def tested(step: Step, sources: Mapping[str, Source]) -> list[Source]:
    """The step's own source, and those beside it that have tests of the step."""
    return [
        one
        for one in (sources[name] for name in step.sources)
        if one == step.source
        or any(Path(path).is_relative_to(one.path) for path in step.paths)
    ]


def measured(source: Source) -> list[Path]:
    """The directories whose coverage is taken: its packages, else all of it."""
    packages = [path.parent for path in source.path.glob("*/__init__.py")]
    return sorted(path for path in packages if path.name != "tests") or [source.path]


PLACEHOLDER = re.compile(r"\{(files|worker|database|uri|host|bind|port:[a-z_]+)\}")


def environment(lines: Iterable[str]) -> tuple[dict[str, str], dict[str, str]]:
    """The variables of ``NAME=VALUE`` lines: those that are fixed, those of a lease."""
    pairs = dict(line.partition("=")[::2] for line in lines)
    varying = {key: value for key, value in pairs.items() if PLACEHOLDER.search(value)}
    fixed = {key: value for key, value in pairs.items() if key not in varying}
    return fixed, varying


def addresses(
    words: Iterable[str],
    *,
    source: Source,
    paths: Sequence[str],
    root: Path,
    nose: bool,
    sources: Mapping[str, Source] = MappingProxyType({}),
) -> tuple[str, ...]:
    """What to run: `words` as pytest understands them, else the suite's `paths`.

    A word is the last part of some of the paths (``unit``), a file, a directory, or
    an address of pytest (``file.py::Class``) or nose (``file.py:Class.method``).
    Files are looked for from the project's `root`, the source, and above the
    suite's paths.  A path may lie in another of the `sources`, as ``NAME:PATH``.
    Raises `UsageError` for what leads nowhere.
    """
    places: dict[str, list[Path]] = {}
    every: list[Path] = []
    for path in paths:
        name, _, inner = path.rpartition(":")
        every.append((sources[name] if name else source).path / inner)
        places.setdefault(every[-1].name, []).append(every[-1])
    missing = [str(path) for path in every if not path.exists()]
    if missing:
        raise SourceError(
            f"the source {source.name} has no {', '.join(missing)}",
            checked="the paths of the suite",
            remedy="complete the checkout, or correct [tool.harness.suite] paths",
        )
    above = dict.fromkeys(path.parent for path in every)
    bases = (root, source.path, *above)
    found: list[str] = []
    for word in words:
        if word in places:
            found += map(str, places[word])
        else:
            found.append(_address(word, bases, places, nose))
    return tuple(found) or tuple(map(str, every))


def _address(
    word: str, bases: Sequence[Path], places: Iterable[str], nose: bool
) -> str:
    file, colons, inside = word.partition("::")
    if not colons:
        file, colons, inside = word.partition(":")
        if not nose:
            colons, inside = colons and "::", inside.replace(".", "::")
    found = [place / file for place in bases if file and (place / file).exists()]
    if found:
        return f"{found[0]}{colons}{inside}"
    likely = difflib.get_close_matches(word, places, n=1)
    if nose and "/" not in file and not file.endswith(".py") and not likely:
        return word  # a module's dotted name: the plugin knows where it is
    known = [*places, *_files(bases)]
    near = difflib.get_close_matches(file, known, n=3, cutoff=0.5)
    raise UsageError(
        f"there is no {file!r} to run",
        checked=", ".join(str(base) for base in bases),
        remedy=f"did you mean {' or '.join(near)}?"
        if near
        else f"name a test file, or one of {', '.join(places)}",
    )


def _files(bases: Sequence[Path]) -> Iterator[str]:
    """Test files below the suite's directories, as one may write them."""
    for base_ in bases[2:]:
        for path in sorted(base_.rglob("*.py")):
            yield path.relative_to(base_).as_posix()
