# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/browsers.py``: the suite in a browser with one worker and with two.

Prints, for each, the median of the wall time of the tests, the ratio, and what a
worker waits until browser and application are ready: the set-up of its first test.
"""

import argparse
import json
import os
import statistics
import sys
from pathlib import Path

from harness import proc

ROOT = Path(__file__).parents[1]


def measure(suite: str, jobs: int, options: list[str]) -> tuple[float, float]:
    """Seconds of the tests, and until the slowest worker was ready."""
    argv = [sys.executable, "-m", "harness", "test", suite, "--jobs", str(jobs)]
    environ = dict(os.environ)  # noqa: TID251  (this is a program of its own)
    proc.run([*argv, *options], env=environ, cwd=ROOT)
    [path] = (ROOT / "reports" / "latest").glob(f"{suite}-*.jsonl")
    events = map(json.loads, path.read_text("utf-8").splitlines())
    tests = [event for event in events if event["kind"] == "test"]
    begun = min(one["started"] for one in tests)
    ended = max(one["started"] + one["duration"] for one in tests)
    first: dict[str, float] = {}
    for one in sorted(tests, key=lambda one: float(one["started"])):
        first.setdefault(one["worker"], float(one["phases"].get("setup", 0.0)))
    return ended - begun, max(first.values())


def main() -> None:
    """Rounds with one and with two workers, one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--suite", default="integration")
    parser.add_argument("--rounds", type=int, default=3)
    given, options = parser.parse_known_args()
    walls: dict[int, list[float]] = {1: [], 2: []}
    ready: dict[int, list[float]] = {1: [], 2: []}
    for _ in range(given.rounds):
        for jobs in walls:
            wall, waited = measure(given.suite, jobs, options)
            walls[jobs].append(wall)
            ready[jobs].append(waited)
    for jobs, seconds in walls.items():
        median, waited = statistics.median(seconds), statistics.median(ready[jobs])
        sys.stdout.write(f"{jobs} workers: {median:.1f} s, ready in {waited:.2f} s\n")
    ratio = statistics.median(walls[1]) / statistics.median(walls[2])
    sys.stdout.write(f"ratio: {ratio:.2f}\n")


if __name__ == "__main__":
    main()
