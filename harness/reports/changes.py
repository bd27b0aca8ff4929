# SPDX-License-Identifier: GPL-3.0-or-later
"""What has changed between two runs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from harness.reports.past import BAD, FLAKY, GOOD, Past

Test = tuple[str, str]
"""Family and key."""

SLOWER: Final = 1.5
"""A test is slower that takes so many times as long as before,"""
LEAST: Final = 0.5
"""and so many seconds more."""


@dataclass(frozen=True, kw_only=True)
class Changes:
    """Tests by what became of them; `slower` with the seconds before and now.

    What only one of the runs has is known of families that both ran.
    """

    before: str
    """The id of the run that is compared."""
    broken: tuple[Test, ...]
    mended: tuple[Test, ...]
    slower: tuple[tuple[Test, float, float], ...]
    vanished: tuple[Test, ...]
    added: tuple[Test, ...]

    def __bool__(self) -> bool:
        return bool(
            self.broken or self.mended or self.slower or self.vanished or self.added
        )


def last(now: Past, past: Sequence[Past]) -> Past | None:
    """The run before of the same command: others ran other tests."""
    same = [one for one in past if one.command == now.command and one.outcomes]
    return same[-1] if same else None


def of(before: Past, now: Past) -> Changes:
    """From one run to the other."""
    old, new = before.outcomes, now.outcomes
    common = {kin for kin, _ in old} & {kin for kin, _ in new}
    bad = BAD | {FLAKY}
    slower = [
        (test, before.durations[test], seconds)
        for test, seconds in now.durations.items()
        if test in before.durations
        and seconds
        >= max(SLOWER * before.durations[test], LEAST + before.durations[test])
    ]
    return Changes(
        before=before.id,
        broken=tuple(
            test for test in new if new[test] in BAD and old.get(test) not in bad
        ),
        mended=tuple(
            test for test in new if new[test] in GOOD and old.get(test) in bad
        ),
        slower=tuple(sorted(slower, key=lambda one: one[1] - one[2])),
        vanished=tuple(t for t in old if t not in new and t[0] in common),
        added=tuple(t for t in new if t not in old and t[0] in common),
    )
