# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate on a small project: it says no to each defect, and names it."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from tests.integration.conftest import worked
from tests.weekly import weekly

Harness = Callable[..., "subprocess.CompletedProcess[str]"]

CONFIGURATION = f'''
[tool.harness]
[tool.harness.source.alpha]
[tool.harness.source.beta]
[tool.harness.suite.tryton]
[tool.harness.template.data]
modules = ["alpha"]
data = ["data/things.txt"]
[tool.harness.gate]
program = "{shlex.quote(sys.executable)} -m harness"
changed = 90
coverage = 60
[tool.harness.check.lint]
run = ["{{python}} -m ruff check --isolated --no-cache lib"]
always = true
quick = true
[tool.harness.check.types]
run = ["{{python}} -m mypy --config-file= --strict lib"]
paths = ["lib/**"]
[tool.harness.check.unit]
run = ["""{{python}} -m coverage run --branch --data-file={{coverage}} --source=lib \\
-m pytest -q -p no:cacheprovider -c /dev/null --rootdir=. checks"""]
paths = ["lib/**", "checks/**"]
measures = ["lib"]
quick = true
[tool.harness.check.templates]
run = ["{{harness}} template build data"]
paths = ["data/**", "src/alpha/**"]
[tool.harness.rule.lib]
files = ["lib/**", "checks/**"]
'''
FILES = {
    ".gitignore": "reports/\n__pycache__/\n.mypy_cache/\n*.egg-info/\nbuild/\n",
    "lib/__init__.py": "",
    "lib/sums.py": """\
        def add(a: int, b: int) -> int:
            return a + b
        """,
    "checks/test_sums.py": """\
        from lib import sums

        def test_add() -> None:
            assert sums.add(1, 2) == 3
        """,
    "data/things.txt": """\
        >>> from proteus import Model
        >>> Thing = Model.get('alpha.thing')
        >>> thing = Thing(name="Second")
        >>> thing.save()
        """,
}


def git(project: Path, *arguments: str) -> None:
    words = ("-c", "user.name=t", "-c", "user.email=t@t")
    subprocess.run(["git", *words, *arguments], cwd=project, check=True)


@contextmanager
def committed(
    project: Path, configuration: str, files: Mapping[str, str]
) -> Iterator[Path]:
    """The project with these in a repository, as committed, on a branch of its own."""
    (project / "pyproject.toml").write_text(configuration)
    for name, text in files.items():
        (project / name).parent.mkdir(exist_ok=True, parents=True)
        (project / name).write_text(dedent(text))
    git(project, "init", "-q", "-b", "main")
    git(project, "add", ".")
    git(project, "commit", "-qm", "one")
    git(project, "checkout", "-qb", "topic")
    yield project
    for name in {".git", *(name.partition("/")[0] for name in files)}:
        subprocess.run(["rm", "-rf", name], cwd=project, check=True)


@pytest.fixture
def checkout(project: Path) -> Iterator[Path]:
    """The small project."""
    with committed(project, CONFIGURATION, FILES) as made:
        yield made


def verdict(project: Path) -> dict[str, Any]:
    text = (project / "reports/latest/gate.json").read_text()
    found: dict[str, Any] = json.loads(text)
    return found


def statuses(project: Path) -> dict[str, str]:
    return {row["name"]: row["status"] for row in verdict(project)["rows"]}


def append(project: Path, name: str, text: str) -> None:
    """Add to a file; a text that begins with ``!`` takes its place."""
    file = project / name
    old = "" if text.startswith("!") else file.read_text()
    file.write_text(old + dedent(text.removeprefix("!")))


def test_an_unchanged_checkout(harness: Harness, checkout: Path) -> None:
    before = worked()
    done = harness("gate")
    spent = worked() - before
    assert done.returncode == 0, done.stdout
    assert "nothing changed since main" in done.stdout
    assert statuses(checkout) == {
        "lint": "passed",
        "types": "not needed",
        "unit": "not needed",
        "templates": "not needed",
        "tryton": "not needed",
        "coverage": "not needed",
        "changed": "not needed",
    }
    assert spent < 1.0


