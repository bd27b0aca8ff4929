# SPDX-License-Identifier: GPL-3.0-or-later
"""Ids of rounds, told apart from parameters by the last report."""

import io
from dataclasses import replace
from pathlib import Path

from harness.config import Config
from harness.context import Context
from harness.model import Outcome, RunResult, StepResult, TestResult
from harness.output import Console
from harness.reports import record
from harness.run import rounds

TEST = TestResult(
    step="web", id="tests/test_a.py::test_a[2/3]", key="web/tests/test_a.py::test_a",
    module="web", worker="w1", outcome=Outcome.PASSED, started=0.0, duration=0.0,
)  # fmt: skip
PARAMETER = replace(
    TEST, id="tests/test_a.py::test_b[1/2]", key="web/tests/test_a.py::test_b[1/2]"
)
WORDS = (TEST.id, f"web/{TEST.id}", "test_a.py::test_a[2/3]", PARAMETER.id, "unit")


def test_a_round_is_left_out_a_parameter_is_not(tmp_path: Path) -> None:
    config = Config(root=tmp_path)
    console = Console(io.StringIO(), {})
    context = Context(config=config, environ={}, console=console, line="")
    assert rounds.without(context, WORDS) == WORDS  # nothing has run
    step = StepResult(
        name="web", suite="web", series="7.0", database="local", exit_code=0,
        started=0.0, seconds=1.0, tests=(TEST, PARAMETER),
    )  # fmt: skip
    run = RunResult(
        id="x", command="x", started=0.0, seconds=1.0, exit_code=0, version="1",
        steps=(step,),
    )  # fmt: skip
    latest = tmp_path / config.reports / "latest"
    latest.mkdir(parents=True)
    (latest / record.FILE).write_text(record.dump(run))
    assert rounds.without(context, WORDS) == (
        "tests/test_a.py::test_a",
        "web/tests/test_a.py::test_a",
        "test_a.py::test_a",
        PARAMETER.id,
        "unit",
    )
