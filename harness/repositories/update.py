# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a repository to its ref, and leave alone what somebody has changed."""

import shutil
import time
from dataclasses import dataclass
from typing import Final

from harness import proc
from harness.errors import SourceError
from harness.repositories.git import Repository, RepositoryState, call

KEPT: Final = "refs/harness/before-reset"
"""Below it, what a reset took away stays."""


@dataclass(frozen=True, kw_only=True)
class UpdateRequest:
    """A repository, where it comes from, and what of it is wanted.

    `follows` is for the checkout itself: it stays on the branch that it is on.
    """

    repository: Repository
    url: str
    ref: str
    follows: bool = False


@dataclass(frozen=True, kw_only=True)
class UpdateOutcome:
    """What was done to a repository: `left` says why less than was wanted."""

    name: str
    action: str
    ref: str = ""
    before: str = ""
    after: str = ""
    left: str = ""
    files: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        """Whether there are other files now."""
        return self.before != self.after


def lines(wanted: UpdateRequest) -> list[str]:
    """What `bring` would run, as far as it is known before anything is fetched."""
    one = wanted.repository
    if not one.there:
        clone = ["git", "clone", wanted.url, str(one.path)]
        ref = wanted.ref or "its default branch"
        return [proc.line(clone), f"# then {ref}"]
    state = one.state()
    why = state.hindrance
    if not one.ask("remote", "get-url", "origin"):
        why = REMOTELESS
    elif wanted.follows and not state.upstream:
        why = why or UNLED
    found = [proc.line(one.argv(*FETCH))] if why != REMOTELESS else []
    if why:
        return [*found, f"# {one.name} is left as it is: {why}"]
    branch = state.branch if wanted.follows else wanted.ref
    branch = branch or one.resolve("")[0].removeprefix("origin/")
    if branch != state.branch:
        found.append(proc.line(one.argv("checkout", branch)))
    target = state.upstream if wanted.follows else f"origin/{branch}"
    found.append(proc.line(one.argv("merge", "--ff-only", target)))
    return found


REMOTELESS: Final = "it has no remote called origin"
UNLED: Final = "its branch follows none of the remote"


FETCH: Final = ("fetch", "--quiet", "--prune", "origin")


def bring(wanted: UpdateRequest, *, reset: bool) -> UpdateOutcome:
    """Clone it, or fetch and go forward; with `reset`, whatever was changed.

    Raises `SourceError` with git's words.
    """
    one = wanted.repository
    if not one.there:
        return _clone(wanted)
    state = one.state()
    if not one.ask("remote", "get-url", "origin"):
        return _left(wanted, state, REMOTELESS)
    one.run(*FETCH)
    if wanted.follows:
        return _follow(wanted, state)
    _fetch_tag(one, wanted.ref)
    target, branch = one.resolve(wanted.ref)
    if reset:
        return _reset(wanted, state, target, branch=branch)
    if state.hindrance:
        return _left(wanted, state, state.hindrance)
    if not branch:
        return _detach(wanted, state, target)
    name = target.removeprefix("origin/")
    if state.branch != name:
        return _switch(wanted, state, name)
    return _forward(wanted, state, target)


def _fetch_tag(one: Repository, ref: str) -> None:
    """A tag that is on no branch; one that is here is never moved."""
    for place in (f"refs/remotes/origin/{ref}", f"refs/tags/{ref}"):
        if not ref or one.ask("rev-parse", "--verify", "--quiet", place):
            return
    one.run(
        "fetch", "--quiet", "origin", f"refs/tags/{ref}:refs/tags/{ref}", check=False
    )


def _clone(wanted: UpdateRequest) -> UpdateOutcome:
    """Beside its place, so that what has the name is whole."""
    one = wanted.repository
    if one.path.exists() and (not one.path.is_dir() or any(one.path.iterdir())):
        return UpdateOutcome(
            name=one.name, action="left", left=f"{one.path} is no repository"
        )
    new = one.path.with_name(f".{one.name}.cloning")
    shutil.rmtree(new, ignore_errors=True)
    one.path.parent.mkdir(parents=True, exist_ok=True)
    argv = ["git", "clone", "--quiet", "--", wanted.url, str(new)]
    try:
        call(argv, env=one.env, asks=one.asks)
        inside = Repository(name=one.name, path=new, env=one.env)
        target, branch = inside.resolve(wanted.ref)
        if branch:
            name = target.removeprefix("origin/")
            inside.run("checkout", "--quiet", name, "--")
        else:
            inside.run("checkout", "--quiet", "--detach", target)
        if one.path.exists():
            one.path.rmdir()
        new.rename(one.path)
    except BaseException:
        shutil.rmtree(new, ignore_errors=True)
        raise
    after = one.ask("rev-parse", "HEAD")
    files = one.ask("ls-files").splitlines()
    return UpdateOutcome(
        name=one.name, action="cloned", ref=target.removeprefix("origin/"),
        after=after, files=tuple(files),
    )  # fmt: skip


