# SPDX-License-Identifier: GPL-3.0-or-later
"""A JUnit suite of what is known of a step whose process came to no report itself."""

from typing import Final
from xml.etree import ElementTree as ET

from harness.model import Outcome, StepResult, TestResult
from harness.reports import figures

_TAGS: Final = {
    Outcome.FAILED: "failure",
    Outcome.ERROR: "error",
    Outcome.SKIPPED: "skipped",
    Outcome.XFAILED: "skipped",
}


def suite(step: StepResult) -> ET.Element:
    """The suite, as pytest would have written it but for what was printed."""
    made = ET.Element("testsuite", {"name": "pytest"})
    for test in step.tests:
        made.append(_case(test))
    counts = {"failures": "failure", "errors": "error", "skipped": "skipped"}
    for key, tag in counts.items():
        made.set(key, str(len(made.findall(f"testcase/{tag}"))))
    made.set("tests", str(len(step.tests)))
    made.set("time", f"{step.seconds:.3f}")
    return made


def _case(test: TestResult) -> ET.Element:
    classname, name = address(test.test)
    name = f"{name} {test.subtest}".strip()
    marks = {"classname": classname, "name": name, "time": f"{test.duration:.3f}"}
    case = ET.Element("testcase", {k: figures.plain(v) for k, v in marks.items()})
    tag = _TAGS.get(test.outcome)
    if tag:
        piece = ET.SubElement(case, tag, {"message": figures.plain(test.message)})
        piece.text = figures.plain(test.longrepr)
    return case


def address(test: str) -> tuple[str, str]:
    """``classname`` and ``name`` that pytest's JUnit file has for a test's id."""
    path, bracket, rest = test.partition("[")
    file, *names = path.split("::")
    words = [file.replace("/", ".").removesuffix(".py"), *names]
    return ".".join(words[:-1]), words[-1] + bracket + rest
