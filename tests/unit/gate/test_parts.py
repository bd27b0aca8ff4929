# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts as data, the jobs of CI, and what jobs left."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from harness import config
from harness.ci import matrix
from harness.config import Config
from harness.errors import ConfigError
from harness.gate import gather, parts
from harness.gate.base import Status
from harness.gate.parts import Part, Tools
from harness.model import Module
from harness.modules import Graph
from harness.selection import decisions

CONFIGURATION = """
[tool.harness.source.society]
[tool.harness.source.portal]
kind = "python"
[tool.harness.template.t]
modules = ["society"]
[tool.harness.suite.tryton]
modules = ["society"]
series = ["6.6", "7.0"]
databases = ["local", "docker"]
[tool.harness.suite.portal]
kind = "pytest"
source = "portal"
template = "t"
paths = ["tests"]
shards = 2
[tool.harness.gate]
program = "./nox -s manage --"
changed = 90
[tool.harness.check.lint]
run = ["{python} -m ruff 'a b'", "{harness} config"]
always = true
seconds = 1
[tool.harness.check.unit]
run = ["{python} -m coverage run --data-file={coverage} -m pytest"]
measures = ["lib"]
programs = ["docker"]
alone = true
seconds = 90
"""
GRAPH = Graph(
    [Module(name="society", path=Path("/stack/society"), version="7.0.0", depends=())]
)


@pytest.fixture
def conf(tmp_path: Path) -> Config:
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    return config.load(tmp_path, {}, {})


def made(conf: Config, known: Mapping[str, float] | None = None) -> dict[str, Part]:
    selection = decisions.decide([], config=conf, graph=GRAPH, everything="--full")
    tools = Tools(
        python="/stack/.venv/bin/python",
        root=Path("/stack"),
        program=conf.gate.program,
        directory=Path("/stack/reports/1/parts"),
    )
    found = parts.make(conf, selection, GRAPH, tools, known or {})
    return {part.name: part for part in found}


def test_commands_and_what_can_be_pasted(conf: Config) -> None:
    found = made(conf)
    python = "/stack/.venv/bin/python"
    assert found["lint"].commands == (
        (python, "-m", "ruff", "a b"),
        (python, "-m", "harness", "config"),
    )
    assert found["lint"].pasted == (
        ".venv/bin/python -m ruff 'a b'",
        "./nox -s manage -- config",
    )
    data = "/stack/reports/1/parts/unit/coverage.data"
    assert f"--data-file={data}" in found["unit"].commands[0]
    assert str(found["unit"].data) == data
    assert "--data-file=reports/coverage.data" in found["unit"].pasted[0]
    assert found["tryton"].commands[0][:5] == (
        python,
        "-m",
        "harness",
        "test",
        "tryton",
    )
    assert found["tryton"].pasted == (
        "./nox -s manage -- test tryton society --coverage",
        "./nox -s manage -- template verify --traced society",
    )
    assert found["portal"].pasted == (
        "./nox -s manage -- test portal --coverage",
        "./nox -s manage -- template verify --traced t",
    )


def test_the_cheapest_comes_first(conf: Config) -> None:
    assert list(made(conf)) == ["lint", "tryton", "portal", "unit"]
    assert list(made(conf, {"lint": 200.0, "portal": 2.0})) == [
        "portal", "tryton", "unit", "lint",
    ]  # fmt: skip


def test_without_thresholds_nothing_is_measured(tmp_path: Path) -> None:
    text = CONFIGURATION.replace("changed = 90", "")
    (tmp_path / "pyproject.toml").write_text(text)
    found = made(config.load(tmp_path, {}, {}))
    assert found["tryton"].pasted[0] == "./nox -s manage -- test tryton society"
    assert found["tryton"].measures == ()
    assert found["tryton"].data is None


