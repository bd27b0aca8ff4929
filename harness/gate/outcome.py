# SPDX-License-Identifier: GPL-3.0-or-later
"""What came out of a part, from its exit code and what it left."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from harness.errors import ExitCode

_SHOWN: Final = 3
_BAD: Final = frozenset({"failed", "error"})
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_COLOUR: Final = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
_TELLING: Final = re.compile(r"\b(errors?|failed|failures?|warnings?)\b", re.I)
_OUTCOMES: Final = (
    "failed", "error", "flaky", "passed", "skipped", "xfailed", "xpassed",
)  # fmt: skip
MEANINGS: Final = {
    ExitCode.TESTS_FAILED: "tests failed",
    ExitCode.USAGE: "configuration or usage",
    ExitCode.NOTHING_SELECTED: "no test was run",
    ExitCode.MISSING: "something is missing on the machine",
    ExitCode.IMAGE: "image",
    ExitCode.DATABASE: "database or template",
}


def of_suite(
    code: int, directory: Path, *, flaky: int | None = None
) -> tuple[bool, str]:
    """Whether a suite passed, and why; its results lie in `directory`.

    A suite without a test that passed has not passed, whatever it returned, nor has
    one with more than `flaky` flaky tests (None: they are not judged here).
    """
    tests = _tests(directory)
    counts = Counter(outcome for outcome, _, _ in tests)
    failed = [name for outcome, name, _ in tests if outcome in _BAD]
    counted = ", ".join(f"{counts[one]} {one}" for one in _OUTCOMES if counts[one])
    if failed:
        return False, f"{counted}: {_named(failed)}"
    if code:
        return False, meaning(code)
    unsteady = [name for outcome, name, _ in tests if outcome == "flaky"]
    if flaky is not None and len(unsteady) > flaky:
        return False, too_flaky(unsteady, flaky)
    return bool(counts["passed"] or counts["flaky"]), counted or "no test was run"


def too_flaky(names: Sequence[str], allowed: int) -> str:
    """Why a suite with these flaky tests has not passed."""
    return f"{len(names)} flaky, {allowed} allowed: {_named(names)}"


def flaky(directory: Path) -> dict[str, str]:
    """The flaky tests of a suite: key, which is the same in all jobs, and id."""
    return {key: name for outcome, name, key in _tests(directory) if outcome == "flaky"}


def _named(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    shown = [_CONTROL.sub("\ufffd", plain(name)) for name in names[:_SHOWN]]
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


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


def _tests(directory: Path) -> list[tuple[str, str, str]]:
    """Outcome, id and key of each test."""
    found: list[tuple[str, str, str]] = []
    for path in sorted(directory.glob("*.jsonl")):
        for line in path.read_text("utf-8", "replace").splitlines():
            try:
                event = json.loads(line)
            except ValueError:
                continue
            kind, outcome = event.get("kind"), event.get("outcome", "")
            if kind == "collect":
                outcome = outcome or "error"
            elif kind != "test":
                continue
            found.append((outcome, event["id"], event.get("key", event["id"])))
    return found
