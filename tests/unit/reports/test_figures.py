# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.errors import ExitCode
from harness.model import FileCoverage, Outcome, RunResult
from harness.reports import figures
from harness.reports.figures import RunVerdict

Build = Callable[..., RunResult]


def test_verdict_of_a_green_and_a_red_run(build: Build) -> None:
    assert figures.verdict(build(failed=0)) is RunVerdict.PASSED
    assert figures.verdict(build(failed=2)) is RunVerdict.FAILED
    assert figures.reason(build(failed=2)) == "2 failures"


def test_zero_tests_are_never_passed(build: Build) -> None:
    assert figures.verdict(build(0, failed=0)) is RunVerdict.EMPTY


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (ExitCode.TESTS_FAILED, RunVerdict.FAILED),
        (ExitCode.NOTHING_SELECTED, RunVerdict.EMPTY),
        (ExitCode.DATABASE, RunVerdict.FAILED),
        (ExitCode.INTERRUPTED, RunVerdict.INTERRUPTED),
        (77, RunVerdict.FAILED),
    ],
)
def test_verdict_is_never_better_than_the_exit_code(
    build: Build, code: int, expected: RunVerdict
) -> None:
    run = replace(build(failed=0), exit_code=code)
    assert figures.verdict(run) is expected
    assert str(code.real) in figures.reason(run)


def test_verdict_does_not_trust_a_zero_over_its_tests(build: Build) -> None:
    assert figures.verdict(replace(build(failed=1), exit_code=0)) is RunVerdict.FAILED


@pytest.mark.parametrize("code", [1, 2, 137])
def test_a_step_that_broke_without_a_failed_test(build: Build, code: int) -> None:
    run = build(failed=0)
    broken = replace(run.steps[0], exit_code=code)
    run = replace(run, steps=(broken, *run.steps[1:]))
    assert figures.broken_steps(run) == (broken,)
    assert figures.verdict(run) is RunVerdict.FAILED
    assert figures.reason(run) == "1 step broken"


def test_nothing_selected_is_not_broken(build: Build) -> None:
    run = build(0, failed=0)
    empty = replace(run.steps[0], exit_code=3)
    run = replace(run, steps=(empty,), exit_code=3)
    assert figures.broken_steps(run) == ()
    assert figures.verdict(run) is RunVerdict.EMPTY


def test_counts_add_up(build: Build) -> None:
    run = build(46, failed=2)
    whole = figures.counts("all", run.tests)
    parts = figures.modules(run)
    assert whole.total == 46 == sum(part.total for part in parts)
    assert whole.outcomes[Outcome.FAILED] == 2 == whole.bad
    assert parts[0].bad == 2, "modules with failures come first"


def test_slowest_come_in_order(build: Build) -> None:
    durations = [test.duration for test in figures.slowest(build(), 5)]
    assert len(durations) == 5
    assert durations == sorted(durations, reverse=True)


def test_lease_kinds_come_cheapest_first_and_unknown_ones_last(build: Build) -> None:
    run = build()
    odd = replace(run.leases[0], kind="another")
    kinds = [figure.kind for figure in figures.leases(replace(run, leases=(odd,)))]
    assert kinds == ["another"]
    run = replace(run, leases=(odd, *run.leases))
    kinds = [figure.kind for figure in figures.leases(run)]
    assert kinds == ["clean", "ready", "fresh", "another"]


def test_percentile_is_a_measured_value() -> None:
    waits = [float(number) for number in range(1, 101)]
    assert figures.percentile(waits, 0.5) == 50
    assert figures.percentile(waits, 0.95) == 95
    assert figures.percentile([7.0], 0.95) == 7.0


def test_coverage_total_weighs_files_by_lines_and_branches(build: Build) -> None:
    assert figures.coverage_total(build().coverage) == pytest.approx(90.4)
    assert figures.coverage_total(()) is None
    empty = FileCoverage(
        path="a.py", statements=0, missing=0, branches=0, partial=0, percent=100
    )
    assert figures.coverage_total((empty,)) is None


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0.0 ms"),
        (0.00042, "0.4 ms"),
        (0.00999, "10 ms"),
        (0.0854, "85 ms"),
        (0.9999, "1.00 s"),
        (2.314, "2.31 s"),
        (9.999, "10.0 s"),
        (59.99, "1 min 00 s"),
        (185, "3 min 05 s"),
        (3600 + 120, "1 h 02 min"),
    ],
)
def test_span(seconds: float, text: str) -> None:
    assert figures.span(seconds) == text


def test_plain_drops_colours_and_shows_control_characters() -> None:
    text = "\x1b[1;31mred\x1b[0m\r\n\x1b]8;;http://a\x07link\x00"
    assert figures.plain(text) == "red\nlink\N{REPLACEMENT CHARACTER}"


def test_shortened_keeps_head_and_tail_and_says_what_it_left_out() -> None:
    text = "a" * 500 + "b" * 500
    short = figures.shortened(text, 100)
    assert short.startswith("aaa")
    assert short.endswith("bbb")
    assert "900 characters left out" in short
    assert figures.shortened("short", 100) == "short"
