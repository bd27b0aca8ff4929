# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors that no command knows, in words."""

import os
import sys
import tempfile
import traceback

from harness import __version__
from harness.causes import known
from harness.errors import HarnessError
from harness.masks import masked


def explained(error: Exception, line: str) -> HarnessError:
    """What ended a command, whose line this is."""
    return known(error) or _defect(error, line)


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
