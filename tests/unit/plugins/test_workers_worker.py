# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's own side."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.plugins.workers.worker import Worker


def worker(directory: Path) -> Any:
    given = {"workerid": "gw0", "harness_directory": str(directory)}
    plugins = SimpleNamespace(get_plugins=list)
    return Worker(SimpleNamespace(workerinput=given, pluginmanager=plugins))  # type: ignore[arg-type]


def test_it_says_who_it_is(tmp_path: Path) -> None:
    worker(tmp_path).pytest_sessionstart()
    assert (tmp_path / "gw0").read_text("utf-8") == str(os.getpid())


def test_where_it_cannot_say_so_it_works_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "gw0").mkdir()
    worker(tmp_path).pytest_sessionstart()
    assert list((tmp_path / "gw0").iterdir()) == []
