# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness test``: plan → environment → server → templates → run → reports."""

import json
import os
import re
import shlex
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from harness import __version__, history, plan, results, series, store
from harness.commands import bisect
from harness.context import Context
from harness.errors import ExitCode, UsageError
from harness.model import FileCoverage, Isolation, Module, RunResult
from harness.options import doubtful, rooted, shows
from harness.output import duration
from harness.patience import watched
from harness.plan import PlanRequest, Step
from harness.run import needs, ordering, publish, rounds, servers, session
from harness.runners import base, image, tryton
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
    asked = replace(asked, paths=rounds.without(context, asked.paths))
    steps = _plan(context, asked)
    if show:
        return _show(context, steps, as_json=as_json)
    with Run(context.store) as current:
        return _execute(context, current, steps)


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
    steps = [one for one in _plan(context, wish) if one.series == case.step.series]
    line = bisect.line(context, steps[0], wish.words)
    return bisect.run(context, steps[0], case, line)


def _plan(context: Context, asked: RunRequest) -> tuple[Step, ...]:
    config = context.config
    table = config.suite[asked.suite]
    more = shlex.split(context.environ.get("PYTEST_ADDOPTS", ""))
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
        manner=ordering.manner(context, asked, serial),
        limit=ordering.limit(config, asked.suite, serial),
    )
    if table.kind == "pytest":
        return (_of_source(context, asked, wish),)
    return _of_modules(context, asked, wish)


def _workers(jobs: int, apart: int) -> int:
    """How many; no more than have a container of their own, where that is asked."""
    count = jobs or os.cpu_count() or 1
    return min(count, apart) if apart else count


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
    directory.mkdir(parents=True)
    with watched(context.console, context.config.quiet):
        done = [session.run(context, current, step, directory) for step in steps]
    current.end_left(context.console.warn)
    if all(_told(step, one) for step, one in zip(steps, done, strict=True)):
        shutil.rmtree(directory)
        return int(max(one.code for one in done))
    return _report(context, current, steps, done, directory)


def _told(step: Step, done: results.Finished) -> bool:
    """Whether pytest has said all: no test was to run, not of an empty shard either."""
    if done.errors or shows(step.options):
        return not done.errors
    nothing = (ExitCode.NOTHING_SELECTED, ExitCode.USAGE)
    return done.code in nothing and not (done.result.tests or step.shard)


def _report(
    context: Context,
    current: Run,
    steps: tuple[Step, ...],
    done: list[results.Finished],
    directory: Path,
) -> int:
    """Write the reports, say where they are; the exit code of the run."""
    from harness import reports  # with jinja2 and coverage: not before the tests
    from harness.reports import annotations, coverage, past, summary

    code = max((one.code for one in done), default=ExitCode.NOTHING_SELECTED)
    files = sorted((directory / "coverage").glob("*"))
    parts = [path for path in files if path.suffix != ".rc"]  # not what configured it
    roots = [
        context.graph[one.name].path
        for step in steps
        for one in step.tested
        if one.name in context.graph
    ]
    roots += [
        one.path
        for step in steps
        if step.source
        for one in suites.tested(step, context.sources)
    ]
    covered: tuple[FileCoverage, ...] = ()
    errors = [error for one in done for error in one.errors]
    # What the tests have said is told in any case, be there no room for reports.
    with store.noting(errors):
        if parts:
            covered = coverage.combine(
                parts,
                directory,
                roots=roots,
                remap=_remap(context, steps),
                settings=base.settings(roots),
            )
    shutil.rmtree(directory / "coverage", ignore_errors=True)
    manner = steps[0].manner if steps else plan.Manner()
    result = RunResult(
        id=current.id,
        command=context.line,
        started=current.started,
        seconds=time.time() - current.started,
        exit_code=errors[0].code if errors else code,
        version=__version__,
        steps=tuple(one.result for one in done),
        templates=tuple(cost for one in done for cost in one.templates),
        leases=tuple(cost for one in done for cost in one.leases),
        coverage=covered,
        header=_facts(steps, done),
        roots=portable(context, roots),
        order=manner.words(),
        again=ordering.again(context.line, manner),
    )
    page = None
    with store.noting(errors):
        junit = {one.result.name: one.junit for one in done if one.junit.exists()}
        before = past.read(directory.parent, but=current.id)
        ended = [one for one in result.steps if one.tests and one.name not in junit]
        reports.write(result, directory, junit_parts=junit, ended=ended, past=before)
        for part in junit.values():
            part.unlink()
        page = publish.publish(context, directory, "index.html")
    with store.noting(errors):
        history.learn(context.store, result)
    for text in summary.terminal(result):
        context.console.info(text)
    if context.console.folds:
        for text in annotations.lines(result, context.config.root):
            context.console.info(text)
    for error in {str(error): error for error in errors}.values():
        context.console.error(error)
    took = duration(time.time() - current.started)
    context.console.info(f"report: {page or 'none'} ({took} in all)")
    return int(errors[0].code if errors else code)


def _remap(context: Context, steps: tuple[Step, ...]) -> dict[Path, list[str]]:
    """Paths here, and what they are called inside images."""
    inside = [name for step in steps if step.runner == "image" for name in step.sources]
    paths = {name: context.sources[name].path for name in inside}
    return {
        Path(here): [there] for here, there in image.translations(paths, None).items()
    }


def _facts(steps: tuple[Step, ...], done: list[results.Finished]) -> dict[str, str]:
    """By step: where its database was, and what its browsers were."""
    return {
        step.name: "; ".join([f"{step.database}: {step.reason}", *one.notes])
        for step, one in zip(steps, done, strict=True)
    }


def portable(context: Context, roots: list[Path]) -> dict[str, str]:
    """Measured directories, named as in any checkout of the project."""
    top = context.config.root
    return {
        (root.relative_to(top) if root.is_relative_to(top) else root).as_posix(): str(
            root
        )
        for root in roots
    }
