# SPDX-License-Identifier: GPL-3.0-or-later
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from harness.errors import CommandFailed
from harness.model import Outcome, RunResult
from harness.reports import junit

Build = Callable[..., RunResult]

PART = """\
<?xml version="1.0" encoding="utf-8"?><testsuites name="pytest tests">\
<testsuite name="pytest" errors="1" failures="2" skipped="1" tests="5" time="0.088" \
timestamp="2026-05-28T20:13:20.569081+00:00" hostname="host-a">{properties}\
<testcase classname="test_a" name="test_ü[&lt;b&gt;]" time="0.014" />\
<testcase classname="test_a" name="test_bad" time="0.001">\
<failure message="assert 1 == 2">&gt;   assert 1 == 2

E   assert 1 == 2</failure></testcase></testsuite></testsuites>"""
PROPERTIES = '<properties><property name="own" value="kept" /></properties>'


@pytest.fixture
def parts(tmp_path: Path) -> dict[str, Path]:
    paths = {name: tmp_path / f"{name}.xml" for name in ("tryton", "society")}
    paths["tryton"].write_text(PART.format(properties=""), "utf-8")
    other = PART.format(properties=PROPERTIES).replace("host-a", "host-b")
    paths["society"].write_text(other, "utf-8")
    return paths


def test_merge_adds_the_counts_up(build: Build, parts: dict[str, Path]) -> None:
    run = build()
    root = ET.fromstring(junit.merge(run, parts))
    assert root.tag == "testsuites"
    assert root.attrib == {
        "name": f"harness {run.id}",
        "tests": "10",
        "failures": "4",
        "errors": "2",
        "skipped": "2",
        "time": "0.176",
    }


def test_merge_keeps_suites_and_says_where_they_are_from(
    build: Build, parts: dict[str, Path]
) -> None:
    run = build()
    first, second = ET.fromstring(junit.merge(run, parts))
    assert (first.get("name"), first.get("hostname")) == ("pytest", "host-a")
    assert (second.get("name"), second.get("hostname")) == ("pytest", "host-b")
    assert first[0].tag == "properties"
    assert properties(first) == {
        "harness.run": run.id,
        "harness.step": "tryton",
        "harness.series": "7.0",
        "harness.database": "local",
    }
    assert properties(second)["own"] == "kept"
    assert properties(second)["harness.step"] == "society"
    case, bad = first.findall("testcase")
    assert case.get("name") == "test_ü[<b>]"
    assert bad.findtext("failure") == ">   assert 1 == 2\n\nE   assert 1 == 2"


def test_merge_takes_a_lone_suite_without_counts(build: Build, tmp_path: Path) -> None:
    part = tmp_path / "part.xml"
    part.write_text('<testsuite name="old" tests="3" time="1.5"/>', "utf-8")
    root = ET.fromstring(junit.merge(build(), {"tryton": part}))
    assert (root.get("tests"), root.get("skipped")) == ("3", "0")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "no element found"),
        (PART[:300], "no element found|unclosed token"),
        ("<html/>", "its root is <html>"),
        ('<testsuite tests="many"/>', "tests='many' is not a number"),
    ],
)
def test_a_broken_part_is_named(
    build: Build, tmp_path: Path, text: str, why: str
) -> None:
    part = tmp_path / "part.xml"
    part.write_text(text, "utf-8")
    with pytest.raises(CommandFailed, match=why) as caught:
        junit.merge(build(), {"tryton": part})
    assert str(part) in caught.value.message
    assert "'tryton'" in caught.value.remedy


def test_a_missing_part_is_named(build: Build, tmp_path: Path) -> None:
    part = tmp_path / "gone.xml"
    with pytest.raises(CommandFailed, match="it is not there") as caught:
        junit.merge(build(), {"tryton": part})
    assert str(part) in caught.value.message


def properties(suite: ET.Element) -> dict[str | None, str | None]:
    found = suite.findall("properties/property")
    return {entry.get("name"): entry.get("value") for entry in found}


SUBTESTS = """\
<testsuites><testsuite name="pytest" errors="0" failures="2" skipped="1" tests="9" \
time="0.1"><testcase classname="test_a.Case" name="test_s" time="0.1">\
<failure message="one">E one</failure><skipped message="two" />\
<failure message="contains 1 failed subtest" /></testcase>\
<testcase classname="test_a" name="test_b" time="0.0">\
<system-out>\x9b2J\x85</system-out></testcase></testsuite></testsuites>"""


def test_subtests_are_cases_of_their_own(build: Build, tmp_path: Path) -> None:
    path = tmp_path / "tryton.xml"
    path.write_text(SUBTESTS)
    run = build(2, failed=0)
    own = replace(run.tests[0], id="test_a.py::Case::test_s")
    parts = [
        replace(own, id=f"{own.id} {name}", subtest=name, outcome=outcome)
        for name, outcome in [
            ("(n=<1>)", Outcome.FAILED),
            ("[m\x1b[1m] (n=2)", Outcome.SKIPPED),
        ]
    ]
    run = replace(run, steps=(replace(run.steps[0], tests=(own, *parts)),))
    [suite] = ET.fromstring(junit.merge(run, {run.steps[0].name: path}))
    found = {
        case.get("name"): [(one.tag, one.get("message")) for one in case]
        for case in suite.iter("testcase")
    }
    assert found == {
        "test_s": [("failure", "contains 1 failed subtest")],
        "test_b": [("system-out", None)],
        "test_s (n=<1>)": [("failure", "one")],
        "test_s [m] (n=2)": [("skipped", "two")],
    }
    assert [one.text for one in suite.iter("system-out")] == ["\ufffd2J\ufffd"]
    counts = [suite.get(key) for key in ("tests", "failures", "errors", "skipped")]
    assert counts == ["4", "2", "0", "1"]


def test_a_step_whose_process_was_ended_has_what_is_known(build: Build) -> None:
    run = build()
    root = ET.fromstring(junit.merge(run, {}, run.steps))
    tests = [test for step in run.steps for test in step.tests]
    bad = [test.longrepr for test in tests if test.outcome is Outcome.FAILED]
    assert bad
    assert root.get("tests") == str(len(tests))
    assert [one.text for one in root.iter("failure")] == bad
