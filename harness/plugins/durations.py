# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of how long tests take: small, committed, easy to merge."""

from __future__ import annotations

from typing import Mapping

HEAVY = 0.5
"""From so many seconds on a test or a class has a line of its own in the file."""
STAYS = 0.3
"""Down to so many seconds it keeps it."""
NEAR = 0.25
"""A line stays as it is while the new value differs by no more than this share,"""
FEW = 0.3
"""or by so few seconds."""


def load(path: str) -> dict[str, float]:
    """Seconds by test file or ``file::test``; none where there is no file.

    A damaged line (a conflict that nobody resolved) is left out.
    """
    known: dict[str, float] = {}
    try:
        with open(path, encoding="utf-8") as stream:
            for line in stream:
                name, _, seconds = line.strip().rpartition(" ")
                if name and not name.startswith("#"):
                    try:
                        known[name.strip()] = float(seconds)
                    except ValueError:
                        continue
    except OSError:
        return {}
    return known


def dump(timings: Mapping[str, float], old: Mapping[str, float]) -> str:
    """The text of the file for durations by test: sorted, rounded, one file a line.

    Tests and classes that take long have lines of their own; a line is the rest of
    what it names.  A line of the `old` file that is nearly right stays.
    """
    totals = dict(timings)
    for above in (owner, file):
        collected: dict[str, float] = {}
        for name, seconds in totals.items():
            own = seconds >= (STAYS if name in old else HEAVY)
            key = name if own else above(name)
            collected[key] = collected.get(key, 0.0) + seconds
        totals = collected
    lines = []
    for name, seconds in sorted(totals.items()):
        before = old.get(name)
        near = before is not None and abs(seconds - before) <= max(FEW, NEAR * before)
        kept = before if near and before is not None else seconds
        lines.append(f"{name} {rounded(kept)}\n")
    return "# Seconds that tests take, for shards: harness durations\n" + "".join(lines)


def owner(test: str) -> str:
    """``file::Class`` of a test in one, else its file."""
    return test.partition("[")[0].rpartition("::")[0] or file(test)


def file(test: str) -> str:
    """The file of a test or a class."""
    return test.partition("::")[0]


def rounded(seconds: float) -> str:
    """Two digits: what differs by less is the same, and the file does not change."""
    if seconds < 0.1:
        return "0.1"
    return f"{float(f'{seconds:.2g}'):g}"
