# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/suites.py [SUITE …]``: workers side by side, and what isolation costs.

Rounds are interleaved: one worker, two workers, isolation by test and by worker.
Seconds are those of the tests themselves, from the first to the last, as the run's
own results have them; environments and templates are made before.
"""

import argparse
import json
import os
import statistics
import sys
from collections import defaultdict
from pathlib import Path

from timing import percentile

from harness import proc
from harness.output import Console

ROOT = Path(__file__).parents[1]
RUNS = {
    "1 worker": ("--jobs", "1"),
    "2 workers": ("--jobs", "2"),
    "2 workers, by test": ("--jobs", "2", "--isolation", "test"),
    "1 worker, by test": ("--jobs", "1", "--isolation", "test"),
    "1 worker, by worker": ("--jobs", "1", "--isolation", "worker"),
}


def run(suite: str, options: tuple[str, ...]) -> tuple[float, int, list[str]]:
    """Seconds, number of tests, and the ids of those that did not pass."""
    argv = [sys.executable, "-m", "harness", "test", suite, *options, "-q"]
    environ = dict(os.environ)  # noqa: TID251  (this is a program of its own)
    done = proc.run([*argv, "--keep"], env=environ, cwd=ROOT, check=False)
    lines = [
        json.loads(line)
        for path in (ROOT / "reports" / "latest").glob(f"{suite}-*.jsonl")
        for line in path.read_text("utf-8").splitlines()
    ]
    tests = [one for one in lines if one["kind"] == "test"]
    if not tests:
        raise SystemExit(f"{proc.line(argv)} ran no test:\n{done.stdout[-2000:]}")
    began = min(one["started"] for one in tests)
    ended = max(one["started"] + one["duration"] for one in tests)
    bad = [one["id"] for one in tests if one["outcome"] in {"failed", "error"}]
    return ended - began, len(tests), bad


def main(argv: list[str]) -> int:
    """Measure and print; the exit code."""
    parser = argparse.ArgumentParser(prog="benchmarks/suites.py", description=__doc__)
    parser.add_argument("suites", nargs="*", default=["portal", "api"])
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args(argv)
    console = Console(sys.stdout, {})
    for suite in chosen.suites:
        seconds: dict[str, list[float]] = defaultdict(list)
        bad: dict[str, set[str]] = defaultdict(set)
        run(suite, RUNS["2 workers"])  # environment, template, durations
        for _ in range(chosen.rounds):
            for name, options in RUNS.items():
                taken, count, failed = run(suite, options)
                seconds[name].append(taken)
                bad[name] |= set(failed)
        medians = {name: statistics.median(taken) for name, taken in seconds.items()}
        one = medians["1 worker"]
        rows = [
            (
                name,
                f"{median:.2f}",
                f"{percentile(seconds[name], 0.95):.2f}",
                f"{one / median:.2f}",
                str(len(bad[name])),
            )
            for name, median in medians.items()
        ]
        console.info(f"{suite}: {count} tests, {chosen.rounds} rounds")
        console.table(rows, ("run", "median s", "max s", "× 1 worker", "failed"))
        cost = medians["1 worker, by test"] - medians["1 worker, by worker"]
        console.info(f"isolation by test costs {cost / count * 1000:.1f} ms a test")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
