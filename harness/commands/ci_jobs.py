# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness ci run-job``: jobs of the matrix here, each in a fresh clone."""

import shutil
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from harness import proc
from harness.ci.pipeline import Planned
from harness.commands import ci, report
from harness.commands.context import Context
from harness.commands.selecting import Chosen
from harness.errors import ExitCode, ReportError, UsageError
from harness.output import duration

PLACE = "jobs"
"""Directory below the reports, with the report of each job by its name."""


def run(
    context: Context, *, chosen: Chosen, names: tuple[str, ...], everything: bool
) -> int:
    """Run jobs one after the other; the exit code of the first that is not 0.

    With `everything`, all jobs, and their reports become one.
    """
    made = ci.plan(context, chosen)
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
        expected = tuple(job.job.name for job in jobs)
        places = tuple(top / name for name in expected if (top / name).exists())
        merged = report.merge_(
            context, directories=places, output=None, expected=expected, gate=None
        )
        code = code or merged
    return code


def _warn(context: Context) -> None:
    root = context.config.root
    argv = ["git", "-C", str(root), "status", "--porcelain"]
    changed = proc.run(argv, env=context.environ).stdout.splitlines()
    if changed:
        context.console.warn(
            f"{len(changed)} files are not committed: a clone does not have them"
        )


def _one(context: Context, planned: Planned, place: Path) -> int:
    """Run a job; its report is copied to `place`."""
    job, console = planned.job, context.console
    with tempfile.TemporaryDirectory(prefix="harness-job-") as name:
        clone = Path(name, "clone")
        argv = ["git", "clone", "--quiet", str(context.config.root), str(clone)]
        proc.run(argv, env=context.environ)
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
