# SPDX-License-Identifier: GPL-3.0-or-later
"""A traceback of pytest in its parts: the error, own frames, those of libraries."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from textwrap import dedent, indent
from typing import Final

_RULE: Final = re.compile(r"^(?:_ ){4,}_?\s*$")
"""What stands between two frames of the long style."""
_PLACE: Final = re.compile(r"^(\S[^:\n]*):\d+: ?\S*$")
"""The last line of a frame of the long style."""
_SHORT: Final = re.compile(r"^(\S[^:\n]*):\d+: in .+$")
"""The first line of a frame of the short style."""
_LIBRARY: Final = re.compile(r"site-packages/|dist-packages/|/lib/python\d|^<frozen ")
_VARYING: Final = re.compile(r"0x[0-9a-f]+|\d{4,}|gw\d+", re.IGNORECASE)
"""What differs in one and the same error: addresses, ports, processes, workers."""


@dataclass(frozen=True, kw_only=True)
class Frames:
    """Frames that follow each other; `count` of them, all of libraries or none."""

    text: str
    library: bool
    count: int


def split(text: str) -> tuple[Frames, ...]:
    """The text again, in parts; where all is of libraries, nothing is."""
    told = [(frame, _library(frame)) for frame in _frames(text)]
    if all(library for _, library in told):
        return (Frames(text=text, library=False, count=len(told)),) if text else ()
    parts = []
    for library, group in groupby(told, key=lambda one: one[1]):
        frames = [frame for frame, _ in group]
        parts.append(Frames(text="".join(frames), library=library, count=len(frames)))
    return tuple(parts)


def errors(text: str) -> str:
    """What pytest says of the last error: its lines that begin with ``E``."""
    blocks = [
        list(lines)
        for bad, lines in groupby(text.splitlines(), key=lambda one: one[:2] == "E ")
        if bad
    ]
    words = dedent("\n".join(line[1:] for line in blocks[-1])) if blocks else ""
    return indent(words, "E ")


def likeness(message: str, traceback: str) -> tuple[str, str]:
    """What is the same for two failures of one cause: its words, and where it is."""
    places = [line for line in traceback.splitlines() if _PLACE.match(line)]
    return _VARYING.sub("#", message), places[-1] if places else ""


def _frames(text: str) -> Iterator[str]:
    frame: list[str] = []
    for line in text.splitlines(keepends=True):
        if (_RULE.match(line) or _SHORT.match(line)) and frame:
            yield "".join(frame)
            frame = []
        frame.append(line)
    if frame:
        yield "".join(frame)


def _library(frame: str) -> bool:
    lines = frame.rstrip().splitlines() or [""]
    place = _SHORT.match(lines[0]) or _PLACE.match(lines[-1])
    return bool(place and _LIBRARY.search(place[1]))
