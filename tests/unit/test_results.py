# SPDX-License-Identifier: GPL-3.0-or-later
"""From the lines of a session to the result of a step."""

import json
import time
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness import plan, results
from harness.errors import (
    DatabaseError,
    DiskFull,
    ExitCode,
    HarnessError,
    TemplateError,
)
from harness.model import (
    Isolation,
    LeaseCost,
    Origin,
    Outcome,
    StepResult,
    TemplateCost,
    TestResult,
)


def step(*names: str) -> plan.Step:
    return plan.Step(
        suite="tryton",
        series="7.0",
        tested=tuple(
            plan.Tested(name=name, origin=Origin.INDEX, reason="named")
            for name in names or ("party",)
        ),
        sources=(),
        database="local",
        reason="asked for",
        isolation=Isolation.CLASS,
        workers=2,
    )


def line(number: int = 1, outcome: str = "passed", **more: Any) -> dict[str, Any]:
    return {
        "kind": "test",
        "id": f"party/tests/test_party.py::PartyTestCase::test_{number}",
        "worker": "w1",
        "outcome": outcome,
        "started": 1_780_000_000.0,
        "duration": 0.5,
        "phases": {"setup": 0.1, "call": 0.4},
        "waits": 0.05,
        "message": "",
        "longrepr": "",
        "sections": [["Captured log call", "WARNING"]],
        "file": "party/tests/test_party.py",
        "line": 42,
        **more,
    }


UNCOLLECTED = {
    "kind": "collect",
    "id": "party/tests/test_broken.py",
    "longrepr": "E   ImportError: No module named 'stdnum'",
}
SESSION = {"kind": "session", "exitstatus": 0, "ended": 1.0}


def finished(
    path: Path, *events: Mapping[str, Any] | str, code: int = 0, names: tuple = ()
) -> results.Finished:
    file = path / "tryton-7.0.jsonl"
    lines = [one if isinstance(one, str) else json.dumps(one) for one in events]
    file.write_text("\n".join(lines), "utf-8")
    return results.read(
        step(*names),
        file,
        junit=path / "junit.xml",
        code=code,
        started=time.time() - 2,
        sources=("party (src)",),
    )


def test_a_file_can_be_opened_where_it_is(tmp_path: Path) -> None:
    here = tmp_path / "test_party.py"
    here.touch()
    lines = (line(1, path=str(here)), line(2, path="/shared/src/test_party.py"))
    done = finished(tmp_path, *lines, SESSION)
    assert [one.path for one in done.result.tests] == [str(here), ""]


def test_a_test_is_read_with_all_it_has(tmp_path: Path) -> None:
    done = finished(tmp_path, line(message="late"), SESSION)
    assert done.result.tests == (
        TestResult(
            step="tryton-7.0",
            id="party/tests/test_party.py::PartyTestCase::test_1",
            module="party",
            worker="w1",
            outcome=Outcome.PASSED,
            started=1_780_000_000.0,
            duration=0.5,
            phases={"setup": 0.1, "call": 0.4},
            waits=0.05,
            message="late",
            sections=(("Captured log call", "WARNING"),),
            file="party/tests/test_party.py",
            line=42,
            key="party/tests/test_party.py::PartyTestCase::test_1",
        ),
    )
    assert done.code is ExitCode.OK
    assert done.result.exit_code == 0
    assert done.result.name == "tryton-7.0"
    assert done.result.sources == ("party (src)",)
    assert 2 <= done.result.seconds < 60
    assert done.junit == tmp_path / "junit.xml"


