# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of screenshots."""

from dataclasses import replace

from harness.model import Evidence, Outcome, RunResult, StepResult, TestResult
from harness.reports import gallery

SHOTS = (
    Evidence(title="xs.png", file="evidence/a b-xs.png"),
    Evidence(title="page.html", file="evidence/page.html"),
    Evidence(title="lg.png", file="", missing="not there"),
)
TEST = TestResult(
    step="site-7.0",
    id="tests/test_a.py::test_<b>",
    module="",
    worker="w1",
    outcome=Outcome.PASSED,
    started=1.0,
    duration=1.0,
    evidence=SHOTS,
)


def run(*tests: TestResult) -> RunResult:
    step = StepResult(
        name="site-7.0",
        suite="site",
        series="7.0",
        database="local",
        exit_code=0,
        started=1.0,
        seconds=1.0,
        tests=tests,
    )
    return RunResult(
        id="r1",
        command="",
        started=1.0,
        seconds=1.0,
        exit_code=0,
        version="1",
        steps=(step,),
    )


def test_pictures_are_shown_and_names_escaped() -> None:
    text = gallery.page(run(TEST))
    assert 'src="evidence/a%20b-xs.png"' in text
    assert "test_&lt;b&gt;" in text
    assert text.count("<img") == 1


def test_failures_alone_make_no_gallery() -> None:
    assert gallery.page(run(replace(TEST, outcome=Outcome.FAILED))) == ""
    assert gallery.page(run(replace(TEST, evidence=()))) == ""
