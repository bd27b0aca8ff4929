# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness config`` and ``harness sources``: what is set, what is there."""

import json

from harness.commands.context import Context
from harness.config import shown
from harness.errors import ExitCode
from harness.modules import series


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
                str(source.path.relative_to(context.config.root)),
            )
        )
    context.console.table(rows, ("source", "from", "revision", "series", "path"))
    return ExitCode.OK
