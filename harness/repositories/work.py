# SPDX-License-Identifier: GPL-3.0-or-later
"""What people do in one repository among many, safe by default."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from harness.errors import SourceError
from harness.repositories.git import Repository


@dataclass(frozen=True, kw_only=True)
class Done:
    """What was done: a row of the table; `well` is False for what failed."""

    name: str
    result: str
    detail: str = ""
    well: bool = True


def checkout(one: Repository, branch: str, *, create: bool) -> Done:
    """Switch to a branch that is here or at the remote; local changes stay."""
    state = one.state()
    if state.branch == branch:
        return Done(name=one.name, result="is there", detail=branch)
    if state.hindrance:
        return Done(name=one.name, result="left", detail=state.hindrance)
    known = [
        place
        for place in (f"refs/heads/{branch}", f"refs/remotes/origin/{branch}")
        if one.ask("rev-parse", "--verify", "--quiet", place)
    ]
    if not known and not create:
        detail = f"it has no branch {branch} (--create makes one)"
        return Done(name=one.name, result="left", detail=detail)
    if not state.branch and not one.kept(state.revision):
        detail = "its commits are on no branch"
        return Done(name=one.name, result="left", detail=detail)
    words = (branch, "--") if known else ("-b", branch)
    one.run("checkout", "--quiet", *words)
    return Done(
        name=one.name,
        result="switched" if known else "created",
        detail=f"{state.branch or state.revision[:8]} → {branch}",
    )


def pull(one: Repository) -> Done:
    """Go forward with the upstream; never merges, never rebases."""
    state = one.state()
    if not state.upstream:
        return Done(name=one.name, result="left", detail="it follows no branch")
    one.run("fetch", "--quiet", "--prune", "origin")
    state = one.state()
    if not state.behind:
        detail = f"{state.ahead} commits to push" if state.ahead else ""
        return Done(name=one.name, result="is current", detail=detail)
    if state.hindrance or state.ahead:
        why = state.hindrance or f"{state.ahead} commits here, {state.behind} there"
        return Done(name=one.name, result="left", detail=why)
    one.run("merge", "--quiet", "--ff-only", state.upstream)
    return Done(name=one.name, result=f"{state.behind} new commits")


def commit(one: Repository, message: str) -> Done:
    """Commit what is staged, else all changes of tracked files."""
    state = one.state()
    if state.busy:
        return Done(name=one.name, result="left", detail=state.hindrance)
    rest = f"{state.untracked} untracked files are not in it" if state.untracked else ""
    if not state.changed:
        return Done(name=one.name, result="nothing to commit", detail=rest)
    every = () if state.staged else ("--all",)
    one.run("commit", "--quiet", *every, "--message", message)
    revision = one.ask("rev-parse", "--short", "HEAD")
    if state.staged < state.changed and state.staged:
        rest = "only what was staged"
    return Done(name=one.name, result=f"committed {revision}", detail=rest)


def unpushed(one: Repository) -> int:
    """Commits of the branch that the remote does not have."""
    state = one.state()
    if not state.branch:
        return 0
    if state.upstream:
        return state.ahead
    words = ("rev-list", "--count", "HEAD", "--not", "--remotes=origin")
    return int(one.ask(*words) or 0)


def push(one: Repository) -> Done:
    """Push the branch to its own name at the remote; never with force."""
    state = one.state()
    count = unpushed(one)
    if not state.branch or not count:
        return Done(name=one.name, result="nothing to push")
    one.run("push", "--quiet", "--set-upstream", "origin", state.branch)
    return Done(name=one.name, result=f"{count} commits pushed", detail=state.branch)


def merge(one: Repository, branch: str) -> Done:
    """Merge a branch into the one that is checked out; a conflict is undone."""
    state = one.state()
    if state.hindrance or not state.branch:
        detail = state.hindrance or "it is on no branch"
        return Done(name=one.name, result="left", detail=detail)
    source = next(
        (
            name
            for name in (branch, f"origin/{branch}")
            if one.ask("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        ),
        "",
    )
    if not source:
        detail = f"it has no branch {branch}"
        return Done(name=one.name, result="left", detail=detail)
    done = one.run("merge", "--quiet", "--no-edit", source, check=False)
    if done.code:
        files = one.ask("diff", "--name-only", "--diff-filter=U").split()
        one.run("merge", "--abort", check=False)
        detail = f"{', '.join(files) or done.stderr.strip()} (undone)"
        return Done(name=one.name, result="conflict", detail=detail, well=False)
    after = one.ask("rev-parse", "HEAD")
    result = "is merged already" if after == state.revision else "merged"
    return Done(name=one.name, result=result, detail=f"{source} → {state.branch}")


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A stage's commits that the next stage does not have."""

    repository: Repository
    source: str
    target: str
    count: int


def promotion(one: Repository, source: str, target: str) -> Promotion:
    """What promoting would bring; raises `SourceError` for a branch that is not there.

    Nothing but the remote's own branches counts.
    """
    one.run("fetch", "--quiet", "--prune", "origin")
    for name in (source, target):
        if not one.ask("rev-parse", "--verify", "--quiet", f"origin/{name}"):
            raise SourceError(f"it has no branch {name} at the remote")
    words = ("rev-list", "--count", f"origin/{target}..origin/{source}")
    count = int(one.ask(*words))
    return Promotion(repository=one, source=source, target=target, count=count)


def promote(wanted: Promotion) -> Done:
    """Merge and push, in a work tree of its own: nothing local is touched."""
    one, target = wanted.repository, wanted.target
    detail = f"{wanted.source} → {target}"
    if not wanted.count:
        return Done(name=one.name, result="is promoted already", detail=detail)
    with _worktree(one, f"origin/{target}") as aside:
        done = aside.run(
            "merge", "--quiet", "--no-edit", f"origin/{wanted.source}", check=False
        )
        if done.code:
            files = aside.ask("diff", "--name-only", "--diff-filter=U").split()
            detail = f"{detail}: {', '.join(files) or done.stderr.strip()}"
            return Done(name=one.name, result="conflict", detail=detail, well=False)
        aside.run("push", "--quiet", "origin", f"HEAD:refs/heads/{target}")
    return Done(name=one.name, result=f"{wanted.count} commits promoted", detail=detail)


@contextlib.contextmanager
def _worktree(one: Repository, revision: str) -> Iterator[Repository]:
    place = Path(tempfile.mkdtemp(prefix="harness-promote-"))
    tree = place / "tree"
    try:
        one.run("worktree", "add", "--quiet", "--detach", str(tree), revision)
        yield Repository(name=one.name, path=tree, env=one.env)
    finally:
        shutil.rmtree(place, ignore_errors=True)
        one.run("worktree", "prune", check=False)
