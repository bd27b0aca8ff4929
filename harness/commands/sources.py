# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness sources status``, ``diff``, ``checkout`` …: all repositories at once."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness import proc
from harness.context import Ask, Context, confirm
from harness.errors import ExitCode, NothingSelected, SourceError, UsageError
from harness.model import ENVIRONMENTS
from harness.options import meant
from harness.repositories import git, work
from harness.repositories.git import Repository, RepositoryState
from harness.repositories.work import Done

AT_ONCE: Final = 8
"""Repositories that are worked on at the same time: servers limit connections."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """Which repositories, and how the user may be asked; `names` empty: all."""

    names: tuple[str, ...] = ()
    yes: bool = False
    dry: bool = False
    ask: Ask = None


def place(context: Context, name: str) -> Path:
    """Where the repository of a source is."""
    table = context.config.source[name]
    return context.config.root / (table.path or f"{context.config.src}/{name}")


def chosen(context: Context, names: Sequence[str]) -> list[str]:
    """Names of sources; raises `UsageError` for what is none."""
    known = list(context.config.source)
    for name in names:
        if name not in known:
            raise UsageError(
                f"there is no source {name!r}",
                checked=f"configured are {', '.join(known) or 'none'}",
                remedy=meant(name, known) or "harness sources",
            )
    return list(names) or known


def repositories(context: Context, names: Sequence[str]) -> list[Repository]:
    """The repositories that are there; raises `NothingSelected` without any."""
    env = git.environment(context.environ, terminal=False)
    found = [
        Repository(name=name, path=place(context, name), env=env)
        for name in chosen(context, names)
    ]
    there = [one for one in found if one.there]
    if not there:
        raise NothingSelected(
            "no source has a repository here",
            checked=", ".join(str(one.path) for one in found) or "no source at all",
            remedy="harness update clones them",
        )
    return there


def all_of(
    context: Context, title: str, found: Sequence[Repository],
    do: Callable[[Repository], Done],
) -> list[Done]:  # fmt: skip
    """Do something in all repositories; what fails in one is a row, no end."""

    def careful(one: Repository) -> Done:
        try:
            return do(one)
        except SourceError as error:
            text = error.message.replace("\n", " ")
            return Done(name=one.name, result="failed", detail=text, well=False)

    with (
        context.console.step(title, ticker=True),
        ThreadPoolExecutor(max_workers=AT_ONCE) as executor,
    ):
        return list(executor.map(careful, found))


def _table(context: Context, rows: Sequence[Done]) -> int:
    context.console.table(
        [(one.name, one.result, one.detail) for one in rows],
        ("source", "result", ""),
    )
    well = all(one.well for one in rows)
    return ExitCode.OK if well else ExitCode.COMMAND_FAILED


def require_leave(choice: Choice, what: str) -> None:
    """Ask, unless it was allowed beforehand; raises `UsageError`."""
    if not choice.yes:
        confirm(choice.ask, what)


def _lines(context: Context, found: Sequence[Repository], *words: str) -> int:
    for one in found:
        context.console.info(proc.line(one.argv(*words)))
    return ExitCode.OK


# -- looking -------------------------------------------------------------------


def status(context: Context, *, choice: Choice, fetch: bool, as_json: bool) -> int:
    """A row per repository; with `fetch`, after asking the remotes."""
    found = repositories(context, choice.names)
    if fetch:
        rows = all_of(context, "fetch", found, _fetched)
        if not all(one.well for one in rows):
            return _table(context, rows)
    states = {one.name: one.state() for one in found}
    if as_json:
        documents = {name: state.document() for name, state in states.items()}
        context.answer(documents)
        return ExitCode.OK
    context.console.table(
        [
            (
                name,
                state.branch or "(detached)",
                state.revision[:8],
                _against(state),
                _changes(state),
            )
            for name, state in states.items()
        ],
        ("source", "branch", "revision", "remote", "changes"),
    )
    absent = [n for n in chosen(context, choice.names) if n not in states]
    if absent:
        context.console.info(f"not cloned: {', '.join(absent)} (harness update)")
    return ExitCode.OK


def _fetched(one: Repository) -> Done:
    one.run("fetch", "--quiet", "--prune", "origin")
    return Done(name=one.name, result="fetched")


def _against(state: RepositoryState) -> str:
    if not state.upstream:
        return "follows none"
    parts = [
        f"{count} {word}"
        for count, word in ((state.ahead, "ahead"), (state.behind, "behind"))
        if count
    ]
    return ", ".join(parts) or "even"


def _changes(state: RepositoryState) -> str:
    parts = [
        f"{count} {word}"
        for count, word in (
            (state.changed, "changed"),
            (state.staged, "staged"),
            (state.untracked, "untracked"),
        )
        if count
    ]
    return ", ".join([*([state.busy] if state.busy else []), *parts]) or "–"


def diff(context: Context, *, choice: Choice, stat: bool) -> int:
    """The changes of tracked files, one repository after the other."""
    colour = "always" if context.console.colour else "never"
    for one in repositories(context, choice.names):
        call = ("diff", f"--color={colour}", "HEAD", *(["--stat"] if stat else []))
        text = one.run(*call).stdout.rstrip()
        if text:
            context.console.header(one.name, ())
            context.console.info(text)
    return ExitCode.OK


# -- changing ------------------------------------------------------------------


def checkout(context: Context, *, choice: Choice, branch: str, create: bool) -> int:
    """Switch all that have the branch, and nothing changed."""
    found = repositories(context, choice.names)
    if choice.dry:
        return _lines(context, found, "checkout", branch)
    rows = all_of(
        context, f"checkout {branch}", found,
        lambda one: work.checkout(one, branch, create=create),
    )  # fmt: skip
    return _table(context, rows)


def pull(context: Context, *, choice: Choice) -> int:
    """Go forward on the branches that are checked out."""
    found = repositories(context, choice.names)
    if choice.dry:
        return _lines(context, found, "pull", "--ff-only")
    return _table(context, all_of(context, "pull", found, work.pull))


def commit(context: Context, *, choice: Choice, message: str) -> int:
    """Commit in all repositories with changes, under one message."""
    found = repositories(context, choice.names)
    if choice.dry:
        changed = [one for one in found if one.state().changed]
        return _lines(context, changed, "commit", "--all", "--message", message)
    rows = all_of(context, "commit", found, lambda one: work.commit(one, message))
    return _table(context, rows)


def push(context: Context, *, choice: Choice) -> int:
    """Push the branches that are checked out, after a question."""
    found = repositories(context, choice.names)
    counts = {one.name: work.unpushed(one) for one in found}
    going = [one for one in found if counts[one.name]]
    rows = [(one.name, one.state().branch, counts[one.name]) for one in going]
    if not going:
        context.console.info("nothing to push")
        return ExitCode.OK
    context.console.table(rows, ("source", "branch", "commits"))
    if choice.dry:
        return _lines(context, going, "push", "--set-upstream", "origin", "HEAD")
    require_leave(choice, "push them")
    return _table(context, all_of(context, "push", going, work.push))


def merge(context: Context, *, choice: Choice, branch: str) -> int:
    """Merge a branch into those that are checked out; conflicts are undone."""
    found = repositories(context, choice.names)
    if choice.dry:
        return _lines(context, found, "merge", "--no-edit", branch)
    rows = all_of(
        context, f"merge {branch}", found, lambda one: work.merge(one, branch)
    )
    return _table(context, rows)


def ref(context: Context, name: str, environment: str) -> str:
    """The ref of a source in an environment: its own, or that of a later stage."""
    refs = context.config.source[name].refs
    later = ENVIRONMENTS[ENVIRONMENTS.index(environment) :]
    return next((refs[stage] for stage in later if stage in refs), "")


def promote(context: Context, *, choice: Choice, environment: str) -> int:
    """Merge the branches of an environment into those of the next stage."""
    target = ENVIRONMENTS[ENVIRONMENTS.index(environment) + 1]
    found = [
        one
        for one in repositories(context, choice.names)
        if {environment, target} <= {*context.config.source[one.name].refs}
    ]
    if not found:
        raise NothingSelected(
            f"no source has refs for both {environment} and {target}",
            checked="[tool.harness.source.NAME] refs",
            remedy='refs = {development = "development", staging = "staging", …}',
        )
    wanted: dict[str, work.Promotion] = {}

    def look(one: Repository) -> Done:
        refs = context.config.source[one.name].refs
        planned = work.promotion(one, refs[environment], refs[target])
        wanted[one.name] = planned
        detail = f"{planned.source} → {planned.target}"
        return Done(name=one.name, result=f"{planned.count} commits", detail=detail)

    code = _table(context, all_of(context, "fetch", found, look))
    going = [one for one in found if one.name in wanted and wanted[one.name].count]
    if code or not going or choice.dry:
        return code
    require_leave(choice, f"promote {environment} to {target}")
    rows = all_of(context, "promote", going, lambda one: work.promote(wanted[one.name]))
    return _table(context, rows)
