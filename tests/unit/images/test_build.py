# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds of images leave, and who removes it."""

import os
from pathlib import Path

import pytest

from harness.images import workplace
from harness.locks import Lock


def left(place: Path, name: str) -> Path:
    path = place / f"{workplace.WORK}{name}"
    (path / "secrets").mkdir(parents=True)
    (path / workplace.LOCK).touch()
    os.utime(path, (0, 0))
    return path


def sweep(place: Path) -> None:
    for path in workplace.left(place):
        assert workplace.remove(path)


def test_secrets_of_a_killed_build_are_removed(tmp_path: Path) -> None:
    path = left(tmp_path, "killed")
    sweep(tmp_path)
    assert not path.exists()


def test_a_build_that_goes_on_is_left_alone(tmp_path: Path) -> None:
    path, young = left(tmp_path, "live"), left(tmp_path, "young")
    os.utime(young)
    lock = Lock(path / workplace.LOCK)
    lock.acquire()
    sweep(tmp_path)
    assert path.exists()
    assert young.exists()


def test_what_others_made_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, other = left(tmp_path, "theirs"), tmp_path / "other"
    other.mkdir()
    (tmp_path / f"{workplace.WORK}link").symlink_to(other)
    me = os.getuid()
    monkeypatch.setattr(workplace.os, "getuid", lambda: me + 1)
    sweep(tmp_path)
    assert path.exists()
    assert other.exists()
