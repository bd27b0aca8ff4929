# SPDX-License-Identifier: GPL-3.0-or-later
"""The verdict is never better than its worst row."""

import json
from itertools import product

import pytest

from harness.errors import ExitCode, GateFailed, NothingSelected
from harness.gate import base
from harness.gate.base import RED, Row, Status, Verdict


def verdict(*statuses: Status) -> Verdict:
    return Verdict(
        rows=tuple(
            Row(name=f"row{at}", status=status, command=f"do {at}")
            for at, status in enumerate(statuses)
        )
    )


@pytest.mark.parametrize("statuses", list(product(Status, repeat=3)))
def test_never_better_than_the_worst(statuses: tuple[Status, ...]) -> None:
    made = verdict(*statuses)
    if RED.intersection(statuses):
        assert (made.code, made.word) == (ExitCode.GATE, "not passed")
    elif Status.PASSED in statuses:
        assert (made.code, made.word) == (ExitCode.OK, "passed")
    else:
        assert made.code == ExitCode.NOTHING_SELECTED
        assert made.word == "nothing was checked"
    assert made.complete == (Status.LEFT_OUT not in statuses)


@pytest.mark.parametrize("statuses", list(product(Status, repeat=3)))
def test_several_jobs_of_one_part_are_as_bad_as_the_worst(
    statuses: tuple[Status, ...],
) -> None:
    rows = verdict(*statuses).rows
    merged = base.worst("suite", rows)
    alone = Verdict(rows=(merged,)).code
    assert merged.red == any(row.red for row in rows)
    assert alone == Verdict(rows=rows).code or Status.PASSED in statuses


def test_without_rows_nothing_was_checked() -> None:
    assert Verdict(rows=()).code == ExitCode.NOTHING_SELECTED
    with pytest.raises(NothingSelected):
        Verdict(rows=()).check("gate.json")


def test_a_red_row_is_named_with_its_command() -> None:
    made = verdict(Status.PASSED, Status.FAILED, Status.MISSING)
    with pytest.raises(GateFailed, match="says no: row1, row2") as caught:
        made.check("gate.json")
    assert caught.value.remedy == "do 1  # row1\ndo 2  # row2"
    assert caught.value.code == 8
    verdict(Status.PASSED, Status.UNNEEDED).check("gate.json")


def test_the_sentence_counts() -> None:
    made = verdict(Status.PASSED, Status.PASSED, Status.UNNEEDED)
    assert made.sentence() == "gate: passed: 2 passed, 1 not needed"


def test_rows_can_be_read_again() -> None:
    made = verdict(*Status)
    assert base.rows(json.loads(json.dumps(made.document()))) == made.rows


@pytest.mark.parametrize(
    "document",
    [{}, {"rows": 3}, {"rows": [{}]}, {"rows": [{"status": "fine", "name": "a"}]}],
)
def test_what_has_no_rows(document: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        base.rows(document)
