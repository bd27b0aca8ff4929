# SPDX-License-Identifier: GPL-3.0-or-later
"""Changed lines, from what git prints, and the statements they belong to: pure."""

import ast
import re
from collections.abc import Iterable
from typing import Final

_HUNK: Final = re.compile(r"@@ -\S+ \+(\d+)(?:,(\d+))? @@")
_ESCAPED: Final = re.compile(rb"\\([0-7]{3}|.)", re.DOTALL)
_LETTERS: Final = {b"n": b"\n", b"t": b"\t", b"r": b"\r"}


def changed(patch: str) -> dict[str, set[int]]:
    """New or changed lines by file, of a patch without context (``-U0``)."""
    found: dict[str, set[int]] = {}
    current: set[int] | None = None
    left = 0
    for line in patch.split("\n"):
        if left and line[:1] in {"+", "-", "\\"}:
            left -= line[:1] != "\\"
            continue
        if line.startswith("+++ "):
            name = _name(line[4:])
            current = found.setdefault(name, set()) if name else None
        elif (hunk := _HUNK.match(line)) and current is not None:
            start, count = int(hunk[1]), int(hunk[2] or 1)
            current.update(range(start, start + count))
            left = count + _removed(line)
    return {name: lines for name, lines in found.items() if lines}


def _removed(hunk: str) -> int:
    """How many lines of the old file follow."""
    count = hunk.split(" ")[1].partition(",")[2]
    return int(count) if count else 1


def _name(text: str) -> str:
    """A file's name in a patch; empty for one that was removed."""
    text = text.removesuffix("\t")  # git's mark of a name with spaces
    if text.startswith('"'):
        text = _ESCAPED.sub(_unescaped, text.strip('"').encode()).decode(
            "utf-8", "surrogateescape"
        )
    return "" if text == "/dev/null" else text.removeprefix("b/")


def _unescaped(match: re.Match[bytes]) -> bytes:
    text = match[1]
    if text.isdigit() and len(text) == 3:
        return bytes([int(text, 8)])
    return _LETTERS.get(text, text)


def statements(source: str) -> dict[int, int]:
    """The first line of its statement, for each line of one.

    Coverage knows first lines only; a change within a call of many lines counts for
    it, one of an ``if`` counts for its head.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return {}
    first: dict[int, int] = {}
    for node in ast.walk(tree):  # from the outside: what is inside comes later
        if isinstance(node, ast.stmt):
            for line in range(node.lineno, _end(node) + 1):
                first[line] = node.lineno
    return first


def _end(node: ast.stmt) -> int:
    """The last line of a statement, of a compound one of its head."""
    inner: list[ast.AST] = [
        *getattr(node, "body", ()),
        *getattr(node, "cases", ()),
    ]
    starts = [
        min([one.lineno, *(mark.lineno for mark in getattr(one, "decorator_list", ()))])
        for one in inner
        if isinstance(one, ast.stmt)
    ]
    last = node.end_lineno or node.lineno
    if isinstance(node, ast.Match):
        return node.subject.end_lineno or node.lineno
    return max(node.lineno, min(starts) - 1) if starts else last


def ranges(numbers: Iterable[int]) -> str:
    """``3-5, 9``"""
    parts: list[list[int]] = []
    for number in sorted(numbers):
        if parts and parts[-1][1] == number - 1:
            parts[-1][1] = number
        else:
            parts.append([number, number])
    return ", ".join(f"{a}-{b}" if a < b else f"{a}" for a, b in parts)
