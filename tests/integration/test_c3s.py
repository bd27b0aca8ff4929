# SPDX-License-Identifier: GPL-3.0-or-later
"""C3S's own suites, unmodified, where their repositories are cloned into ``src/``.

None of theirs is part of this repository, so CI has none of it: there, and wherever
they are not cloned, these tests are skipped.
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest

from harness.engine import Engine
from harness.store import Store

ROOT = Path(__file__).parents[2]
CLONES = (
    "collecting_society", "portal_web", "collecting_society_web",
    "collecting_society_docker",
)  # fmt: skip
MISSING = [name for name in CLONES if not (ROOT / "src" / name).is_dir()]
pytestmark = pytest.mark.skipif(
    bool(MISSING),
    reason=f"C3S's {', '.join(MISSING)} not cloned into src/: docs/c3s.md",
)
TESTS = {"unit": 45, "functional": 8}
IN_A_BROWSER = 25
BAR = 60.0
"""Seconds that all may take with two workers, all warm, on a quiet machine."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module", autouse=True)
def images(engine: Engine) -> None:
    """The images, built now where they are not, or of other sources."""
    subprocess.run(
        [sys.executable, "-m", "harness", "build", "db", "tests", "selenium"],
        cwd=ROOT,
        check=True,
    )


@pytest.fixture
def run(env: dict[str, str]) -> Run:
    """Run ``harness`` in this checkout."""

    def call(*arguments: str) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            cwd=ROOT,
            env=env,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    return call


def outcomes() -> dict[str, str]:
    """The outcome of each test of the last run."""
    tree = ElementTree.parse(ROOT / "reports" / "latest" / "junit.xml")
    return {
        f"{case.get('classname')}::{case.get('name')}": ",".join(
            child.tag for child in case if child.tag in ("failure", "error", "skipped")
        )
        for case in tree.iter("testcase")
    }


def states() -> list[str]:
    """What git says of each clone."""
    return [
        subprocess.run(
            ["git", "-C", str(clone), "status", "--porcelain", "--ignored"],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for clone in sorted((ROOT / "src").iterdir())
    ]


def test_the_profile_is_taken_by_itself(run: Run) -> None:
    done = run("test", "portal", "--list")
    assert done.returncode == 0, done.stdout
    assert "template production" in done.stdout
    assert "template.production" not in run("config", "--profile", "none").stdout


@pytest.mark.parametrize("server", ["docker", "local"])
def test_all_are_green_side_by_side_and_leave_nothing(
    run: Run, engine: Engine, state: Path, server: str
) -> None:
    before = states()
    done = run("test", "portal", *TESTS, "--jobs", "2", "--database", server)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "profile    c3s" in done.stdout
    found = outcomes()
    assert len(found) == sum(TESTS.values())
    assert set(found.values()) == {""}
    assert states() == before
    store = Store(state)
    assert [one for one in engine.owned(store.id) if one.run] == []


def test_all_in_one_command_with_real_firefox(
    run: Run, engine: Engine, state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = states()
    done = run("test", "portal", "--jobs", "2", "--database", "docker")
    assert done.returncode == 0, done.stdout + done.stderr
    found = outcomes()
    assert len(found) == sum(TESTS.values()) + IN_A_BROWSER
    assert set(found.values()) == {""}
    assert "browser: asked for firefox, given firefox" in done.stdout
    report = ROOT / "reports" / "latest"
    taken = [path.name for path in report.glob("evidence/*-lg-*.png")]
    for name in ("TestWebUser.test_010", "TestLicenser.test_095"):
        assert [one for one in taken if name in one], taken
    assert "TestLicenser.test_095" in (report / "gallery.html").read_text()
    assert states() == before
    assert [one for one in engine.owned(Store(state).id) if one.run] == []
    [seconds] = re.findall(r"\((.*) in all\)", done.stdout)
    with capsys.disabled():
        load = os.getloadavg()[0]
        sys.stdout.write(f" all in {seconds}, bar {BAR:g} s, load {load:.1f} ")


def test_the_browser_suites_alone(run: Run) -> None:
    words = ("-k", "TestWebUser", "--jobs", "1", "--database", "docker")
    done = run("test", "integration", *words)
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes()) == 6


def test_the_worker_with_a_server_of_its_own(run: Run) -> None:
    """Without a browser; their settings and their recording need not be there."""
    before = states()
    done = run("test", "worker", "--database", "docker")
    assert done.returncode == 0, done.stdout + done.stderr
    found = outcomes()
    assert len(found) == 3
    assert set(found.values()) == {""}
    assert states() == before


@pytest.mark.parametrize("part", sorted(TESTS))
def test_a_part_alone_and_by_test(run: Run, part: str) -> None:
    done = run("test", "portal", part, "--isolation", "test", "--database", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes()) == TESTS[part]


def test_one_class_of_the_plugin(run: Run) -> None:
    address = "unit/models/test_event.py::TestEvent"
    done = run("test", "portal", address, "--database", "local")
    assert done.returncode == 0, done.stdout + done.stderr
    assert len(outcomes()) == 1


def test_what_is_missing_is_red(env: dict[str, str], run: Run, tmp_path: Path) -> None:
    """Green means something: without their variables the portal cannot be made."""
    (tmp_path / "empty.env").touch()
    env["HARNESS_SUITE_PORTAL_ENVIRONMENT_FILES"] = str(tmp_path / "empty.env")
    done = run("test", "portal", "functional", "--database", "local")
    assert done.returncode == 1, done.stdout
    assert "envvar not found: { 'mail.host'" in done.stdout
    assert "PASSED" not in done.stdout
