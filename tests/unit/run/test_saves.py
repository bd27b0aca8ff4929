# SPDX-License-Identifier: GPL-3.0-or-later
"""What is a save, and what is none."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness.run.saves import NOISE, Saves, settled


def followed(root: Path, *apart: Path) -> Saves:
    return Saves([root], apart=apart, saved=lambda files: None, tell=lambda text: None)


def names(saves: Saves, root: Path) -> set[str]:
    return {one.relative_to(root).as_posix() for one in saves.directories()}


def test_where_nobody_edits_is_left_out(tmp_path: Path) -> None:
    for name in ("src/shop/tests", "src/.git/objects", "state/envs", "node_modules/x",
                 "src/shop/__pycache__", ".venv/lib"):  # fmt: skip
        (tmp_path / name).mkdir(parents=True)
    found = names(followed(tmp_path, tmp_path / "state"), tmp_path)
    assert found == {".", "src", "src/shop", "src/shop/tests"}


@pytest.mark.parametrize(
    ("name", "noise"),
    [
        ("shop.py", False),
        ("tryton.cfg", False),
        ("test_a.py", False),
        (".shop.py.swp", True),
        (".#shop.py", True),
        ("#shop.py#", True),
        ("shop.py~", True),
        ("4913", True),
        ("shop.pyc", True),
        ("shop.py.swx", True),
        ("shop.py___jb_tmp___", True),
    ],
)
def test_what_editors_leave_is_none(name: str, *, noise: bool) -> None:
    assert bool(NOISE.match(name)) is noise


def test_a_file_counts_when_it_is_another_one(tmp_path: Path) -> None:
    path = tmp_path / "shop.py"
    saves = followed(tmp_path)
    path.write_text("a = 1")
    assert saves._changed(path)
    assert not saves._changed(path)  # a second event for the same save
    path.write_text("a = 22")
    assert saves._changed(path)
    os.utime(path, (1, 1))  # saved without a change, and the clock was set back
    assert saves._changed(path)
    path.unlink()
    assert saves._changed(path)
    assert not saves._changed(path)
    assert not saves._changed(tmp_path)


def test_what_vanishes_while_it_is_looked_for(tmp_path: Path) -> None:
    saves = followed(tmp_path)
    assert list(saves._files([tmp_path / "gone"])) == []
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "there.py").touch()
    assert [path.name for path, _ in saves._files([tmp_path])] == ["there.py"]


def test_what_it_says_itself_is_no_save(tmp_path: Path) -> None:
    """Its output may be a file of the project: else each line led to another one."""
    path = tmp_path / "said"
    with path.open("w") as stream:
        saves = Saves(
            [tmp_path], apart=[], saved=lambda files: None, tell=lambda text: None,
            outputs=[stream.fileno()],
        )  # fmt: skip
        stream.write("no test depends on what changed")
    assert not saves._changed(path)
    assert not list(saves._found([tmp_path]))


def test_all_that_is_another_one_is_found(tmp_path: Path) -> None:
    saves = followed(tmp_path)
    for name in ("a.py", "b.py", "c.py"):
        (tmp_path / name).write_text(name)
    assert len(list(saves._found([tmp_path]))) == 3
    (tmp_path / "a.py").write_text("longer than it was")
    (tmp_path / "b.py").unlink()
    (tmp_path / "d.py").touch()
    found = {one.name for one in saves._found([tmp_path])}
    assert found == {"a.py", "b.py", "d.py"}
    assert not list(saves._found([tmp_path]))


def test_where_the_system_cannot_tell_one_line_says_so() -> None:
    told: list[str] = []
    saves = Saves([], apart=[], saved=lambda files: None, tell=told.append)
    saves._failed(FileNotFoundError("a directory has vanished"))
    assert (saves.polling, told) == (False, [])
    saves._failed(OSError("OS file watch limit reached"))
    assert saves.polling
    [text] = told
    assert "limit reached" in text
    assert "max_user_watches" in text


@contextmanager
def soon(path: Path, *texts: str) -> Iterator[None]:
    """Each text becomes the content, one after the other."""

    def write() -> None:
        for text in texts:
            time.sleep(0.04)
            path.write_text(text)

    thread = threading.Thread(target=write)
    thread.start()
    yield
    thread.join()


@pytest.mark.parametrize("half", ["", None, "def sell(", "a = 1\nb = lo"])
def test_a_file_that_is_seen_half_written_is_waited_for(
    tmp_path: Path, half: str | None
) -> None:
    path = tmp_path / "shop.py"
    if half is not None:
        path.write_text(half)
    with soon(path, "a = 1\nb = lon", "a = 1\nb = longer\n"):
        assert settled([path], quiet=0.5) == {path: ""}
        assert path.read_text().endswith("longer\n")


def test_one_that_stays_so_is_taken_as_it_is(tmp_path: Path) -> None:
    names = ("wrong.py", "empty.py", "gone.py", "unended.py", "whole.py")
    wrong, empty, gone, unended, whole = (tmp_path / name for name in names)
    wrong.write_text("a = 1\nclas A:\n")
    empty.touch()
    unended.write_text("a = 1")
    whole.write_text("a = 1\n")
    began = time.monotonic()
    found = settled([wrong, empty, gone, unended, whole], quiet=0.05)
    assert {path.name for path, text in found.items() if text} == {"wrong.py"}
    assert found[wrong].startswith("2: ")
    assert time.monotonic() - began >= 0.05
    with soon(whole, *["a = 1"] * 30):
        began = time.monotonic()
        settled([unended, whole], within=0.2)
        assert time.monotonic() - began < 1, "it is not waited for ever"
