# SPDX-License-Identifier: GPL-3.0-or-later
"""What each process of a session does now, in a file of its own for who waits.

Written anew at each step: no file stays open, which a test might close.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from harness.plugins.client import REACH

NOTES = "HARNESS_NOTES"
"""Environment variable: the directory."""
TITLE = "stacks of all threads"
"""What stands above them in a report."""
OURS = ("/_pytest/", "/pluggy/", "/xdist/", "/harness/plugins/", "/unittest/case.py")
"""Parts of the names of files that nobody looks for in a stack."""
PROGRAMS = ("<string>", "<frozen runpy>")
"""What runs them: pytest-xdist's code in a worker has no file."""
STACKS = ".stacks"
"""How the file of a process is called that had to be ended, after its name."""


def place(name: str) -> str:
    """The file of a process; empty where nobody looks for it."""
    directory = os.environ.get(NOTES)
    if not directory or REACH in os.environ:  # which is set on other machines
        return ""
    return os.path.join(directory, name)


def write(path: str, what: str, **more: Any) -> None:
    """Say what begins now."""
    if not path:
        return
    try:
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"what": what, "since": time.time(), **more}, file)
    except OSError:  # a full disk, or a directory that a test has removed
        pass


def forget(path: str) -> None:
    """Nothing is done that anybody could wait for."""
    if path:
        try:
            os.unlink(path)
        except OSError:
            pass


def read(path: str) -> dict[str, Any]:
    """What a process has said; nothing of one that says it just now."""
    try:
        with open(path, encoding="utf-8") as file:
            found: dict[str, Any] = json.load(file)
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
