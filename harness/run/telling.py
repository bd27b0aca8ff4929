# SPDX-License-Identifier: GPL-3.0-or-later
"""The last stage of ``harness test``: what a run tells, in files and here."""

import shutil
import time
from pathlib import Path

from harness import __version__, history, index, plan, results, store
from harness.context import Context
from harness.errors import ExitCode, HarnessError
from harness.model import FileCoverage, RunResult
from harness.output import GREEN, RED
from harness.plan import Step
from harness.quantities import duration
from harness.run import ordering, publish
from harness.runners import base, image
from harness.runners import suite as suites
from harness.store import Run


def report(
    context: Context,
    current: Run,
    steps: tuple[Step, ...],
    done: list[results.Finished],
    directory: Path,
    stopped: list[HarnessError],
) -> int:
    """Write the reports, say where they are; the exit code of the run.

    `stopped` is why there is no more to tell of.
    """
    from harness import reports  # with jinja2: not before the tests
    from harness.reports import annotations, past, terminal

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
    errors = [*stopped, *(error for one in done for error in one.errors)]
    # What the tests have said is told in any case, be there no room for reports.
    with store.noting(errors), context.console.passing("coverage"):
        if parts:
            from harness.reports import coverage  # with the package of that name

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
    page: Path | None = None
    with store.noting(errors), context.console.passing("report"):
        junit = {one.result.name: one.junit for one in done if one.junit.exists()}
        before = past.read(directory.parent, but=current.id)
        ended = [one for one in result.steps if one.tests and one.name not in junit]
        reports.write(
            result,
            directory,
            junit_parts=junit,
            ended=ended,
            past=before,
            editor=context.config.editor,
        )
        for part in junit.values():
            part.unlink()
        page = publish.publish(context, directory, "index.html")
    with store.noting(errors):
        history.learn(context.store, result)
    for one in done:
        if one.cut:
            context.console.info(terminal.failures(one.result))
    head, *more = terminal.terminal(result)
    context.console.info(head, GREEN if head.startswith("PASSED") else RED)
    for text in more:
        context.console.info(text)
    if context.console.folds:
        for text in annotations.lines(result, context.config.root):
            context.console.info(text)
    for error in {str(error): error for error in errors}.values():
        context.console.error(error)
    bad = (test.longrepr for one in done for test in one.result.tests if test.longrepr)
    absent = {str(index.undeclared(text, context.sources) or "") for text in bad}
    for text in sorted(absent - {""}):
        context.console.warn(text)
    seconds = duration(time.time() - current.started)
    shown = context.console.link(page) if page else "none"
    context.console.info(f"report: {shown} ({seconds} in all)")
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
