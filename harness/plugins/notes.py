# SPDX-License-Identifier: GPL-3.0-or-later
"""What each process of a session does now, in a file of its own for who waits.

Its first line counts: what is shorter than what was there leaves a rest behind it.
"""

from __future__ import annotations

import fcntl
from typing import Any

from harness.plugins.client import REACH
from harness.plugins.unpatched import json, os, time

NOTES = "HARNESS_NOTES"
"""Environment variable: the directory."""
TITLE = "stacks of all threads"
"""What stands above them in a report."""
OURS = ("/_pytest/", "/pluggy/", "/xdist/", "/harness/plugins/", "/unittest/case.py")
"""Parts of the names of files that nobody looks for in a stack."""
PROGRAMS = ("<string>", "<frozen runpy>")
"""What runs them: pytest-xdist's code in a worker has no file."""
HIGH = 200
"""Files of ours have numbers from here on: who closes all files and opens others gets
low ones."""
STACKS = ".stacks"
"""How the file of a process is called that had to be ended, after its name."""


def place(name: str) -> str:
    """The file of a process; empty where nobody looks for it."""
    directory = os.environ.get(NOTES)
    if not directory or REACH in os.environ:  # which is set on other machines
        return ""
    return os.path.join(directory, name)


class Pen:
    """Writes the note of this process.

    The file stays open, under a number that nobody gets by chance; it is looked at
    before each word, since a test may close all that is open and open its own.
    """

    def __init__(self, path: str) -> None:
        self._pid = os.getpid()
        self._file = opened(path) if path else -1
        self._inode = os.fstat(self._file).st_ino if self._file >= 0 else 0

    def write(self, what: str, **more: Any) -> None:
        """Say what begins now."""
        self._put(json.dumps({"what": what, "since": time.time(), **more}))

    def clear(self) -> None:
        """Nothing is done that anybody could wait for."""
        self._put("{}")

    def _put(self, text: str) -> None:
        if self._file < 0 or os.getpid() != self._pid:
            return
        try:
            if os.fstat(self._file).st_ino == self._inode:
                os.pwrite(self._file, text.encode() + b"\n", 0)
        except OSError:  # closed, or a full disk
            pass


def opened(path: str) -> int:
    """A file to write to, with a high number; -1 where there is none to be had."""
    try:
        low = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return -1
    try:
        return high(low)
    finally:
        os.close(low)


def high(number: int) -> int:
    """The same file by another number; by its own where there is no other."""
    try:
        return fcntl.fcntl(number, fcntl.F_DUPFD_CLOEXEC, HIGH)
    except OSError:
        return os.dup(number)


def read(path: str) -> dict[str, Any]:
    """What a process has said; nothing of one that says it just now."""
    try:
        with open(path, encoding="utf-8") as file:
            found: dict[str, Any] = json.loads(file.readline())
    except (OSError, ValueError):
        return {}
    return found


def words(note: dict[str, Any]) -> str:
    """What a process does, in words."""
    if note.get("waits"):
        return f"{note['what']}, which waits for {note['waits']}"
    return str(note.get("what", "?"))


def ours(text: str) -> bool:
    """Whether a file, or a line of a stack that names one, is of what runs tests."""
    return any(one in text for one in (*OURS, *PROGRAMS))


def ended(path: str) -> str:
    """Why a process was ended by its limit, with its stacks; empty: it was not."""
    try:
        with open(path + STACKS, encoding="utf-8", errors="replace") as file:
            stacks = file.read()
    except OSError:
        return ""
    if not stacks.strip():
        return ""
    lines = [line for line in stacks.splitlines() if not ours(line)]
    stacks = "\n".join(lines)
    note = read(path)
    return (
        f"{words(note)} took longer than {note.get('limit', 0):g} s (timeout)"
        f" and could not be interrupted: the process was ended\n\n{TITLE}:\n{stacks}"
    )