def test_all_of_it(harness: Harness, checkout: Path) -> None:
    done = harness("gate", "--full")
    assert done.returncode == 0, done.stdout
    assert statuses(checkout) == {
        **dict.fromkeys(["lint", "types", "unit", "templates", "tryton"], "passed"),
        "coverage": "passed",
        "changed": "not needed",
    }
    assert "everything is needed: --full" in done.stdout


def test_a_change_of_one_module(harness: Harness, checkout: Path) -> None:
    append(checkout, "src/beta/beta/__init__.py", "# changed\n")
    done = harness("gate", "--list")
    assert done.returncode == 0, done.stdout
    assert "test tryton beta --coverage" in done.stdout
    done = harness("gate", "--json")
    [job] = [one for one in json.loads(done.stdout)["jobs"] if one["suite"]]
    assert job["modules"] == ["beta"]
    append(checkout, "src/alpha/alpha/__init__.py", "# changed\n")
    assert "test tryton alpha beta --coverage" in harness("gate", "--list").stdout


RED = ("failed", "missing", "stopped")
DEFECTS: dict[str, tuple[str, str, list[str], str]] = {
    "a lint error": ("lib/sums.py", "import os\n", ["lint"], "Found 1 error"),
    "a type error": (
        "lib/sums.py",
        "\nTOTAL: str = add(1, 2)\n",
        ["types"],
        "Found 1 error",
    ),
    "a failing test": (
        "checks/test_sums.py",
        "\ndef test_less() -> None:\n    assert sums.add(1, 1) == 3\n",
        ["unit", "coverage", "changed"],
        "1 failed",
    ),
    "an import error": (
        "src/beta/beta/tests/test_module.py",
        "import no_such_module\n",
        ["tryton", "coverage", "changed"],
        "test_module.py",
    ),
    "a failing test of a module": (
        "src/beta/beta/tests/test_module.py",
        "import unittest\nclass C(unittest.TestCase):\n"
        "    def test_no(self):\n        self.fail()\n",
        ["tryton", "coverage", "changed"],
        "C::test_no",
    ),
    "a template's script": (
        "data/things.txt",
        ">>> Thing(nam='x').save()\n",
        ["templates"],
        "exit code 7",
    ),
    "coverage that drops": (
        "lib/sums.py",
        "\ndef less(a: int, b: int) -> int:\n"
        "    if a > b:\n        return a - b\n    return 0\n",
        ["coverage", "changed"],
        "% of lines and branches in 2 files, least is 60 %",
    ),
    "a test that is gone": (
        "checks/test_sums.py",
        "!def test_nothing() -> None:\n    pass\n",
        ["coverage"],
        "0 % of lines and branches",
    ),
}


def test_what_jobs_left_is_judged_alike(
    harness: Harness, checkout: Path, tmp_path: Path
) -> None:
    append(checkout, "lib/sums.py", "\nassert add(0, 0) == 0\n")
    listed = json.loads(harness("gate", "--json").stdout)
    jobs = [job["name"] for job in listed["jobs"]]
    assert jobs == ["lint", "types", "unit"]
    for name in jobs:
        assert harness("gate", "--only", name).returncode == 0
        latest = (checkout / "reports/latest").resolve()
        latest.rename(tmp_path / f"report-{name}")
    places = [str(tmp_path / f"report-{name}") for name in jobs]
    done = harness("gate", "--judge", *places)
    assert done.returncode == 0, done.stdout
    judged = statuses(checkout)
    assert judged["coverage"] == judged["changed"] == "passed"
    assert harness("gate").returncode == 0
    assert statuses(checkout) == judged
    done = harness("gate", "--judge", *places[:-1])
    assert done.returncode == 8
    assert statuses(checkout)["unit"] == "missing"
    assert statuses(checkout)["changed"] == "stopped"


def test_the_first_failure_ends_the_rest(harness: Harness, checkout: Path) -> None:
    append(checkout, "lib/sums.py", "import os\n")
    append(checkout, "checks/test_sums.py", "\nimport time\ntime.sleep(600)\n")
    done = harness("gate", "--fail-fast", "--skip", "tryton")
    assert done.returncode == 8, done.stdout
    found = statuses(checkout)
    assert found["lint"] == "failed"
    assert found["unit"] == "stopped"
    assert verdict(checkout)["seconds"] < 60


