# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness test``: plan → environment → server → templates → run → reports."""

import contextlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

from harness import results, store
from harness.causes import known
from harness.commands import bisect
from harness.context import Context
from harness.errors import ExitCode, HarnessError, Interrupted, MissingTool
from harness.options import shows
from harness.patience import watched
from harness.plan import Step
from harness.run import listing, preparing, rounds, telling
from harness.run.request import RunRequest, steps_of
from harness.runners import base, tryton
from harness.store import Run


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


def _show(context: Context, steps: tuple[Step, ...], *, as_json: bool) -> int:
    rows = (row for step in steps for row in listing.rows(step))
    if as_json:
        context.console.info(json.dumps(list(map(listing.document, steps)), indent=2))
    else:
        context.console.table(rows, listing.HEADERS)
    return ExitCode.OK


def _execute(context: Context, current: Run, steps: tuple[Step, ...]) -> int:
    directory = context.config.root / context.config.reports / current.id
    _make(directory)
    done: list[results.Finished] = []
    stopped: list[HarnessError] = []
    try:
        apart = not any(base.serial(one.options) for one in steps)
        with watched(context.console, context.config.quiet if apart else 0):
            for step in steps:
                done.append(preparing.make(context, current, step, directory).run())
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
    cause = known(error) if isinstance(error, Exception) else None
    if cause is None:
        raise error
    return cause


def _told(step: Step, done: results.Finished) -> bool:
    """Whether pytest has said all: no test was to run, not of an empty shard either."""
    if done.errors or shows(step.options):
        return not done.errors
    nothing = [ExitCode.NOTHING_SELECTED, ExitCode.USAGE, ExitCode.INTERRUPTED]
    nothing += [ExitCode.OK] if step.affected else []  # all is unchanged
    return done.code in nothing and not (done.result.tests or step.shard)
