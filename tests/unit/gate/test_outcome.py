# SPDX-License-Identifier: GPL-3.0-or-later
"""From exit codes and results to passed or not."""

import json
from pathlib import Path

import pytest

from harness.gate import outcome


def write(directory: Path, *outcomes: str) -> Path:
    lines = [
        json.dumps({"kind": "test", "id": f"test_a.py::test_{at}", "outcome": one})
        for at, one in enumerate(outcomes)
    ]
    (directory / "tryton-7.0.jsonl").write_text("\n".join([*lines, '{"kind": "se']))
    return directory


@pytest.mark.parametrize(
    ("code", "outcomes", "expected"),
    [
        (0, ["passed", "passed", "skipped"], (True, "2 passed, 1 skipped")),
        (0, [], (False, "no test was run")),
        (0, ["skipped"], (False, "1 skipped")),
        (1, ["passed", "failed"], (False, "1 failed, 1 passed: test_a.py::test_1")),
        (0, ["passed", "error"], (False, "1 error, 1 passed: test_a.py::test_1")),
        (7, [], (False, "exit code 7: database or template")),
        (7, ["passed"], (False, "exit code 7: database or template")),
        (3, [], (False, "exit code 3: no test was run")),
        (0, ["passed", "flaky"], (True, "1 flaky, 1 passed")),
        (0, ["flaky"], (True, "1 flaky")),
        (1, ["failed", "flaky"], (False, "1 failed, 1 flaky: test_a.py::test_0")),
        (-9, ["passed"], (False, "ended by signal 9")),
        (77, ["passed"], (False, "exit code 77")),
    ],
)
def test_a_suite(
    tmp_path: Path, code: int, outcomes: list[str], expected: tuple[bool, str]
) -> None:
    assert outcome.of_suite(code, write(tmp_path, *outcomes)) == expected


def test_many_failures_are_counted(tmp_path: Path) -> None:
    passed, why = outcome.of_suite(1, write(tmp_path, *["failed"] * 5))
    assert not passed
    assert why.endswith("test_a.py::test_2 and 2 more")


def test_a_file_that_cannot_be_collected(tmp_path: Path) -> None:
    event = {"kind": "collect", "id": "test_a.py", "longrepr": "ImportError"}
    (tmp_path / "a.jsonl").write_text(json.dumps(event))
    assert outcome.of_suite(0, tmp_path) == (False, "1 error: test_a.py")


def test_no_name_controls_the_terminal(tmp_path: Path) -> None:
    event = {"kind": "collect", "id": "a\x1b[31m\x9b\n.py", "longrepr": ""}
    (tmp_path / "a.jsonl").write_text(json.dumps(event))
    assert outcome.of_suite(0, tmp_path) == (False, "1 error: a\ufffd\ufffd.py")


def test_a_file_that_skips_itself_is_no_failure(tmp_path: Path) -> None:
    write(tmp_path, "passed")
    event = {"kind": "collect", "id": "test_b.py", "outcome": "skipped"}
    (tmp_path / "b.jsonl").write_text(json.dumps(event))
    assert outcome.of_suite(0, tmp_path) == (True, "1 passed, 1 skipped")


@pytest.mark.parametrize(
    ("code", "output", "expected"),
    [
        (0, "3 errors", (True, "")),
        (1, "", (False, "exit code 1")),
        (
            1,
            "a\n\x1b[1mFound 1 error.\x1b[0m\n[*] fix\n",
            (False, "exit code 1: Found 1 error."),
        ),
        (2, "one\ntwo\n\n", (False, "exit code 2: two")),
        (-15, "", (False, "exit code -15")),
    ],
)
def test_a_command(code: int, output: str, expected: tuple[bool, str]) -> None:
    assert outcome.of_command(code, output) == expected


@pytest.mark.parametrize(
    ("allowed", "expected"),
    [
        (0, (False, "2 flaky, 0 allowed: test_a.py::test_0, test_a.py::test_2")),
        (1, (False, "2 flaky, 1 allowed: test_a.py::test_0, test_a.py::test_2")),
        (2, (True, "2 flaky, 1 passed")),
        (None, (True, "2 flaky, 1 passed")),
    ],
)
def test_flaky_tests_beyond_what_is_allowed(
    tmp_path: Path, allowed: int | None, expected: tuple[bool, str]
) -> None:
    place = write(tmp_path, "flaky", "passed", "flaky")
    assert outcome.of_suite(0, place, flaky=allowed) == expected


def test_a_failure_outweighs_what_is_flaky(tmp_path: Path) -> None:
    place = write(tmp_path, "flaky", "failed")
    assert outcome.of_suite(1, place, flaky=0)[1].startswith("1 failed, 1 flaky:")
