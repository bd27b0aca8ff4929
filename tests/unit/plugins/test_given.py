# SPDX-License-Identifier: GPL-3.0-or-later
"""What runs, where words might be values or addresses."""

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
