# SPDX-License-Identifier: GPL-3.0-or-later
"""A plan to read: as a table, as JSON."""

from collections.abc import Iterator

from harness.plan import Step, Tested

HEADERS = (
    "suite", "series", "tested", "from", "database", "isolation", "workers", "chosen",
)  # fmt: skip


def rows(step: Step) -> Iterator[tuple[str, ...]]:
    """For a table: suite, series, module, where from, database, reason."""
    tested = step.tested or (_as_tested(step),)
    for one in tested:
        yield (
            step.suite,
            step.series,
            one.name,
            str(one.origin),
            step.database,
            str(step.isolation),
            str(step.workers),
            one.reason,
        )


def document(step: Step) -> dict[str, object]:
    """For ``--json``."""
    return {
        "name": step.name,
        "suite": step.suite,
        "series": step.series,
        "modules": [
            {"name": one.name, "origin": str(one.origin), "reason": one.reason}
            for one in step.tested
        ],
        "sources": list(step.sources),
        "source": step.source.name if step.source else "",
        "template": step.template,
        "database": {"server": step.database, "reason": step.reason},
        "isolation": str(step.isolation),
        "workers": step.workers,
        "coverage": step.coverage,
        "options": list(step.options),
        "paths": list(step.paths),
        "in": step.runner,
        "shard": step.shard,
        "reruns": step.manner.reruns,
        "repeat": step.manner.repeat,
        "seed": step.manner.seed,
        "timeout": step.limit.seconds,
        "affected": step.affected,
    }


def _as_tested(step: Step) -> Tested:
    assert step.source is not None
    why = f"template {step.template}"
    return Tested(name=step.source.name, origin=step.source.origin, reason=why)
