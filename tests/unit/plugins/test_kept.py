# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that a suite's own code has written, with the test that wrote them."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from harness.plugins.kept import Kept


def test_each_file_is_named_once_the_oldest_first(tmp_path: Path) -> None:
    kept = Kept([str(tmp_path)], "always")
    assert kept.new() == []
    for time, name in ((20, "b.png"), (10, "a.png")):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time, time))
    assert kept.new() == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert kept.new() == []


def test_a_file_that_is_written_again_is_new(tmp_path: Path) -> None:
    kept = Kept([str(tmp_path)], "always")
    inner = tmp_path / "deep" / "a.png"
    inner.parent.mkdir()
    inner.touch()
    assert kept.new() == [str(inner)]
    os.utime(inner, (1, 1))
    assert kept.new() == [str(inner)]


def test_what_a_suite_removes_may_come_again(tmp_path: Path) -> None:
    kept = Kept([str(tmp_path), str(tmp_path / "missing")], "always")
    (tmp_path / "a.png").touch()
    kept.new()
    (tmp_path / "a.png").unlink()
    assert kept.new() == []
    (tmp_path / "a.png").touch()
    assert kept.new() == [str(tmp_path / "a.png")]


class Call:
    """The end of a phase, as pytest tells it."""

    def __init__(self, when: str, error: type[Exception] | None = None) -> None:
        self.when = when
        self.excinfo = self if error else None
        self.error = error

    def errisinstance(self, kind: type[Exception]) -> bool:
        return self.error is not None and issubclass(self.error, kind)


@pytest.mark.parametrize(
    ("when", "error", "expected"),
    [
        ("always", None, ["a.png"]),
        ("failures", None, []),
        ("failures", AssertionError, ["a.png"]),
        ("failures", pytest.skip.Exception, []),
        ("never", AssertionError, []),
    ],
)
def test_what_is_handed_over(
    tmp_path: Path, when: str, error: type[Exception] | None, expected: list[str]
) -> None:
    kept = Kept([str(tmp_path)], when)
    item: Any = SimpleNamespace(stash=pytest.Stash(), user_properties=[])
    (tmp_path / "a.png").touch()
    for call in (Call("setup"), Call("call", error), Call("teardown")):
        list(kept.pytest_runtest_makereport(item, call))  # type: ignore[arg-type]
    assert [(name, Path(path).name) for name, path in item.user_properties] == [
        ("evidence", one) for one in expected
    ]
