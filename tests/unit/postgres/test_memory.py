# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose directories in shared memory are, and which belong to nobody."""

from pathlib import Path

import pytest

from harness.postgres import memory
from harness.store import Lock


@pytest.fixture
def shared(tmp_path: Path) -> Path:
    path = tmp_path / "shm"
    path.mkdir()
    return path


def made(shared: Path, mark: Path) -> Path:
    path = memory.make(shared, mark)
    mark.symlink_to(path)
    return path


def test_a_directory_with_its_owner_is_no_orphan(shared: Path, tmp_path: Path) -> None:
    made(shared, tmp_path / "server")
    assert memory.orphans(shared) == []


def test_a_directory_without_its_owner_is_one(shared: Path, tmp_path: Path) -> None:
    path = made(shared, tmp_path / "server")
    (tmp_path / "server").unlink()
    assert memory.orphans(shared) == [path]


def test_a_mark_that_leads_elsewhere_makes_one(shared: Path, tmp_path: Path) -> None:
    first = made(shared, tmp_path / "server")
    (tmp_path / "server").unlink()
    made(shared, tmp_path / "server")
    assert memory.orphans(shared) == [first]


def test_what_is_in_use_is_left_alone(shared: Path, tmp_path: Path) -> None:
    path = made(shared, tmp_path / "server")
    (tmp_path / "server").unlink()
    lock = Lock(path / "users.lock")
    lock.acquire(shared=True)
    assert memory.orphans(shared) == []
    lock.release()
    assert memory.orphans(shared) == [path]


def test_what_somebody_else_made_is_left_alone(shared: Path) -> None:
    (shared / f"harness-{memory.os.getuid()}-x").mkdir()
    (shared / "other").mkdir()
    assert memory.orphans(shared) == []
