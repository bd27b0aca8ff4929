# SPDX-License-Identifier: GPL-3.0-or-later
"""What is set, what is there, what a step begins with."""

import json
import os

from harness.config import shown
from harness.context import Context
from harness.environment import Environment
from harness.errors import ExitCode
from harness.modules import series
from harness.plan import Step
from harness.runners.image import Image


def config(context: Context, *, as_json: bool) -> int:
    """Each value with where it comes from."""
    rows = [(key, shown(value), origin) for key, value, origin in (
        context.config.values()
    )]  # fmt: skip
    if as_json:
        document = {
            key: {"value": value, "source": origin} for key, value, origin in rows
        }
        context.console.info(json.dumps(document, indent=2))
    else:
        context.console.table(rows, ("key", "value", "source"))
    return ExitCode.OK


def sources(context: Context) -> int:
    """Each source with its place, revision and series."""
    rows = []
    for name, source in context.sources.items():
        module = context.graph.get(name)
        rows.append(
            (
                name,
                str(source.origin),
                source.revision + (" dirty" if source.dirty else ""),
                series(module) if module else "",
                os.path.relpath(source.path, context.config.root),
            )
        )
    context.console.table(rows, ("source", "from", "revision", "series", "path"))
    return ExitCode.OK


def step(
    context: Context, step: Step, environment: Environment, image: Image | None
) -> None:
    """The header of a step: on what, with what, where."""
    rows = [("series", f"{step.series} on Python {environment.interpreter.name}")]
    config = context.config
    if config.profile:
        rows.append(("profile", f"{config.profile} ({config.source_of('profile')})"))
    rows += [("source", str(context.sources[name])) for name in step.sources]
    if step.template:
        rows.append(("template", step.template))
    else:
        rows.append(("modules", ", ".join(one.name for one in step.tested)))
    rows.append(("database", f"{step.database} ({step.reason})"))
    if image:
        rows.append(("inside", f"{image.name} ({image.id})"))
    rows.append(("isolation", f"{step.isolation}, {step.workers} workers"))
    rows += [("order", words)] if (words := step.manner.words()) else []
    context.console.header(f"harness {step.name}", rows)
