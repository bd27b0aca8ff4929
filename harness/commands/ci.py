# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness ci``: the pipeline as data and as the files of a provider."""

import json
from difflib import unified_diff
from itertools import islice
from pathlib import Path

from harness.ci import matrix as matrices
from harness.ci import pins, pipeline, provider
from harness.ci.pipeline import Pipeline
from harness.ci.provider import files
from harness.context import Context
from harness.errors import DriftError, ExitCode, UsageError
from harness.selection import choice
from harness.selection.choice import Chosen
from harness.store import write_atomically

SHOWN = 40
"""Lines of a difference that are shown."""


def generate(context: Context, *, provider: str, check: bool) -> int:
    """Write the provider's files; with `check`, `DriftError` is that one is another."""
    for name, text in files(context.config, provider, pins.read()).items():
        _generate(context, name, text, provider, check=check)
    return ExitCode.OK


def _generate(
    context: Context, name: str, text: str, provider: str, *, check: bool
) -> None:
    path = context.config.root / name
    try:
        before = path.read_text("utf-8")
    except FileNotFoundError:
        before = ""
    if text == before:
        context.console.info(f"{name} is up to date")
        return
    if check:
        raise _drift(name, before, text, provider)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, text)
    path.chmod(0o644)
    context.console.info(f"{name} written")


def _drift(name: str, before: str, text: str, provider: str) -> DriftError:
    lines = unified_diff(
        before.splitlines(), text.splitlines(), name, "as configured", lineterm=""
    )
    option = "" if provider == "github" else f" --provider {provider}"
    return DriftError(
        f"{name} is not what the configuration says:\n"
        + "\n".join(islice(lines, SHOWN)),
        remedy=f"harness ci generate{option}, and commit it",
    )


def plan(context: Context, chosen: Chosen) -> Pipeline:
    """The pipeline of what is selected."""
    selection = chosen.selection
    jobs = matrices.jobs(context.config, selection)
    return pipeline.make(context.config, jobs, everything=selection.everything)


def matrix(
    context: Context,
    *,
    chosen: Chosen,
    provider: str,
    output: Path | None,
    outputs: Path | None,
) -> int:
    """Print the jobs, or write them to a file with the decisions on the screen."""
    made = plan(context, chosen)
    document = made.document()
    text = json.dumps(document, indent=1) + "\n"
    if provider == "gitlab":
        text = jobs_of_gitlab(context, made)
    if output is None:
        context.console.info(text.rstrip())
    else:
        choice.show(context, chosen)
        write_atomically(output.absolute(), text)
        context.console.info(f"{output}: {len(made.jobs)} jobs")
    if outputs:
        with outputs.open("a", encoding="utf-8") as stream:
            for name in ("jobs", "templates", "images"):
                stream.write(f"{name}={json.dumps(document[name])}\n")
    return ExitCode.OK


def jobs_of_gitlab(context: Context, made: Pipeline) -> str:
    """The child pipeline of GitLab."""
    return provider.gitlab_jobs(context.config, made)


def refresh(context: Context) -> int:
    """Write down the newest release of each action."""
    before = pins.read()
    with context.console.step("asking for releases", ticker=True) as live:
        after = {}
        for name in before:
            live.update(name)
            after[name] = pins.ask(name, context.environ)
    pins.write(after)
    for name, pin in after.items():
        changed = "unchanged" if pin == before[name] else f"was {before[name].version}"
        context.console.info(f"{name}  {pin.version}  {pin.commit}  {changed}")
    context.console.info("now: harness ci generate")
    return ExitCode.OK


def known(made: Pipeline, names: tuple[str, ...]) -> None:
    """Raises `UsageError` for a name that no job has."""
    there = [one.job.name for one in made.jobs]
    for name in names:
        if name not in there:
            raise UsageError(
                f"there is no job {name!r}",
                checked=f"jobs are {', '.join(there) or 'none: nothing has changed'}",
                remedy="harness ci matrix shows them; --full selects all",
            )
