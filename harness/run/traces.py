# SPDX-License-Identifier: GPL-3.0-or-later
"""The file of what a suite's tests depended on, and which of them that concerns now."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from harness.locks import locked
from harness.model import Outcome, TestResult
from harness.plugins.trace.facts import Now, words
from harness.run.mentioned import Mentioned
from harness.store import changed, write_atomically

DIRECTORY = "traces"
CODE = f"{DIRECTORY}/code"
"""Skeletons and instrumented code, by what they are made of."""
VERSION = 1
STANDING = frozenset({Outcome.PASSED, Outcome.SKIPPED, Outcome.XFAILED})
"""Outcomes that stay what they are as long as nothing changes."""
REPORTED = "traces"
"""The directory of these files in a report."""
MOST = 4000
"""Files that are kept of what was remembered of sources."""
Fact = tuple[str, str]
"""A name, and a digest."""


@dataclass(frozen=True, kw_only=True)
class TracedTest:
    """A test as it came out in a run, and what it depended on."""

    run: str
    outcome: Outcome
    needs: frozenset[Fact]


@dataclass(frozen=True, kw_only=True)
class TraceFile:
    """What is known of a suite's tests; `trouble` says why that is nothing."""

    tests: Mapping[str, TracedTest] = field(default_factory=dict)
    trouble: str = ""


def load(path: Path) -> TraceFile:
    """Read the file; where it is none of ours, or not whole, nothing is known."""
    try:
        found = json.loads(path.read_text("utf-8"))
        if found["version"] != VERSION:
            return TraceFile(trouble=f"of version {found['version']}, not {VERSION}")
        facts = [(name, digest) for name, digest in found["facts"]]
        tests = {
            key: TracedTest(
                run=run,
                outcome=Outcome(outcome),
                needs=frozenset(facts[number] for number in needs),
            )
            for key, (run, outcome, needs) in found["tests"].items()
        }
    except FileNotFoundError:
        return TraceFile()
    except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
        return TraceFile(trouble=f"damaged ({error or type(error).__name__})")
    return TraceFile(tests=tests)


def merge(path: Path, found: Mapping[str, TracedTest], gone: Iterable[str]) -> None:
    """Write what was found over what others have written meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_suffix(".lock")):
        tests = {**load(path).tests, **found}
        for key in gone:
            tests.pop(key, None)
        write_atomically(path, _text(tests))


def gather(parts: Iterable[Path], path: Path) -> list[str]:
    """Write one file of those of several jobs; what is wrong with some.

    What the newest run has found of a test counts: ids of runs begin with the time.
    """
    tests: dict[str, TracedTest] = {}
    troubles = []
    for part in parts:
        found = load(part)
        troubles += [f"{part} is {found.trouble}"] if found.trouble else []
        for key, test in found.tests.items():
            if key not in tests or test.run > tests[key].run:
                tests[key] = test
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, _text(tests))
    return troubles


def _text(tests: Mapping[str, TracedTest]) -> str:
    facts: dict[Fact, int] = {}
    lines = {}
    for key, test in sorted(tests.items()):
        needs = sorted(facts.setdefault(one, len(facts)) for one in test.needs)
        lines[key] = (test.run, test.outcome, needs)
    document = {"version": VERSION, "facts": list(facts), "tests": lines}
    return json.dumps(document, separators=(",", ":")) + "\n"


def stale(known: Mapping[str, TracedTest], now: Now) -> dict[Fact, str]:
    """The facts that are others now, with the digests that they have."""
    facts = {fact for test in known.values() for fact in test.needs}
    digests = {name: now.digest(name) for name, _ in facts}
    return {
        (name, then): digests[name] for name, then in facts if digests[name] != then
    }


def reasons(
    known: Mapping[str, TracedTest],
    now: Now,
    stale: Mapping[Fact, str],
    *,
    failed: bool = True,
) -> dict[str, list[str]]:
    """Why each test is to run that is known; the others are unchanged.

    That one has `failed` is a reason, or is none.
    """
    texts = {fact: words(*fact, is_) for fact, is_ in stale.items()}
    mentioned = Mentioned(now, stale)
    if mentioned.stale:
        mentioned.learn({name for test in known.values() for name, _ in test.needs})
    found = {}
    for key, test in known.items():
        touched = test.needs.intersection(texts)
        members = touched & mentioned.stale
        own = mentioned.why(test.needs, members) if members else []
        why = sorted([*(texts[fact] for fact in touched - members), *own])
        if failed and test.outcome not in STANDING:
            why = [f"{test.outcome} in run {test.run}"]
        if why:
            found[key] = why
    return found


def missed(
    known: Mapping[str, TracedTest],
    reasons: Mapping[str, list[str]],
    results: Iterable[TestResult],
) -> list[str]:
    """The tests that came out otherwise without a reason, in words."""
    return [
        f"{key}: {known[key].outcome} in run {known[key].run}, now {outcome}"
        for key, outcome in outcomes(results).items()
        if key in known and key not in reasons and outcome != known[key].outcome
    ]


def outcomes(results: Iterable[TestResult]) -> dict[str, Outcome]:
    """By test; that of one whose part fails is the part's."""
    found: dict[str, Outcome] = {}
    for one in results:
        key = one.key.removesuffix(f" {one.subtest}") if one.subtest else one.key
        if found.get(key, Outcome.PASSED) in STANDING:
            found[key] = one.outcome
    return found


def traced(
    directory: Path,
    run: str,
    results: Iterable[TestResult],
    given: Mapping[str, str],
    here: Callable[[str], str] = str,
) -> dict[str, TracedTest]:
    """What the processes of a run have noted of its tests, with their outcomes.

    A test that has no outcome, or was not traced, is not among them.  `given` are facts
    that all depend on.  `here` says what one that they have noted is called here.
    """
    ended = outcomes(results)
    found: dict[str, frozenset[Fact]] = {}
    for path in sorted(directory.glob("*.jsonl")):
        for key, needs in _noted(path, here):
            found[key] = found.get(key, frozenset()) | needs
    return {
        key: TracedTest(
            run=run, outcome=ended[key], needs=needs | frozenset(given.items())
        )
        for key, needs in found.items()
        if key in ended
    }


def packages(directory: Path) -> set[str]:
    """The names that the processes of a run have imported from packages."""
    paths = sorted(directory.glob("*.jsonl"))
    lines = (line for path in paths for line in _read(path))
    return {name for line in lines for name in line.get("packages", ())}


def _noted(
    path: Path, here: Callable[[str], str] = str
) -> Iterator[tuple[str, frozenset[Fact]]]:
    facts: list[Fact] = []
    for line in _read(path):
        facts += [(here(name), digest) for name, digest in line.get("new", ())]
        if "key" in line:
            yield line["key"], frozenset(facts[number] for number in line["needs"])


def _read(path: Path) -> Iterator[dict[str, Any]]:
    """The lines of a process; one that was killed has not written its last."""
    for line in path.read_text("utf-8").splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def prune(place: Path) -> None:
    """Forget the oldest of what was remembered of sources."""
    for path in sorted(place.iterdir(), key=changed, reverse=True)[MOST:]:
        path.unlink(missing_ok=True)
