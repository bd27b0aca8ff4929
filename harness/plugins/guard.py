# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a command whose processes end with the one that asked for it.

``python -I guard.py [--remove DIRECTORY] -- COMMAND …``: the asker holds the other
end of our standard input.  When that is closed, also by ``kill -9``, or the command
ends, all processes that came of the command are killed, those too that made a
session of their own; then the directory is removed.  A program of its own: it
imports nothing of the harness.
"""

from __future__ import annotations

import ctypes
import os
import select
import shutil
import signal
import subprocess
import sys
import time

PR_SET_PDEATHSIG = 1
"""prctl(2); the command does not outlive us, whatever ends us (Linux)."""
PR_SET_CHILD_SUBREAPER = 36
"""prctl(2); orphans of the command become our children (Linux)."""
PATIENCE = 5.0
"""Seconds that processes get to vanish after they were killed."""
GRACE = 2.0
"""Seconds that the command gets after TERM."""


def main(arguments: list[str]) -> int:
    """Run the command; its exit code."""
    at = arguments.index("--")
    removed = arguments[1:at] if arguments[:1] == ["--remove"] else []
    _prctl(PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # our input says when it is over
    try:
        child = subprocess.Popen(
            arguments[at + 1 :],
            stdin=subprocess.DEVNULL,
            preexec_fn=_begin,
        )
    except OSError as error:
        sys.stderr.write(f"{arguments[at + 1]}: {error.strerror}\n")
        return 127
    try:
        _wait(child)
    finally:
        code = _end(child)
        for path in removed:
            shutil.rmtree(path, ignore_errors=True)
    return code if code >= 0 else 128 - code


def _prctl(option: int, value: int) -> None:
    prctl = getattr(ctypes.CDLL(None), "prctl", None)
    if prctl is not None:
        prctl(option, value, 0, 0, 0)


def _begin() -> None:
    """What the command's process does before it becomes the command."""
    _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)


def _wait(child: subprocess.Popen[bytes]) -> None:
    """Until the command ends or the asker is gone."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda number, frame: None)
    while child.poll() is None:
        ready, _, _ = select.select([0, reader], [], [])
        if reader in ready:
            os.read(reader, 64)
        if 0 in ready and not os.read(0, 64):
            return


def _end(child: subprocess.Popen[bytes]) -> int:
    """TERM for the command, KILL for all that is left; its exit code."""
    if child.poll() is None:
        child.terminate()
        try:
            child.wait(GRACE)
        except subprocess.TimeoutExpired:
            pass
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        left = descendants(os.getpid())
        if not left:
            break
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                pass
        _reap(child)
        time.sleep(0.005)
    return child.wait() if child.poll() is None else int(child.returncode)


def _reap(child: subprocess.Popen[bytes]) -> None:
    """Take the exit codes of orphans; the command's own is left to `child`."""
    child.poll()
    while child.returncode is not None:
        try:
            if os.waitpid(-1, os.WNOHANG) == (0, 0):
                return
        except ChildProcessError:
            return


def descendants(pid: int) -> list[int]:
    """All that came of a process, itself not."""
    parents = _parents() if os.path.exists("/proc/self/stat") else _parents_by_ps()
    found: list[int] = []
    todo = [pid]
    while todo:
        above = todo.pop()
        below = [one for one, parent in parents.items() if parent == above]
        found += below
        todo += below
    return found


def _parents() -> dict[int, int]:
    parents: dict[int, int] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{name}/stat", "rb") as file:
                text = file.read()
        except OSError:
            continue
        parents[int(name)] = int(text[text.rindex(b")") :].split()[2])
    return parents


def _parents_by_ps() -> dict[int, int]:
    done = subprocess.run(["ps", "-axo", "pid=,ppid="], stdout=subprocess.PIPE)
    pairs = (line.split() for line in done.stdout.splitlines())
    return {int(pid): int(parent) for pid, parent in pairs}


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
