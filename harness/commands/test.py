# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness test``: plan → environment → server → templates → run → reports."""

import contextlib
import json
import os
import re
import shlex
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import addresses, plan, results, series, store
from harness.commands import bisect
from harness.context import Context
from harness.errors import (
    ExitCode,
    HarnessError,
    Interrupted,
    MissingTool,
    UsageError,
)
from harness.model import Isolation, Module
from harness.options import doubtful, rooted, shows
from harness.patience import watched
from harness.plan import PlanRequest, Step
from harness.run import needs, ordering, rounds, servers, session, telling
from harness.runners import base, tryton
from harness.runners import suite as suites
from harness.selection import changes
from harness.sources import absent
from harness.store import Run


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """What the command line asks for; empty: as configured.

    `words` are modules or addresses; `shuffle` is nothing, ``some`` or ``all``.
    """

    suite: str
    words: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    options: tuple[str, ...] = ()
    series: str = ""
    isolation: Isolation | None = None
    runner: str = ""
    changed_since: str = ""
    measure: bool = False
    shard: str = ""
    affected: str = ""
    reruns: int | None = None
    repeat: int = 1
    shuffle: str = ""
    seed: int | None = None
    exactly: tuple[str, ...] = ()
    bisect: str = ""


def run(context: Context, asked: RunRequest, *, show: bool, as_json: bool) -> int:
    """Run a suite's tests; the exit code."""
    if asked.bisect and not show:
        return _bisect(context, asked)
    asked = replace(
        asked,
        paths=rounds.without(context, asked.paths),
        exactly=tryton.found(rounds.without(context, asked.exactly), (Path.cwd(),)),
    )
    with context.console.passing(context.line):
        steps = steps_of(context, asked)
    if context.found and not as_json:
        rows = context.found.rows()
        context.console.header(f"found in {context.config.root}", list(rows))
    if show:
        return _show(context, steps, as_json=as_json)
    if any(step.runner == "image" for step in steps):
        _check_image(context, context.config.suite[asked.suite].image)
    with Run(context.store) as current:
        return _execute(context, current, steps)


def _check_image(context: Context, image: str) -> None:
    """Raises `ImageError` where it is of another checkout's sources."""
    from harness.commands import stack_images  # what most runs have no need of
    from harness.images import services

    if image in (*services.SERVICES, *services.MORE):
        stack_images.check(context, [image], context.config.images.variant)


def _bisect(context: Context, asked: RunRequest) -> int:
    """Find the tests that make one fail, in the way that it was run."""
    case = bisect.find(context, asked.suite, asked.bisect)
    seen = bisect.given(case, asked.words)
    of_modules = context.config.suite[asked.suite].kind == "tryton"
    wish = replace(
        asked,
        words=seen.words if of_modules else asked.words,
        series=asked.series or seen.series,
        isolation=asked.isolation or seen.isolation,
        runner=asked.runner or seen.runner,
        reruns=0,
    )
    steps = [one for one in steps_of(context, wish) if one.series == case.step.series]
    line = bisect.line(context, steps[0], wish.words)
    return bisect.run(context, steps[0], case, line)


def steps_of(context: Context, asked: RunRequest) -> tuple[Step, ...]:
    """What a request means, one step per series."""
    config = context.config
    table = config.suite[asked.suite]
    more = _words(context.environ.get("PYTEST_ADDOPTS", ""))
    options = (*table.options, *more, *rooted(asked.options, Path.cwd()))
    serial = base.serial(options)
    if serial:
        context.console.info(f"{serial} needs the terminal: not in parallel")
    inner = (asked.runner or table.runner) == "image"
    wish = PlanRequest(
        suite=asked.suite,
        series=asked.series,
        isolation=asked.isolation or table.isolation,
        options=options,
        runner=asked.runner or table.runner,
        coverage=asked.measure or table.coverage,
        workers=_workers(config.jobs, table.apart if inner else 0),
        serial=serial,
        shard=_shard(asked.shard),
        affected=_affected(asked),
        manner=ordering.manner(context, asked, serial),
        limit=ordering.limit(config, asked.suite, serial),
    )
    if table.kind == "pytest":
        return (_of_source(context, asked, wish),)
    return _of_modules(context, asked, wish)


def _words(text: str) -> list[str]:
    """The words of a line; raises `UsageError` where a quotation has no end."""
    try:
        return shlex.split(text)
    except ValueError as error:
        raise UsageError(
            f"PYTEST_ADDOPTS={text!r} is no line of options: {error}",
            remedy="close its quotation, or unset it",
        ) from error


def _workers(jobs: int, apart: int) -> int:
    """How many; no more than have a container of their own, where that is asked."""
    count = jobs or os.cpu_count() or 1
    return min(count, apart) if apart else count


def _affected(asked: RunRequest) -> str:
    """Raises `UsageError` beside options that name the tests themselves."""
    named = {"--exactly": asked.exactly, "--bisect": asked.bisect}
    for option in (one for one, given in named.items() if given and asked.affected):
        raise UsageError(
            f"{option} names the tests, and --affected chooses them",
            remedy="leave one of them out",
        )
    return asked.affected


def _shard(text: str) -> str:
    """``2/5`` as it is; raises `UsageError` for what is no part of a whole."""
    match = re.fullmatch(r"([1-9]\d{0,3})/([1-9]\d{0,3})", text, re.ASCII)
    if text and (match is None or int(match[1]) > int(match[2])):
        raise UsageError(
            f"{text!r} is no shard",
            checked="--shard",
            remedy="name the part and how many there are: --shard 2/5",
        )
    return "" if text == "1/1" else text


