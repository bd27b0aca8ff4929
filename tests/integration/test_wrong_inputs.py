# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong inputs: each has one message with its remedy, and leaves nothing.

The cheap ones: none of these makes an environment, a template or a server.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.integration.conftest import Harness

MODULE = "src/alpha/alpha/tests/test_module.py"
TEST = ("test", "tryton")

LINES: dict[str, tuple[int, str]] = {
    # -- words -----------------------------------------------------------------
    "tset": (2, "did you mean test?"),
    "tets tryton": (2, "did you mean test?"),
    "Test tryton": (2, "did you mean test?"),
    "templat list": (2, "did you mean template?"),
    "frobnicate": (2, "harness --help"),
    "--frob": (2, "harness --help"),
    "-x": (2, "harness --help"),
    "--json test tryton alpha": (2, "harness test --json tryton alpha"),
    "--database local test tryton": (2, "harness test --database local tryton"),
    "--profile none config": (2, "harness config --profile none"),
    "-v doctor": (2, "harness doctor -v"),
    "test": (3, "name one: nox -s tryton"),  # of the only suite, which has no modules
    "test tryotn": (2, "did you mean tryton?"),
    "test tryton.": (2, "did you mean tryton?"),
    "test frobnicate": (2, "harness config"),
    "template": (2, "harness template --help"),
    "template lits": (2, "did you mean list?"),
    "template frob": (2, "harness template --help"),
    "template build": (2, "harness template build --help"),
    "template export alpha": (2, "harness template export --help"),
    "template import": (2, "harness template import --help"),
    "template list --jsno": (2, "did you mean --json?"),
    "template prune --dry": (2, "did you mean --dry-run?"),
    "template list alpha": (2, "harness template list --help"),
    "db": (2, "harness db --help"),
    "db bakcup": (2, "did you mean backup?"),
    "db lst": (2, "did you mean list?"),
    "db list --jsn": (2, "did you mean --json?"),
    "db restore": (2, "harness db restore --help"),
    "db copy one": (2, "harness db copy --help"),
    "db delete": (2, "harness db delete --help"),
    "db create --reclimit many": (2, "harness db create --help"),
    "config --jsn": (2, "did you mean --json?"),
    "config alpha": (2, "harness config --help"),
    "doctor --jsno": (2, "did you mean --json?"),
    "doctor --fx": (2, "harness doctor --help"),
    "completion": (2, "harness completion --help"),
    "completion bsh": (2, "did you mean bash?"),
    "completion powershell": (2, "harness completion --help"),
    "gate --ful": (2, "did you mean --full?"),
    "gate --onyl x": (2, "did you mean --only?"),
    "lint --jsn": (2, "did you mean --json?"),
    "lint alhpa": (2, "did you mean"),
    "docs --srve": (2, "did you mean --serve?"),
    "docs --serve": (2, "checkout of the stack"),
    "docs --in nowhere": (2, "harness docs --help"),
    "up --frob": (2, "harness up --help"),
    "report": (2, "harness report --help"),
    "ci": (2, "harness ci --help"),
    "sources lst": (2, "harness sources --help"),
    # -- options of harness test -------------------------------------------------
    "test tryton alpha --isolaton test": (2, "did you mean --isolation?"),
    "test tryton alpha --isolation tset": (2, "did you mean test?"),
    "test tryton alpha --isolation": (2, "harness test --help"),
    "test tryton alpha --evidnce never": (2, "did you mean --evidence?"),
    "test tryton alpha --collect-onyl": (2, "did you mean --collect-only?"),
    "test tryton alpha --maxfial=1": (2, "did you mean --maxfail?"),
    "test tryton alpha --keep-faild": (2, "did you mean --keep-failed?"),
    "test tryton alpha --jobs many": (2, "harness test --help"),
    "test tryton alpha --jobs 1.5": (2, "harness test --help"),
    "test tryton alpha --jobs -1": (2, "jobs"),
    "test tryton alpha --reruns -1": (2, "0 or more"),
    "test tryton alpha --repeat 0": (2, "1 or more"),
    "test tryton alpha --seed 0": (2, "1 or more"),
    "test tryton alpha --seed x": (2, "harness test --help"),
    "test tryton alpha --shard 3/2": (2, "--shard 2/5"),
    "test tryton alpha --shard 0/2": (2, "--shard 2/5"),
    "test tryton alpha --shard half": (2, "--shard 2/5"),
    "test tryton alpha --in nowhere": (2, "harness test --help"),
    "test tryton alpha --database oracle": (2, "auto"),
    "test tryton alpha --database postgres://x": (2, "postgresql://"),
    "test tryton alpha --series 9.9": (2, "7.0"),
    "test tryton alpha --series seven": (2, "7.0"),
    "test tryton alpha --profile nowhere": (2, "profile"),
    "test tryton alpha --headed": (2, "leave --headed out"),
    "test tryton alpha --browser local": (2, "leave --browser out"),
    "test tryton alpha --selenium http://x:4444": (2, "leave --selenium out"),
    "test tryton alpha --changed-since no-such-revision": (2, "git"),
    "test tryton alpha --bisect nothing::here": (2, "run"),
    # -- modules and addresses ---------------------------------------------------
    "test tryton": (3, "name one"),
    "test tryton alhpa": (2, "did you mean alpha?"),
    "test tryton prty": (2, "did you mean party?"),
    "test tryton alpha frobnicate": (2, "harness sources"),
    f"test tryton {MODULE}::AlphaTestCas": (2, "did you mean AlphaTestCase?"),
    f"test tryton {MODULE}::test_first": (2, "did you mean AlphaTestCase::test_first?"),
    f"test tryton {MODULE}::test_nothing": (2, "look at"),
    f"test tryton {MODULE}x": (2, "did you mean test_module.py?"),
    "test tryton src/alpha/alpha/tests/test_modul.py": (2, "did you mean"),
    "test tryton nowhere/x.py::test_a": (2, "name a file"),
    "test tryton --path nowhere/x.py": (2, "name a file"),
    "test tryton alpha --path tests/test_modul.py::X": (2, "did you mean"),
    "template build alhpa": (2, "did you mean alpha?"),
    "template explain alhpa": (2, "did you mean alpha?"),
    "template digest alhpa": (2, "did you mean alpha?"),
    # -- files ------------------------------------------------------------------
    "template import nowhere.tar --database sqlite": (7, "harness template export"),
    "template import pyproject.toml --database sqlite": (7, "harness template export"),
    "db restore nowhere.dump --on local": (2, "harness db backup"),
    "db restore src --on local": (2, "harness db backup"),
    "db restore pyproject.toml --on local": (2, "harness db psql"),
}


