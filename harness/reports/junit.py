# SPDX-License-Identifier: GPL-3.0-or-later
"""One JUnit file from those that pytest wrote in each step."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Final
from xml.etree import ElementTree as ET

from harness.errors import CommandFailed
from harness.model import Outcome, RunResult, StepResult, TestResult
from harness.reports import cut, figures

_COUNTS: Final = ("tests", "failures", "errors", "skipped")
_TAGS: Final = {"failures": "failure", "errors": "error", "skipped": "skipped"}


def merge(
    run: RunResult, parts: Mapping[str, Path], ended: Sequence[StepResult] = ()
) -> str:
    """The suites of all `parts` (step name → file) below one ``<testsuites>``.

    A suite keeps all that it has but its subtests: one that failed or was skipped,
    which pytest adds to its test, is a case of its own, called as pytest shows it.  It
    gains properties that say which run, step, series and database it is from.  Of steps
    whose process was `ended` before it wrote one there is what is known.  A test that
    failed and was run again has an element for each such failure, as surefire names
    them: ``flakyFailure`` if it passed then, else ``rerunFailure`` (``flakyError``,
    ``rerunError``).  Raises
    `CommandFailed` if a part is missing or broken.
    """
    steps = {step.name: step for step in run.steps}
    marks = {name: _properties(run.id, steps[name]) for name in parts}
    made = [_marked(step, run.id) for step in ended]
    told = {name: steps[name].tests for name in parts}
    return _joined(run.id, parts, marks, told, made)


def gather(run: str, parts: Mapping[str, Path]) -> str:
    """The same of the merged files of several runs (job → file)."""
    return _joined(run, parts, {name: {"harness.job": name} for name in parts})


def _joined(
    run: str,
    parts: Mapping[str, Path],
    marks: Mapping[str, Mapping[str, str]],
    told: Mapping[str, Sequence[TestResult]] = MappingProxyType({}),
    made: Sequence[ET.Element] = (),
) -> str:
    root = ET.Element("testsuites", {"name": f"harness {run}"})
    totals = dict.fromkeys(_COUNTS, 0)
    seconds = 0.0
    for name, path in parts.items():
        for suite in suites(path, name):
            seconds += _number(suite, "time", path, name)
            _clean(suite)
            _mark(suite, marks[name])
            _add_attempts(suite, told.get(name, ()))
            _part_subtests(suite, told.get(name, ()))
            for key in _COUNTS:
                totals[key] += int(_number(suite, key, path, name))
            root.append(suite)
    for suite in made:
        seconds += float(suite.get("time", "0"))
        for key in _COUNTS:
            totals[key] += int(suite.get(key, "0"))
        root.append(suite)
    root.attrib.update({key: str(value) for key, value in totals.items()})
    root.set("time", f"{seconds:.3f}")
    ET.indent(root)
    text: str = ET.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="utf-8"?>\n{text}\n'


def suites(path: Path, step: str) -> list[ET.Element]:
    """The suites of a file; raises `CommandFailed` if it is missing or broken."""
    try:
        root = ET.fromstring(path.read_bytes())  # noqa: S314 — written by our own step
    except FileNotFoundError:
        raise _broken(path, step, "it is not there") from None
    except (OSError, ET.ParseError) as error:
        raise _broken(path, step, str(error)) from error
    if root.tag == "testsuite":
        return [root]
    if root.tag == "testsuites":
        return root.findall("testsuite")
    raise _broken(path, step, f"its root is <{root.tag}>, not <testsuites>")


def _number(suite: ET.Element, key: str, path: Path, step: str) -> float:
    """An attribute of a suite; older pytest leaves out what is zero."""
    value = suite.get(key, "0")
    try:
        return float(value) if key == "time" else int(value)
    except ValueError:
        raise _broken(path, step, f"{key}={value!r} is not a number") from None


def _properties(run: str, step: StepResult) -> dict[str, str]:
    return {
        "harness.run": run,
        "harness.step": step.name,
        "harness.series": step.series,
        "harness.database": step.database,
    }


def _marked(step: StepResult, run: str) -> ET.Element:
    made = cut.suite(step)
    _mark(made, _properties(run, step))
    return made


def _clean(suite: ET.Element) -> None:
    """XML may have controls that no terminal should be sent (C1)."""
    for piece in suite.iter():
        piece.text = figures.plain(piece.text or "")
        for name, value in piece.items():
            piece.set(name, figures.plain(value))


def _mark(suite: ET.Element, named: Mapping[str, str]) -> None:
    properties = suite.find("properties")
    if properties is None:
        properties = ET.Element("properties")
        suite.insert(0, properties)
    for name, value in named.items():
        ET.SubElement(properties, "property", {"name": name, "value": value})


def _cases(suite: ET.Element) -> dict[tuple[str, str], ET.Element]:
    return {
        (case.get("classname", ""), case.get("name", "")): case
        for case in suite.iter("testcase")
    }


def _part_subtests(suite: ET.Element, tests: Sequence[TestResult]) -> None:
    cases = _cases(suite)
    parts = [test for test in tests if test.subtest]
    for part in parts:
        owner = cases.get(cut.address(part.test))
        kind = "failure" if part.outcome in figures.BAD else "skipped"
        piece = owner.find(kind) if owner is not None else None
        if owner is None or piece is None:
            continue
        owner.remove(piece)
        name = f"{owner.get('name')} {figures.plain(part.subtest)}"
        marks = {"classname": owner.get("classname", ""), "name": name, "time": "0.000"}
        ET.SubElement(suite, "testcase", marks).append(piece)
    if parts:  # pytest counts those that passed, too
        found = list(suite.iter("testcase"))
        suite.set("tests", str(len(found)))
        for key, tag in _TAGS.items():
            count = sum(case.find(tag) is not None for case in found)
            suite.set(key, str(count))


def _add_attempts(suite: ET.Element, tests: Sequence[TestResult]) -> None:
    cases = _cases(suite)
    for test in tests:
        case = cases.get(cut.address(test.id)) if test.attempts else None
        if case is None:
            continue
        word = "flaky" if test.outcome is Outcome.FLAKY else "rerun"
        for one in test.attempts:
            kind = "Error" if one.outcome is Outcome.ERROR else "Failure"
            message = figures.plain(one.message)
            marks = {"message": message, "type": _type(message)}
            piece = ET.SubElement(case, f"{word}{kind}", marks)
            ET.SubElement(piece, "stackTrace").text = figures.plain(one.longrepr)
            for title, text in one.sections:
                named = ET.SubElement(piece, "system-out")
                named.text = f"{title}\n{figures.plain(text)}"


def _type(message: str) -> str:
    """The class of the exception that a message begins with."""
    word = message.partition(":")[0].strip()
    return word if word.replace(".", "").isidentifier() else "failure"


def _broken(path: Path, step: str, why: str) -> CommandFailed:
    return CommandFailed(
        f"the JUnit file {path} of step {step!r} cannot be merged: {why}",
        remedy=f"read the log of step {step!r}; it seems to have ended early",
    )
