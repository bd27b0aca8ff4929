# SPDX-License-Identifier: GPL-3.0-or-later
"""Remembers which files a process opens to read them."""

from __future__ import annotations

import importlib.util
import os
import sys
from typing import Any

_read: set[str] = set()


def begin() -> None:
    """Remember from now on; it cannot be ended."""
    sys.addaudithook(_hear)


def found(roots: list[str]) -> list[str]:
    """What was read below some directories, in no order."""
    inside = tuple(os.path.join(root, "") for root in roots)
    return [path for path in map(_source, tuple(_read)) if path.startswith(inside)]


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if event != "open":
        return
    path, mode, flags = arguments
    if mode is None:
        reads = not flags & (os.O_WRONLY | os.O_CREAT)
    else:
        reads = not set(mode) & set("wax")
    if reads and isinstance(path, (str, bytes)):
        _read.add(os.path.abspath(os.fsdecode(path)))


def _source(path: str) -> str:
    """The source of a compiled file."""
    if path.endswith(".pyc"):
        try:
            return importlib.util.source_from_cache(path)
        except ValueError:
            pass
    return path
