# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs, where words might be values or addresses."""

import unittest
from types import SimpleNamespace

import pytest

from harness.plugins import given

WORDS = {"unit": ["/a/unit", "/b/unit"], "5": ["5"]}


@pytest.mark.parametrize(
    ("args", "named", "aimed"),
    [
        (["/a", "/b"], False, ["/a", "/b"]),
        (["unit", "/a", "/b"], False, ["/a/unit", "/b/unit"]),
        (["unit", "/a/x.py"], True, ["/a/x.py", "/a/unit", "/b/unit"]),
        (["5", "/a"], False, ["5"]),
        (["/a/x.py"], True, ["/a/x.py"]),
    ],
)
def test_what_runs(args: list[str], named: bool, aimed: list[str]) -> None:
    assert given.aimed(args, WORDS, named=named) == aimed


def test_diffs_of_unittest_are_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unittest.TestCase, "maxDiff", 640)
    option = SimpleNamespace(harness_doubtful="", harness_junit="")
    given.pytest_configure(SimpleNamespace(option=option))
    many = dict.fromkeys(range(300), "x")
    with pytest.raises(AssertionError) as caught:
        unittest.TestCase().assertDictEqual(many, {**many, 150: "y"})  # noqa: PT009
    assert "+  150: 'y'" in str(caught.value)
