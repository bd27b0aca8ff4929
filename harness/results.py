# SPDX-License-Identifier: GPL-3.0-or-later
"""From what a step's processes wrote to a step's result."""

import contextlib
import json
import shutil
import time
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from harness import completeness, store
from harness.errors import ExitCode, HarnessError, ReportError
from harness.model import (
    Attempt,
    Evidence,
    LeaseCost,
    Outcome,
    StepResult,
    TemplateCost,
    TestResult,
)
from harness.options import shows
from harness.plan import Step

ROOM = 1 << 14
"""Bytes; a disk that has fewer is full."""
VERDICTS = frozenset({0, 1, 5})
"""Exit codes of a pytest that has done what it was asked for."""
PYTEST = {
    0: ExitCode.OK,
    1: ExitCode.TESTS_FAILED,
    2: ExitCode.INTERRUPTED,
    3: ExitCode.INTERNAL,
    4: ExitCode.USAGE,
    5: ExitCode.NOTHING_SELECTED,
    6: ExitCode.TESTS_FAILED,  # more warnings than --max-warnings
}
"""pytest's exit codes (pytest.ExitCode) as ours."""
INNOCENT = (ExitCode.OK, ExitCode.NOTHING_SELECTED)
"""What a process may end with that has tests without an outcome: it is a failure."""


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A step that has ended: result, costs, and errors to show."""

    result: StepResult
    code: int
    junit: Path
    templates: tuple[TemplateCost, ...] = ()
    leases: tuple[LeaseCost, ...] = ()
    errors: tuple[HarnessError, ...] = ()
    notes: tuple[str, ...] = ()
    """What else there is to say of the step."""
    interrupted: bool = False
    cut: bool = False
    """Whether it was ended before it has printed its failures."""


def read(
    step: Step,
    path: Path,
    *,
    junit: Path,
    code: int,
    started: float,
    sources: tuple[str, ...],
    ended: Mapping[str, str] = MappingProxyType({}),
    interrupted: bool = False,
) -> Finished:
    """Read a step's results; a damaged last line is what a kill leaves.

    `ended` says why a process was ended by its limit, by the test or the file.  Of a
    step that was `interrupted` nothing more is expected.
    """
    tests: list[TestResult] = []
    broken = False
    planned = 0
    events = _events(path)
    for event in events:
        if event["kind"] == "test":
            tests.append(_test(step, event))
        elif event["kind"] == "plan":
            planned = len(event["ids"])
        elif event["kind"] == "session":
            planned = event.get("planned", 0) or planned
        elif event["kind"] == "collect":
            broken = broken or event.get("outcome") != "skipped"
            tests.append(_uncollected(step, event))
    empty = not (tests or shows(step.options))
    final = _code(code, broken=broken, empty=empty)
    rest = completeness.rest(events)
    errors: tuple[HarnessError, ...] = ()
    if interrupted:
        final = ExitCode.INTERRUPTED
    elif rest.broken(code) and not shows(step.options):
        tests += [_cut(step, name, code, ended.get(name)) for name in rest.running]
        errors = (rest.error(code),)
        final = ExitCode.TESTS_FAILED if final in INNOCENT else final
    known = {test.id for test in tests}
    for name, why in ended.items():
        if name not in known:
            tests.append(_uncollected(step, _hung(name, why)))
            final = ExitCode.TESTS_FAILED
    result = StepResult(
        name=step.name,
        suite=step.suite,
        series=step.series,
        database=step.database,
        exit_code=final,
        started=started,
        seconds=time.time() - started,
        sources=sources,
        tests=tuple(tests),
        planned=planned,
        isolation=str(step.isolation),
        runner=step.runner,
    )
    return Finished(
        result=result,
        code=final,
        junit=junit,
        errors=errors,
        interrupted=interrupted,
        cut=interrupted and code < 0,
    )


def missing(path: Path, code: int, temporary: str) -> HarnessError | None:
    """Why not all results are here of a process that ended with `code`, or None.

    One that was killed is not expected to have said it all, nor one that ran no tests.
    Without a verdict its `temporary` directory may have been the full one.
    """
    written = [path] if code in VERDICTS else [path, Path(temporary, "…")]
    for one in written:
        with contextlib.suppress(OSError):  # then it says nothing, and has no events
            if shutil.disk_usage(one.parent).free < ROOM:
                return store.disk_full(one)
    events = _events(path)
    ended = bool(events) and code in VERDICTS
    if not ended or any(one["kind"] in ("session", "plan") for one in events):
        return None  # `completeness` has the word on what was planned
    return ReportError(
        "the results of the tests are not all here: some may have failed unseen",
        checked=str(path),
        remedy="what pytest printed above is right; run again",
    )


def _events(path: Path) -> list[dict[str, Any]]:
    try:
        lines = path.read_text("utf-8").splitlines()
    except OSError:
        return []
    events = []
    for line in lines:
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return events


def _code(code: int, *, broken: bool, empty: bool) -> int:
    """Zero tests never pass; what pytest does not know is of a ``pytest.exit``."""
    if code < 0 or code > 128:  # it was killed: Python's code, or a shell's
        return ExitCode.INTERNAL
    if broken and code == 2:
        return ExitCode.TESTS_FAILED
    final = PYTEST.get(code, code)
    if final is ExitCode.OK and empty:
        return ExitCode.NOTHING_SELECTED
    return final


def _test(step: Step, event: Mapping[str, Any]) -> TestResult:
    return TestResult(
        step=step.name,
        id=event["id"],
        module=module(step, event["id"]),
        phases=event["phases"],
        waits=event["waits"],
        file=event["file"],
        path=_there(event.get("path", "")),
        line=event["line"],
        key=event.get("key", event["id"]),
        subtest=event.get("subtest", ""),
        attempts=tuple(
            Attempt(**_of_each_time(one)) for one in event.get("attempts", ())
        ),
        **_of_each_time(event),
    )


def _there(path: str) -> str:
    """The path, unless it is one inside of an image, or of another machine."""
    return path if path and Path(path).exists() else ""


def _of_each_time(event: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of each time that a test was run."""
    return {
        "outcome": Outcome(event["outcome"]),
        "worker": event["worker"],
        "started": event["started"],
        "duration": event["duration"],
        "message": event["message"],
        "longrepr": event["longrepr"],
        "sections": tuple((title, text) for title, text in event["sections"]),
        "fault": event.get("fault", 0),
        "evidence": tuple(Evidence(**one) for one in event.get("evidence", ())),
    }


