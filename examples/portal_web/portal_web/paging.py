# SPDX-License-Identifier: GPL-3.0-or-later
"""Pages of a list, and what is searched for."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from trytond.tools import escape_wildcard

QUERY_LENGTH = 100


@dataclass(frozen=True, kw_only=True)
class Page:
    """One page of a list: the first is 1, and there is always one."""

    number: int
    size: int
    total: int
    items: Sequence[Any] = ()

    @property
    def pages(self) -> int:
        """How many there are."""
        return max(1, -(-self.total // self.size))

    @property
    def previous(self) -> int | None:
        """The number of the page before."""
        return self.number - 1 if self.number > 1 else None

    @property
    def next(self) -> int | None:
        """The number of the page after."""
        return self.number + 1 if self.number < self.pages else None

    @property
    def first_item(self) -> int:
        """The number of its first item, counted from 1; 0 if there is none."""
        return min((self.number - 1) * self.size + 1, self.total)

    @property
    def last_item(self) -> int:
        """The number of its last item."""
        return min(self.number * self.size, self.total)


def number(text: object, *, most: int) -> int:
    """The number of a page that was asked for, moved to one that is there."""
    value = str(text or "")
    if not value.isascii() or not value.isdigit():
        return 1
    return min(max(int(value[:9]), 1), most)


def find(
    model: Any, domain: list[Any], *, page: object, size: int, order: Any = None
) -> Page:
    """The page of the records in `domain`; past the end, the last one."""
    total = model.search(domain, count=True)
    chosen = number(page, most=max(1, -(-total // size)))
    items = model.search(domain, offset=(chosen - 1) * size, limit=size, order=order)
    return Page(number=chosen, size=size, total=total, items=items)


def clean(text: object) -> str:
    """What is searched for: one line, without control characters, not too long."""
    kept = "".join(
        " " if unicodedata.category(c) in {"Cc", "Cs"} else c for c in str(text or "")
    )
    return " ".join(kept.split())[:QUERY_LENGTH].strip()


def containing(query: str, *names: str) -> list[Any]:
    """The clause of those that have `query` in one of the fields; none for nothing."""
    if not query:
        return []
    pattern = f"%{escape_wildcard(query)}%"
    return ["OR", *((name, "ilike", pattern) for name in names)]
