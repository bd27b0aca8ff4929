# SPDX-License-Identifier: GPL-3.0-or-later
"""pytest, with the warm process of its workers forked off before all else.

``python -m harness.plugins.workers ARGUMENTS`` is ``python -m pytest ARGUMENTS``;
``… --serve SOCKET ARGUMENTS`` is the warm process alone, for a controller elsewhere.
"""

from __future__ import annotations

import argparse
import gc
import os
import socket
import sys
from typing import Callable

import pytest

from harness.plugins import compiled, lifeline
from harness.plugins.workers import forks, launch, requirement, warm

BACKLOG = 64
"""Interpreters that may wait for their fork."""


def main(arguments: list[str]) -> int:
    """Run pytest, or be its warm process; the exit code."""
    gc.set_threshold(*forks.COLLECTS)
    compiled.distrust()
    if arguments[:1] == ["--serve"]:
        return serve(listen(arguments[1]), arguments[2:])
    if parallel(arguments):
        trouble = requirement.why_not()
        if trouble:
            sys.stderr.write(f"{trouble}\n")
            return int(pytest.ExitCode.USAGE_ERROR)
        directory = launch.place()
        path = os.path.join(directory, "socket")
        listener = listen(path)
        pid = os.fork()
        if pid == 0:
            lifeline.hold()
            listener.listen(BACKLOG)  # from now on it is known whose it is
            log = os.open(
                os.path.join(directory, "log"), os.O_WRONLY | os.O_CREAT, 0o600
            )
            for stream in (1, 2):
                os.dup2(log, stream)
            return serve(listener, arguments)
        listener.close()
        launch.SOCKETS[:] = [path]
        launch.FORKED[:] = [launch.Forked(pid)]
    return int(pytest.main(arguments))


def parallel(arguments: list[str]) -> bool:
    """Whether workers are wanted that start warm, by the last word on their number."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("-n", "--numprocesses", default="0")
    parser.add_argument("--harness-cold", action="store_true")
    known, _ = parser.parse_known_args(arguments)
    return known.numprocesses != "0" and not known.harness_cold


def listen(path: str) -> socket.socket:
    """A socket that nobody but this user can ask at."""
    listener = socket.socket(socket.AF_UNIX)
    before = os.umask(0o177)
    try:
        listener.bind(path)
    finally:
        os.umask(before)
    listener.listen(BACKLOG)
    return listener


def serve(listener: socket.socket, arguments: list[str]) -> int:
    """Serve to the end; a fork runs what it was asked for, and ends then."""
    path = os.environ.pop(launch.PATH, None)
    if path is not None:  # ``python -m`` has put the directory before all
        sys.path[:] = path.split(os.pathsep)
    task: Callable[[], int] = warm.serve(listener, arguments)
    forks.leave(task())
    return 0


if __name__ == "__main__":
    forks.leave(main(sys.argv[1:]))  # a thread that tests have left is not waited for
