# SPDX-License-Identifier: GPL-3.0-or-later
"""Files of a lease: whatever happened to them, they come back as they were."""

import os
import shutil
import stat
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.template import files
from harness.template.files import Snapshot


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    return path


@pytest.fixture
def filled(directory: Path) -> Path:
    (directory / "a" / "b").mkdir(parents=True)
    (directory / "a" / "b" / "deep").write_bytes(b"deep\0")
    (directory / "a" / "empty").mkdir()
    (directory / "top").write_text("top")
    (directory / "top").chmod(0o640)
    (directory / "link").symlink_to("top")
    (directory / "broken").symlink_to("/nowhere")
    return directory


def state(directory: Path) -> dict[str, object]:
    return {
        path.relative_to(directory).as_posix(): (
            stat.filemode(path.lstat().st_mode),
            os.readlink(path) if path.is_symlink() else None,
            path.read_bytes() if path.is_file() and not path.is_symlink() else None,
        )
        for path in [directory, *sorted(directory.rglob("*"))]
    }


def in_place(path: Path) -> None:
    """The same length, the same time of change: only the content tells."""
    known = path.stat()
    with path.open("r+b") as file:
        file.write(b"TOP")
    os.utime(path, ns=(known.st_atime_ns, known.st_mtime_ns))


CHANGES: dict[str, Callable[[Path], object]] = {
    "nothing": lambda here: None,
    "added": lambda here: (here / "new").write_text("x"),
    "added directory": lambda here: shutil.copytree(here / "a", here / "a" / "c"),
    "removed": lambda here: (here / "top").unlink(),
    "removed directory": lambda here: shutil.rmtree(here / "a"),
    "removed all": lambda here: shutil.rmtree(here),
    "appended": lambda here: (here / "top").write_text("top and more"),
    "in place": lambda here: in_place(here / "top"),
    "replaced": lambda here: os.replace(here / "a/b/deep", here / "top"),
    "permissions of a file": lambda here: (here / "top").chmod(0o600),
    "permissions of a directory": lambda here: (here / "a").chmod(0o500),
    "permissions of the directory": lambda here: here.chmod(0o500),
    "link": lambda here: ((here / "link").unlink(), (here / "link").symlink_to("a")),
    "file for a directory": lambda here: (
        (here / "a/empty").rmdir(), (here / "a/empty").write_text("x"),
    ),
    "directory for a file": lambda here: (
        (here / "top").unlink(), (here / "top").mkdir(),
    ),
    "link to a directory for it": lambda here: (
        shutil.move(here / "a", here / "moved"), (here / "a").symlink_to("moved"),
    ),
}  # fmt: skip


@pytest.mark.parametrize("age", [0.0, 1.0])
@pytest.mark.parametrize("change", CHANGES)
def test_a_change_is_undone(
    filled: Path,
    tmp_path: Path,
    change: str,
    age: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Also of files that were written just before the mark, twice in a row."""
    now = time.time()
    monkeypatch.setattr(files.time, "time", lambda: now + age)
    before = state(filled)
    snapshot = Snapshot(filled, tmp_path)
    for _ in range(2):
        CHANGES[change](filled)
        number = snapshot.restore()
        assert state(filled) == before
        assert bool(number) is (
            change not in {"nothing", "permissions of a directory",
                           "permissions of the directory"}
        )  # fmt: skip


def test_nothing_is_copied_of_an_empty_directory(
    directory: Path, tmp_path: Path
) -> None:
    snapshot = Snapshot(directory, tmp_path)
    assert list(tmp_path.iterdir()) == [directory]
    (directory / "new").write_text("x")
    assert snapshot.restore() == 1
    assert list(directory.iterdir()) == []


def test_the_copy_is_forgotten(filled: Path, tmp_path: Path) -> None:
    snapshot = Snapshot(filled, tmp_path)
    assert len(list(tmp_path.iterdir())) == 2
    snapshot.forget()
    assert list(tmp_path.iterdir()) == [filled]


def test_files_that_are_the_same_are_left_alone(filled: Path, tmp_path: Path) -> None:
    snapshot = Snapshot(filled, tmp_path)
    inode = (filled / "top").stat().st_ino
    (filled / "new").write_text("x")
    snapshot.restore()
    assert (filled / "top").stat().st_ino == inode
