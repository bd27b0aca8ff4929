# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from harness.model import RunResult
from harness.reports import annotations

Build = Callable[..., RunResult]


def test_a_failing_line_is_marked(build: Build, tmp_path: Path) -> None:
    tests = tmp_path / "src" / "society" / "tests"
    tests.mkdir(parents=True)
    (tests / "test_company.py").touch()
    run = build(failed=1)
    failed = replace(
        run.steps[0].tests[0], fault=214, message="50 % of\nall: ::error::", id="a,b:c"
    )
    step = replace(run.steps[0], tests=(failed, *run.steps[0].tests[1:]))
    run = replace(
        run,
        steps=(step, *run.steps[1:]),
        roots={"src/party": "/src/party", "src/society": "/src/society"},
    )
    assert list(annotations.lines(run, tmp_path)) == [
        "::error file=src/society/tests/test_company.py,line=214,"
        "title=failed%3A a%2Cb%3Ac::50 %25 of%0Aall: ::error::"
    ]


def test_no_line_no_mark_outside_of_the_checkout(build: Build, tmp_path: Path) -> None:
    run = replace(build(failed=2), roots={"src/society": "/src/society"})
    assert not list(annotations.lines(run, tmp_path))


def test_no_more_than_github_shows(build: Build, tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_company.py").touch()
    run = replace(build(100, failed=20), roots={".": "/src"})
    assert len(list(annotations.lines(run, tmp_path))) == annotations.LIMIT
