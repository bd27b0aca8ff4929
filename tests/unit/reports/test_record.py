# SPDX-License-Identifier: GPL-3.0-or-later
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.errors import ReportError
from harness.model import Evidence, Judged, RunResult
from harness.reports import record

Build = Callable[..., RunResult]


def write(directory: Path, run: RunResult, **changed: Any) -> None:
    """Write a run, with changes to its document (`run__id`: below ``run``)."""
    document = json.loads(record.dump(run))
    for name, value in changed.items():
        *above, last = name.split("__")
        place = document
        for key in above:
            place = place[int(key) if key.isdecimal() else key]
        if value is None:
            del place[last]
        else:
            place[int(last) if last.isdecimal() else last] = value
    (directory / record.FILE).write_text(json.dumps(document), "utf-8")


def test_a_run_comes_back_as_it_was(build: Build, tmp_path: Path) -> None:
    run = build()
    test = replace(
        run.steps[0].tests[0],
        fault=7,
        evidence=(Evidence(title="a.png", file="evidence/1-a.png"),),
        message="lone \ud800 surrogate",
    )
    step = replace(run.steps[0], tests=(test, *run.steps[0].tests[1:]))
    run = replace(
        run,
        steps=(step, *run.steps[1:]),
        roots={"src/society": "/elsewhere/src/society"},
        files=("junit.xml",),
        judged=(Judged(name="lint", status="passed"),),
    )
    (tmp_path / record.FILE).write_text(record.dump(run), "utf-8")
    assert record.load(tmp_path) == run


def test_what_a_newer_harness_adds_is_left_out(build: Build, tmp_path: Path) -> None:
    run = build()
    write(tmp_path, run, run__new=1, run__steps__0__new=2)
    assert record.load(tmp_path) == run


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"version": 2}, "its version is 2, this harness reads 1"),
        ({"version": None}, "its version is None"),
        ({"run__id": None}, "run has no id"),
        ({"run__id": 5}, "run.id is 5, not str"),
        ({"run__seconds": "x"}, "run.seconds is 'x', not float"),
        ({"run__exit_code": True}, "run.exit_code is True, not int"),
        ({"run__steps": {}}, "run.steps is dict, not a list"),
        ({"run__steps__0__tests__0": 3}, r"run.steps\[0\].tests\[0\] is int"),
        ({"run__steps__0__tests__0__outcome": "odd"}, "'odd' is not a valid Outcome"),
        (
            {"run__steps__0__tests__0__sections": [["one"]]},
            r"sections\[0\] has 1 parts, not 2",
        ),
        ({"run__header": {"a": 1}}, "run.header is 1, not str"),
    ],
)
def test_what_is_wrong_is_named(
    build: Build, tmp_path: Path, changed: dict[str, Any], said: str
) -> None:
    write(tmp_path, build(), **changed)
    with pytest.raises(ReportError, match=said) as caught:
        record.load(tmp_path)
    assert str(tmp_path / record.FILE) in caught.value.message


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"version": 1}'])
def test_a_damaged_file_is_an_error(tmp_path: Path, text: str) -> None:
    (tmp_path / record.FILE).write_text(text, "utf-8")
    with pytest.raises(ReportError, match="cannot be read"):
        record.load(tmp_path)


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="it is not there"):
        record.load(tmp_path)
