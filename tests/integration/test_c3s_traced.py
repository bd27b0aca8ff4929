# SPDX-License-Identifier: GPL-3.0-or-later
"""C3S's own module after edits: what traces leave out, templates and tests.

A copy is edited, in a small project; where it is not cloned into ``src/``, as in CI,
these tests are skipped.
"""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).parents[2]
NAME = "collecting_society"
CLONE = ROOT / "src" / NAME
pytestmark = pytest.mark.skipif(
    not CLONE.is_dir(), reason=f"C3S's {NAME} not cloned into src/: docs/c3s.md"
)
RETURN = re.compile(r"^        return ('\w+')$", re.M)
"""In methods only, and of a text: none that a build enters."""
FORM = re.compile(r"<form[^>]*>")
ITEM = re.compile(r'<menuitem name="[^"]*"')
Run = Callable[..., str]


@pytest.fixture(scope="module")
def project(state: Path) -> Path:
    """A project with a copy; its place stays, since environments know it."""
    place = state.parent / "c3s"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir()
    shutil.copytree(CLONE, place / "src" / NAME)
    (place / "pyproject.toml").write_text(
        dedent(f"""\
            [tool.harness]
            requirements = ["requests"]
            [tool.harness.source.{NAME}]
            [tool.harness.suite.tryton]
            """)
    )
    return place


@pytest.fixture
def run(project: Path, env: dict[str, str]) -> Run:
    """Run its tests; what is said."""

    def call(*words: str) -> str:
        argv = [sys.executable, "-m", "harness", "test", "tryton", NAME, *words]
        done = subprocess.run(
            [*argv, "--database", "sqlite"],
            cwd=project,
            env={**env, "HARNESS_EXACT": "false"},
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return call


def edit(path: Path, old: re.Pattern[str], new: str) -> None:
    """The first such place of a file is another one."""
    text, count = old.subn(new, path.read_text(), count=1)
    assert count
    path.write_text(text)


def test_edits_of_a_body_and_of_a_view(project: Path, run: Run) -> None:
    """No file of a module counts as a whole for a method that is called `get_code`."""
    assert "23 passed" in run("--affected")
    assert "unchanged since run" in run("--affected")
    source = project / "src" / NAME
    edit(source / f"{NAME}.py", RETURN, r"        text = \1\n        return text")
    said = run("--affected=check")
    assert "template collecting_society by trace" in said
    edit(min((source / "view").glob("*_form.xml")), FORM, '<form col="7">')
    said += run("--affected=check")
    assert "layer collecting_society built" not in said
    edit(source / f"{NAME}.xml", ITEM, '<menuitem name="Other"')
    said = run("--affected=check")
    assert "layer collecting_society built" in said
    assert "layer web_user" not in said
