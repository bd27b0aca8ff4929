# SPDX-License-Identifier: GPL-3.0-or-later
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.ci import pipeline
from harness.ci.matrix import Job
from harness.config import Config, SuiteTable

CONFIG = Config(
    root=Path("/project"),
    suite={
        "tryton": SuiteTable(modules=("society", "party")),
        "portal": SuiteTable(kind="pytest", source="portal_web", template="portal"),
    },
)
JOB = Job(
    name="tryton", row="tryton", suite="tryton", database="local", python="3.12",
    minutes=45, nox_line="harness test tryton",
)  # fmt: skip
CHECK = Job(
    name="lint", row="lint", check="lint", python="3.12", minutes=45, nox_line="lint"
)


def make(*jobs: Job) -> pipeline.Pipeline:
    return pipeline.make(CONFIG, jobs, everything="")


def names(*jobs: Job) -> list[tuple[str, ...]]:
    return [one.templates for one in make(*jobs).jobs]


def test_modules_begin_with_a_template_each() -> None:
    assert names(JOB) == [("society-local-py3.12", "party-local-py3.12")]
    assert names(replace(JOB, modules=("party",))) == [("party-local-py3.12",)]


def test_shards_share_their_template() -> None:
    portal = replace(JOB, suite="portal", name="portal-1-of-2", shard="1/2")
    made = make(portal, replace(portal, name="portal-2-of-2", shard="2/2"))
    assert [one.names for one in made.templates] == [("portal",)]
    assert {one.templates for one in made.jobs} == {("portal-local-py3.12",)}


def test_what_makes_another_template_has_another_name() -> None:
    jobs = (
        JOB,
        replace(JOB, series="7.0"),
        replace(JOB, database="sqlite"),
        replace(JOB, python="3.11"),
    )
    made = make(*(replace(job, modules=("party",)) for job in jobs))
    assert len(made.templates) == 4
    assert made.templates[1].options == ("--series", "7.0", "--database", "local")


@pytest.mark.parametrize(
    "job", [CHECK, replace(JOB, database="postgresql://user:secret@host/")]
)
def test_no_template_is_shared(job: Job) -> None:
    assert names(job) == [()]


@pytest.mark.parametrize(
    ("python", "expected"), [("3.12", ("3.12",)), ("3.9", ("3.9", "3.13"))]
)
def test_the_harness_needs_a_newer_python_than_old_series(
    python: str, expected: tuple[str, ...]
) -> None:
    (one,) = make(replace(JOB, python=python)).jobs
    assert one.pythons == expected


def test_images_are_built_where_a_job_needs_an_engine() -> None:
    assert not make(JOB).images
    assert make(JOB, replace(CHECK, needs=("docker",))).images


def test_the_document_has_all_that_a_provider_needs() -> None:
    document: dict[str, Any] = make(replace(JOB, python="3.9"), CHECK).document()
    (first, second) = document["jobs"]
    assert first["setup"] == "3.9\n3.13"
    assert first["nox_line"] == "harness test tryton"
    assert second["templates"] == ()
    assert [one["setup"] for one in document["templates"]] == ["3.9\n3.13"] * 2
