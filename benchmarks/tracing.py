# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/tracing.py [SUITE …]``: what it costs to trace the tests of a suite.

All tests of a suite run in pairs, with traces and without, each first in turn; the
ratios are those within a pair, their median is the figure.  Environments and templates
are there.  Cold is the first run that traces: no source was instrumented before.
"""

import argparse
import ctypes
import os
import shutil
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from benchmarks import workers  # noqa: E402
from harness.output import Console  # noqa: E402

BAR = 1.05
"""So much more processor time, and no more, may a run take that traces."""
Pair = tuple[workers.Result, workers.Result]


def traced(suite: str, options: list[str], *, cold: bool = False) -> workers.Result:
    """Run and trace all tests."""
    traces = Path(os.environ["HARNESS_STATE"]) / "traces"  # noqa: TID251
    for path in traces.glob("*.*"):
        path.unlink()
    if cold:
        shutil.rmtree(traces / "code", ignore_errors=True)
    return workers.run(suite, [*options, "--affected"])


def pair(suite: str, options: list[str], *, swapped: bool) -> Pair:
    """With traces and without."""
    if swapped:
        without = workers.run(suite, options)
        return traced(suite, options), without
    return traced(suite, options), workers.run(suite, options)


def main() -> int:
    """Measure and print; 1 where a suite's median is above the bar."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("suites", nargs="*", default=["tryton", "portal", "api"])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--database", default="local")
    chosen = parser.parse_args()
    ctypes.CDLL(None).prctl(workers.CHILD_SUBREAPER, 1, 0, 0, 0)
    options, rows, missed = ["--database", chosen.database], [], 0
    for suite in chosen.suites:
        workers.run(suite, options)  # environment, template, durations
        cold = traced(suite, options, cold=True).cpu / workers.run(suite, options).cpu
        pairs = [
            pair(suite, options, swapped=bool(at % 2)) for at in range(chosen.rounds)
        ]
        cpu = sorted(one.cpu / other.cpu for one, other in pairs)
        wall = statistics.median(one.wall / other.wall for one, other in pairs)
        figures = (statistics.median(cpu), cpu[0], cpu[-1], wall, cold)
        rows.append((suite, *(f"{one:.3f}" for one in figures)))
        missed += figures[0] > BAR
    Console(sys.stdout, {}).table(
        rows, ("suite", "processors", "least", "most", "wall", "cold")
    )
    return int(missed > 0)


if __name__ == "__main__":
    raise SystemExit(main())
