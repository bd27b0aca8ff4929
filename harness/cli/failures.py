# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that no command knows, in words."""

import errno
import os
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Final

from harness import __version__
from harness.errors import HarnessError, MissingTool, UsageError
from harness.masks import masked
from harness.store import full


def explained(error: Exception, line: str) -> HarnessError:
    """What ended a command, whose line this is."""
    return full(error) or barred(error) or _defect(error, line)


BARRED: Final = {
    errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST,
    errno.ELOOP, errno.ENAMETOOLONG,
}  # fmt: skip
"""Why a file or directory cannot be used: it is the user's to mend."""


def barred(error: Exception) -> HarnessError | None:
    """The error for a file that we may not use, wherever it was met."""
    if not isinstance(error, OSError) or error.errno not in BARRED:
        return None
    if not isinstance(error.filename, str | os.PathLike):
        return None
    path = Path(error.filename)
    if error.errno == errno.ENAMETOOLONG:
        return UsageError(
            f"{path} is too long for the name of a file",
            remedy="look at what was typed, and at the variables HARNESS_*",
        )
    there = next((one for one in (path, *path.parents) if os.path.lexists(one)), path)
    return MissingTool(
        f"{path} cannot be used: {error.strerror}",
        checked=f"{there}, as user {os.getuid()}",
        remedy="look at its owner, its mode and its file system, or set HARNESS_STATE"
        " and HARNESS_REPORTS to directories that can be written",
    )


def _defect(error: Exception, line: str) -> HarnessError:
    """It is written to a log that can be sent."""
    text = (
        f"harness {__version__} on Python {sys.version}\n"
        f"$ {line}\n\n{masked(traceback.format_exc())}"
    )
    try:
        handle, name = tempfile.mkstemp(prefix="harness-", suffix=".log")
        with os.fdopen(handle, "w", encoding="utf-8") as log:
            log.write(text)
        remedy = f"report it with the log {name}"
    except OSError:
        remedy = f"report it with this:\n{text}"
    return HarnessError(
        f"this is a defect of the harness: {type(error).__name__}: {error}",
        remedy=remedy,
    )
