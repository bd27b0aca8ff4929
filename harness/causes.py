# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that may be met anywhere and are no defect: whose they are, in words."""

import errno
import os
from pathlib import Path
from typing import Final

from harness.errors import HarnessError, MissingTool, UsageError
from harness.postgres.base import lost
from harness.store import full


def known(error: Exception) -> HarnessError | None:
    """The error for a full disk, a lost server or a closed file; None for others."""
    return full(error) or barred(error) or lost(error)


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
