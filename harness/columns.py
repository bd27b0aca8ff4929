# SPDX-License-Identifier: GPL-3.0-or-later
"""Texts for a terminal: the columns of a table, a name that is too long, a link."""

import re
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Final

_NARROWEST: Final = 4
_WIDEST: Final = 60
"""Cells that a column takes where there is room for any: longer ones reach out."""
LONG: Final = re.compile(r"\S{500,}")
"""A word that nobody reads."""


def aligned(
    rows: Iterable[Sequence[object]],
    headers: Sequence[str],
    to_right: Sequence[str] = (),
    *,
    room: int = 0,
) -> list[str]:
    """The lines of a table, numbers to the right, within `room` cells (0: any).

    Columns whose header is in `to_right` are there, too.
    """
    rows = [tuple(row) for row in rows]
    cells = [[" ".join(str(cell).split()) for cell in row] for row in rows]
    texts = list(zip_longest(headers, *cells, fillvalue=""))
    widths = [max(map(len, column)) for column in texts]
    if room:
        widths = _fitted(widths, room - 2 * (len(widths) - 1))
    pads = widths if room else [min(width, _WIDEST) for width in widths]
    values = zip_longest(*rows, fillvalue="")
    right = [
        header in to_right or all(isinstance(cell, int | float) for cell in column)
        for header, column in zip_longest(headers, values, fillvalue="")
    ]
    columns = []
    for column, width, pad, number in zip_longest(texts, widths, pads, right):
        short = (cut(cell, width) for cell in column)
        columns.append([f"{c:{'>' if number else '<'}{pad}}" for c in short])
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _fitted(widths: Sequence[int], room: int) -> list[int]:
    """Take from the widest column until all fit, down to the narrowest useful."""
    result = list(widths)
    while sum(result) > room and max(result, default=0) > _NARROWEST:
        result[result.index(max(result))] -= 1
    return result


def cut(text: str, width: int) -> str:
    """The beginning, where it is longer."""
    return text if len(text) <= width else text[: max(0, width - 1)] + "…"


def tail(text: str, width: int) -> str:
    """The end, where it is longer: that of a test's id tells more."""
    return text if len(text) <= width else "…" + text[len(text) - max(0, width - 1) :]


def shortened(text: str) -> str:
    """The text without the middle of words that fill a screen."""
    return LONG.sub(lambda word: f"{word[0][:80]}…{word[0][-40:]}", text)


def linked(path: Path) -> str:
    """A file's whole path, as a link that terminals know (OSC 8)."""
    path = path.absolute()
    return f"\x1b]8;;{path.as_uri()}\x1b\\{path}\x1b]8;;\x1b\\"
