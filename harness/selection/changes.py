# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files differ from a revision, in all repositories of a project."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Protocol

from harness import lines, proc
from harness.config import Config
from harness.errors import (
    HarnessError,
    MissingTool,
    NothingSelected,
    UsageError,
)
from harness.model import Source
from harness.modules import Graph
from harness.selection import decisions
from harness.selection.decisions import Selection


class SelectionContext(Protocol):
    """What selection needs of the context."""

    @property
    def config(self) -> Config:
        """The configuration."""

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
    context: SelectionContext, revision: str, *, within: tuple[str, ...] = ()
) -> dict[str, str]:
    """Modules to test since `revision`, each with the reason.

    Raises `UsageError` where git does not know the revision.
    """
    found = since(context, revision).modules
    return {name: why for name, why in found.items() if not within or name in within}


def require(context: SelectionContext, revision: str, suite: str) -> None:
    """Raises `NothingSelected` when nothing of a suite changed."""
    if suite not in since(context, revision).suites:
        raise NothingSelected(
            f"nothing of the suite changed since {revision}",
            checked="its sources, its template and the modules of that, the rules",
            remedy="leave --changed-since out",
        )


def since(context: SelectionContext, revision: str) -> Selection:
    """What the change since `revision` selects.

    Raises `UsageError` where git does not know the revision.
    """
    changed = files(context, revision, strict=True)
    return decisions.decide(changed, config=context.config, graph=context.graph)


def files(
    context: SelectionContext, revision: str, *, strict: bool = False
) -> tuple[str, ...]:
    """Changed files, committed or not, relative to the root of the project.

    A change is what differs from the common ancestor with `revision`.  The project
    itself need not be in a repository.  A source in a
    repository of its own that does not know `revision` counts as changed as a
    whole, unless `strict`.  Raises `UsageError` where git cannot compare.
    """
    outer = ChangedRepository(context.config.root, context.environ)
    top = outer.toplevel()
    found = {*outer.changed(revision)} if top else set()
    for source in context.sources.values():
        place = Path(os.path.relpath(source.path, outer.path)).as_posix()
        inner = ChangedRepository(source.path, context.environ)
        if top and inner.toplevel() == top:
            if outer.ignores(place):
                found.add(f"{place}/")
            continue
        try:
            found.update(f"{place}/{file}" for file in inner.changed(revision))
        except UsageError:
            if strict:
                raise
            found.add(f"{place}/")
    return tuple(sorted(found))


def patch(context: SelectionContext, revision: str) -> dict[str, set[int]]:
    """Changed lines of Python files, all of the new ones; names as in `files`."""
    outer = ChangedRepository(context.config.root, context.environ)
    found = outer.lines(revision)
    for source in context.sources.values():
        place = Path(os.path.relpath(source.path, outer.path)).as_posix()
        inner = ChangedRepository(source.path, context.environ)
        if inner.toplevel() != outer.toplevel():
            for file, numbers in inner.lines(revision).items():
                found[f"{place}/{file}"] = numbers
    return found


LOCAL: Final = frozenset(
    {
        "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_PREFIX", "GIT_COMMON_DIR",
        "GIT_OBJECT_DIRECTORY", "GIT_ALTERNATE_OBJECT_DIRECTORIES", "GIT_NAMESPACE",
    }
)  # fmt: skip
"""What git sets for its hooks, and what means one repository only."""


@dataclass(frozen=True)
class ChangedRepository:
    """A directory in a git repository."""

    path: Path
    environ: Mapping[str, str]

    def _run(self, *arguments: str, check: bool = True) -> proc.Completed:
        # A hook of another repository must not lead git astray.
        env = {k: v for k, v in self.environ.items() if k not in LOCAL}
        argv = ["git", "-C", str(self.path), *arguments]
        return proc.run(argv, env=env, check=check)

    def git(self, *arguments: str) -> str:
        """What git prints; raises as `proc.run` does."""
        return self._run(*arguments).stdout

    def toplevel(self) -> str:
        """The top of the repository; empty where there is none."""
        try:
            return self.git("rev-parse", "--show-toplevel").strip()
        except HarnessError:
            return ""

    def ignores(self, file: str) -> bool:
        """Whether a file is none of the repository's."""
        return self._run("check-ignore", "--quiet", file, check=False).code == 0

    def ancestor(self, revision: str) -> str:
        """The last commit in common with `revision`; itself, where none is known."""
        done = self._run("merge-base", revision, "HEAD", check=False)
        return done.stdout.strip() if done.code == 0 else revision

    def changed(self, revision: str) -> list[str]:
        """Files below the directory that differ, relative to it; new ones too.

        Raises `UsageError` where git cannot compare.
        """
        options = ("--name-only", "--no-renames", "--relative", "-z")
        try:
            base = self.ancestor(revision)
            differing = self.git("diff", *options, base, "--")
            new = self.git("ls-files", "--others", "--exclude-standard", "-z")
        except HarnessError as error:
            raise self._incomparable(revision, error) from error
        return sorted({*differing.split("\0"), *new.split("\0")} - {""})

    def _incomparable(self, revision: str, error: HarnessError) -> UsageError:
        """Without git, without a repository, or without the revision."""
        remedy = "name a commit, branch or tag that this checkout has"
        checked = error.message
        if isinstance(error, MissingTool):
            remedy = "install git, or see that it is on PATH"
        elif not self.toplevel():
            checked = f"{self.path} is in no git repository"
            remedy = "leave the revision out, or clone it"
        return UsageError(
            f"git cannot compare {self.path} with {revision}",
            checked=checked,
            remedy=remedy,
        )

    def lines(self, revision: str) -> dict[str, set[int]]:
        """Changed lines by file; of a revision that is not known, nothing."""
        options = ("--unified=0", "--no-color", "--no-ext-diff", "--no-renames")
        names = ("--relative", "--src-prefix=a/", "--dst-prefix=b/")
        base = self.ancestor(revision)
        done = self._run("diff", *options, *names, base, "--", "*.py", check=False)
        found = lines.changed(done.stdout) if done.code == 0 else {}
        new = self._run(
            "ls-files", "--others", "--exclude-standard", "-z", "*.py", check=False
        )
        for file in filter(None, new.stdout.split("\0")):
            text = (self.path / file).read_bytes()
            found[file] = set(range(1, text.count(b"\n") + 2))
        return found
