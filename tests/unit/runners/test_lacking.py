# SPDX-License-Identifier: GPL-3.0-or-later
"""What a source lacks is laid over it; the source stays what it is."""

from pathlib import Path

import pytest

from harness.errors import ConfigError
from harness.runners import lacking


def test_what_a_source_lacks_is_mounted_beside_all_that_it_has(tmp_path: Path) -> None:
    source, scratch = tmp_path / "src", tmp_path / "scratch"
    scratch.mkdir()
    (source / "code" / "data").mkdir(parents=True)
    (source / "setup.py").touch()
    (source / "gone").symlink_to("nowhere")
    (source / "code" / "own.mp3").touch()
    (tmp_path / "example.ini").touch()
    lines = [
        "config.ini=example.ini",
        "code/own.mp3=example.ini",
        "code/data/a.mp3=example.ini",
    ]
    before = sorted(source.rglob("*"))
    found = [
        line.split(":")
        for line in lacking.mounts(
            source, "/in/src", lines, root=tmp_path, scratch=scratch
        )
    ]
    assert sorted(source.rglob("*")) == before
    assert sorted(inside for _, inside, _ in found) == [
        "/in/src", "/in/src/code", "/in/src/code/data", "/in/src/code/data/a.mp3",
        "/in/src/config.ini", "/in/src/setup.py",
    ]  # fmt: skip
    outside = {inside: (path, mode) for path, inside, mode in found}
    assert outside["/in/src/config.ini"] == (str(tmp_path / "example.ini"), "ro")
    assert outside["/in/src/code"] == (str(source / "code"), "rw")
    place = Path(outside["/in/src"][0])
    assert sorted(one.name for one in place.iterdir()) == [
        "code", "config.ini", "setup.py",
    ]  # fmt: skip


def test_a_source_that_has_all_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "config.ini").touch()
    lines = ["config.ini=config.ini"]
    assert not list(
        lacking.mounts(tmp_path, "/in", lines, root=tmp_path, scratch=tmp_path)
    )


@pytest.mark.parametrize(
    "line", ["no/config.ini=here", "config.ini=gone", "config.ini"]
)
def test_a_line_that_leads_nowhere_is_said(tmp_path: Path, line: str) -> None:
    (tmp_path / "here").touch()
    if "=" not in line:
        line = "no/" + line
    with pytest.raises(ConfigError, match="is not there"):
        list(lacking.mounts(tmp_path, "/in", [line], root=tmp_path, scratch=tmp_path))
