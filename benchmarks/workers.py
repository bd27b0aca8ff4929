# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/workers.py [SUITE …]``: warm workers beside cold ones, round by round.

Both are pytest-xdist's, with the same plugins on the same databases; a cold worker is a
new Python that imports and collects by itself.  Each round is compared with the first
one, test by test: ``--rounds 30`` is a month of nights in small.
"""

import argparse
import ctypes
import json
import os
import resource
import statistics
import subprocess  # noqa: TID251  (processes that others leave are waited for here)
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from harness.output import Console

ROOT = Path(__file__).parents[1]
RUNS = {"warm": (), "cold": ("--harness-cold",)}
BAR = 1.5
"""How many times as fast warm workers have to be."""
CHILD_SUBREAPER = 36
"""Of ``prctl(2)``, ``PR_SET_…``: who loses its parent becomes our child."""


@dataclass(frozen=True)
class Result:
    """A run: seconds, those to the first result, those of processors, and outcomes."""

    wall: float
    first: float
    cpu: float
    outcomes: dict[str, str]


def run(suite: str, options: list[str]) -> Result:
    """Run a suite with two workers.

    Raises `SystemExit` where it has run no test.
    """
    argv = [sys.executable, "-m", "harness", "test", suite, "--jobs", "2", *options]
    before, began = _cpu(), time.monotonic()
    done = subprocess.run(
        argv, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    wall = time.monotonic() - began
    _reap()
    record = json.loads((ROOT / "reports" / "latest" / "run.json").read_text("utf-8"))[
        "run"
    ]
    tests = [test for step in record["steps"] for test in step["tests"]]
    if done.returncode > 1 or not tests:
        raise SystemExit(done.stdout.decode("utf-8", "replace")[-2000:])
    first = (
        min(test["started"] + test["duration"] for test in tests) - record["started"]
    )
    outcomes = {test["key"] + test["subtest"]: test["outcome"] for test in tests}
    return Result(wall, first, _cpu() - before, outcomes)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _reap() -> None:
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


def differences(results: list[Result]) -> set[str]:
    """Tests that came out otherwise than in the first run, or in one of both alone."""
    first = results[0].outcomes.items()
    return {key for one in results[1:] for key, _ in first ^ one.outcomes.items()}


def main(argv: list[str]) -> int:
    """Measure and print; 1 where a bar is missed or an outcome differs."""
    parser = argparse.ArgumentParser(prog="benchmarks/workers.py", description=__doc__)
    parser.add_argument("suites", nargs="*", default=["tryton", "api", "portal"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--database", default="local")
    parser.add_argument(
        "--warm-only", action="store_true", help="compare outcomes alone"
    )
    chosen = parser.parse_args(argv)
    ctypes.CDLL(None).prctl(CHILD_SUBREAPER, 1, 0, 0, 0)
    console = Console(sys.stdout, {})
    ways = {"warm": RUNS["warm"]} if chosen.warm_only else RUNS
    wrong = 0
    for suite in chosen.suites:
        found: dict[str, list[Result]] = defaultdict(list)
        given = ["--database", chosen.database]
        run(suite, given)  # environment, template, durations
        for _ in range(chosen.rounds):
            for name, options in ways.items():
                found[name].append(run(suite, [*given, *options]))
        medians = {
            name: [
                statistics.median(getattr(one, what) for one in results)
                for what in ("wall", "first", "cpu")
            ]
            for name, results in found.items()
        }
        rows = [
            (name, *(f"{value:.2f} s" for value in values))
            for name, values in medians.items()
        ]
        differing = differences([one for results in found.values() for one in results])
        count = len(found["warm"][0].outcomes)
        console.info(f"{suite}: {count} tests, {chosen.rounds} rounds")
        console.table(rows, ("workers", "run", "first result", "processors"))
        console.info(f"outcomes that differ: {len(differing)}")
        for key in sorted(differing):
            console.info(f"  {key}")
        wrong += bool(differing)
        if "cold" in medians:
            ratio = medians["cold"][0] / medians["warm"][0]
            verdict = "met" if ratio >= BAR else "missed"
            console.info(f"warm is {ratio:.2f} × as fast (bar {BAR} ×: {verdict})")
            wrong += ratio < BAR
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
