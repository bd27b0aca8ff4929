# SPDX-License-Identifier: GPL-3.0-or-later
"""Word of people's databases beside the data of a server, read without a server."""

from pathlib import Path
from typing import Final

FILE: Final = "people"
"""A name a line, in the directory of the data."""


def noted(data: Path) -> list[str]:
    """The databases in there that are nobody's but people's."""
    try:
        return (data / FILE).read_text("utf-8").split()
    except OSError:
        return []
