# SPDX-License-Identifier: GPL-3.0-or-later
"""What a round tells of the tests that there are."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.run.affected import Collected
from harness.run.known import KnownTests

A, B = "m/tests/test_a.py", "m/tests/test_b.py"


@pytest.fixture
def known() -> KnownTests:
    made = KnownTests()
    made.found([(f"i{key}", f"/p/{key.split('::')[0]}", key) for key in
                (f"{A}::1", f"{A}::2", f"{B}::1")])  # fmt: skip
    return made


def record(known: KnownTests, *keys: str, options: tuple[str, ...] = ()) -> set[str]:
    """A round has collected these; what is forgotten."""
    tests = tuple((f"i{key}", f"/p/{key.split('::')[0]}", key) for key in keys)
    forgotten: set[str] = set()
    traced = dict.fromkeys([f"{A}::1", f"{A}::2", f"{B}::1", "other/tests/t.py::1"])
    affected = SimpleNamespace(
        active=True, known=SimpleNamespace(tests=traced),
        collected=lambda: Collected(tests=tests),
        record=lambda *given: forgotten.update(given[-1]),
    )  # fmt: skip
    made: Any = SimpleNamespace(
        affected=affected, make=SimpleNamespace(digest=str), expected=[], failures=[],
        step=SimpleNamespace(options=options),
    )  # fmt: skip
    broker: Any = SimpleNamespace(asked={})
    finished: Any = None
    known.record(made, broker, "run", finished)
    return forgotten


def test_one_that_is_gone_from_a_file_is_forgotten(known: KnownTests) -> None:
    assert record(known, f"{A}::1", f"{A}::3") == {f"{A}::2"}
    assert list(known.tests[Path(f"/p/{A}")]) == [f"{A}::1", f"{A}::3"]
    assert list(known.tests[Path(f"/p/{B}")]) == [f"{B}::1"]


def test_what_a_name_has_left_out_is_there(known: KnownTests) -> None:
    assert record(known, f"{A}::1", options=("-k", "1")) == set()
    assert len(known.tests[Path(f"/p/{A}")]) == 2


def test_a_round_that_came_to_no_end_says_nothing(known: KnownTests) -> None:
    assert record(known) == set()
    assert len(known.tests) == 2


def test_tests_of_files_that_are_gone_are_none(known: KnownTests) -> None:
    assert known.keys([f"i{B}::1", "another"]) == {f"{B}::1": Path(f"/p/{B}")}
    known.forget([Path(f"/p/{A}"), Path("other.py")])
    assert known.all == {f"{B}::1"}
