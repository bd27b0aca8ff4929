# SPDX-License-Identifier: GPL-3.0-or-later
"""``benchmarks/affected.py``: the tests chosen after an edit, beside pytest-testmon.

The example's portal is edited in place at random, and put back; the part ``unit`` of
its suite runs three times after each edit, in one environment: all tests, those that
``--affected`` chooses, and those that testmon does.  Missed is a test that comes out
otherwise than before the edit, and was not chosen; nobody can choose one that is gone,
since what yields it fails.  In the end there are the sums, by the suffix of what was
edited: testmon looks at Python alone.  Under each edit there is what only
``--affected`` has chosen, by the reason, and how much of it has changed.
"""

import argparse
import os
import shutil
import sqlite3
import subprocess  # noqa: TID251  (the harness is called as a user does)
import sys
import tempfile
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping
from contextlib import closing
from itertools import chain, islice
from pathlib import Path
from random import Random

from harness.model import Outcome
from harness.output import Console
from harness.reports import record

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))
from tests.chaos import affected as campaign  # noqa: E402

WAYS = {
    "all": (),
    "ours": ("--affected",),
    "testmon": ("--jobs", "1", "--testmon"),
}
Outcomes = dict[str, Outcome]
FIXED = (
    ("forms.py", "This is not an e-mail address.", "This is no e-mail address."),
    ("i18n.py", "if language == DEFAULT:", "if language:"),
    ("locale/de/LC_MESSAGES/portal_web.po", "Speichern", "Sichern"),
)
"""Edits that come before those at random: of what a test reads, of what a cache has
kept for later tests, and of no Python."""


class Runs:
    """Runs of the suite, and what they remember: it is the same before each edit."""

    def __init__(self, state: Path, place: Path) -> None:
        self.reports = place / "reports"
        self.environ = {
            **os.environ,  # noqa: TID251
            "HARNESS_REPORTS": str(self.reports),
            "TESTMON_DATAFILE": str(place / "testmon"),
        }
        self.remembered = {state / "traces": place / "traces"}
        self.remembered[place / "testmon"] = place / "testmon.kept"

    def _settle(self) -> None:
        """Have all that testmon knows in its file, and nothing beside it."""
        with closing(sqlite3.connect(self.environ["TESTMON_DATAFILE"])) as base:
            base.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def why(self) -> dict[str, str]:
        """By test: why the last run that left some out has chosen it."""
        texts = [one.read_text() for one in self.reports.glob("latest/*.affected.txt")]
        lines = (line.partition(": ") for text in texts for line in text.splitlines())
        return {key: why for key, _, why in lines}

    def run(self, way: str) -> Outcomes:
        """The tests that ran, and how each came out."""
        shutil.rmtree(self.reports, ignore_errors=True)
        argv = [sys.executable, "-m", "harness", "test", "portal", "unit"]
        argv += ["--database", "local", "--with", "pytest-testmon", *WAYS[way]]
        done = subprocess.run(
            argv, cwd=ROOT, env=self.environ, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        latest = self.reports / "latest"
        if done.returncode not in (0, 1, 3) or (way == "all" and not latest.exists()):
            raise SystemExit(done.stdout + done.stderr)
        tests = record.load(latest).tests if latest.exists() else ()
        return {test.key: test.outcome for test in tests}

    def keep(self) -> None:
        """What is remembered now is what each edit begins with."""
        self._settle()
        for here, there in self.remembered.items():
            _copy(here, there)

    def back(self) -> None:
        self._settle()
        for here, there in self.remembered.items():
            _copy(there, here)


def excess(
    only: Iterable[str], why: Mapping[str, str], changed: Container[str]
) -> Iterator[str]:
    """What only we have chosen: how many, of them changed, and the reason."""
    groups: dict[str, list[str]] = defaultdict(list)
    for key in only:
        groups[why.get(key, "all, since all changed")].append(key)
    for text, keys in sorted(groups.items(), key=lambda one: -len(one[1])):
        right = sum(key in changed for key in keys)
        yield f"{len(keys):>12} only ours, {right} of them changed: {text}"


def fixed() -> Iterator[tuple[Path, str, str]]:
    """The `FIXED` edits, as those at random are given."""
    for name, old, new in FIXED:
        path = campaign.PLACE / name
        yield path, path.read_text().replace(old, new), f"{old} is {new}"


def _copy(one: Path, other: Path) -> None:
    if one.is_dir():
        shutil.rmtree(other, ignore_errors=True)
        shutil.copytree(one, other)
    else:
        shutil.copyfile(one, other)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--edits", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    console, random = Console(sys.stdout, {}), Random(options.seed)  # noqa: S311
    state = Path(os.environ["HARNESS_STATE"])  # noqa: TID251
    with tempfile.TemporaryDirectory() as place:
        runs = Runs(state, Path(place))
        before = {way: runs.run(way) for way in WAYS}["all"]
        runs.keep()
        console.info(f"{'ours':>6} {'testmon':>8} of {len(before)}  missed  edit")
        totals: dict[str, Counter[str]] = defaultdict(Counter)
        made = islice(campaign.edits(random), options.edits)
        for path, text, what in chain(fixed(), made):
            kept = path.read_bytes()
            try:
                path.write_text(text)
                found = {way: runs.run(way) for way in WAYS if way != "ours"}
                found["ours"] = runs.run("ours")
                why = runs.why()
            finally:
                path.write_bytes(kept)
                runs.back()
            now = found.pop("all")
            changed = {
                key for key in before if now.get(key, before[key]) != before[key]
            }
            chosen = found["ours"].keys(), found["testmon"].keys()
            missed = [len(changed - one) for one in chosen]
            ours, theirs = map(len, chosen)
            counts = {"ours": ours, "testmon": theirs, "changed": len(changed)}
            counts |= {"ours missed": missed[0], "testmon missed": missed[1]}
            totals[path.suffix].update(counts, edits=1)
            name = path.relative_to(campaign.PLACE)
            console.info(
                f"{ours:>6} {theirs:>8} {len(changed):>4} changed"
                f"  {missed[0]:>2} / {missed[1]}  {name}: {what}"
            )
            for line in excess(chosen[0] - chosen[1], why, changed):
                console.info(line)
        for suffix, total in totals.items():
            words = (f"{count} {what}" for what, count in total.items())
            console.info(f"{suffix}: {', '.join(words)}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