def test_where_whole_files_count_no_trace_is_verified(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(f"{CONFIGURATION}\n")
    found = made(config.load(tmp_path, {"CI": "true"}, {}))
    assert len(found["tryton"].pasted) == 1


def test_a_server_that_was_asked_for_is_in_the_line(tmp_path: Path) -> None:
    (tmp_path / "pyproject.toml").write_text(CONFIGURATION)
    given = {
        "database.server": ("sqlite", "--database"),
        "profile": ("none", "--profile"),
    }
    found = made(config.load(tmp_path, {}, given))
    for line in found["tryton"].pasted:
        assert "--database sqlite" in line
        assert "--profile none" in line
    assert "--profile" not in made(config.load(tmp_path, {}, {}))["tryton"].pasted[0]


@pytest.mark.parametrize(
    ("databases", "words"),
    [('["sqlite"]', "--database sqlite"), ('["local", "docker"]', "")],
)
def test_the_only_server_of_a_suite_is_in_the_line(
    tmp_path: Path, databases: str, words: str
) -> None:
    text = CONFIGURATION.replace('["local", "docker"]', databases)
    (tmp_path / "pyproject.toml").write_text(text)
    line = made(config.load(tmp_path, {}, {}))["tryton"].pasted[0]
    assert ("--database" in line) is bool(words)
    assert words in line


def test_what_the_gate_is_without(tmp_path: Path) -> None:
    """Neither of all, nor of what a change selects, nor of CI's jobs."""
    text = CONFIGURATION.replace("changed = 90", 'without = ["portal", "lint"]')
    (tmp_path / "pyproject.toml").write_text(text)
    conf = config.load(tmp_path, {}, {})
    assert sorted(made(conf)) == ["tryton", "unit"]
    some = decisions.decide(["src/portal/x.py"], config=conf, graph=GRAPH)
    assert "portal" not in some.suites
    assert "lint" not in some.checks
    (tmp_path / "pyproject.toml").write_text(text.replace('"lint"]', '"link"]'))
    with pytest.raises(ConfigError, match='did you mean "lint"'):
        config.load(tmp_path, {}, {})


def test_contributors(conf: Config) -> None:
    assert parts.contributors(conf, GRAPH) == {
        "society": frozenset({"tryton"}),
        "portal": frozenset({"portal"}),
        "lib": frozenset({"unit"}),
    }


# -- the jobs of CI ----------------------------------------------------------


def jobs(conf: Config) -> tuple[matrix.Job, ...]:
    selection = decisions.decide([], config=conf, graph=GRAPH, everything="--full")
    return matrix.jobs(conf, selection)


def test_jobs_are_the_product(conf: Config) -> None:
    found = jobs(conf)
    assert [job.name for job in found] == [
        "lint", "unit",
        "tryton-6.6-local", "tryton-6.6-docker",
        "tryton-7.0-local", "tryton-7.0-docker",
        "portal-1-of-2", "portal-2-of-2",
    ]  # fmt: skip
    by_name = {job.name: job for job in found}
    old = by_name["tryton-6.6-docker"]
    assert (old.python, old.needs, old.row) == ("3.11", ("docker",), "tryton")
    assert shlex.split(old.nox_line) == [
        "./nox", "-s", "manage", "--", "test", "tryton", "society",
        "--series", "6.6", "--database", "docker", "--coverage",
    ]  # fmt: skip
    assert "--shard 2/2" in by_name["portal-2-of-2"].nox_line
    assert by_name["unit"].nox_line == "./nox -s manage -- gate --only unit"
    assert by_name["unit"].needs == ("docker",)
    assert json.loads(json.dumps(old.document()))["modules"] == ["society"]


def test_a_job_outlives_what_it_ends(conf: Config) -> None:
    check = replace(conf.check["unit"], timeout=3600, packages=("npm",))
    found = jobs(replace(conf, check={**conf.check, "unit": check}))
    by_name = {job.name: job for job in found}
    assert (by_name["unit"].minutes, by_name["unit"].packages) == (65, ("npm",))
    assert (by_name["lint"].minutes, by_name["lint"].packages) == (65, ())
    assert by_name["portal-1-of-2"].minutes == 45


def test_only_what_is_selected_has_jobs(conf: Config) -> None:
    selection = decisions.decide(["docs/a.md"], config=conf, graph=GRAPH)
    assert [job.name for job in matrix.jobs(conf, selection)] == ["lint", "unit"]


# -- what jobs left ----------------------------------------------------------


@pytest.fixture
def left(conf: Config, tmp_path: Path) -> dict[str, Path]:
    """Good reports of all jobs."""
    places = {}
    for job in jobs(conf):
        place = tmp_path / f"report-{job.name}"
        place.mkdir()
        if job.check:
            row = {"name": job.check, "status": "passed"}
            (place / "gate.json").write_text(json.dumps({"rows": [row]}))
        else:
            finish(place, 0, "passed")
        places[job.name] = place
    return places


def finish(place: Path, code: int, *outcomes: str, ended: bool = True) -> None:
    events: list[dict[str, object]] = [
        {"kind": "test", "id": f"test_{at}", "outcome": one}
        for at, one in enumerate(outcomes)
    ]
    events += [{"kind": "session", "exitstatus": code}] if ended else []
    text = "".join(json.dumps(event) + "\n" for event in events)
    (place / "step.jsonl").write_text(text)


def test_all_is_well(conf: Config, left: dict[str, Path]) -> None:
    assert gather.find(left.values()) == left
    found = gather.rows(jobs(conf), left, flaky=0)
    assert list(found) == ["lint", "unit", "tryton", "portal"]
    assert {row.status for row in found.values()} == {Status.PASSED}


def test_coverage_data_are_where_each_kind_leaves_them(
    conf: Config, left: dict[str, Path]
) -> None:
    found = gather.data(jobs(conf), left).files
    assert found["unit"] == [left["unit"] / "parts/unit/coverage.data"]
    assert len(found["tryton"]) == 4
    assert found["portal"][1] == left["portal-2-of-2"] / "coverage.data"


def test_jobs_say_what_they_called_what_they_measured(
    conf: Config, left: dict[str, Path]
) -> None:
    assert gather.data(jobs(conf), left).names == {}
    roots = {"roots": {"lib": "/there/lib"}}
    (left["unit"] / "gate.json").write_text(json.dumps(roots))
    for at, name in enumerate(("portal-1-of-2", "portal-2-of-2")):
        run = {"run": {"roots": {"src/web": f"/{at}/src/web"}}}
        (left[name] / "run.json").write_text(json.dumps(run))
    assert gather.data(jobs(conf), left).names == {
        "lib": ("/there/lib",),
        "src/web": ("/0/src/web", "/1/src/web"),
    }


def test_a_job_that_should_leave_coverage(conf: Config, left: dict[str, Path]) -> None:
    (left["portal-1-of-2"] / "coverage.data").touch()
    found = gather.rows(jobs(conf), left, flaky=0, measuring={"portal"})
    assert found["portal"].status is Status.FAILED
    assert found["portal"].why == "shard 2/2: it left no coverage data"
    assert found["tryton"].status is Status.PASSED
    (left["portal-2-of-2"] / "coverage.data").touch()
    assert not gather.rows(jobs(conf), left, flaky=0, measuring={"portal"})[
        "portal"
    ].red


def test_a_job_without_report_is_missing(conf: Config, left: dict[str, Path]) -> None:
    del left["portal-2-of-2"]
    row = gather.rows(jobs(conf), left, flaky=0)["portal"]
    assert row.status is Status.MISSING
    assert row.why == "shard 2/2: the job portal-2-of-2 left no report"
    assert "--shard 2/2" in row.command


def test_one_bad_job_spoils_its_row(conf: Config, left: dict[str, Path]) -> None:
    finish(left["tryton-7.0-docker"], 1, "passed", "failed")
    row = gather.rows(jobs(conf), left, flaky=0)["tryton"]
    assert row.status is Status.FAILED
    assert row.why == "1 failed, 1 passed: test_1"
    assert "--series 7.0 --database docker" in row.command


def test_flaky_tests_of_all_shards_count_together(
    conf: Config, left: dict[str, Path]
) -> None:
    finish(left["portal-1-of-2"], 0, "passed", "flaky")
    finish(left["portal-2-of-2"], 0, "passed", "passed", "flaky")
    row = gather.rows(jobs(conf), left, flaky=1)["portal"]
    assert row.status is Status.FAILED
    assert row.why == "2 flaky, 1 allowed: test_1, test_2"
    assert gather.rows(jobs(conf), left, flaky=2)["portal"].status is Status.PASSED


def test_a_test_that_is_flaky_in_two_series_is_one(
    conf: Config, left: dict[str, Path]
) -> None:
    finish(left["tryton-6.6-docker"], 0, "passed", "flaky")
    finish(left["tryton-7.0-docker"], 0, "passed", "flaky")
    assert gather.rows(jobs(conf), left, flaky=1)["tryton"].status is Status.PASSED
    row = gather.rows(jobs(conf), left, flaky=0)["tryton"]
    assert row.why == "1 flaky, 0 allowed: test_1"


@pytest.mark.parametrize(
    ("code", "ended", "status"),
    [(0, False, Status.MISSING), (2, True, Status.FAILED), (0, True, Status.PASSED)],
)
def test_a_session_must_have_ended(
    conf: Config, left: dict[str, Path], code: int, status: Status, *, ended: bool
) -> None:
    finish(left["portal-1-of-2"], code, "passed", ended=ended)
    assert gather.rows(jobs(conf), left, flaky=0)["portal"].status is status


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ('{"run": {"exit_code": 0, "seconds": 2.5}}', Status.PASSED),
        ('{"run": {"exit_code": 7, "seconds": 2.5}}', Status.FAILED),
        ('{"run": {}}', Status.MISSING),
        ("{", Status.MISSING),
    ],
)
def test_a_run_says_itself_how_it_ended(
    conf: Config, left: dict[str, Path], text: str, status: Status
) -> None:
    (left["portal-1-of-2"] / "run.json").write_text(text)
    assert gather.rows(jobs(conf), left, flaky=0)["portal"].status is status


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{}",
        '{"rows": []}',
        '{"rows": [{"name": "lint", "status": "left out"}]}',
        '{"rows": [{"name": "other", "status": "passed"}]}',
    ],
)
def test_a_check_that_left_no_verdict(
    conf: Config, left: dict[str, Path], text: str
) -> None:
    (left["lint"] / "gate.json").write_text(text)
    assert gather.rows(jobs(conf), left, flaky=0)["lint"].status is Status.MISSING
