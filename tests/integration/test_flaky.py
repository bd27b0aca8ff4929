# SPDX-License-Identifier: GPL-3.0-or-later
"""Flaky tests and tests that depend on others: on real leases, in real workers."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from tests.integration import conftest
from tests.integration.test_suite import (  # noqa: F401 — fixtures
    Run,
    outcomes,
    place,
    run,
    write,
)

Write = Callable[..., None]
Outcomes = Callable[[], dict[str, str]]

PLAIN = ("--database", "local")


@pytest.fixture
def count(tmp_path: Path) -> Path:
    """A directory that outlives all leases: tests count in it how often they ran."""
    return tmp_path


@pytest.fixture
def results(place: Path) -> Callable[[], dict[str, dict[str, Any]]]:  # noqa: F811
    def read() -> dict[str, dict[str, Any]]:
        [path] = (place / "reports" / "latest").glob("*.jsonl")
        events = map(json.loads, path.read_text().splitlines())
        return {
            event["id"].removeprefix("tests/"): event
            for event in events
            if event["kind"] == "test"
        }

    return read


TIMES = """\
    import os
    def times(name):
        with open(os.path.join({count!r}, name), 'a') as file:
            file.write('x')
            return file.tell()
    """

ONCE = """
    def test_other():
        assert names() == []

    def test_once():
        assert names() == []
        make('left behind')
        assert times('once') > 1, 'the first time'
    """


def text(count: Path, more: str) -> str:
    return TIMES.format(count=str(count)) + more


@pytest.mark.parametrize("suite", ["plain", "web"])
@pytest.mark.parametrize("jobs", ["1", "2"])
def test_what_fails_once_is_flaky(
    write: Write,
    run: Run,
    results: Any,
    place: Path,
    count: Path,
    suite: str,
    jobs: str,  # noqa: F811
) -> None:
    name = "plain__test_a" if suite == "plain" else "unit__test_a"
    write(**{name: text(count, ONCE)})
    done = run("--reruns", "1", "--jobs", jobs, suite=suite)
    assert done.returncode == 0, done.stdout + done.stderr
    file = f"{name.replace('__', '/')}.py"
    found = results()
    assert {key: one["outcome"] for key, one in found.items()} == {
        f"{file}::test_other": "passed",
        f"{file}::test_once": "flaky",
    }
    flaky = found[f"{file}::test_once"]
    [before] = flaky["attempts"]
    assert before["outcome"] == "failed"
    assert "the first time" in before["message"]
    assert before["worker"] != flaky["worker"]
    assert "PASSED: 1 flaky" in done.stdout
    assert f"{file}::test_once (failed 1 time, then passed)" in done.stdout
    assert "AssertionError: the first time" in done.stdout.rpartition("flaky  ")[2]
    root = ET.parse(place / "reports/latest/junit.xml").getroot()  # noqa: S314
    assert (root.get("tests"), root.get("failures")) == ("2", "0")
    [case] = [one for one in root.iter("testcase") if one.get("name") == "test_once"]
    assert [piece.tag for piece in case] == ["flakyFailure"]
