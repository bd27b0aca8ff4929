# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that are there as a whole or not at all."""

import os
import shutil
from pathlib import Path
from typing import Final

JUNIT: Final = "junit.xml"
COVERAGE: Final = "coverage.data"
COVERED: Final = "htmlcov"
"""The coverage of a run, to be combined with others', and to be read."""


def replace(path: Path, text: str) -> Path:
    """Write `text` as UTF-8 to `path` at once; what was there stays until then.

    What UTF-8 cannot hold (a lone surrogate from a test's output) is escaped.
    """
    temporary = beside(path)
    try:
        temporary.write_bytes(text.encode("utf-8", "backslashreplace"))
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    return path


def replace_tree(new: Path, path: Path) -> Path:
    """Put the directory `new` in the place of `path`; both on one file system."""
    old = beside(path.with_name(f"{path.name}.old"))
    if path.exists():
        path.replace(old)
    new.replace(path)
    shutil.rmtree(old, ignore_errors=True)
    return path


def beside(path: Path) -> Path:
    """A hidden name in the same directory that no other process uses."""
    return path.with_name(f".{path.name}.{os.getpid()}")
