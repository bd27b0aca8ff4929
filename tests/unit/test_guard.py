# SPDX-License-Identifier: GPL-3.0-or-later
"""The guard of the unit tests holds."""

import os
import socket
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from harness import proc

REAL_HOME = Path(os.path.expanduser("~"))  # read before the guard moves it


HOME_ACTS = {"read", "write", "mkdir", "list", "remove", "sqlite"}


def _connect() -> None:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect("/tmp/nobody-listens-here")


def _bind() -> None:
    with socket.socket() as connection:
        connection.bind(("127.0.0.1", 0))


@pytest.mark.parametrize(
    "act",
    [
        lambda: subprocess.Popen([sys.executable, "-c", ""]),
        lambda: proc.run([sys.executable, "-c", ""], env={}),
        lambda: os.fork() or os._exit(0),
        lambda: os.posix_spawn("/bin/true", ["true"], {}),
        lambda: os.system("true"),
        _connect,
        _bind,
        lambda: socket.create_connection(("localhost", 1)),
        lambda: (REAL_HOME / ".netrc").read_text(),
        lambda: (REAL_HOME / ".harness-guard").write_text("no"),
        lambda: (REAL_HOME / ".harness-guard").mkdir(),
        lambda: list((REAL_HOME / ".cache").iterdir()),
        lambda: (REAL_HOME / ".harness-guard").unlink(),
        lambda: sqlite3.connect(REAL_HOME / ".harness-guard"),
    ],
    ids=[
        "popen", "proc", "fork", "spawn", "system", "connect", "bind", "network",
        "read", "write", "mkdir", "list", "remove", "sqlite",
    ],
)  # fmt: skip
def test_the_guard_fails_loudly(
    guard, act: Callable[[], object], request: pytest.FixtureRequest
) -> None:
    at_home = request.node.callspec.id in HOME_ACTS
    if at_home and REAL_HOME.is_relative_to(tempfile.gettempdir()):
        pytest.skip("the home lies in the temporary directory, which tests may use")
    with pytest.raises(pytest.fail.Exception, match="a unit test"):
        act()
    assert guard.tripped
    guard.tripped.clear()


def test_the_guard_hears_threads_and_what_is_swallowed(guard) -> None:
    with ThreadPoolExecutor(max_workers=1) as executor:
        error = executor.submit(os.system, "true").exception()
    assert isinstance(error, pytest.fail.Exception)
    assert guard.tripped == [f"started a process: os.system {(b'true',)}"]
    guard.tripped.clear()


def test_home_is_somewhere_else_and_empty(tmp_path: Path) -> None:
    assert Path.home() != REAL_HOME
    assert not Path.home().is_relative_to(REAL_HOME)
    assert list(Path.home().iterdir()) == []
