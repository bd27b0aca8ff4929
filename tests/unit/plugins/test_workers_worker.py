# SPDX-License-Identifier: GPL-3.0-or-later
"""A worker's own side."""

import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from harness.plugins.workers.worker import Worker, encodable


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


class Name(str):
    """A text that execnet does not know."""


class Keys(dict[str, object]):
    """A mapping likewise."""


def test_what_execnet_does_not_know_is_sent_as_text() -> None:
    given = Keys(a=(1, None, [Name("x")]), b=2.5, c=Path("p"), d="\ud800")
    sent = encodable(given)
    assert sent == {"a": (1, None, ["x"]), "b": 2.5, "c": "p", "d": "\\ud800"}
    assert [type(sent), type(sent["a"][2][0])] == [dict, str]