def _uncollected(step: Step, event: Mapping[str, Any]) -> TestResult:
    return TestResult(
        step=step.name,
        id=event["id"],
        module=module(step, event["id"]),
        worker="main",
        outcome=Outcome(event.get("outcome", Outcome.ERROR)),
        started=time.time(),
        duration=0.0,
        message=event.get("message", "cannot be collected"),
        longrepr=event["longrepr"],
        file=event["id"].partition("::")[0],
    )


def _hung(name: str, why: str) -> dict[str, str]:
    """What has ended its process as an event of the session."""
    return {"id": name, "message": why.partition("\n")[0], "longrepr": why}


def _cut(step: Step, name: str, code: int, why: str | None) -> TestResult:
    """The test that ran when its process ended."""
    text = (
        why
        or f"the process ended with {completeness.words(code)} while it ran this test"
    )
    return TestResult(
        step=step.name,
        id=name,
        module=module(step, name),
        worker="main",
        outcome=Outcome.FAILED,
        started=time.time(),
        duration=0.0,
        message=text.partition("\n")[0],
        longrepr=text,
        file=name.partition("::")[0],
    )


def module(step: Step, test: str) -> str:
    """The module that a test belongs to."""
    if step.source:
        return _part(step, test)
    if len(step.tested) == 1:
        return step.tested[0].name
    parts = test.partition("::")[0].split("/")
    names = {one.name for one in step.tested}
    return next((part for part in reversed(parts) if part in names), "")


def _part(step: Step, test: str) -> str:
    """The directory of a suite's tests that a test lies in: ``unit``."""
    parts = test.partition("::")[0].split("/")
    after = parts[parts.index("tests") + 1 :] if "tests" in parts else parts
    return after[0] if len(after) > 1 else step.suite


def with_costs(
    finished: Finished,
    *,
    templates: tuple[TemplateCost, ...],
    leases: tuple[LeaseCost, ...],
    errors: tuple[HarnessError, ...],
    notes: tuple[str, ...] = (),
) -> Finished:
    """The same with its costs; an error of the harness outweighs the tests."""
    code = finished.code
    told = (*errors, *finished.errors)
    if errors:
        code = errors[0].code
    return replace(
        finished,
        code=code,
        result=replace(finished.result, exit_code=code),
        templates=templates,
        leases=leases,
        errors=tuple({str(error): error for error in told}.values()),
        notes=notes,
    )
