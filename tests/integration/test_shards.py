# SPDX-License-Identifier: GPL-3.0-or-later
"""Shards of a run are its whole: no test twice, none left out."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from harness.plugins.durations import STAYS
from tests.weekly import weekly

ROOT = Path(__file__).parents[2]
Harness = Callable[..., "subprocess.CompletedProcess[str]"]
TEST = ("test", "tryton", "alpha", "beta", "--database", "sqlite")


def ids(project: Path) -> list[str]:
    """Ids of the tests of the latest run."""
    return sorted(
        event["id"]
        for path in (project / "reports" / "latest").glob("*.jsonl")
        for line in path.read_text().splitlines()
        if (event := json.loads(line))["kind"] == "test"
    )


def shards(harness: Harness, project: Path, count: int, *options: str) -> list[str]:
    found = []
    for number in range(1, count + 1):
        done = harness(*TEST, "--shard", f"{number}/{count}", *options)
        assert done.returncode == 0, done.stdout + done.stderr
        assert f"tryton-7.0-{number}of{count}" in done.stdout
        found += ids(project)
    return sorted(found)


def test_shards_are_the_whole(harness: Harness, project: Path) -> None:
    assert harness(*TEST).returncode == 0
    whole = ids(project)
    assert shards(harness, project, 2) == whole
    assert harness("durations").returncode == 0
    text = (project / "durations.txt").read_text()
    assert "alpha/tests/test_module.py" in text
    assert "beta/tests/test_module.py" in text
    try:
        assert shards(harness, project, 2) == whole
        assert harness("durations").returncode == 0
        again = (project / "durations.txt").read_text()
        assert len(again.splitlines()) == len(text.splitlines())
    finally:
        (project / "durations.txt").unlink()


def test_a_shard_that_has_no_test_has_not_passed(
    harness: Harness, project: Path
) -> None:
    codes = {
        harness(*TEST, "--shard", f"{number}/4").returncode for number in range(1, 5)
    }
    assert codes == {0, 3}


def test_bad_shards(harness: Harness) -> None:
    done = harness(*TEST, "--shard", "3/2")
    assert done.returncode == 2
    assert "--shard 2/5" in done.stdout


@pytest.mark.parametrize(
    ("suite", "isolation"),
    [
        ("tryton", "test"),
        ("portal", "class"),
        weekly("api", "class"),
        weekly("processing", "class"),
    ],
)
def test_five_shards_of_an_example_take_the_same(
    suite: str, isolation: str, tmp_path: Path
) -> None:
    """By the committed durations, which do not tell apart what takes less.

    Half of the Tryton tests' time is one class's.
    """
    words = ("--database", "local", "--jobs", "1", "--shard", "1/5", "--collect-only",
             "--isolation", isolation)  # fmt: skip
    env = {key: value for key, value in os.environ.items() if key != "GITHUB_ACTIONS"}
    done = subprocess.run(
        [sys.executable, "-m", "harness", "test", suite, *words, "-q"],
        cwd=ROOT,
        env={**env, "HARNESS_REPORTS": str(tmp_path), "HARNESS_PROFILE": "none"},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert "templates" not in done.stdout  # nobody runs
    found = re.search(r"^shard 1/5 of (.*) s$", done.stdout, re.M)
    assert found, done.stdout + done.stderr
    seconds = [float(one) for one in found[1].split(", ")]
    assert len(seconds) == 5
    apart = round(max(seconds) - min(seconds), 1)
    assert apart <= max(0.15 * max(seconds), STAYS), seconds
