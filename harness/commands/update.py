# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness update``: repositories, folders, links; what changed, what follows."""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from harness import proc
from harness.commands import sources
from harness.commands.sources import AT_ONCE, Choice, require_leave
from harness.context import Context
from harness.errors import ExitCode, NothingSelected, SourceError
from harness.repositories import address, git, update
from harness.repositories.consequences import (
    ROOT,
    Consequence,
    consequences,
    defaults,
    settings,
)
from harness.repositories.git import AUTHENTICATION, Repository
from harness.repositories.update import UpdateOutcome, UpdateRequest


def run(
    context: Context,
    *,
    choice: Choice,
    environment: str,
    reset: bool,
    itself: bool,
    as_json: bool,
) -> int:
    """Bring all sources to the refs of an environment, and offer what follows."""
    stage = environment or context.config.stack.environment
    wanted = list(_wanted(context, choice.names, stage, itself=itself))
    if choice.dry:
        for one in wanted:
            context.console.info("\n".join(update.lines(one)))
        return ExitCode.OK
    if reset:
        _may_reset(wanted, choice)
    outcomes = _all(context, wanted, reset=reset, terminal=choice.ask is not None)
    made = _places(context)
    follows = consequences(
        outcomes,
        kinds={name: table.kind for name, table in context.config.source.items()},
        copies=stage != "development",
    )
    if as_json:
        document = {
            "repositories": [asdict(one) for one in outcomes],
            "made": made,
            "follows": [asdict(one) for one in follows],
        }
        context.answer(document)
    else:
        _show(context, outcomes, made)
        _settings(context, outcomes)
        _offer(context, follows, choice)
    failed = any(one.action == "failed" for one in outcomes)
    return ExitCode.COMMAND_FAILED if failed else ExitCode.OK


def _wanted(
    context: Context, names: Sequence[str], stage: str, *, itself: bool
) -> list[UpdateRequest]:
    env = git.environment(context.environ, terminal=False)
    config = context.config
    found = []
    for name in sources.chosen(context, names):
        table = config.source[name]
        one = Repository(name=name, path=sources.place(context, name), env=env)
        if not table.repository and not one.there:
            continue
        url = address.effective(
            table.repository, name=name, mirror=config.git.mirror,
            protocol=config.git.protocol,
        )  # fmt: skip
        ref = sources.ref(context, name, stage)
        url = address.from_root(url, config.root)
        found.append(UpdateRequest(repository=one, url=url, ref=ref))
    own = Repository(name=ROOT, path=config.root, env=env)
    if itself and own.there and not names:
        found.append(UpdateRequest(repository=own, url="", ref="", follows=True))
    if not found:
        raise NothingSelected(
            "no source has a repository",
            checked="[tool.harness.source.NAME] repository",
            remedy='repository = "https://…"',
        )
    return found


def _may_reset(wanted: Sequence[UpdateRequest], choice: Choice) -> None:
    """Ask before anything is thrown away; the checkout itself is never reset."""
    states = [
        (one.repository.name, one.repository.state())
        for one in wanted
        if one.repository.there and not one.follows
    ]
    dirty = [f"{name} ({state.hindrance})" for name, state in states if state.hindrance]
    what = f"reset {', '.join(dirty) or 'all sources'} to what the remotes have"
    require_leave(choice, what)


def _all(
    context: Context, wanted: Sequence[UpdateRequest], *, reset: bool, terminal: bool
) -> list[UpdateOutcome]:
    """All at once; on a terminal, those that need a password one by one."""
    total, done = len(wanted), 0
    refused: dict[str, UpdateRequest] = {}

    def bring(one: UpdateRequest) -> UpdateOutcome:
        nonlocal done
        try:
            outcome = update.bring(one, reset=reset)
        except SourceError as error:
            if AUTHENTICATION.search(str(error)):
                refused[one.repository.name] = one
            outcome = update.failed(one, error)
        done += 1
        step.update(f"{done}/{total}, {one.repository.name}")
        return outcome

    with (
        context.console.step("repositories", ticker=True) as step,
        ThreadPoolExecutor(max_workers=AT_ONCE) as executor,
    ):
        outcomes = list(executor.map(bring, wanted))
    if not terminal or not refused:
        return outcomes
    return [
        _asked(context, refused[one.name], reset=reset) if one.name in refused else one
        for one in outcomes
    ]


