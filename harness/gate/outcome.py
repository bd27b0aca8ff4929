# SPDX-License-Identifier: GPL-3.0-or-later
"""What came out of a part, from its exit code and what it left."""

import json
import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from harness.errors import ExitCode

_SHOWN: Final = 3
_COLOUR: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TELLING: Final = re.compile(r"\b(errors?|failed|failures?|warnings?)\b", re.I)
_OUTCOMES: Final = ("failed", "error", "passed", "skipped", "xfailed", "xpassed")
MEANINGS: Final = {
    ExitCode.TESTS_FAILED: "tests failed",
    ExitCode.USAGE: "configuration or usage",
    ExitCode.NOTHING_SELECTED: "no test was run",
    ExitCode.MISSING: "something is missing on the machine",
    ExitCode.IMAGE: "image",
    ExitCode.DATABASE: "database or template",
}


def of_suite(code: int, directory: Path) -> tuple[bool, str]:
    """Whether a suite passed, and why; its results lie in `directory`.

    A suite without a test that passed has not passed, whatever it returned.
    """
    counts, failed = _tests(directory.glob("*.jsonl"))
    counted = ", ".join(f"{counts[one]} {one}" for one in _OUTCOMES if counts[one])
    if code == 0 and not failed:
        return bool(counts["passed"]), counted or "no test was run"
    if failed:
        more = len(failed) - _SHOWN
        names = ", ".join(failed[:_SHOWN]) + (f" and {more} more" if more > 0 else "")
        return False, f"{counted}: {names}"
    return False, meaning(code)


def of_command(code: int, output: str) -> tuple[bool, str]:
    """Whether a command succeeded, and what it said last of errors."""
    if code == 0:
        return True, ""
    lines = [line.strip() for line in plain(output).splitlines() if line.strip()]
    telling = [line for line in lines if _TELLING.search(line)] or lines
    return False, f"exit code {code}" + (f": {telling[-1][:200]}" if telling else "")


def meaning(code: int) -> str:
    """What an exit code of the harness says."""
    if code < 0:
        return f"ended by signal {-code}"
    known = {int(one): text for one, text in MEANINGS.items()}
    return f"exit code {code}" + (f": {known[code]}" if code in known else "")


def plain(text: str) -> str:
    """Without a terminal's colours."""
    return _COLOUR.sub("", text)


def _tests(files: Iterable[Path]) -> tuple[Counter[str], list[str]]:
    """Outcomes counted, and the tests that failed."""
    counts: Counter[str] = Counter()
    failed: list[str] = []
    for path in sorted(files):
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            outcome = event.get("outcome", "")
            if event.get("kind") == "collect":
                outcome = "error"
            elif event.get("kind") != "test":
                continue
            counts[outcome] += 1
            if outcome in {"failed", "error"}:
                failed.append(event["id"])
    return counts, failed
