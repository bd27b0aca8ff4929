# SPDX-License-Identifier: GPL-3.0-or-later
"""Where each test, lease, step and template lies in time; pure geometry."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from harness.model import LeaseCost, RunResult, TestResult
from harness.reports.figures import span

AXIS: Final = 24
ROW: Final = 20
STRIP: Final = 6
GAP: Final = 8
_TOUCH: Final = 0.001
_STEPS: Final = (
    *(by * 10.0**power for power in range(-4, 1) for by in (1, 2, 5)),
    *(10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14400),
)


@dataclass(frozen=True, kw_only=True)
class Bar:
    """One rectangle: `x` and `width` in percent, `y` and `height` in pixels.

    `test` is the index of the test that it stands for, -1 for none.
    """

    x: float
    width: float
    y: int
    height: int
    style: str
    title: str = ""
    label: str = ""
    test: int = -1


@dataclass(frozen=True, kw_only=True)
class BarGroup:
    """A named group of bars; `y` and `height` in pixels."""

    name: str
    y: int
    height: int
    bars: tuple[Bar, ...]


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The whole drawing; `ticks` are (percent, text)."""

    height: int
    ticks: tuple[tuple[float, str], ...]
    lanes: tuple[BarGroup, ...]


@dataclass(frozen=True)
class _Piece:
    start: float
    end: float
    style: str
    title: str = ""
    label: str = ""
    test: int = -1


class _Scale:
    """Seconds since the epoch → percent of the run."""

    def __init__(self, run: RunResult) -> None:
        spans = [(run.started, run.seconds)]
        spans += [(test.started, test.duration) for test in run.tests]
        spans += [(step.started, step.seconds) for step in run.steps]
        spans += [(cost.started, cost.seconds) for cost in run.templates]
        spans += [(lease.started, lease.seconds) for lease in run.leases]
        self.start = min(started for started, _ in spans)
        self.seconds = max(started + seconds for started, seconds in spans) - self.start

    def bar(self, piece: _Piece, y: int, height: int) -> Bar:
        factor = 100 / self.seconds
        return Bar(
            x=(piece.start - self.start) * factor,
            width=(piece.end - piece.start) * factor,
            y=y,
            height=height,
            style=piece.style,
            title=piece.title,
            label=piece.label,
            test=piece.test,
        )

    def ticks(self) -> tuple[tuple[float, str], ...]:
        """At most nine, at round times as far as hours go."""
        enough = (step for step in _STEPS if step * 8 >= self.seconds)
        step = next(enough, self.seconds / 8)
        times = (number * step for number in range(int(self.seconds / step) + 1))
        return tuple((100 * time / self.seconds, _round(time)) for time in times)


def _round(time: float) -> str:
    """``0``, ``0.5 s``, ``20 s``, ``3 min 20 s``; ticks are round, so are texts."""
    if not time:
        return "0"
    return f"{time:.6g} s" if time < 60 else span(time).replace(" 00 s", "")


def draw(run: RunResult, tests: Sequence[TestResult]) -> Timeline | None:
    """Draw `run`; a bar's `test` is an index into `tests`.  None if all is empty."""
    scale = _Scale(run)
    if scale.seconds <= 0 or not (tests or run.templates):
        return None
    lanes: list[BarGroup] = []
    y = AXIS
    groups: list[tuple[str, list[list[_Piece]], list[_Piece]]] = [
        ("templates", _pack(_templates(run)), []),
        ("steps", _pack(_steps(run)), []),
    ]
    groups += _workers(run, tests)
    for name, rows, strip in groups:
        if not rows and not strip:
            continue
        lane = _lane(scale, name, rows, strip, y)
        lanes.append(lane)
        y += lane.height + GAP
    return Timeline(height=y, ticks=scale.ticks(), lanes=tuple(lanes))


def _lane(
    scale: _Scale, name: str, rows: list[list[_Piece]], strip: list[_Piece], y: int
) -> BarGroup:
    bars = [
        scale.bar(piece, y + number * ROW, ROW - 2)
        for number, row in enumerate(rows)
        for piece in row
    ]
    height = len(rows) * ROW
    if strip:
        bars += [scale.bar(piece, y + height, STRIP) for piece in strip]
        height = max(height + STRIP, ROW - STRIP)  # room for the lane's name
    return BarGroup(name=name, y=y, height=height, bars=tuple(bars))


def _templates(run: RunResult) -> list[_Piece]:
    return [
        _Piece(
            cost.started,
            cost.started + cost.seconds,
            "built" if cost.action == "built" else "reused",
            f"template {cost.name}: {cost.action} in {span(cost.seconds)}",
            cost.layer,
        )
        for cost in run.templates
    ]


def _steps(run: RunResult) -> list[_Piece]:
    return [
        _Piece(
            step.started,
            step.started + step.seconds,
            "step",
            f"step {step.name}: {span(step.seconds)}, exit code {step.exit_code}",
            step.name,
        )
        for step in run.steps
    ]


def _workers(
    run: RunResult, tests: Sequence[TestResult]
) -> list[tuple[str, list[list[_Piece]], list[_Piece]]]:
    """Per worker its tests, one row per step running at a time, and its leases."""
    steps: dict[str, dict[str, list[_Piece]]] = {}
    for index, test in enumerate(tests):
        piece = _Piece(
            test.started,
            test.started + test.duration,
            test.outcome.value,
            test=index,
        )
        steps.setdefault(test.worker, {}).setdefault(test.step, []).append(piece)
        for one in test.attempts:
            piece = _Piece(
                one.started, one.started + one.duration, one.outcome.value, test=index
            )
            steps.setdefault(one.worker, {}).setdefault(test.step, []).append(piece)
    leases: dict[str, list[_Piece]] = {}
    for lease in run.leases:
        leases.setdefault(lease.worker, []).append(_lease(lease))
    names = sorted({*steps, *leases}, key=_natural)
    return [
        (name or "main", _side_by_side(steps.get(name, {})), leases.get(name, []))
        for name in names
    ]


def _lease(lease: LeaseCost) -> _Piece:
    return _Piece(lease.started, lease.started + lease.seconds, f"lease {lease.kind}")


def _side_by_side(steps: dict[str, list[_Piece]]) -> list[list[_Piece]]:
    """Rows of tests: steps that ran at the same time come below each other."""
    whole = {
        name: _Piece(
            min(piece.start for piece in pieces),
            max(piece.end for piece in pieces),
            "",
            name,
        )
        for name, pieces in steps.items()
    }
    return [
        [piece for step in row for piece in sorted(steps[step.title], key=_start)]
        for row in _pack(whole.values())
    ]


def _pack(pieces: Iterable[_Piece]) -> list[list[_Piece]]:
    """The fewest rows in which nothing overlaps."""
    rows: list[list[_Piece]] = []
    for piece in sorted(pieces, key=_start):
        for row in rows:
            if row[-1].end <= piece.start + _TOUCH:
                row.append(piece)
                break
        else:
            rows.append([piece])
    return rows


def _start(piece: _Piece) -> float:
    return piece.start


def _natural(name: str) -> list[tuple[int, str]]:
    """``gw2`` before ``gw10``."""
    parts = re.findall(r"\d+|\D+", name)
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in parts]
