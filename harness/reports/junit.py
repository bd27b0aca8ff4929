# SPDX-License-Identifier: GPL-3.0-or-later
"""One JUnit file from those that pytest wrote in each step."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

from harness.errors import CommandFailed
from harness.model import RunResult, StepResult

_COUNTS: Final = ("tests", "failures", "errors", "skipped")


def merge(run: RunResult, parts: Mapping[str, Path]) -> str:
    """The suites of all `parts` (step name → file) below one ``<testsuites>``.

    A suite keeps all that it has and gains properties that say which run, step,
    series and database it is from.  Nothing is made up for a step without a
    part.  Raises `CommandFailed` if a part is missing or broken.
    """
    steps = {step.name: step for step in run.steps}
    return _joined(
        run.id, parts, {name: _properties(run.id, steps[name]) for name in parts}
    )


def gather(run: str, parts: Mapping[str, Path]) -> str:
    """The same of the merged files of several runs (job → file)."""
    return _joined(run, parts, {name: {"harness.job": name} for name in parts})


def _joined(
    run: str, parts: Mapping[str, Path], marks: Mapping[str, Mapping[str, str]]
) -> str:
    root = ET.Element("testsuites", {"name": f"harness {run}"})
    totals = dict.fromkeys(_COUNTS, 0)
    seconds = 0.0
    for name, path in parts.items():
        for suite in suites(path, name):
            for key in _COUNTS:
                totals[key] += int(_number(suite, key, path, name))
            seconds += _number(suite, "time", path, name)
            _mark(suite, marks[name])
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


def _mark(suite: ET.Element, named: Mapping[str, str]) -> None:
    properties = suite.find("properties")
    if properties is None:
        properties = ET.Element("properties")
        suite.insert(0, properties)
    for name, value in named.items():
        ET.SubElement(properties, "property", {"name": name, "value": value})


def _broken(path: Path, step: str, why: str) -> CommandFailed:
    return CommandFailed(
        f"the JUnit file {path} of step {step!r} cannot be merged: {why}",
        remedy=f"read the log of step {step!r}; it seems to have ended early",
    )
