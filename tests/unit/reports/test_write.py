# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from harness import reports
from harness.errors import CommandFailed
from harness.model import RunResult
from harness.reports import files

Build = Callable[..., RunResult]


def test_all_reports_are_written(build: Build, tmp_path: Path) -> None:
    part = tmp_path / "part.xml"
    part.write_text('<testsuite name="pytest" tests="1"/>', "utf-8")
    out = tmp_path / "reports" / "run"
    paths = reports.write(build(), out, junit_parts={"tryton": part})
    names = ("index.html", "summary.md", "run.json", "junit.xml")
    assert paths == tuple(out / name for name in names)
    assert sorted(out.iterdir()) == sorted(paths), "no temporary file is left"
    again = reports.write(build(), out, junit_parts={})
    assert again == paths[:3]


def test_a_broken_part_costs_neither_page_nor_summary(
    build: Build, tmp_path: Path
) -> None:
    with pytest.raises(CommandFailed):
        reports.write(build(), tmp_path, junit_parts={"tryton": tmp_path / "gone"})
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"index.html", "summary.md", "run.json"}


def test_a_lone_surrogate_does_not_cost_the_report(
    build: Build, tmp_path: Path
) -> None:
    run = replace(build(), command="harness test -k '\udcff'")
    reports.write(run, tmp_path, junit_parts={})
    assert "\\udcff" in (tmp_path / "index.html").read_text("utf-8")


def test_what_was_there_stays_if_writing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "index.html"
    path.write_text("old", "utf-8")

    def fail(_: Path, __: bytes) -> int:
        raise OSError("disk full")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_bytes", fail)
        with pytest.raises(OSError, match="disk full"):
            files.replace(path, "new")
    assert [entry.name for entry in tmp_path.iterdir()] == ["index.html"]
    assert path.read_text("utf-8") == "old"


def test_a_tree_is_replaced_as_a_whole(tmp_path: Path) -> None:
    for name in ("one", "two"):
        new = tmp_path / "new"
        new.mkdir()
        (new / name).touch()
        files.replace_tree(new, tmp_path / "tree")
    assert [path.name for path in tmp_path.iterdir()] == ["tree"]
    assert [path.name for path in (tmp_path / "tree").iterdir()] == ["two"]
