# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/watch.py [SUITE …]``: how soon ``harness watch`` shows results.

A file of few tests (9, of the portal 8) is saved again and again, each time another
one by a line at its end, and put back at last.  Seconds count from the write to the
line that watch prints.  Memory is the proportional share (PSS) of all its processes
while it waits, the database server's among them.

``--source DIRECTORY --edit FILE[:FUNCTION]`` measures a copy of a Tryton module in
place of the suites: each save is a line more at the end of a file of it, or another one
in a method's body.  All its tests run once before that, which traces them.
"""

import argparse
import re
import shutil
import signal
import statistics
import subprocess  # noqa: TID251  (a watch is measured from outside)
import sys
import threading
import time
from pathlib import Path

from harness.output import Console

ROOT = Path(__file__).parents[1]
FIRST, THEIRS, ALL, MEMORY = 1.0, 2.0, 2.5, 300.0
"""The bars: seconds to the first result, of somebody's module, to all; MiB."""
PATIENCE = 900.0
COPY = ROOT / ".harness" / "watched"
"""Where a copy is: environments know the place."""
FILES = {
    "tryton": "examples/collecting_society/tests/test_content.py",
    "portal": "examples/portal_web/portal_web/tests/functional/test_isolation.py",
}
SUMMARY = r"passed.* in (?P<all>[\d.]+) s \(the first after (?P<first>[\d.]+)"


class Watching:
    """A watch that runs, and what it says."""

    def __init__(self, suite: str, database: str, project: Path) -> None:
        argv = [sys.executable, "-m", "harness", "watch", suite]
        self.process = subprocess.Popen(
            [*argv, "--database", database],
            cwd=project,
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


def copied(source: Path) -> Path:
    """A project with a copy of a module; where that is."""
    place = COPY / "src" / source.name
    shutil.rmtree(COPY, ignore_errors=True)
    left_out = shutil.ignore_patterns(".git", "*.egg-info", "__pycache__")
    shutil.copytree(source, place, ignore=left_out)
    (COPY / "pyproject.toml").write_text(
        '[tool.harness]\nrequirements = ["requests"]\n'
        f"[tool.harness.source.{source.name}]\n[tool.harness.suite.tryton]\n"
        f'modules = ["{source.name}"]\n'
    )
    return place


def edited(text: str, function: str, number: int) -> str:
    """Another text each time: in a function's body, or a call at the end."""
    if not function:
        return f"{text}str({number})\n"
    head = rf"^( +)def {function}\([^:]*:\n"
    made, count = re.subn(
        head, rf"\g<0>\1    edited = {number}\n", text, count=1, flags=re.MULTILINE
    )
    if not count:
        raise SystemExit(f"no method {function}")
    return made


def measure(
    suite: str, edit: str, rounds: int, database: str, project: Path = ROOT
) -> tuple[list[float], ...]:
    """Seconds to the first result and to all, of each save, and MiB at the end."""
    name, _, function = edit.partition(":")
    path = project / name
    text = path.read_text("utf-8")
    watching = Watching(suite, database, project)
    first, whole = [], []
    try:
        watching.until("wait for a save", 0)
        time.sleep(5)  # the base process imports
        for number in range(rounds):
            after = len(watching.lines)
            began = time.monotonic()
            path.write_text(edited(text, function, number), "utf-8")
            at, found = watching.until(f"{SUMMARY}|no test depends", after)
            if not found["all"]:
                raise SystemExit(f"no test depends on {edit}")
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
    parser.add_argument("--source", type=Path, metavar="DIRECTORY")
    parser.add_argument("--edit", default="__init__.py", metavar="FILE[:FUNCTION]")
    chosen = parser.parse_args(argv)
    console = Console(sys.stdout, {})
    wrong = 0
    rows = []
    more = chosen.rounds, chosen.database
    for suite in [chosen.source.name] if chosen.source else chosen.suites:
        if chosen.source:
            module = copied(chosen.source.resolve())
            test = ["test", "tryton", "--affected", "--database", chosen.database]
            argv = [sys.executable, "-m", "harness", *test]
            subprocess.run(argv, cwd=COPY, check=False, capture_output=True)
            edit = f"{module.relative_to(COPY)}/{chosen.edit}"
            found = measure("tryton", edit, *more, COPY)
        else:
            found = measure(suite, FILES[suite], *more)
        for what, values, bar, unit in zip(
            ("first result", "all results", "memory"),
            found,
            (THEIRS if chosen.source else FIRST, ALL, MEMORY),
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
