# SPDX-License-Identifier: GPL-3.0-or-later
"""How many reports are kept, and what is none."""

import io
from pathlib import Path

import pytest

from harness.config import Config
from harness.context import Context
from harness.output import Console
from harness.run.publish import publish
from harness.store import Run


@pytest.fixture
def reports(tmp_path: Path) -> Path:
    path = tmp_path / "reports"
    path.mkdir()
    return path


def context(root: Path, keep: int) -> Context:
    return Context(
        config=Config(root=root, keep_reports=keep, state=str(root / "state")),
        environ={},
        console=Console(io.StringIO(), {}),
        line="harness test",
    )


def report(reports: Path, day: int) -> Path:
    path = reports / f"202611{day:02}000000abcdef"
    path.mkdir()
    (path / "index.html").write_text(str(day))
    return path


@pytest.mark.parametrize(("keep", "left"), [(0, [5]), (1, [5]), (2, [4, 5])])
def test_the_one_just_written_is_kept(
    tmp_path: Path, reports: Path, keep: int, left: list[int]
) -> None:
    made = {day: report(reports, day) for day in range(1, 6)}
    page = publish(context(tmp_path, keep), made[5], "index.html")
    assert page.read_text() == "5"
    assert [day for day, path in made.items() if path.exists()] == left


def test_one_whose_clock_was_late_is_kept(tmp_path: Path, reports: Path) -> None:
    later, now = report(reports, 9), report(reports, 2)
    publish(context(tmp_path, 1), now, "index.html")
    assert now.exists()
    assert not later.exists()


def test_what_is_no_report_stays(tmp_path: Path, reports: Path) -> None:
    others = [reports / name for name in ("2026-notes", "2", "20261101", "latest.old")]
    for path in others:
        path.mkdir()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    link = reports / "20261101000000abcdef"
    link.symlink_to(elsewhere)
    publish(context(tmp_path, 0), report(reports, 2), "index.html")
    assert all(path.is_dir() for path in [*others, elsewhere, link])


def test_the_report_of_a_run_that_goes_on_stays(tmp_path: Path, reports: Path) -> None:
    here = context(tmp_path, 1)
    with Run(here.store) as other:
        path = reports / other.id
        path.mkdir()
        publish(here, report(reports, 2), "index.html")
        assert path.exists()
    publish(here, report(reports, 3), "index.html")
    assert not path.exists()
