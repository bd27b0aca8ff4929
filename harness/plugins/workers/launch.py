# SPDX-License-Identifier: GPL-3.0-or-later
"""The controller's warm process: how it is started, found, and waited for."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from typing import Sequence

from harness.plugins.client import BROKER
from harness.plugins.workers import interpreter

SOCKETS: list[str] = []
"""The socket of this process's own warm process, where there is one: what a test
starts is not to find it."""
FORKED: list[Forked] = []
"""That warm process, where it is a fork of this one."""
PATH = "HARNESS_PATH"
"""Environment variable: where the session finds modules, and so the warm process."""
LONGEST = 100
"""Characters that the path of a unix socket may have (107 on Linux, 103 on macOS)."""


class Forked:
    """A fork of this process, with what is used of `subprocess.Popen`."""

    def __init__(self, pid: int) -> None:
        self.pid = pid

    def wait(self, timeout: float | None = None) -> int:
        """Its status, once it has ended.

        Raises `subprocess.TimeoutExpired` after `timeout` seconds.
        """
        deadline = time.monotonic() + (timeout or 0.0)
        while True:
            pid, status = os.waitpid(self.pid, 0 if timeout is None else os.WNOHANG)
            if pid:
                return status
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(["fork"], timeout or 0.0)
            time.sleep(0.005)

    def kill(self) -> None:
        """End it at once."""
        os.kill(self.pid, signal.SIGKILL)


def place() -> str:
    """A new directory for sockets, the user's alone; in the run's where it has one."""
    broker = os.environ.get(BROKER)
    above = os.path.dirname(broker) if broker else tempfile.gettempdir()
    if len(above) > LONGEST - 30:
        above = "/tmp"
    return tempfile.mkdtemp(prefix="warm-", dir=above)


def start(arguments: Sequence[str]) -> subprocess.Popen[bytes]:
    """Start a warm process for this session's arguments; its socket is in `SOCKETS`."""
    directory = place()
    path = os.path.join(directory, "socket")
    SOCKETS[:] = [path]
    argv = [sys.executable, "-m", __package__, "--serve", path, *arguments]
    env = {**os.environ, PATH: os.pathsep.join(sys.path)}
    null = subprocess.DEVNULL
    with open(os.path.join(directory, "log"), "wb") as log:
        return subprocess.Popen(
            argv, stdin=null, stdout=log, stderr=subprocess.STDOUT, env=env
        )


def words(status: int) -> str:
    """A status of ``waitpid(2)`` in words; signals without a name have a number."""
    if not os.WIFSIGNALED(status):
        return f"exit code {os.WEXITSTATUS(status)}"
    number = os.WTERMSIG(status)
    try:
        return f"signal {signal.Signals(number).name}"
    except ValueError:
        return f"signal {number}"


def interpreter_of(path: str) -> str:
    """The command of a Python that is forked by the warm process at a socket."""
    return shlex.join([sys.executable, "-I", "-S", interpreter.__file__, path])
