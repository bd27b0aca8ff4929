# SPDX-License-Identifier: GPL-3.0-or-later
"""Whose directories in shared memory are, and which belong to nobody."""

from pathlib import Path

import pytest

from harness.errors import DatabaseError
from harness.locks import Lock
from harness.postgres import memory


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


# -- to disk -------------------------------------------------------------------


@pytest.fixture
def mark(tmp_path: Path) -> Path:
    (tmp_path / "shm").mkdir()
    path = tmp_path / "server"
    path.symlink_to(memory.make(tmp_path / "shm", path))
    return path


def test_data_leave_memory_when_they_are_to_be_kept(mark: Path) -> None:
    data = mark.resolve()
    memory.leave(mark, data)
    assert not mark.is_symlink()
    assert data.exists()  # an orphan: `harness clean` shows it


def test_peoples_data_do_not_leave_memory_unseen(mark: Path) -> None:
    (mark / "people").write_text("mine")
    with pytest.raises(DatabaseError, match="in memory, with the databases mine"):
        memory.leave(mark, mark.resolve())
    assert mark.is_symlink()


def test_data_in_use_stay_in_memory(mark: Path) -> None:
    lock = Lock(mark.resolve() / "users.lock")
    assert lock.acquire(shared=True)
    with pytest.raises(DatabaseError, match="in memory, and in use"):
        memory.leave(mark, mark.resolve())
    lock.release()


def test_data_on_disk_stay(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    mark = tmp_path / "server"
    mark.symlink_to(tmp_path / "postgres")
    memory.leave(mark, mark.resolve())
    assert mark.is_symlink()
