# SPDX-License-Identifier: GPL-3.0-or-later
"""What CI runs, as plain data: jobs, the templates they share, whether images."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Final

from harness.ci.matrix import Job
from harness.config import Config

VERSION: Final = 1
OLDEST: Final = (3, 11)
"""The Python that the harness needs at least."""
DOCKER: Final = "docker"


@dataclass(frozen=True, kw_only=True)
class SharedTemplate:
    """A template that is built once; `options` are those of ``harness template``."""

    name: str
    names: tuple[str, ...]
    series: str
    database: str
    pythons: tuple[str, ...]
    needs: tuple[str, ...]
    options: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Planned:
    """A job with what it is given: Pythons (the last one runs the harness), templates.

    `templates` are names of `SharedTemplate`.
    """

    job: Job
    pythons: tuple[str, ...]
    templates: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class Pipeline:
    """All of it; `everything` is the reason for all jobs, or empty."""

    everything: str
    jobs: tuple[Planned, ...]
    templates: tuple[SharedTemplate, ...]
    images: bool

    def document(self) -> dict[str, object]:
        """For ``harness ci matrix``."""
        return {
            "version": VERSION,
            "everything": self.everything,
            "images": self.images,
            "templates": [
                {**asdict(one), "setup": "\n".join(one.pythons)}
                for one in self.templates
            ],
            "jobs": [
                {
                    **one.job.document(),
                    "pythons": one.pythons,
                    "setup": "\n".join(one.pythons),
                    "templates": one.templates,
                }
                for one in self.jobs
            ],
        }


def make(config: Config, jobs: Sequence[Job], *, everything: str) -> Pipeline:
    """The pipeline of these jobs."""
    shared: dict[str, SharedTemplate] = {}
    planned = []
    for job in jobs:
        mine = list(_templates(config, job))
        shared |= {one.name: one for one in mine}
        planned.append(
            Planned(
                job=job,
                pythons=pythons(config, job.python),
                templates=tuple(one.name for one in mine),
            )
        )
    return Pipeline(
        everything=everything,
        jobs=tuple(planned),
        templates=tuple(shared.values()),
        images=any(DOCKER in job.needs for job in jobs),
    )


def pythons(config: Config, wanted: str) -> tuple[str, ...]:
    """The Pythons to set up for a job: the suite's runs the harness, if it can."""
    minor = tuple(int(part) for part in wanted.split("."))
    return (wanted,) if minor >= OLDEST else (wanted, config.ci.python)


def _templates(config: Config, job: Job) -> Iterator[SharedTemplate]:
    """The templates that a suite's tests begin with."""
    if not job.suite or job.database.startswith("postgresql:"):
        return
    table = config.suite[job.suite]
    names = (table.template,) if table.kind == "pytest" else ()
    for name in names or job.modules or table.modules:
        if name:
            yield _shared(config, job, name)


def _shared(config: Config, job: Job, template: str) -> SharedTemplate:
    parts = (template, job.series, job.database, f"py{job.python}")
    options = ["--series", job.series] if job.series else []
    options += ["--database", job.database] if job.database else []
    return SharedTemplate(
        name="-".join(re.sub(r"[^\w.]+", "-", part) for part in parts if part),
        names=(template,),
        series=job.series,
        database=job.database,
        pythons=pythons(config, job.python),
        needs=job.needs,
        options=tuple(options),
    )
