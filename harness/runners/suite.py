# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the suites of a Python source, nose-style or plain pytest, on leases."""

import difflib
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from harness import addresses
from harness.environment import Environment
from harness.errors import SourceError, UsageError
from harness.model import Source
from harness.plan import Step
from harness.runners import base
from harness.runners.base import Files

PLUGINS = (
    "harness.plugins.workers", "harness.plugins.results", "harness.plugins.hidden",
    "harness.plugins.limits", "harness.plugins.database",
)  # fmt: skip
NOSE = "harness.plugins.nose"
VARIABLES = "HARNESS_SUITE"
"""JSON: the suite's ``template``, and its ``variables`` that depend on the lease."""


BROWSER = "harness.plugins.browser"
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
    argv = [str(environment.python), "-m", base.WORKERS]
    more = [*([NOSE] if step.nose else []), *([BROWSER] if browser else []), *plugins]
    for plugin in (*PLUGINS, *more, base.GIVEN):
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


class Places:
    """Where the tests of a suite may be, and what words mean there.

    A word is the last part of some of the suite's `paths` (``unit``), a file, a
    directory, or an address of pytest (``file.py::Class``) or nose
    (``file.py:Class.method``).  Files are looked for from `bases`, and above the
    paths.  A path may lie in another of the `sources`, as ``NAME:PATH``.
    """

    def __init__(
        self,
        *,
        source: Source,
        paths: Sequence[str],
        bases: Sequence[Path],
        nose: bool,
        sources: Mapping[str, Source] = MappingProxyType({}),
    ) -> None:
        self.nose = nose
        self.named: dict[str, list[Path]] = {}
        self.every: list[Path] = []
        for path in paths:
            name, _, inner = path.rpartition(":")
            self.every.append((sources[name] if name else source).path / inner)
            self.named.setdefault(self.every[-1].name, []).append(self.every[-1])
        missing = [str(path) for path in self.every if not path.exists()]
        if missing:
            raise SourceError(
                f"the source {source.name} has no {', '.join(missing)}",
                checked="the paths of the suite",
                remedy="complete the checkout, or correct [tool.harness.suite] paths",
            )
        self.above = tuple(dict.fromkeys(path.parent for path in self.every))
        self.bases = tuple(dict.fromkeys((*bases, *self.above)))

    def addresses(self, words: Iterable[str]) -> tuple[str, ...]:
        """What to run: `words` as pytest understands them, else all paths.

        Raises `UsageError` for what leads nowhere.
        """
        found: list[str] = []
        for word in words:
            if word in self.named:
                found += map(str, self.named[word])
            else:
                address = self._address(word)
                addresses.check(address, nose=self.nose)
                found.append(address or self._dotted(word))
        return tuple(found) or tuple(map(str, self.every))

    def meant(self, word: str) -> tuple[str, ...]:
        """The addresses that a word is if it is any; else as it is."""
        named = tuple(map(str, self.named.get(word, ())))
        return named or (self._address(word) or word,)

    def _address(self, word: str) -> str:
        """The whole address; empty for one that leads nowhere."""
        file, colons, inside = word.partition("::")
        if not colons:
            file, colons, inside = word.partition(":")
            if not self.nose:
                colons, inside = colons and "::", inside.replace(".", "::")
        found = (one / file for one in self.bases if file and (one / file).exists())
        path = next(found, None)
        return f"{path}{colons}{inside}" if path else ""

    def _dotted(self, word: str) -> str:
        """A module's dotted name: nose's plugin knows where it is."""
        likely = difflib.get_close_matches(word, self.named, n=1)
        file = word.partition(":")[0]
        if self.nose and "/" not in file and not file.endswith(".py") and not likely:
            return word
        known = [*self.named, *_files(self.above)]
        near = difflib.get_close_matches(file, known, n=3, cutoff=0.5)
        raise UsageError(
            f"there is no {file!r} to run",
            checked=", ".join(map(str, self.bases)),
            remedy=f"did you mean {' or '.join(near)}?"
            if near
            else f"name a test file, or one of {', '.join(self.named)}",
        )


def _files(places: Sequence[Path]) -> Iterator[str]:
    """Test files below the suite's directories, as one may write them."""
    for place in places:
        for path in sorted(place.rglob("*.py")):
            yield path.relative_to(place).as_posix()
