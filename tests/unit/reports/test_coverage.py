# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Collection
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from coverage import CoverageData

from harness.errors import CommandFailed
from harness.reports import coverage

CODE = """\
def sign(number):
    if number < 0:
        return -1
    return 1
"""
POSITIVE = [(-1, 1), (1, -1), (-1, 2), (2, 4), (4, -1)]
NEGATIVE = [(-1, 2), (2, 3), (3, -1)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "src" / "society"
    root.mkdir(parents=True)
    (root / "sign.py").write_text(CODE, "utf-8")
    return root


def record(path: Path, file: str, arcs: Collection[tuple[int, int]]) -> Path:
    data = CoverageData(str(path))
    data.add_arcs({file: arcs})
    data.write()
    data.close(force=True)
    return path


def test_parts_are_combined_with_their_branches(root: Path, tmp_path: Path) -> None:
    here = str(root / "sign.py")
    one = record(tmp_path / ".coverage.1", here, POSITIVE)
    two = record(tmp_path / ".coverage.2", here, NEGATIVE)
    out = tmp_path / "reports"
    (half,) = coverage.combine([one], out, roots=[root], remap={})
    assert half.path == "society/sign.py"
    assert (half.statements, half.missing, half.branches, half.partial) == (4, 1, 2, 1)
    assert half.percent == pytest.approx(100 * 4 / 6)
    (whole,) = coverage.combine([one, two], out, roots=[root], remap={})
    assert (whole.missing, whole.partial, whole.percent) == (0, 0, 100)
    names = {path.name for path in out.iterdir()}
    assert names == {"coverage.data", "coverage.xml", "htmlcov"}
    assert (out / "htmlcov" / "index.html").is_file()
    xml = ET.parse(out / "coverage.xml").getroot()
    assert xml.get("branch-rate") == "1"
    assert one.is_file()
    assert two.is_file()


def test_recorded_paths_are_mapped(root: Path, tmp_path: Path) -> None:
    part = record(tmp_path / ".coverage.1", "/shared/src/society/sign.py", POSITIVE)
    remap = {root: ["/shared/src/society"]}
    (file,) = coverage.combine([part], tmp_path / "out", roots=[root], remap=remap)
    assert file.path == "society/sign.py"


def test_paths_that_nothing_maps_are_an_error(root: Path, tmp_path: Path) -> None:
    part = record(tmp_path / ".coverage.1", "/shared/src/society/sign.py", POSITIVE)
    out = tmp_path / "out"
    with pytest.raises(CommandFailed, match="coverage cannot be reported") as caught:
        coverage.combine([part], out, roots=[root], remap={})
    assert str(part) in caught.value.checked
    assert not list(out.iterdir())


def test_no_data_writes_nothing(root: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    empty = tmp_path / ".coverage.1"
    empty.touch()
    assert coverage.combine([], out, roots=[root], remap={}) == ()
    assert coverage.combine([empty], out, roots=[root], remap={}) == ()
    assert not out.exists()


def test_a_broken_part_is_named(root: Path, tmp_path: Path) -> None:
    good = record(tmp_path / ".coverage.1", str(root / "sign.py"), POSITIVE)
    bad = tmp_path / ".coverage.2"
    bad.write_bytes(b"not a database, but long enough to be looked at" * 40)
    with pytest.raises(CommandFailed, match="cannot be read") as caught:
        coverage.combine([good, bad], tmp_path / "out", roots=[root], remap={})
    assert str(bad) in caught.value.message


def test_a_missing_part_is_named(root: Path, tmp_path: Path) -> None:
    gone = tmp_path / ".coverage.9"
    with pytest.raises(CommandFailed, match="is not there") as caught:
        coverage.combine([gone], tmp_path / "out", roots=[root], remap={})
    assert str(gone) in caught.value.message


def test_lines_that_the_source_excludes(root: Path, tmp_path: Path) -> None:
    part = record(tmp_path / ".coverage.1", str(root / "sign.py"), POSITIVE)
    settings = root / "pyproject.toml"
    settings.write_text('[tool.coverage.report]\nexclude_also = ["number < 0"]\n')
    [before] = coverage.combine([part], tmp_path / "a", roots=[root], remap={})
    [after] = coverage.combine(
        [part], tmp_path / "b", roots=[root], remap={}, settings=[settings]
    )
    assert before.percent < 100.0
    assert (after.missing, after.percent) == (0, 100.0)