def test_the_key_of_a_test_is_its_own(tmp_path: Path) -> None:
    key = "checkout/tests/test_party.py::PartyTestCase::test_1"
    [one] = finished(tmp_path, line(key=key)).result.tests
    assert one.key == key


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (0, ExitCode.OK),
        (1, ExitCode.TESTS_FAILED),
        (2, ExitCode.INTERRUPTED),
        (3, ExitCode.INTERNAL),
        (4, ExitCode.USAGE),
        (5, ExitCode.NOTHING_SELECTED),
        (6, ExitCode.TESTS_FAILED),
        (7, 7),
        (137, ExitCode.INTERNAL),
        (-9, ExitCode.INTERNAL),
        (-15, ExitCode.INTERNAL),
    ],
)
def test_pytest_code_as_ours(tmp_path: Path, code: int, expected: int) -> None:
    """7 is what ``pytest.exit("…", returncode=7)`` has asked for."""
    done = finished(tmp_path, line(), code=code)
    assert done.code == expected
    assert done.result.exit_code == expected


def test_all_codes_of_pytest_are_known() -> None:
    assert set(results.PYTEST) >= {int(code) for code in pytest.ExitCode}


def test_zero_tests_are_never_passed(tmp_path: Path) -> None:
    assert finished(tmp_path, SESSION).code is ExitCode.NOTHING_SELECTED


def test_a_process_that_wrote_nothing(tmp_path: Path) -> None:
    done = results.read(
        step(),
        tmp_path / "missing.jsonl",
        junit=tmp_path / "junit.xml",
        code=-11,
        started=time.time(),
        sources=(),
    )
    assert (done.code, done.result.tests) == (ExitCode.INTERNAL, ())


def test_a_damaged_last_line_is_left_out(tmp_path: Path) -> None:
    half = json.dumps(line(2))[:60]
    done = finished(tmp_path, line(1), "", half, code=-9)
    assert [one.id[-6:] for one in done.result.tests] == ["test_1"]


def test_a_file_that_cannot_be_collected_is_an_error(tmp_path: Path) -> None:
    done = finished(tmp_path, UNCOLLECTED, code=2)
    [one] = done.result.tests
    assert done.code is ExitCode.TESTS_FAILED
    assert one.outcome is Outcome.ERROR
    assert one.id == one.file == "party/tests/test_broken.py"
    assert one.message == "cannot be collected"
    assert "ImportError" in one.longrepr


def test_a_crash_stays_a_crash_where_a_file_is_broken(tmp_path: Path) -> None:
    assert finished(tmp_path, UNCOLLECTED, code=-9).code is ExitCode.INTERNAL
    assert finished(tmp_path, UNCOLLECTED, code=3).code is ExitCode.INTERNAL


@pytest.mark.parametrize(
    ("names", "test", "expected"),
    [
        (("party",), "tests/test_anything.py::Case::test_a", "party"),
        (("party", "bank"), "bank/tests/test_module.py::Case::test_a", "bank"),
        (
            ("party", "bank"),
            "party/tests/scenario_bank.rst::scenario_bank.rst",
            "party",
        ),
        (("party", "bank"), "bank/src/party/tests/test_a.py::test_a", "party"),
        (("party", "bank"), "country/tests/test_a.py::party/bank", ""),
    ],
)
def test_the_module_of_a_test(names: tuple[str, ...], test: str, expected: str) -> None:
    assert results.module(step(*names), test) == expected


# -- costs and errors --------------------------------------------------------

COST = TemplateCost(
    name="party", digest="1f", layer="party", modules=("party",), action="built",
    started=1.0, seconds=2.0,
)  # fmt: skip
LEASE = LeaseCost(worker="w1", template="party", kind="ready", started=1.0, seconds=0.1)


def with_costs(done: results.Finished, *errors: HarnessError) -> results.Finished:
    return results.with_costs(done, templates=(COST,), leases=(LEASE,), errors=errors)


def test_costs_are_added(tmp_path: Path) -> None:
    done = finished(tmp_path, line(), code=1)
    more = with_costs(done)
    assert (more.templates, more.leases, more.errors) == ((COST,), (LEASE,), ())
    assert more.code is ExitCode.TESTS_FAILED
    assert more.result == done.result
    assert isinstance(more.result, StepResult)


