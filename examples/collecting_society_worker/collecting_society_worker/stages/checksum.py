# SPDX-License-Identifier: GPL-3.0-or-later
"""Size and checksum of a file, which must be what was announced."""

import hashlib
from pathlib import Path

from ..errors import Rejected
from ..model import Content, Digest
from . import Bench


def digest(file: Path) -> Digest:
    """Read the file once, in pieces."""
    with file.open("rb") as stream:
        code = hashlib.file_digest(stream, "sha256").hexdigest()
        return Digest(size=stream.tell(), code=code)


def measure(file: Path, content: Content, bench: Bench) -> Digest:
    """Reject what is empty, too big or not what was announced; else its digest."""
    size = file.stat().st_size
    if size == 0:
        raise Rejected("format", "The file is empty.")
    if size > bench.size:
        raise Rejected(
            "size", f"The file has {size} bytes, {bench.size} are the limit."
        )
    if content.size not in (None, size):
        raise Rejected(
            "format", f"The file has {size} bytes, {content.size} were announced."
        )
    return digest(file)
