# SPDX-License-Identifier: GPL-3.0-or-later
"""``harness report list | show | compare``."""

import io
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from harness.commands import reports
from harness.context import Context
from harness.errors import UsageError
from harness.model import Outcome, RunResult, StepResult, TestResult
from harness.output import Console
from harness.reports import record

RUN = RunResult(
    id="20261129000000aaaaaa",
    command="harness test tryton",
    started=1_780_000_000.0,
    seconds=3.0,
    exit_code=0,
    version="1",
    steps=(),
)


def run(name: str, **outcomes: Outcome) -> RunResult:
    tests = tuple(
        TestResult(
            step="tryton", id=f"tests/test_a.py::{key}", module="a", worker="gw0",
            outcome=outcome, started=RUN.started, duration=0.1, key=f"a::{key}",
            message="AssertionError: no\nmore" if outcome is Outcome.FAILED else "",
        )
        for key, outcome in outcomes.items()
    )  # fmt: skip
    code = int(Outcome.FAILED in outcomes.values())
    step = StepResult(
        name="tryton", suite="tryton", series="7.0", database="local",
        exit_code=code, started=RUN.started, seconds=3.0, tests=tests,
    )  # fmt: skip
    return replace(RUN, id=name, exit_code=code, steps=(step,))


@pytest.fixture
def stream() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def context(tmp_path: Path, stream: io.StringIO) -> Context:
    for one in (
        run(
            "20261129000000aaaaaa", a=Outcome.PASSED, b=Outcome.FAILED, c=Outcome.PASSED
        ),
        run(
            "20261130000000bbbbbb", a=Outcome.FAILED, b=Outcome.PASSED, d=Outcome.PASSED
        ),
    ):
        place = tmp_path / "reports" / one.id
        place.mkdir(parents=True)
        (place / record.FILE).write_text(record.dump(one))
    (tmp_path / "reports" / "latest").symlink_to("20261130000000bbbbbb")
    config = SimpleNamespace(root=tmp_path, reports="reports")
    return cast("Context", SimpleNamespace(config=config, console=Console(stream, {})))


def test_runs_are_listed_the_newest_first(
    context: Context, stream: io.StringIO
) -> None:
    assert reports.list_(context) == 0
    head, *lines = stream.getvalue().splitlines()
    assert head.split() == [
        "run", "started", "verdict", "tests", "failed", "time", "command",
    ]  # fmt: skip
    assert len(lines) == 2
    assert all("harness test tryton" in line for line in lines)


def test_a_run_tells_again_what_it_has_told(
    context: Context, stream: io.StringIO
) -> None:
    assert reports.show(context, "latest") == 0
    text = stream.getvalue()
    assert text.startswith("FAILED: 1 failure — 3 tests")
    assert "FAILED tests/test_a.py::a\n  AssertionError: no\n" in text
    assert text.endswith("/reports/20261130000000bbbbbb/index.html\n")


def test_two_runs_are_compared(context: Context, stream: io.StringIO) -> None:
    assert reports.compare(context, "aaaaaa", "latest") == 0
    assert stream.getvalue() == (
        "fails now (1)\n  a::a\nmended (1)\n  a::b\nvanished (1)\n  a::c\n"
        "new (1)\n  a::d\n"
    )
    reports.compare(context, "20261130", "latest")
    assert stream.getvalue().endswith("nothing has changed\n")


def test_a_run_that_is_not_there(context: Context) -> None:
    with pytest.raises(UsageError) as caught:
        reports.show(context, "20261129000000aaaaab")
    assert caught.value.remedy.startswith("did you mean 20261129000000aaaaaa or ")
    with pytest.raises(UsageError) as caught:
        reports.show(context, "nothing")
    assert caught.value.remedy == "harness report list"
