# SPDX-License-Identifier: GPL-3.0-or-later
"""The pure parts of the commands: the hook, the table, files with durations."""

from pathlib import Path

import pytest

from harness.commands import durations, hooks
from harness.errors import UsageError
from harness.run import request
from harness.selection import choice
from harness.selection.decisions import Decision


def test_the_hook_is_ours_and_keeps_gits_variables_out() -> None:
    lines = hooks.script("python -m harness gate --quick").splitlines()
    assert lines[0] == "#!/bin/sh"
    assert hooks.MARK in lines
    assert "unset $(git rev-parse --local-env-vars)" in lines
    assert lines[4] == "python -m harness gate --quick"
    assert lines[-1] == '[ "$code" -eq 3 ] || exit "$code"'


def test_what_was_decided_alike_is_one_row() -> None:
    decisions = [
        Decision(file="src/a/x.py", rule="source a", selects=("source:a",)),
        Decision(file="docs/a.md", rule="documents", selects=()),
        Decision(file="src/a/y.py", rule="source a", selects=("source:a",)),
    ]
    assert choice.grouped(decisions) == [
        ("src/a/x.py and 1 more", "source a", "source:a"),
        ("docs/a.md", "documents", "what looks at it"),
    ]


def test_files_as_durations_know_them(tmp_path: Path) -> None:
    for name in (
        "web/web/tests/unit/test_a.py",
        "web/web/tests/scenario_b.rst",
        "web/web/app.py",
        "web/web/tests/data.json",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    assert durations.files([tmp_path / "web"]) == {
        "web/tests/unit/test_a.py",
        "web/tests/scenario_b.rst",
    }


@pytest.mark.parametrize(
    ("text", "expected"), [("2/5", "2/5"), ("1/1", ""), ("", ""), ("5/5", "5/5")]
)
def test_shards(text: str, expected: str) -> None:
    assert request.shard(text) == expected


@pytest.mark.parametrize(
    "text", ["0/5", "6/5", "2", "2/", "a/b", "-1/5", "2/5/7", "٢/٥"]
)
def test_what_is_no_shard(text: str) -> None:
    with pytest.raises(UsageError, match="is no shard"):
        request.shard(text)
