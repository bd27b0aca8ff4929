# SPDX-License-Identifier: GPL-3.0-or-later
"""The campaign's own judgement: what it calls wrong, and its table."""

import pytest

from tests.chaos import edits, suites, table
from tests.chaos.ground import EXPECTED, Done, _kind
from tests.chaos.table import Row


def done(code: int = 0, output: str = "", *, lost: int = 0, tests: bool = True) -> Done:
    outcomes = dict.fromkeys(sorted(EXPECTED)[lost:], "passed")
    return Done(
        code=code, output=output, hung=False, seconds=1, tests=tests, outcomes=outcomes
    )


@pytest.mark.parametrize(
    ("one", "words"),
    [
        (done(), ""),
        (done(1, lost=1), ""),
        (done(lost=1), "is green without 1 tests"),
        (done(lost=1, tests=False), ""),
        (done(7, "error: this is a defect of the harness: X"), "its own defect"),
        (done(1, "Traceback (most recent call last):\n  File x"), "a traceback"),
        (done(1, "== FAILURES ====\nTraceback (most recent call last):\n  File"), ""),
    ],
)
def test_what_no_run_may_do(one: Done, words: str) -> None:
    found = one.problems()
    assert (words in found[0]) if words else not found


def test_what_processes_are() -> None:
    lines = {
        1: (0, "python -m harness test tryton alpha"),
        2: (1, "python -m harness.plugins.workers -p harness.plugins.workers -n 2"),
        3: (2, "python -m harness.plugins.workers -p harness.plugins.workers -n 2"),
        4: (3, "python -m harness.plugins.workers -p harness.plugins.workers -n 2"),
        5: (2, "python -I -S /x/harness/plugins/workers/interpreter.py /tmp/s -u -c i"),
        6: (2, "python -c import execnet"),
        7: (1, "python -W ignore -m harness.plugins.build"),
        8: (0, "python -m harness.postgres.supervisor {}"),
        9: (8, "/x/bin/postgres -D /dev/shm/y/data -c fsync=off"),
        10: (9, "postgres: postgres test [local] idle"),
        11: (0, "sleep 900"),
    }
    assert [_kind(pid, lines) for pid in lines] == [
        "harness", "session", "warm", "worker", "stand-in", "worker", "builder",
        "supervisor", "server", "backend", "other",
    ]  # fmt: skip


def test_the_table() -> None:
    rows = [
        Row(kind="kill worker", trials=12, leaked=["a file"]),
        Row(kind="full state", skipped="only root can mount"),
    ]
    head, first, second, total = table.text(rows).splitlines()
    assert head.split() == ["kind", "trials", "wrong", "leaked", "hung"]
    assert first.split()[-4:] == ["12", "0", "1", "0"]
    assert "skipped: only root can mount" in second
    assert total.split() == ["all", "12", "0", "1", "0"]
    assert table.details(rows) == ["kill worker: leaked: a file"]


def test_a_template_is_that_which_the_build_names() -> None:
    """It is not the newest of the module where it has been built before."""
    said = (
        "$ harness template --database sqlite build alpha\n"
        "template alpha is there already: eeedd099ad8cd1ad2fd3, 1.2 MiB\n"
    )
    assert edits.built(said) == "eeedd099ad8cd1ad2fd3"
    assert edits.built("error: layer alpha cannot be built (alpha): X") == ""


def test_what_is_wrong_beside_a_trick() -> None:
    ran = {"Trick0TestCase::test_a": "passed", "Trick0TestCase::test_b": "failed"}
    told = "1 did not run: tests/test_trick_0.py::Trick0TestCase::test_c\n"
    assert suites._own(ran, suites.FAILS, 0, told) == []
    assert suites._own(ran, suites.FAILS, 0, "") == ["test_c beside it is missing"]
    assert suites._own(ran, suites.PASSES, 0, told) == ["the test is failed"]