@pytest.fixture
def watched(project: Path) -> Iterator[Path]:
    """The project, looked at before and after: nothing may be left."""

    def listing() -> set[str]:
        top = (path for path in project.iterdir() if path.name != "src")
        inner = (project / "reports").glob("*")
        return {str(path.relative_to(project)) for path in (*top, *inner)}

    before = listing()
    yield project
    assert listing() == before


def test_there_are_as_many_as_were_wished_for() -> None:
    assert len(LINES) + len(PLACES) >= 90


@pytest.mark.parametrize("line", LINES)
def test_a_wrong_line(harness: Harness, watched: Path, line: str) -> None:
    code, remedy = LINES[line]
    said(harness(*line.split()), code, remedy)


def said(done: "object", code: int, remedy: str) -> None:
    """One message, what mends it, and no word of how we are made."""
    text = done.stdout + done.stderr  # type: ignore[attr-defined]
    assert done.returncode == code, text  # type: ignore[attr-defined]
    assert text.count("error: ") == 1, text
    assert "to mend it: " in text, text
    assert remedy in text, text
    for word in ("Traceback", "defect", "environment ...", "templates ..."):
        assert word not in text, text


# -- surroundings ----------------------------------------------------------------


def file_for_reports(project: Path) -> dict[str, str]:
    (project / "elsewhere").write_text("")
    return {"HARNESS_REPORTS": str(project / "elsewhere")}


def nowhere_for_reports(project: Path) -> dict[str, str]:
    return {"HARNESS_REPORTS": "/proc/nowhere"}


def nowhere_for_state(project: Path) -> dict[str, str]:
    return {"HARNESS_STATE": "/proc/nowhere"}


def no_utf8(project: Path) -> dict[str, str]:
    (project / "pyproject.toml").write_bytes(b"[tool.harness]\n# \xff\n")
    return {}


def no_toml(project: Path) -> dict[str, str]:
    (project / "pyproject.toml").write_text("[tool.harness\n")
    return {}


def wrong_key(project: Path) -> dict[str, str]:
    path = project / "pyproject.toml"
    path.write_text(path.read_text() + "isolatoin = 'test'\n")
    return {}


def wrong_variable(project: Path) -> dict[str, str]:
    return {"HARNESS_JOBS": "many"}


def wrong_server(project: Path) -> dict[str, str]:
    return {"HARNESS_DATABASE_SERVER": "oracle"}


PLACES: dict[str, tuple[Callable[[Path], dict[str, str]], int, str]] = {
    "a file where reports go": (file_for_reports, 4, "HARNESS_REPORTS"),
    "no place for reports": (nowhere_for_reports, 4, "HARNESS_REPORTS"),
    "no place for the state": (nowhere_for_state, 4, "HARNESS_STATE"),
    "a configuration that is no UTF-8": (no_utf8, 2, "UTF-8"),
    "a configuration that is no TOML": (no_toml, 2, "pyproject.toml"),
    "a key that is none": (wrong_key, 2, 'did you mean "isolation"?'),
    "a variable with a wrong value": (wrong_variable, 2, "HARNESS_JOBS"),
    "a variable with no server": (wrong_server, 2, "HARNESS_DATABASE_SERVER"),
}


@pytest.mark.parametrize("name", PLACES)
def test_a_wrong_place(harness: Harness, project: Path, name: str) -> None:
    make, code, remedy = PLACES[name]
    said(harness(*TEST, "alpha", **make(project)), code, remedy)
    (project / "elsewhere").unlink(missing_ok=True)


def test_a_relative_state_directory_is_the_projects(
    harness: Harness, project: Path
) -> None:
    line = ("template", "list", "--database", "sqlite")
    done = harness(*line, cwd=project / "src", HARNESS_STATE="its-own")
    assert done.returncode == 0, done.stdout + done.stderr
    assert (project / "its-own").is_dir()
    assert not (project / "src" / "its-own").exists()
    shutil.rmtree(project / "its-own")


def test_harness_alone_shows_its_help(harness: Harness) -> None:
    """With the exit code of git."""
    done = harness()
    assert done.returncode == 1
    assert done.stdout.startswith("usage: harness")
    assert "exit codes:" in done.stdout


def test_the_first_sign_of_life_comes_at_once(harness: Harness) -> None:
    """What is imported for it: processor seconds, which load does not move."""
    before = os.times()
    done = harness("--version")
    after = os.times()
    assert done.returncode == 0
    spent = after.children_user + after.children_system
    assert spent - before.children_user - before.children_system < 0.3
