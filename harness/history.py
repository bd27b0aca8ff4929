# SPDX-License-Identifier: GPL-3.0-or-later
"""What earlier runs taught: how long tests take, which databases they ask for."""

from collections.abc import Iterable, Iterator, Mapping
from statistics import median
from typing import Any

from harness.model import Outcome, RunResult, StepResult, TestResult
from harness.plan import Step
from harness.store import Store
from harness.template.layer import Layer, Request

TIMINGS = "timings.json"
WHOLE = "durations.json"
"""With fixtures, without waits for a database: what a shard is made of."""
ASKED = "asked.json"
WEIGHT = 0.5
"""Share of the newest duration in the one that is remembered."""


def learn(store: Store, result: RunResult) -> None:
    """Remember the durations (seconds) of tests that ran to their end."""
    ended = [
        test
        for test in result.tests
        if not test.subtest
        and test.outcome in {Outcome.PASSED, Outcome.FLAKY, Outcome.FAILED}
    ]
    _learn(store, TIMINGS, {one.key: one.phases.get("call", 0.0) for one in ended})
    own = {id(test): seconds for step in result.steps for test, seconds in _own(step)}
    _learn(store, WHOLE, {one.key: own[id(one)] for one in ended})


def durations(store: Store) -> dict[str, float]:
    """Seconds that tests took, by their keys."""
    known = store.read(WHOLE)
    return known if isinstance(known, dict) else {}


def _own(step: StepResult) -> Iterator[tuple[TestResult, float]]:
    """Seconds of each test without waits, and without what it was only the first to do.

    A worker's first test makes what all share, such as an application: its set-up
    counts as that of any.
    """
    if not step.tests:
        return
    typical = median(test.phases.get("setup", 0.0) for test in step.tests)
    begun: set[str] = set()
    for test in sorted(step.tests, key=lambda test: test.started):
        first = test.worker not in begun
        begun.add(test.worker)
        shared = max(0.0, test.phases.get("setup", 0.0) - test.waits - typical)
        yield test, test.duration - test.waits - (shared if first else 0.0)


def _learn(store: Store, name: str, taken: Mapping[str, float]) -> None:
    known = store.read(name)
    timings = known if isinstance(known, dict) else {}
    for key, seconds in taken.items():
        old = timings.get(key, seconds)
        timings[key] = round(max(0.0, old + WEIGHT * (seconds - old)), 3)
    store.write(name, timings)


def asked(store: Store, step: Step) -> list[Request]:
    """The databases that the modules of a step asked for in earlier runs."""
    known = _asked(store)
    found: dict[Request, None] = {}
    for one in step.tested:
        for entry in known.get(f"{step.series} {one.name}", ()):
            request = Request(
                modules=tuple(entry["modules"]), language=entry.get("language", "en")
            )
            found[request] = None
    return list(found)


def remember(store: Store, step: Step, layers: Iterable[Layer]) -> None:
    """Note what a step of one module asked for."""
    if len(step.tested) != 1:
        return
    known = _asked(store)
    known[f"{step.series} {step.tested[0].name}"] = [
        {"modules": list(layer.closure), "language": layer.language}
        for layer in layers
        if not layer.data and not layer.tracked
    ]
    store.write(ASKED, known)


def _asked(store: Store) -> dict[str, Any]:
    """The memory; empty where it is damaged."""
    known = store.read(ASKED)
    return known if isinstance(known, dict) else {}
