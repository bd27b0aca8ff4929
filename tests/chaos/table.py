# SPDX-License-Identifier: GPL-3.0-or-later
"""What the campaign counts, and the one table that it prints."""

from collections.abc import Iterable
from dataclasses import dataclass, field

HEADERS = ("kind", "trials", "wrong", "leaked", "hung")


@dataclass(kw_only=True)
class Row:
    """The trials of a kind; each list says what happened, a line for each."""

    kind: str
    trials: int = 0
    wrong: list[str] = field(default_factory=list)
    leaked: list[str] = field(default_factory=list)
    hung: list[str] = field(default_factory=list)
    skipped: str = ""

    def at(self) -> tuple[int, int, int, int]:
        """Where it stands."""
        return self.trials, len(self.wrong), len(self.leaked), len(self.hung)

    def back(self, at: tuple[int, int, int, int]) -> None:
        """Forget what came since."""
        self.trials, wrong, leaked, hung = at
        del self.wrong[wrong:], self.leaked[leaked:], self.hung[hung:]

    @property
    def count(self) -> int:
        """How many things there are beside the trials."""
        return len(self.wrong) + len(self.leaked) + len(self.hung)

    def cells(self) -> tuple[str, ...]:
        """The row as texts."""
        name = f"{self.kind} (skipped: {self.skipped})" if self.skipped else self.kind
        return (name, *map(str, self.at()))


def text(rows: Iterable[Row]) -> str:
    """The table, with its sums."""
    rows = list(rows)
    total = Row(kind="all")
    for row in rows:
        total.trials += row.trials
        total.wrong += row.wrong
        total.leaked += row.leaked
        total.hung += row.hung
    cells = [HEADERS, *(row.cells() for row in rows), total.cells()]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for first, *numbers in cells:
        padded = [n.rjust(w) for n, w in zip(numbers, widths[1:], strict=True)]
        lines.append("  ".join([first.ljust(widths[0]), *padded]))
    return "\n".join(lines)


def details(rows: Iterable[Row]) -> list[str]:
    """What was wrong, leaked or hung, a line each."""
    return [
        f"{row.kind}: {what}: {line}"
        for row in rows
        for what in ("wrong", "leaked", "hung")
        for line in getattr(row, what)
    ]
