# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of traces: what is read of it, what is merged, and what is to run."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.commands import report
from harness.model import Outcome, TestResult
from harness.plugins.trace.facts import Now
from harness.reports.merge import ReportPart
from harness.run import traces
from harness.run.traces import TracedTest

GIVEN = {"setting database": "sqlite", "package trytond": "7.0.1"}
NOW = Now("/nowhere", given=GIVEN)
ONE = TracedTest(
    run="1", outcome=Outcome.PASSED, needs=frozenset({("setting database", "sqlite")})
)
TWO = replace(ONE, run="2", needs=frozenset(GIVEN.items()))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "traces" / "portal.json"


def test_what_is_written_is_read(path: Path) -> None:
    assert traces.load(path) == traces.TraceFile()
    traces.merge(path, {"one": ONE, "two": TWO}, [])
    assert traces.load(path).tests == {"one": ONE, "two": TWO}


def test_two_runs_are_merged(path: Path) -> None:
    traces.merge(path, {"one": ONE, "two": ONE}, [])
    traces.merge(path, {"two": TWO, "three": TWO}, ["one", "never"])
    assert traces.load(path).tests == {"two": TWO, "three": TWO}


def test_files_of_several_jobs_become_one(tmp_path: Path) -> None:
    """Each job has begun with what all knew before; a broken file is told of."""
    before = {"one": ONE, "two": ONE, "three": ONE}
    first, second = {**before, "one": TWO}, {**before, "two": TWO, "four": TWO}
    parts = []
    for name, tests in (("1", first), ("2", second), ("3", {})):
        traces.merge(tmp_path / name / "traces" / "portal.json", tests, [])
        parts.append(ReportPart(name=name, directory=tmp_path / name))
    (tmp_path / "3" / "traces" / "portal.json").write_text('{"version": 0}')
    parts.append(ReportPart(name="4", directory=tmp_path / "nowhere"))
    [trouble] = report.gather(parts, tmp_path / "whole")
    assert trouble.endswith("portal.json is of version 0, not 1")
    merged = traces.load(tmp_path / "whole" / "traces" / "portal.json")
    assert merged.tests == {"one": TWO, "two": TWO, "three": ONE, "four": TWO}


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "[]", "null", "{}", '{"version": 1}', '{"version": 2}',
        '{"version": 1, "facts": [], "tests": {"a": ["1", "passed", [0]]}}',
        '{"version": 1, "facts": [["a"]], "tests": {}}',
        '{"version": 1, "facts": [], "tests": {"a": ["1", "odd", []]}}',
        '{"version": 1, "facts": [], "tests": {"a": 1}}',
    ],
)  # fmt: skip
def test_a_file_that_is_none_of_ours_says_so_once(path: Path, text: str) -> None:
    path.parent.mkdir()
    path.write_text(text)
    known = traces.load(path)
    assert known.trouble
    assert not known.tests
    traces.merge(path, {"one": ONE}, [])
    assert traces.load(path).tests == {"one": ONE}


def test_a_file_that_is_cut_off_anywhere(path: Path) -> None:
    traces.merge(path, {"one": ONE, "two": TWO}, [])
    whole = path.read_text().rstrip()
    for end in range(len(whole)):
        path.write_text(whole[:end])
        assert traces.load(path).trouble


def test_a_test_runs_when_a_fact_is_another_or_it_did_not_pass() -> None:
    known = {
        "same": ONE,
        "other": replace(ONE, needs=frozenset({("setting database", "local")})),
        "older": replace(TWO, needs=frozenset({("package trytond", "7.0.0")})),
        "gone": replace(TWO, needs=frozenset({("package party", "7.0.0")})),
        "failed": replace(ONE, outcome=Outcome.FAILED),
        "flaky": replace(ONE, outcome=Outcome.FLAKY),
        "skipped": replace(ONE, outcome=Outcome.SKIPPED),
    }
    assert traces.reasons(known, NOW, traces.stale(known, NOW)) == {
        "other": ["the setting database changed"],
        "older": ["the package trytond 7.0.0 changed"],
        "gone": ["the package party 7.0.0 is gone"],
        "failed": ["failed in run 1"],
        "flaky": ["flaky in run 1"],
    }


def result(key: str, outcome: Outcome, subtest: str = "") -> TestResult:
    return TestResult(
        step="s", id=key, module="m", worker="gw0", outcome=outcome, started=0,
        duration=0, key=f"{key} {subtest}".rstrip(), subtest=subtest,
    )  # fmt: skip


def test_what_processes_have_noted_becomes_traces(tmp_path: Path) -> None:
    lines = {
        "1": [
            {"key": "a", "new": [["file x", "1"], ["file y", "2"]], "needs": [0, 1]},
            {"key": "b", "new": [["file z", "3"]], "needs": [0, 2]},
            {"packages": ["trytond", "sql"]},
        ],
        "2": [
            {"key": "a", "new": [["file z", "4"]], "needs": [0]},
            {"key": "unknown", "new": [], "needs": []},
            {"packages": ["sql", "jinja2"]},
        ],
    }
    for name, some in lines.items():
        text = "".join(json.dumps(line) + "\n" for line in some)
        (tmp_path / f"{name}.jsonl").write_text(text + '{"key": "cut')
    results = [
        result("a", Outcome.PASSED),
        result("b", Outcome.PASSED),
        result("b", Outcome.FAILED, "(n=1)"),
        result("b", Outcome.PASSED, "(n=2)"),
        result("untraced", Outcome.PASSED),
    ]
    found = traces.traced(tmp_path, "5", results, {"setting a": "b"})
    assert found == {
        "a": TracedTest(
            run="5",
            outcome=Outcome.PASSED,
            needs=frozenset(
                {("file x", "1"), ("file y", "2"), ("file z", "4"), ("setting a", "b")}
            ),
        ),
        "b": TracedTest(
            run="5",
            outcome=Outcome.FAILED,
            needs=frozenset({("file x", "1"), ("file z", "3"), ("setting a", "b")}),
        ),
    }
    assert traces.packages(tmp_path) == {"trytond", "sql", "jinja2"}


def test_a_test_without_a_reason_that_came_out_otherwise_was_missed() -> None:
    results = [
        result("same", Outcome.PASSED),
        result("other", Outcome.SKIPPED),
        result("known", Outcome.FAILED),
        result("new", Outcome.FAILED),
    ]
    known = {"same": ONE, "other": ONE, "known": ONE}
    assert traces.missed(known, {"known": ["a.py changed"]}, results) == [
        "other: passed in run 1, now skipped"
    ]