def test_bad_names(harness: Harness, checkout: Path) -> None:
    done = harness("gate", "--only", "lintt")
    assert done.returncode == 2
    assert "did you mean lint?" in done.stdout
    done = harness("gate", "--since", "no-such-branch")
    assert done.returncode == 2
    assert "git cannot compare" in done.stdout
    done = harness("gate", "--skip", "lint")
    assert done.returncode == 3
    assert "nothing was checked" in done.stdout


# -- hooks -------------------------------------------------------------------


def push(checkout: Path, env: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["git", "push", "-q", "elsewhere", "topic"],
        cwd=checkout,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_hook_stops_a_push(
    harness: Harness, checkout: Path, tmp_path: Path, env: dict[str, str]
) -> None:
    git(checkout, "init", "-q", "--bare", str(tmp_path / "elsewhere"))
    git(checkout, "remote", "add", "elsewhere", str(tmp_path / "elsewhere"))
    assert harness("hooks", "install").returncode == 0
    assert harness("hooks", "install").returncode == 0
    assert push(checkout, env).returncode == 0
    append(checkout, "lib/sums.py", "import os\n")
    git(checkout, "commit", "-qam", "two")
    done = push(checkout, env)
    assert done.returncode != 0
    assert "the gate says no: lint" in done.stdout + done.stderr
    text = (checkout / "pyproject.toml").read_text()
    (checkout / "pyproject.toml").write_text(text.replace("quick = true", ""))
    assert push(checkout, env).returncode == 0  # nothing of it is quick
    git(checkout, "commit", "-q", "--amend", "--allow-empty", "-m", "three")
    (checkout / "pyproject.toml").write_text(text)
    assert push(checkout, env).returncode != 0
    assert harness("hooks", "remove").returncode == 0
    git(checkout, "push", "-qf", "elsewhere", "topic")


def test_a_foreign_hook_stays(harness: Harness, checkout: Path) -> None:
    hook = checkout / ".git/hooks/pre-push"
    hook.write_text("#!/bin/sh\nexit 0\n")
    for action in ("install", "remove"):
        done = harness("hooks", action)
        assert done.returncode == 2, done.stdout
        assert "not the harness's" in done.stdout
    assert "add this line to it" in harness("hooks", "install").stdout
    assert hook.read_text() == "#!/bin/sh\nexit 0\n"


def test_hooks_that_others_share_stay(
    harness: Harness, checkout: Path, tmp_path: Path
) -> None:
    git(checkout, "config", "core.hooksPath", str(tmp_path / "hooks"))
    done = harness("hooks", "install")
    assert done.returncode == 2
    assert "outside of this repository" in done.stdout
    assert not (tmp_path / "hooks").exists()


# -- defects -----------------------------------------------------------------


# Of these, test_matrix has the gate find more, two or three at once.
ELSEWHERE = ("a failing test", "a lint error", "a type error", "a template's script")


@pytest.mark.parametrize(
    "name", [weekly(one) if one in ELSEWHERE else one for one in DEFECTS]
)
def test_a_defect(
    harness: Harness, checkout: Path, env: dict[str, str], name: str
) -> None:
    file, text, red, why = DEFECTS[name]
    append(checkout, file, text)
    done = harness("gate")
    assert done.returncode == 8, done.stdout
    found = verdict(checkout)
    assert (found["verdict"], found["exit_code"]) == ("not passed", 8)
    rows = {one["name"]: one for one in found["rows"]}
    assert [n for n, row in rows.items() if row["status"] in RED] == red
    assert why in rows[red[0]]["why"], rows[red[0]]
    assert f"the gate says no: {', '.join(red)}" in done.stdout
    command = rows[red[0]]["command"]
    assert command in done.stdout
    again = subprocess.run(
        command,
        shell=True,
        cwd=checkout,
        env=env,
        capture_output=True,
        check=False,
    )
    assert again.returncode != 0
