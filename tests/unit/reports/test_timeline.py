# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable
from dataclasses import replace

import pytest

from harness.model import RunResult
from harness.reports import timeline

Build = Callable[..., RunResult]


def test_lanes_are_templates_steps_and_workers(build: Build) -> None:
    run = build(46, workers=11)
    drawn = timeline.draw(run, run.tests)
    assert drawn is not None
    names = [lane.name for lane in drawn.lanes]
    assert names == ["templates", "steps", *(f"gw{number}" for number in range(11))]
    assert drawn.lanes[-1].y + drawn.lanes[-1].height <= drawn.height


def test_bars_lie_within_and_every_test_has_one(build: Build) -> None:
    run = build(400)
    drawn = timeline.draw(run, run.tests)
    assert drawn is not None
    bars = [bar for lane in drawn.lanes for bar in lane.bars]
    assert all(0 <= bar.x <= bar.x + bar.width <= 100.0001 for bar in bars)
    assert sorted(bar.test for bar in bars if bar.test >= 0) == list(range(400))
    assert sum(bar.style.startswith("lease ") for bar in bars) == 400
    assert [bar.label for bar in drawn.lanes[0].bars] == ["official", "sources"]


def test_steps_at_the_same_time_get_rows_of_their_own(build: Build) -> None:
    run = build(4, workers=1)
    first, *_ = run.tests
    other = replace(first, step="another", started=first.started + 0.001)
    drawn = timeline.draw(run, [first, other])
    assert drawn is not None
    lane = drawn.lanes[-1]
    tests = [bar for bar in lane.bars if bar.test >= 0]
    assert len({bar.y for bar in tests}) == 2


def test_clocks_that_disagree_still_fit(build: Build) -> None:
    run = build(2)
    early = replace(run.tests[0], started=run.started - 5)
    drawn = timeline.draw(replace(run, seconds=0.0), [*run.tests[1:], early])
    assert drawn is not None


def test_nothing_to_draw(build: Build) -> None:
    run = replace(build(0, failed=0), templates=())
    assert timeline.draw(run, ()) is None


@pytest.mark.parametrize("seconds", [0.0004, 0.3, 7, 61, 1200, 9000, 400_000])
def test_ticks_are_few_and_round(build: Build, seconds: float) -> None:
    run = replace(build(0, failed=0), seconds=seconds, steps=())
    cost = replace(run.templates[0], started=run.started, seconds=seconds / 2)
    drawn = timeline.draw(replace(run, templates=(cost,)), ())
    assert drawn is not None
    assert 4 <= len(drawn.ticks) <= 9
    assert drawn.ticks[0] == (0, "0")