def _left(
    wanted: UpdateRequest, state: RepositoryState, why: str, action: str = "left"
) -> UpdateOutcome:
    return UpdateOutcome(
        name=wanted.repository.name, action=action, ref=state.branch,
        before=state.revision, after=state.revision, left=why,
    )  # fmt: skip


def _done(
    wanted: UpdateRequest, state: RepositoryState, action: str, ref: str
) -> UpdateOutcome:
    one = wanted.repository
    after = one.ask("rev-parse", "HEAD")
    names = one.ask("diff", "--name-only", state.revision, after)
    return UpdateOutcome(
        name=one.name,
        action=action if after != state.revision else "is current",
        ref=ref,
        before=state.revision,
        after=after,
        files=tuple(names.splitlines()),
    )


def _detach(
    wanted: UpdateRequest, state: RepositoryState, target: str
) -> UpdateOutcome:
    one = wanted.repository
    commit = one.ask("rev-parse", f"{target}^{{commit}}")
    if commit != state.revision:
        if not one.kept(state.revision):
            return _left(wanted, state, "it has commits that were never pushed")
        one.run("checkout", "--quiet", "--detach", target)
    return _done(wanted, state, "moved", wanted.ref)


def _switch(wanted: UpdateRequest, state: RepositoryState, name: str) -> UpdateOutcome:
    """To another branch, where nothing would be forgotten on this one."""
    one = wanted.repository
    here = state.branch or state.revision[:8]
    if not one.kept(state.revision):
        why = f"it is on {here}, with commits that were never pushed"
        return _left(wanted, state, why)
    one.run("checkout", "--quiet", name, "--")
    done = _forward(wanted, one.state(), f"origin/{name}")
    if done.left:
        return done
    return _done(wanted, state, f"switched from {here}", name)


def _forward(
    wanted: UpdateRequest, state: RepositoryState, target: str
) -> UpdateOutcome:
    """Go forward, or say why that cannot be."""
    one = wanted.repository
    counts = one.ask("rev-list", "--left-right", "--count", f"HEAD...{target}")
    ahead, behind = map(int, counts.split())
    if ahead and behind:
        why = f"{ahead} commits here, {behind} on {target}: they have parted"
        return _left(wanted, state, why)
    if behind:
        one.run("merge", "--quiet", "--ff-only", target)
    done = _done(wanted, state, f"{behind} new commits", target.removeprefix("origin/"))
    if ahead:
        return _left(wanted, state, f"{ahead} commits to push", "is current")
    return done


def _follow(wanted: UpdateRequest, state: RepositoryState) -> UpdateOutcome:
    if state.hindrance:
        return _left(wanted, state, state.hindrance)
    if not state.upstream:
        return _left(wanted, state, UNLED)
    return _forward(wanted, state, state.upstream)


def _reset(
    wanted: UpdateRequest, state: RepositoryState, target: str, *, branch: bool
) -> UpdateOutcome:
    """Throw changes of tracked files and commits away; a ref keeps them all."""
    one = wanted.repository
    kept = one.ask("stash", "create") or state.revision
    dirty = kept != state.revision or state.hindrance
    if dirty or not one.kept(state.revision):
        name = f"{KEPT}/{time.strftime('%Y%m%d-%H%M%S')}"
        one.run("update-ref", name, kept)
        saved = f"what was there: git -C {one.path} show {name}"
    else:
        saved = ""
    where = ("-B", target.removeprefix("origin/")) if branch else ("--detach",)
    one.run("checkout", "--quiet", "--force", *where, target)
    for what in ("merge", "rebase", "cherry-pick", "revert"):
        if state.busy == what:
            one.run(what, "--quit", check=False)
    done = _done(wanted, state, "reset", target.removeprefix("origin/"))
    return UpdateOutcome(
        **{**vars(done), "action": "reset" if dirty else done.action, "left": saved}
    )


def failed(wanted: UpdateRequest, error: SourceError) -> UpdateOutcome:
    """For the table: what git could not do."""
    return UpdateOutcome(
        name=wanted.repository.name, action="failed", left=error.message.split("\n")[-1]
    )
