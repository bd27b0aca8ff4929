# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/watch.py [SUITE …]``: how soon ``harness watch`` shows results.

A file of few tests (9, of the portal 8) is saved again and again, each time another
one by a line at its end, and put back at last.  Seconds count from the write to the
line that watch prints.  Memory is the proportional share (PSS) of all its processes
while it waits, the database server's among them.
"""

import argparse
import re
import signal
import statistics
import subprocess  # noqa: TID251  (a watch is measured from outside)
import sys
import threading
import time
from pathlib import Path

from harness.output import Console

ROOT = Path(__file__).parents[1]
FIRST, ALL, MEMORY = 1.0, 2.5, 300.0
"""The bars: seconds to the first result, to all; MiB."""
PATIENCE = 900.0
FILES = {
    "tryton": "examples/collecting_society/tests/test_content.py",
    "portal": "examples/portal_web/portal_web/tests/functional/test_isolation.py",
}
SUMMARY = r"passed.* in (?P<all>[\d.]+) s \(the first after (?P<first>[\d.]+)"


class Watching:
    """A watch that runs, and what it says."""

    def __init__(self, suite: str, database: str) -> None:
        argv = [sys.executable, "-m", "harness", "watch", suite]
        self.process = subprocess.Popen(
            [*argv, "--database", database],
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[tuple[float, str]] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append((time.monotonic(), line.rstrip()))

    def until(
        self, pattern: re.Pattern[str], after: int
    ) -> tuple[float, re.Match[str]]:
        """When a line says it, behind so many others.

        Raises `SystemExit` with all lines where none does.
        """
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline and self.process.poll() is None:
            for at, line in self.lines[after:]:
                found = re.search(pattern, line)
                if found:
                    return at, found
            time.sleep(0.005)
        raise SystemExit("\n".join(line for _, line in self.lines))

    def memory(self) -> float:
        """MiB of its processes, and of the server that it has started."""
        processes = {self.process.pid}
        for _ in range(8):
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    parent = (path / "stat").read_text().rpartition(")")[2].split()[1]
                except OSError:
                    continue
                if int(parent) in processes:
                    processes.add(int(path.name))
        return sum(map(share, processes)) / 1024

    def end(self) -> None:
        self.process.send_signal(signal.SIGINT)
        self.process.wait()


def share(process: int) -> int:
    """Proportional share of a process, in KiB."""
    try:
        text = Path(f"/proc/{process}/smaps_rollup").read_text("ascii")
    except OSError:
        return 0
    found = re.search(r"^Pss: +(\d+)", text, re.M)
    return int(found[1]) if found else 0


def measure(suite: str, rounds: int, database: str) -> tuple[list[float], ...]:
    """Seconds to the first result and to all, of each save, and MiB at the end."""
    path = ROOT / FILES[suite]
    text = path.read_text("utf-8")
    watching = Watching(suite, database)
    first, whole = [], []
    try:
        watching.until("wait for a save", 0)
        time.sleep(5)  # the base process imports
        for number in range(rounds):
            after = len(watching.lines)
            began = time.monotonic()
            path.write_text(f"{text}EDITED = {number}\n", "utf-8")
            at, found = watching.until(SUMMARY, after)
            whole.append(at - began)
            late = whole[-1] - float(found["all"])  # until the save was heard of
            first.append(float(found["first"]) + late)
            time.sleep(1)
        return first, whole, [watching.memory()]
    finally:
        path.write_text(text, "utf-8")
        watching.end()


def main(argv: list[str]) -> int:
    """Measure and print; 1 where a bar is missed."""
    parser = argparse.ArgumentParser(prog="benchmarks/watch.py", description=__doc__)
    parser.add_argument("suites", nargs="*", default=list(FILES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--database", default="local")
    chosen = parser.parse_args(argv)
    console = Console(sys.stdout, {})
    wrong = 0
    rows = []
    for suite in chosen.suites:
        found = measure(suite, chosen.rounds, chosen.database)
        for what, values, bar, unit in zip(
            ("first result", "all results", "memory"),
            found,
            (FIRST, ALL, MEMORY),
            ("s", "s", "MiB"),
            strict=True,
        ):
            middle = statistics.median(values)
            wrong += middle > bar
            verdict = "missed" if middle > bar else "met"
            rows.append(
                (suite, what, f"{middle:.2f} {unit}", f"{max(values):.2f} {unit}",
                 f"{bar:g} {unit}: {verdict}")
            )  # fmt: skip
    console.table(rows, ("suite", "what", "median", "most", "bar"))
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
