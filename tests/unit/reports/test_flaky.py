# SPDX-License-Identifier: GPL-3.0-or-later
"""A test that failed and passed when run again, in every report."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.model import Attempt, Evidence, Outcome, RunResult, StepResult, TestResult
from harness.reports import (
    annotations,
    cut,
    figures,
    html,
    junit,
    merge,
    past,
    record,
    summary,
    terminal,
    timeline,
    trend,
)
from harness.reports.figures import RunVerdict

Build = Callable[..., RunResult]

FIRST = Attempt(
    outcome=Outcome.FAILED,
    worker="w1",
    started=1_780_000_010.0,
    duration=0.4,
    message="AssertionError: <the first> time",
    longrepr="tests/test_a.py:7: AssertionError",
    sections=(("Captured stdout call", "words of the first"),),
    fault=7,
    evidence=(Evidence(title="lg.png", file="evidence/a-lg.png"),),
)
AGAIN = replace(FIRST, outcome=Outcome.ERROR, worker="w2", message="KeyError: 'b'")


def unsteady(run: RunResult, outcome: Outcome, *attempts: Attempt) -> RunResult:
    """The run with one more test, in its last step."""
    *others, step = run.steps
    test = TestResult(
        step=step.name,
        id="tests/test_a.py::ACase::test_a[x::y]",
        module="a",
        worker="w3",
        outcome=outcome,
        started=1_780_000_012.0,
        duration=0.5,
        message="AssertionError: the last time" if outcome is Outcome.FAILED else "",
        longrepr="the last traceback" if outcome is Outcome.FAILED else "",
        file="tests/test_a.py",
        line=3,
        attempts=attempts,
    )
    changed: StepResult = replace(step, tests=(*step.tests, test))
    return replace(run, steps=(*others, changed))


@pytest.fixture
def run(build: Build) -> RunResult:
    return unsteady(build(failed=0), Outcome.FLAKY, FIRST, AGAIN)


def test_it_does_not_make_a_run_red_but_is_said(run: RunResult) -> None:
    assert figures.verdict(run) is RunVerdict.PASSED
    assert figures.reason(run) == "1 flaky"
    assert [test.worker for test in figures.flaky(run)] == ["w3"]


def test_an_exit_code_is_still_explained(run: RunResult) -> None:
    assert figures.reason(replace(run, exit_code=8)) == ("1 flaky, exit code 8, gate")


def test_the_terminal_names_it_with_its_first_failure(run: RunResult) -> None:
    lines = terminal.terminal(run)
    assert lines[0].startswith("PASSED: 1 flaky — ")
    at = next(n for n, line in enumerate(lines) if line.startswith("flaky"))
    assert "test_a[x::y] (failed 2 times, then passed)" in lines[at]
    assert "AssertionError: <the first> time" in lines[at + 1]
    command = "harness test society --bisect 'tests/test_a.py::ACase::test_a[x::y]'"
    assert lines[at + 2] == f"disturbed? {command}"


def test_the_terminal_counts_what_it_does_not_name(build: Build) -> None:
    run = build(failed=0)
    for _ in range(12):
        run = unsteady(run, Outcome.FLAKY, FIRST)
    assert sum("failed 1 time," in line for line in terminal.terminal(run)) == 10
    assert any("… and 2 more" in line for line in terminal.terminal(run))


def test_the_summary_of_ci(run: RunResult) -> None:
    text = summary.markdown(run)
    assert "### Flaky" in text
    assert "(failed 2 times, then passed)" in text
    assert "&#60;the first&#62; time" in text
    assert "evidence/a-lg.png" in text
    assert "### Failures" not in text


def test_a_warning_at_the_line_that_failed(run: RunResult, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").touch()
    [line] = annotations.lines(run, tmp_path)
    assert line.startswith("::warning file=tests/test_a.py,line=7,title=flaky%3A ")


def test_warnings_have_room_beside_errors(build: Build, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests/test_a.py").touch()
    run = build(failed=0)
    for _ in range(12):
        run = unsteady(run, Outcome.FLAKY, FIRST)
        run = unsteady(run, Outcome.FAILED)
    kinds = [line.split()[0] for line in annotations.lines(run, tmp_path)]
    assert kinds == ["::error"] * 10 + ["::warning"] * 10


def test_the_page_keeps_what_the_first_time_left(
    run: RunResult, tmp_path: Path
) -> None:
    (tmp_path / "evidence").mkdir()
    (tmp_path / "evidence/a-lg.png").write_bytes(b"picture")
    text = html.page(run, directory=tmp_path)
    section = text.partition('<section id="flaky"')[2].partition("</section>")[0]
    assert "data:image/png;base64,cGljdHVyZQ==" in section
    assert "&lt;the first&gt; time" in section
    assert "words of the first" in section
    assert "KeyError" in section
    assert "failed 2×, then passed" in section
    assert '<section id="failures"' not in text
    assert 'data-outcome="flaky"><b>1</b> flaky' in text


def test_the_page_shows_all_times_of_a_failure(build: Build) -> None:
    run = unsteady(build(failed=0), Outcome.FAILED, FIRST)
    text = html.page(run)
    section = text.partition('<section id="failures"')[2].partition("</section>")[0]
    assert "the last traceback" in section
    assert "&lt;the first&gt; time" in section
    assert "failed 2×" in section
    assert '<section id="flaky"' not in text


def test_the_timeline_has_the_failures_too(run: RunResult) -> None:
    tests = list(run.tests)
    drawing = timeline.draw(run, tests)
    assert drawing is not None
    index = len(tests) - 1
    bars = {
        lane.name: [bar.style for bar in lane.bars if bar.test == index]
        for lane in drawing.lanes
    }
    assert (bars["w1"], bars["w2"], bars["w3"]) == (["failed"], ["error"], ["flaky"])


def test_it_is_flaky_in_the_history_at_once(run: RunResult) -> None:
    [one] = trend.of(run, []).unsteady
    assert (one.flaky, one.failed, one.outcomes) == (True, 1, ("flaky",))


@pytest.mark.parametrize(
    ("outcomes", "joint"),
    [
        (["passed", "passed"], "passed"),
        (["passed", "failed"], "flaky"),
        (["error", "xfailed"], "flaky"),
        (["flaky", "skipped"], "flaky"),
        (["failed", "skipped"], "failed"),
        (["skipped", "passed"], "passed"),
    ],
)
def test_rounds_of_a_test_have_one_outcome(outcomes: list[str], joint: str) -> None:
    for order in (outcomes, outcomes[::-1]):
        assert past.joined((("f", "t"), one) for one in order) == {("f", "t"): joint}


def test_the_record_keeps_it(run: RunResult, tmp_path: Path) -> None:
    (tmp_path / record.FILE).write_text(record.dump(run))
    assert record.load(tmp_path) == run


JUNIT = """\
<testsuites><testsuite name="pytest" tests="1" time="0.5">
<testcase classname="tests.test_a.ACase" name="test_a[x::y]" time="0.5">{}</testcase>
</testsuite></testsuites>
"""


def merged(run: RunResult, tmp_path: Path, inside: str = "") -> ET.Element:
    path = tmp_path / "step.xml"
    path.write_text(JUNIT.format(inside))
    [case] = ET.fromstring(junit.merge(run, {run.steps[-1].name: path})).iter(
        "testcase"
    )
    return case


def test_junit_says_flaky_as_surefire_does(run: RunResult, tmp_path: Path) -> None:
    case = merged(run, tmp_path)
    assert [piece.tag for piece in case] == ["flakyFailure", "flakyError"]
    first, second = case
    assert first.get("type") == "AssertionError"
    assert first.get("message") == FIRST.message
    assert first.findtext("stackTrace") == FIRST.longrepr
    assert first.findtext("system-out") == "Captured stdout call\nwords of the first"
    assert second.get("type") == "KeyError"


def test_junit_says_rerun_of_what_failed_again(build: Build, tmp_path: Path) -> None:
    run = unsteady(build(failed=0), Outcome.FAILED, FIRST)
    case = merged(run, tmp_path, "<failure message='x'>y</failure>")
    assert [piece.tag for piece in case] == ["failure", "rerunFailure"]


@pytest.mark.parametrize(
    ("test", "address"),
    [
        ("tests/test_a.py::test_a", ("tests.test_a", "test_a")),
        ("tests/test_a.py::C::test_a[1]", ("tests.test_a.C", "test_a[1]")),
        ("tests/scenario_a.rst::scenario_a.rst",
         ("tests.scenario_a.rst", "scenario_a.rst")),
    ],
)  # fmt: skip
def test_the_names_that_pytest_gives_tests_in_junit(
    test: str, address: tuple[str, str]
) -> None:
    assert cut.address(test) == address


def test_merged_reports_move_its_evidence(run: RunResult, tmp_path: Path) -> None:
    job = tmp_path / "report-job"
    (job / "evidence").mkdir(parents=True)
    (job / "evidence/a-lg.png").write_bytes(b"picture")
    (job / record.FILE).write_text(record.dump(run))
    parts = merge.read([job])
    joined = merge.join(parts, id="x", command="x", version="1")
    [test] = figures.flaky(joined)
    assert [one.file for one in test.files] == ["evidence/job/a-lg.png"] * 2
    merge.copy_evidence(parts, tmp_path / "all")
    assert (tmp_path / "all/evidence/job/a-lg.png").read_bytes() == b"picture"
    (job / "evidence/a-lg.png").unlink()
    assert "is not there" in merge.read([job])[0].problems[0]
