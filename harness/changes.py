# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules a change touches, with all that depend on them."""

from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Protocol

from harness import proc
from harness.errors import CommandFailed, NothingSelected, UsageError
from harness.model import Source
from harness.modules import Graph


class Surroundings(Protocol):
    """What selection needs of the context."""

    @property
    def sources(self) -> Mapping[str, Source]:
        """The sources that are there."""

    @property
    def graph(self) -> Graph:
        """Their modules."""

    @property
    def environ(self) -> Mapping[str, str]:
        """Environment variables for git."""


def select(
    context: Surroundings, revision: str, *, within: tuple[str, ...] = ()
) -> dict[str, str]:
    """Modules to test since `revision`, each with the reason.

    Raises `UsageError` where git does not know the revision.
    """
    changed: dict[str, list[str]] = {}
    for name, source in context.sources.items():
        if name in context.graph:
            files = _changed(source, revision, context.environ)
            if files:
                changed[name] = files
    outside = _outside(context, revision)
    reasons = decide(context.graph, changed, outside)
    return {name: why for name, why in reasons.items() if not within or name in within}


def require(context: Surroundings, revision: str, names: Iterable[str]) -> None:
    """Raises `NothingSelected` when none of the sources changed, nor the rest."""
    looked = [context.sources[name] for name in names if name in context.sources]
    if any(_changed(one, revision, context.environ) for one in looked):
        return
    if not _outside(context, revision):
        raise NothingSelected(
            f"nothing of the suite changed since {revision}",
            checked=", ".join(str(one) for one in looked),
            remedy="leave --changed-since out",
        )


def decide(
    graph: Graph, changed: Mapping[str, Iterable[str]], outside: Iterable[str]
) -> dict[str, str]:
    """The rule: changed modules, their dependents; all for a change outside."""
    others = list(outside)
    if others:
        return dict.fromkeys(graph, f"{others[0]} changed, outside any module")
    reasons = {name: f"{next(iter(files))} changed" for name, files in changed.items()}
    for name, why in graph.dependents(list(reasons)).items():
        reasons.setdefault(name, why)
    return {name: reasons[name] for name in graph.order(reasons)}


def _changed(source: Source, revision: str, environ: Mapping[str, str]) -> list[str]:
    """Files of a source that differ from `revision`, committed or not."""
    return _git(source.path, ["diff", "--name-only", "--relative", revision], environ)


def _git(path: Path, arguments: list[str], environ: Mapping[str, str]) -> list[str]:
    try:
        done = proc.run(["git", "-C", str(path), *arguments], env=environ)
        more = ["ls-files", "--others", "--exclude-standard"]
        new = proc.run(["git", "-C", str(path), *more], env=environ)
    except CommandFailed as error:
        raise UsageError(
            f"git cannot compare {path} with that revision",
            checked=error.message,
            remedy="name a commit, branch or tag that this checkout has",
        ) from error
    return sorted({*done.stdout.splitlines(), *new.stdout.splitlines()})


def _outside(context: Surroundings, revision: str) -> list[str]:
    """Changed files of the bundled examples' repository outside any module.

    Checkouts below ``src/`` are repositories of their own: what changes in one
    is always inside its module.
    """
    for source in context.sources.values():
        if source.origin == "examples":
            root = source.path.parents[1]
            files = _git(root, ["diff", "--name-only", revision], context.environ)
            inside = [
                PurePosixPath(other.path.relative_to(root).as_posix())
                for name, other in context.sources.items()
                if other.path.is_relative_to(root)
            ]
            return [
                file
                for file in files
                if not any(PurePosixPath(file).is_relative_to(one) for one in inside)
            ]
    return []