def test_an_error_of_the_harness_outweighs_the_tests(tmp_path: Path) -> None:
    lost = DatabaseError("the server ended")
    again = DatabaseError("the server ended")
    other = TemplateError("layer bank cannot be built")
    done = with_costs(finished(tmp_path, line()), lost, again, other)
    assert done.code is ExitCode.DATABASE
    assert done.result.exit_code == ExitCode.DATABASE
    assert [str(error) for error in done.errors] == [str(lost), str(other)]


def test_the_failures_before_are_kept(tmp_path: Path) -> None:
    before = line(outcome="failed", message="first", fault=3)
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps(line(outcome="flaky", attempts=[before])) + "\n")
    found = results.read(
        step(), path, junit=tmp_path / "a.xml", code=0, started=0.0, sources=()
    )
    [test] = found.result.tests
    assert found.code is ExitCode.OK
    assert test.outcome is Outcome.FLAKY
    [attempt] = test.attempts
    assert (attempt.outcome, attempt.message, attempt.fault) == (
        Outcome.FAILED, "first", 3,
    )  # fmt: skip


# -- what did not get here -----------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "code", "said"),
    [
        (1, 0, "not all here"),
        (1, 1, "not all here"),
        (1, -9, ""),
        (1, 3, ""),
        (0, 0, ""),
    ],
    ids=["green", "red", "killed", "internal", "no tests"],
)
def test_results_that_end_too_early(
    tmp_path: Path, lines: int, code: int, said: str
) -> None:
    path = tmp_path / "tryton.jsonl"
    path.write_text("".join(json.dumps(line()) + "\n" for _ in range(lines)))
    error = results.missing(path, code, str(tmp_path))
    assert (said in str(error)) if said else error is None
    with path.open("a") as file:
        file.write(json.dumps({"kind": "session"}) + "\n")
    assert results.missing(path, code, str(tmp_path)) is None


def test_a_full_disk_is_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = {tmp_path: 100, Path("/other"): 1 << 30, Path("/small"): 100}
    monkeypatch.setattr(
        results.shutil, "disk_usage", lambda path: SimpleNamespace(free=free[path])
    )
    here, there = tmp_path / "tryton.jsonl", Path("/other/tryton.jsonl")
    assert isinstance(results.missing(here, 0, "/other"), DiskFull)
    assert isinstance(results.missing(there, 3, "/small"), DiskFull)
    assert results.missing(there, 3, "/other") is None
    assert results.missing(there, 0, "/small") is None, "the tests have ended well"


def test_a_file_that_skips_itself_breaks_nothing(tmp_path: Path) -> None:
    gone = {**UNCOLLECTED, "outcome": "skipped", "message": "no stdnum", "longrepr": ""}
    done = finished(tmp_path, gone, line(), SESSION)
    assert [(test.outcome, test.message) for test in done.result.tests] == [
        (Outcome.SKIPPED, "no stdnum"),
        (Outcome.PASSED, ""),
    ]
    assert done.code is ExitCode.OK
    alone = finished(tmp_path, gone, SESSION, code=5)
    assert alone.code is ExitCode.NOTHING_SELECTED
    assert len(alone.result.tests) == 1


def test_a_subtest_knows_its_test(tmp_path: Path) -> None:
    one = line(outcome="failed")
    part = {**one, "id": f"{one['id']} (n=1)", "subtest": "(n=1)"}
    test, found = finished(tmp_path, one, part, SESSION, code=1).result.tests
    assert (test.test, found.test) == (one["id"], one["id"])
    assert found.id == f"{one['id']} (n=1)"


def test_what_shows_is_no_empty_run(tmp_path: Path) -> None:
    showing = replace(step(), options=("--collect-only",))
    done = results.read(
        showing, tmp_path / "none", junit=tmp_path, code=0, started=0.0, sources=()
    )
    assert done.code is ExitCode.OK
