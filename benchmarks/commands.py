# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/commands.py``: how long commands take that people wait for.

The median of some rounds, interleaved, beside the bar where there is one.  ``urls``,
``ps`` and ``monitor`` ask a stack; without one they are measured as they are then.
"""

import argparse
import json
import os
import statistics
import sys
import time
from pathlib import Path

from harness import proc
from harness.output import Console

COMMANDS: dict[str, float | None] = {
    "--help": 0.3,
    "deploy --help": 0.3,
    "config": None,
    "completion bash": None,
    "urls": 1.0,
    "port erpserver 8000": None,
    "ps": None,
    "monitor --once": None,
}
"""Each with the seconds that it may take."""


def seconds(line: str) -> float:
    """How long one call takes, whatever it answers."""
    argv = [sys.executable, "-m", "harness", *line.split()]
    root = Path(__file__).parents[1]
    began = time.perf_counter()
    proc.run(argv, env=os.environ, cwd=root, check=False)  # noqa: TID251
    return time.perf_counter() - began


def main() -> int:
    """Measure, show, and fail where a bar is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--json", type=Path, metavar="FILE", help="all figures")
    chosen = parser.parse_args()
    found: dict[str, list[float]] = {line: [] for line in COMMANDS}
    for line in found:
        seconds(line)  # writes the compiled modules
    for _ in range(chosen.rounds):
        for line, times in found.items():
            times.append(seconds(line))
    rows = []
    missed = 0
    for line, times in found.items():
        bar, median = COMMANDS[line], statistics.median(times)
        verdict = "" if bar is None else ("met" if median <= bar else "missed")
        missed += verdict == "missed"
        limit = "" if bar is None else f"{bar:.1f} s"
        rows.append(
            (f"harness {line}", f"{median:.2f} s", f"{min(times):.2f} s",
             f"{max(times):.2f} s", limit, verdict)
        )  # fmt: skip
    console = Console(sys.stdout, os.environ)  # noqa: TID251
    console.table(rows, ("command", "median", "min", "max", "bar", ""))
    if chosen.json:
        chosen.json.write_text(json.dumps(found, indent=1) + "\n", "utf-8")
    return 1 if missed else 0


if __name__ == "__main__":
    raise SystemExit(main())
