# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from harness.model import Outcome, RunResult
from harness.reports import past, record, trend
from harness.reports.figures import RunVerdict
from harness.reports.past import Past

Build = Callable[..., RunResult]
KIN = "tryton 7.0 local"
CLEAN = ("society (src 1f3c)",)


def runs(*outcomes: str, sources: Sequence[tuple[str, ...]] = ()) -> list[Past]:
    """One run per outcome of one test; an empty one is a run without it."""
    return [
        Past(
            id=f"r{index}",
            command="harness test tryton",
            started=float(index),
            seconds=10.0 + index,
            verdict=RunVerdict.PASSED,
            outcomes={(KIN, "tests/a.py::test"): outcome} if outcome else {},
            sources={KIN: (sources[index] if sources else CLEAN)},
        )
        for index, outcome in enumerate(outcomes)
    ]


@pytest.fixture
def present(build: Build) -> RunResult:
    """A run of now, of which the test is no part."""
    return replace(build(4, failed=0), command="harness test tryton")


def unsteady(run: RunResult, before: list[Past]) -> Mapping[str, trend.Unsteady]:
    return {one.name: one for one in trend.of(run, before).unsteady}


def test_flaky_is_who_did_both_with_the_same_sources(present: RunResult) -> None:
    found = unsteady(present, runs("passed", "failed", "passed"))
    (one,) = found.values()
    assert one.flaky
    assert (one.failed, one.outcomes) == (1, ("passed", "failed", "passed"))


@pytest.mark.parametrize(
    "sources",
    [
        [("society (src 1)",), ("society (src 2)",)],
        [("society (src 1 dirty)",), ("society (src 1 dirty)",)],
        [(), ()],
    ],
)
def test_unsteady_only_where_the_sources_may_be_others(
    present: RunResult, sources: list[tuple[str, ...]]
) -> None:
    (one,) = unsteady(present, runs("passed", "failed", sources=sources)).values()
    assert not one.flaky


@pytest.mark.parametrize(
    "outcomes",
    [("passed", "passed"), ("failed", "failed"), ("passed", "skipped"), ("", "failed")],
)
def test_steady(present: RunResult, outcomes: tuple[str, str]) -> None:
    assert not unsteady(present, runs(*outcomes))


def test_an_outcome_called_flaky_is_flaky(present: RunResult) -> None:
    (one,) = unsteady(present, runs("flaky", "flaky")).values()
    assert one.flaky


def test_flaky_come_first_and_no_other_suite(present: RunResult) -> None:
    edited = {KIN: ("society (src 2)",)}
    one, two, three = runs("passed", "failed", "")
    other = (KIN, "tests/a.py::aside")
    portal = ("portal 7.0 local", "tests/a.py::other")
    before = [
        replace(one, outcomes={**one.outcomes, other: "passed", portal: "passed"}),
        replace(two, outcomes={**two.outcomes, portal: "failed"}),
        replace(three, outcomes={other: "failed"}, sources=edited),
    ]
    found = unsteady(present, before)
    assert [(one.name, one.flaky) for one in found.values()] == [
        ("tests/a.py::test", True),
        ("tests/a.py::aside", False),
    ]


def test_points_are_runs_of_the_same_command(present: RunResult) -> None:
    before = runs("passed", "failed")
    before.append(replace(before[0], id="other", command="harness test portal"))
    points = trend.of(replace(present, seconds=5.5), before).points
    assert [point.id for point in points] == ["r0", "r1", present.id]
    assert [point.percent for point in points] == [pytest.approx(1000 / 11), 100, 50]
    assert [point.bad for point in points] == [0, 1, 0]
    assert [point.current for point in points] == [False, False, True]


def test_no_more_runs_than_can_be_seen(present: RunResult) -> None:
    assert len(trend.of(present, runs(*["passed"] * 99)).points) == trend.RUNS


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ((), ""),
        (("passed",), "new"),
        (("failed", "passed"), "new"),
        (("passed", "failed", "failed"), "r1"),
        (("failed", "", "failed"), "r0"),
        (("passed", "failed", ""), "r1"),
    ],
)
def test_since_when_it_fails(
    present: RunResult, outcomes: tuple[str, ...], expected: str
) -> None:
    step = next(one for one in present.steps if one.name == "tryton")
    test = replace(
        step.tests[0], key="tests/a.py::test", step="tryton", outcome=Outcome.FAILED
    )
    assert trend.since(test, present, runs(*outcomes)) == expected


# -- what is left of earlier runs ----------------------------------------------


def write(top: Path, run: RunResult) -> None:
    (top / run.id).mkdir()
    (top / run.id / record.FILE).write_text(record.dump(run), "utf-8")


def test_the_past_is_read_as_it_was_present(build: Build, tmp_path: Path) -> None:
    first = replace(build(failed=1), id="a", started=2.0, exit_code=1)
    second = replace(build(failed=0), id="b", started=1.0)
    for run in (first, second, replace(second, id="me")):
        write(tmp_path, run)
    (tmp_path / "latest").symlink_to("a")
    found = past.read(tmp_path, but="me")
    assert found == (trend.present(second), trend.present(first))


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"version": 0, "run": {}}', '{"version": 1, "run": {}}']
)
def test_damaged_history_is_no_history(tmp_path: Path, text: str) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / record.FILE).write_text(text, "utf-8")
    assert past.read(tmp_path, but="") == ()


def test_an_exit_code_that_nobody_knows_is_a_failure(
    build: Build, tmp_path: Path
) -> None:
    write(tmp_path, replace(build(), id="a", exit_code=42))
    (one,) = past.read(tmp_path, but="")
    assert one.verdict is RunVerdict.FAILED


def test_history_in_short_is_what_reports_say(
    present: RunResult, tmp_path: Path
) -> None:
    whole, short = tmp_path / "reports", tmp_path / "history"
    for number in range(4):
        run = replace(present, id=f"r{number}", started=float(number))
        (whole / run.id).mkdir(parents=True)
        (whole / run.id / record.FILE).write_text(record.dump(run))
        past.keep(run, short, newest=3)
    found = past.read(short, but="")
    assert [one.id for one in found] == ["r1", "r2", "r3"]
    assert found == past.read(whole, but="r0")
    assert found[0].outcomes
    assert past.read(short, but="r3") == found[:-1]
    assert (short / "r1" / record.FILE).stat().st_size < 1000