def _of_modules(
    context: Context, asked: RunRequest, wish: PlanRequest
) -> tuple[Step, ...]:
    reasons: dict[str, str] = {}
    official = series.official()
    known = {*official, *context.graph}
    modules, doubts = doubtful(wish.options, known)
    words = (*asked.words, *modules)
    wish = replace(
        wish,
        options=tuple(
            one for one in wish.options if not any(one is m for m in modules)
        ),
        doubtful=tuple((one, (one,)) for one in doubts),
        named=bool(asked.paths),
    )
    bases = (Path.cwd(), context.config.root)
    paths, owners = tryton.aimed(asked.paths, _modules(context, words), bases)
    owners = [one for one in owners if one in known]
    if paths and not owners and not words:
        above = [one.path / "tests" for one in _modules(context, ()).values()]
        raise addresses.missing(Path(asked.paths[0]), above)
    if set(owners or words) <= set(context.graph):  # others are looked at when there
        tryton.check(paths, list(_modules(context, words).values()))
    chosen = words or tuple(owners) or context.config.suite[asked.suite].modules
    if asked.changed_since:
        reasons = changes.select(context, asked.changed_since, within=words)
        chosen = tuple(reasons)
    return plan.make(
        replace(wish, modules=chosen, paths=paths),
        sources=context.sources,
        graph=context.graph,
        official=official,
        default_series=context.config.series,
        database=servers.choose(context),
        reasons=reasons,
    )


def _modules(context: Context, names: Sequence[str]) -> dict[str, Module]:
    """Modules of the sources: those that are named, or all."""
    graph = context.graph
    return {name: graph[name] for name in names or graph if name in graph}


def _of_source(context: Context, asked: RunRequest, wish: PlanRequest) -> Step:
    config = context.config
    table = config.suite[asked.suite]
    for name in (table.source, *table.sources):
        if name not in context.sources:
            raise absent(context.config, name)
    source = context.sources[table.source]
    places = suites.Places(
        source=source,
        paths=table.paths,
        bases=(Path.cwd(), config.root, source.path, source.path / table.rootdir),
        nose=table.nose,
        sources={name: context.sources[name] for name in table.sources},
    )
    words = (*asked.words, *asked.paths)
    _, doubts = doubtful(wish.options)
    modules = needs.request(config, (table.template,)).modules
    if asked.changed_since:
        changes.require(context, asked.changed_since, asked.suite)
    return plan.of_source(
        replace(
            wish,
            modules=modules,
            paths=places.addresses(words),
            doubtful=tuple((one, places.meant(one)) for one in doubts),
            named=bool(words),
        ),
        source=source,
        beside=table.sources,
        template=table.template,
        nose=table.nose,
        rootdir=table.rootdir,
        sources=context.sources,
        graph=context.graph,
        default_series=config.series,
        database=servers.choose(context),
    )


def _show(context: Context, steps: tuple[Step, ...], *, as_json: bool) -> int:
    rows = (row for step in steps for row in step.rows())
    if as_json:
        context.console.info(json.dumps([one.document() for one in steps], indent=2))
    else:
        context.console.table(rows, plan.HEADERS)
    return ExitCode.OK


def _execute(context: Context, current: Run, steps: tuple[Step, ...]) -> int:
    directory = context.config.root / context.config.reports / current.id
    _make(directory)
    done: list[results.Finished] = []
    stopped: list[HarnessError] = []
    try:
        with watched(context.console, context.config.quiet):
            for step in steps:
                done.append(session.run(context, current, step, directory))
                if done[-1].interrupted:
                    break
    except BaseException as error:
        if not any(one.result.tests for one in done):
            _remove(directory)
            raise
        stopped = [_why(error)]
    current.end_left(context.console.warn)
    steps = steps[: len(done)]
    told = [_told(step, one) for step, one in zip(steps, done, strict=True)]
    if all(told):
        _remove(directory)
        if done[-1].interrupted:
            raise KeyboardInterrupt
        return int(max(one.code for one in done))
    return telling.report(context, current, steps, done, directory, stopped)


def _make(directory: Path) -> None:
    """Raises `MissingTool` where reports cannot be written."""
    try:
        directory.mkdir(parents=True)
    except OSError as error:
        if error.errno in store.FULL:
            raise
        raise MissingTool(
            f"the reports directory {directory.parent} cannot be written:"
            f" {error.strerror}",
            checked="creating a directory in it",
            remedy="make it writable, or name another one:"
            " export HARNESS_REPORTS=DIRECTORY",
        ) from error


def _remove(directory: Path) -> None:
    """Nothing is left of a run that ran no test: no empty directory of reports."""
    shutil.rmtree(directory)
    with contextlib.suppress(OSError):
        directory.parent.rmdir()


def _why(error: BaseException) -> HarnessError:
    """What ended a run between two steps; raises what nobody knows."""
    if isinstance(error, KeyboardInterrupt):
        return Interrupted("interrupted before all steps have run")
    if isinstance(error, HarnessError):
        return error
    raise error


def _told(step: Step, done: results.Finished) -> bool:
    """Whether pytest has said all: no test was to run, not of an empty shard either."""
    if done.errors or shows(step.options):
        return not done.errors
    nothing = [ExitCode.NOTHING_SELECTED, ExitCode.USAGE, ExitCode.INTERRUPTED]
    nothing += [ExitCode.OK] if step.affected else []  # all is unchanged
    return done.code in nothing and not (done.result.tests or step.shard)
