# SPDX-License-Identifier: GPL-3.0-or-later
"""The last look before the archive."""

from pathlib import Path

from ..errors import WorkerError
from ..model import Content
from .checksum import digest


def verify(file: Path, content: Content) -> None:
    """Only what was examined is archived; a file that changed since waits."""
    found = digest(file).code
    if found != content.checksum:
        raise WorkerError(
            f"{file} has changed since it was examined: SHA-256 {found}, not"
            f" {content.checksum}; put the right one there, or reject it"
        )
