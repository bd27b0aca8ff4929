# SPDX-License-Identifier: GPL-3.0-or-later
"""The example in a browser, portal and API inside an image, browsers beside it."""

import os
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.engine import Engine
from harness.store import Store
from tests.weekly import WEEKLY

ROOT = Path(__file__).parents[2]
PART = "TestSession or TestProfile or (TestMembersNarrow and xs)"
EXAMPLE = {"HARNESS_PROFILE": "none", "HARNESS_SRC": "src.none"}


@pytest.fixture(scope="module", autouse=True)
def images(engine: Engine) -> None:
    """The images of the example, built now where they are not as they should be."""
    subprocess.run(
        [sys.executable, "-m", "harness", "build", "db", "tests", "selenium"],
        cwd=ROOT,
        env={**os.environ, **EXAMPLE},
        check=True,
    )


@WEEKLY
def test_servers_inside_are_reached_by_browsers_beside_them(
    env: dict[str, str], engine: Engine, store: Store
) -> None:
    words = ("integration", "--in", "image", "--jobs", "2", "--evidence", "always")
    done = subprocess.run(
        [sys.executable, "-m", "harness", "test", *words, "-k", PART],
        cwd=ROOT,
        env={**env, **EXAMPLE},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = ROOT / "reports" / "latest"
    cases = list(ElementTree.parse(report / "junit.xml").iter("testcase"))
    assert len(cases) == 7
    names = [path.name.partition("-")[2] for path in report.glob("evidence/*")]
    assert {"xs.png", "lg.png", "page.html", "portal.log"} <= set(names)
    assert [one for one in engine.owned(store.id) if one.run] == []
