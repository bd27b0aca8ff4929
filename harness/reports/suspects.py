# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tests may have made another one fail, and which of them have: pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from harness.model import Attempt, RunResult, StepResult, TestResult
from harness.reports.figures import BAD

_NEAR: Final = ("::", "/")


@dataclass(frozen=True, kw_only=True)
class RecordedTest:
    """A test as it ran: in which step, and the keys of what its worker ran before."""

    run: str
    step: StepResult
    test: TestResult
    worker: str
    before: tuple[str, ...]

    @property
    def key(self) -> str:
        """The test's key, the same wherever the project lies."""
        return key(self.test)

    @property
    def own(self) -> tuple[str, ...]:
        """What ran before in its own class: of a sequence, it may need that."""
        owner, _, _ = self.key.partition("[")[0].rpartition("::")
        if "::" not in owner:
            return ()
        return tuple(one for one in self.before if one.startswith(f"{owner}::"))


def key(test: TestResult) -> str:
    """A test's key; its id where it has none.  A subtest is found by its test's."""
    found = test.key or test.id
    return found.removesuffix(f" {test.subtest}") if test.subtest else found


def matching(run: RunResult, suite: str, name: str) -> list[RecordedTest]:
    """The tests of a suite that `name` may mean, those that failed first.

    It is an id, a key, or the end of one.
    """
    found = [
        (step, test)
        for step in run.steps
        if step.suite == suite
        for test in step.tests
        if _means(name, test)
    ]
    exact = [one for one in found if name in (one[1].id, one[1].test, key(one[1]))]
    cases = [_case(run, step, test) for step, test in exact or found]
    return sorted(cases, key=lambda case: not _failed(case.test))


def _means(name: str, test: TestResult) -> bool:
    ids = (test.id, test.test, key(test))
    return name in ids or any(
        one.endswith(f"{mark}{name}") for one in ids for mark in _NEAR
    )


def _failed(test: TestResult) -> bool:
    return bool(test.outcome in BAD or test.attempts)


def _case(run: RunResult, step: StepResult, test: TestResult) -> RecordedTest:
    """With the first time that it failed, if it was run again."""
    first = test.attempts[0] if test.attempts else test
    times: list[tuple[float, str]] = []
    for other in step.tests:
        ran: tuple[TestResult | Attempt, ...] = (other, *other.attempts)
        times += [
            (time.started, key(other))
            for time in ran
            if time.worker == first.worker and time.started < first.started
        ]
    names = dict.fromkeys(name for _, name in sorted(times))
    return RecordedTest(
        run=run.id,
        step=step,
        test=test,
        worker=first.worker,
        before=tuple(name for name in names if name != key(test)),
    )


def minimal(
    suspects: Sequence[str], fails: Callable[[Sequence[str]], bool]
) -> tuple[str, ...]:
    """The suspects that it takes, none of which can be left out.

    All of them together must fail, none of them must not.  Halves first; where it
    takes several, ever smaller parts (delta debugging, Zeller 1999).
    """
    left, parts = tuple(suspects), 2
    while len(left) > 1:
        chunks = _split(left, parts)
        rests = [
            tuple(one for other in chunks if other is not chunk for one in other)
            for chunk in chunks
        ]
        smaller = next(filter(fails, chunks), None)
        if smaller is not None:
            left, parts = smaller, 2
            continue
        rest = next(filter(fails, rests), None) if parts > 2 else None
        if rest is not None:
            left, parts = rest, max(parts - 1, 2)
        elif parts < len(left):
            parts = min(len(left), 2 * parts)
        else:
            break
    return left


def _split(names: tuple[str, ...], parts: int) -> list[tuple[str, ...]]:
    """As many parts, in their order, of nearly the same size."""
    ends = [len(names) * at // parts for at in range(parts + 1)]
    return [names[a:b] for a, b in pairwise(ends) if a < b]