def _asked(context: Context, wanted: UpdateRequest, *, reset: bool) -> UpdateOutcome:
    """Once more, with the terminal: git asks for what it needs."""
    one = wanted.repository
    env = git.environment(context.environ, terminal=True)
    asking = Repository(name=one.name, path=one.path, env=env, asks=True)
    again = UpdateRequest(
        repository=asking, url=wanted.url, ref=wanted.ref, follows=wanted.follows
    )
    try:
        return update.bring(again, reset=reset)
    except SourceError as error:
        return update.failed(wanted, error)


# -- folders and links ---------------------------------------------------------


def _places(context: Context) -> list[str]:
    """Make what is missing; what is there and something else is left, and said."""
    root, config = context.config.root, context.config
    made = []
    for name in (config.src, *config.git.folders):
        folder = root / name
        if not folder.is_dir():
            folder.mkdir(parents=True, exist_ok=True)
            made.append(f"folder {name}")
    for line in config.git.links:
        link, _, target = line.partition("=")
        names = list(config.source) if "{name}" in line else [""]
        for name in names:
            made += _linked(
                root,
                link.strip().replace("{name}", name),
                target.strip().replace("{name}", name),
            )
    return made


def _linked(root: Path, link: str, target: str) -> list[str]:
    place, there = root / link, root / target
    if not there.exists():
        return []
    wanted = os.path.relpath(there, place.parent)
    if place.is_symlink() and os.readlink(place) == wanted:
        return []
    if place.exists() or place.is_symlink():
        return [f"left {link}: it is there, and no link to {target}"]
    place.parent.mkdir(parents=True, exist_ok=True)
    place.symlink_to(wanted)
    return [f"link {link} → {target}"]


# -- what happened, what follows -----------------------------------------------


def _show(context: Context, outcomes: Sequence[UpdateOutcome], made: list[str]) -> None:
    context.console.table(
        [
            (
                one.name, one.action, one.ref,
                one.after[:8] if not one.changed or not one.before
                else f"{one.before[:8]} → {one.after[:8]}",
                len(one.files) or "", one.left,
            )
            for one in outcomes
        ],
        ("source", "", "ref", "revision", "files", "left as it is, because"),
    )  # fmt: skip
    if made:
        context.console.info("\n".join(made))


def _settings(context: Context, outcomes: Sequence[UpdateOutcome]) -> None:
    """New defaults of services; those that a local file overrides are marked."""
    paths = settings(outcomes)
    own = [one for one in outcomes if one.name == ROOT]
    for path in paths:
        env = git.environment(context.environ, terminal=False)
        root = Repository(name=ROOT, path=context.config.root, env=env)
        diff = root.ask("diff", own[0].before, own[0].after, "--", path)
        local = Path(path).parent / "local" / Path(path).name
        try:
            mine = (context.config.root / local).read_text("utf-8")
        except OSError:
            mine = ""
        for line in defaults(diff):
            set_here = f"\n{line.partition('=')[0]}=" in f"\n{mine}"
            more = f" (yours counts: {local})" if set_here else ""
            context.console.info(f"new default in {path}: {line}{more}")


def _offer(context: Context, follows: Sequence[Consequence], choice: Choice) -> None:
    for one in follows:
        line = " ".join(("harness", *one.words)) if one.words else ""
        context.console.info(f"{one.what}: {one.why}" + (f": {line}" if line else ""))
        if not line or not (choice.yes or choice.ask):
            continue
        answer = "y" if choice.yes or not choice.ask else choice.ask("now? [y/N] ")
        if answer.strip().lower() in {"y", "yes"}:
            _do(context, one.words)


def _do(context: Context, words: tuple[str, ...]) -> None:
    argv = [sys.executable, "-m", "harness", *words]
    root = context.config.root
    with proc.Child(argv, env=context.environ, cwd=root, foreground=True) as child:
        code = child.code()
    if code:
        context.console.warn(f"harness {' '.join(words)} ended with exit code {code}")
