# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness ci run-job``: jobs of the matrix here, each in a fresh clone."""

import hashlib
import os
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from harness import proc
from harness.ci.pipeline import Planned
from harness.commands import ci, gate, report
from harness.context import Context
from harness.errors import ExitCode, GateFailed, HarnessError, ReportError, UsageError
from harness.gate.judging import GateRequest
from harness.locks import locked
from harness.model import Origin
from harness.quantities import duration
from harness.reports import merge
from harness.selection import choice
from harness.selection.changes import ChangedRepository

PLACE = "jobs"
"""Directory below the reports, with the report of each job by its name."""


def run(
    context: Context, *, asked: GateRequest, names: tuple[str, ...], everything: bool
) -> int:
    """Run jobs one after the other; the exit code of the first that is not 0.

    With `everything`, all jobs; then the gate judges what they left, and their
    reports become one.  Raises `GateFailed`, else `ReportError`, as these do.
    """
    made = ci.plan(
        context,
        choice.select(context, since=asked.since, full=asked.full, event=asked.event),
    )
    ci.known(made, names)
    if everything == bool(names):
        raise UsageError("name jobs, or pass --all", remedy="harness ci matrix")
    jobs = [one for one in made.jobs if everything or one.job.name in names]
    top = context.config.root / context.config.reports / PLACE
    if everything:
        shutil.rmtree(top, ignore_errors=True)
    _warn(context)
    codes = [_one(context, job, top / job.job.name) for job in jobs]
    code = next((one for one in codes if one), int(ExitCode.OK))
    if everything and jobs:
        _judge(context, asked, {job.job.name: top / job.job.name for job in jobs})
    return code


def _judge(context: Context, asked: GateRequest, places: Mapping[str, Path]) -> None:
    """What CI's last job does: the verdict first, but the report even without it."""
    there = tuple(place for place in places.values() if place.exists())
    refused: HarnessError | None = None
    try:
        gate.run(context, replace(asked, judge=there), show=False, as_json=False)
    except GateFailed as error:
        refused = error
    try:
        report.merge_(
            context,
            directories=there,
            output=None,
            expected=tuple(places),
            gate=context.config.root / context.config.reports / "latest" / merge.GATE,
        )
    except ReportError as error:
        if refused is None:
            raise
        context.console.error(error)
    if refused:
        raise refused


def _warn(context: Context) -> None:
    root, here = (
        context.config.root,
        ChangedRepository(context.config.root, context.environ),
    )
    for source in context.sources.values():
        place = os.path.relpath(source.path, root)
        if source.origin is Origin.SRC and here.ignores(place):
            context.console.warn(f"{place} is not in a clone: jobs test the example")
    argv = ["git", "-C", str(root), "status", "--porcelain"]
    changed = proc.run(argv, env=context.environ).stdout.splitlines()
    if changed:
        context.console.warn(
            f"{len(changed)} files are not committed: a clone does not have them"
        )


def _one(context: Context, planned: Planned, place: Path) -> int:
    """Run a job; its report is copied to `place`."""
    job, console = planned.job, context.console
    with _clone(context) as clone:
        console.info(f"job {job.name}\n$ {job.nox_line}")
        began = time.monotonic()
        shell = ["bash", "-euo", "pipefail", "-c", job.nox_line]
        with proc.Child(shell, env=_environment(context), cwd=clone) as child:
            try:
                code = child.code()
            except KeyboardInterrupt:
                child.interrupt()
                raise
        seconds = duration(time.monotonic() - began)
        console.info(f"job {job.name} ended with exit code {code} after {seconds}")
        left = clone / context.config.reports / "latest"
        shutil.rmtree(place, ignore_errors=True)
        if left.is_dir():
            shutil.copytree(left, place)
            console.info(f"its report: {place}")
            return code
    console.error(_nothing_left(context, job.name))
    return code or ReportError.code


@contextmanager
def _clone(context: Context) -> Iterator[Path]:
    """A fresh clone, always at the same place: environments know where sources lie."""
    root = str(context.config.root)
    name = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    place = context.store.directory("clones")
    clone = place / name
    with locked(place / f"{name}.lock"):
        shutil.rmtree(clone, ignore_errors=True)
        proc.run(["git", "clone", "--quiet", root, str(clone)], env=context.environ)
        try:
            yield clone
        finally:
            shutil.rmtree(clone, ignore_errors=True)


def _nothing_left(context: Context, name: str) -> ReportError:
    return ReportError(
        f"the job {name} left no report",
        checked=f"{context.config.reports}/latest in its clone",
        remedy="what it has printed above says why",
    )


def _environment(context: Context) -> Mapping[str, str]:
    """As in CI, but with this machine's state directory: digests name all in it."""
    hidden = ("GITHUB_", "GITLAB_", "VIRTUAL_ENV", "PYTHONPATH", "NOX")
    env = {
        key: value
        for key, value in context.environ.items()
        if not key.startswith(hidden)
    }
    return {**env, "CI": "true", "HARNESS_STATE": str(context.store.path)}
