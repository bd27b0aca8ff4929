# SPDX-License-Identifier: GPL-3.0-or-later
"""What is imported is what the file says, however fast it is saved."""

import importlib.util
import os
import sys
from importlib.machinery import SourceFileLoader
from pathlib import Path

import pytest

from harness.plugins import compiled


@pytest.fixture(autouse=True)
def distrusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "dont_write_bytecode", False)
    monkeypatch.setattr(SourceFileLoader, "get_data", SourceFileLoader.get_data)
    compiled.distrust()


def imported(path: Path) -> object:
    spec = importlib.util.spec_from_file_location("saved_twice", path)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.VALUE


@pytest.mark.parametrize("kept", ["", "elsewhere"])
def test_a_file_that_is_saved_twice_within_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: str
) -> None:
    prefix = str(tmp_path / kept) if kept else None
    monkeypatch.setattr(sys, "pycache_prefix", prefix)
    path = tmp_path / "saved_twice.py"
    path.write_text("VALUE = 1\n")
    second = int(path.stat().st_mtime)
    os.utime(path, (second, second + 0.1))
    assert imported(path) == 1
    assert list(tmp_path.glob(f"{kept}/**/*.pyc" if kept else "__pycache__/*.pyc"))
    path.write_text("VALUE = 2\n")
    os.utime(path, (second, second + 0.9))
    assert imported(path) == 2


def test_bytecode_that_is_younger_is_used(tmp_path: Path) -> None:
    path = tmp_path / "saved_twice.py"
    path.write_text("VALUE = 1\n")
    before = path.stat().st_mtime - 3600
    os.utime(path, (before, before))
    imported(path)
    (bytecode,) = map(str, tmp_path.glob("__pycache__/*.pyc"))
    assert not compiled.doubtful(bytecode)
    os.utime(bytecode, (before + 1, before + 1))
    assert compiled.doubtful(bytecode)


def test_what_is_installed_is_not_looked_at(tmp_path: Path) -> None:
    place = tmp_path / "site-packages" / "some.py"
    place.parent.mkdir()
    place.write_text("VALUE = 1\n")
    imported(place)
    (bytecode,) = map(str, tmp_path.glob("**/*.pyc"))
    assert not compiled.doubtful(bytecode)
