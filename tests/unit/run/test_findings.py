# SPDX-License-Identifier: GPL-3.0-or-later
"""What a round of a watch tells, and what is remembered of it."""

import io
import json
from pathlib import Path

from harness.errors import ExitCode
from harness.model import Outcome, StepResult, TestResult
from harness.output import Console
from harness.results import Finished
from harness.run.findings import Findings


def made() -> tuple[Findings, io.StringIO]:
    stream = io.StringIO()
    return Findings(Console(stream, {})), stream


def event(name: str, outcome: str, message: str = "") -> str:
    return (
        json.dumps({"kind": "test", "id": name, "outcome": outcome, "message": message})
        + "\n"
    )


def finished(code: ExitCode = ExitCode.OK, **outcomes: Outcome) -> Finished:
    tests = tuple(
        TestResult(
            step="s", id=name, module="m", worker="main", outcome=outcome, started=0.0,
            duration=1.5, key=name,
        )
        for name, outcome in outcomes.items()
    )  # fmt: skip
    result = StepResult(
        name="s", suite="s", series="7.0", database="sqlite", exit_code=code,
        started=0.0, seconds=0.0, sources=(), tests=tests,
    )  # fmt: skip
    return Finished(result=result, code=code, junit=Path("none"))


def test_failures_are_told_when_they_are_written(tmp_path: Path) -> None:
    findings, said = made()
    path = tmp_path / "s.jsonl"
    findings.begin(3, 0.0)
    findings.look(path)
    assert said.getvalue() == "", "nothing is written yet"
    second = event("test_b", "failed", "assert 1 == 2\nmore")
    path.write_text(event("test_a", "passed") + second[:20])
    findings.look(path)
    assert (findings.done, said.getvalue()) == (1, "")
    path.write_text(event("test_a", "passed") + second)
    findings.look(path)
    findings.look(path)
    assert said.getvalue() == "FAILED test_b\n  assert 1 == 2\n"
    assert (findings.done, findings.told) == (2, ["test_b"])


def test_a_file_that_cannot_be_collected(tmp_path: Path) -> None:
    findings, said = made()
    path = tmp_path / "s.jsonl"
    longrepr = "file.py:1: in <module>\nE   NameError: name 'x' is not defined"
    told = {"kind": "collect", "id": "file.py", "outcome": "error"}
    path.write_text(json.dumps({**told, "longrepr": longrepr}) + "\n")
    findings.begin(1, 0.0)
    findings.look(path)
    assert said.getvalue() == "ERROR file.py\n  NameError: name 'x' is not defined\n"


def test_what_fails_is_remembered_until_it_passes() -> None:
    findings, said = made()
    findings.begin(2, 0.0)
    bad = {"a": Outcome.FAILED, "b": Outcome.PASSED}
    findings.end(finished(ExitCode.TESTS_FAILED, **bad), "")
    assert said.getvalue().startswith("1 passed, 1 failed in ")
    findings.begin(1, 0.0)
    findings.end(finished(b=Outcome.PASSED), "")
    assert list(findings.failing) == ["a"]
    assert said.getvalue().endswith("; 1 more fail: f\n")
    findings.end(finished(a=Outcome.PASSED), "")
    assert not findings.failing


def test_what_failed_in_a_file_that_is_gone_is_forgotten() -> None:
    """Else `f` would ask pytest for it, which runs all where it finds none."""
    findings, _ = made()
    findings.end(finished(a=Outcome.FAILED, b=Outcome.FAILED, c=Outcome.PASSED), "")
    findings.keep({"b", "c"})
    assert list(findings.failing) == ["b"]


def test_a_session_that_could_not_begin_is_shown() -> None:
    findings, said = made()
    findings.begin(1, 0.0)
    findings.end(finished(ExitCode.USAGE), "ERROR: no such option\n")
    assert said.getvalue().startswith("ERROR: no such option\nno test ran in ")


def test_few_tests_need_no_second_worker() -> None:
    findings, _ = made()
    assert findings.few(["new"] * 5)
    assert not findings.few(["new"] * 50)
    findings.begin(1, 0.0)
    findings.end(finished(slow=Outcome.PASSED), "")
    assert findings.few(["slow"])
    assert not findings.few(["slow", "new", "new", "new"])
