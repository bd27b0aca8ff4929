# SPDX-License-Identifier: GPL-3.0-or-later
"""Wrong inputs: each has one message with its remedy, and leaves nothing.

Those of ``wrong_inputs.toml`` are typed in this process: none of them makes an
environment, a template or a server, and one that would do so fails.
"""

import io
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest

from harness import cli
from harness.environment import Environments
from tests.integration.conftest import MODULES, ROOT, Harness, write_module

INPUTS: Final[dict[str, Any]] = tomllib.loads(
    Path(__file__).with_name("wrong_inputs.toml").read_text("utf-8")
)
PLACES: Final[dict[str, dict[str, Any]]] = INPUTS.pop("place")
LINES: Final[dict[str, list[Any]]] = {
    line: says for group in INPUTS.values() for line, says in group.items()
}
LONG: Final = "x" * 5_000
NEVER: Final = ("Traceback", "defect", "environment ...", "templates ...")
PROJECT: Final = """\
[tool.harness]
[tool.harness.source.alpha]
[tool.harness.source.beta]
[tool.harness.suite.tryton]
"""


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project with two small modules, and an empty directory beside it."""
    project = tmp_path / "project"
    (tmp_path / "elsewhere").mkdir()
    for name in MODULES:
        write_module(project, name)
    (project / "pyproject.toml").write_text(PROJECT)
    return project


@pytest.fixture
def quiet(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """What `main` sets in its process is as before; an environment is a failure."""

    def never(*_: object, **__: object) -> None:
        raise AssertionError("an environment was begun")

    monkeypatch.setattr(Environments, "ensure", never)
    before = {number: signal.getsignal(number) for number in cli.ENDING}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def typed(
    line: str, monkeypatch: pytest.MonkeyPatch, environ: Mapping[str, str], cwd: Path
) -> tuple[int, str]:
    """The exit code of a line, and what it wrote."""
    written = io.TextIOWrapper(io.BytesIO(), encoding="utf-8")
    with monkeypatch.context() as here:
        for name in os.environ:
            here.delenv(name)
        for name, value in environ.items():
            here.setenv(name, value)
        here.chdir(cwd)
        here.setattr(sys, "stdout", written)
        words = [one.replace("LONG", LONG) for one in shlex.split(line)]
        with open(os.devnull) as nothing:
            here.setattr(sys, "stdin", nothing)
            code = cli.main(words)
    written.seek(0)
    return code, written.read()


def surroundings(project: Path, **more: str) -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(project.parent),
        "HARNESS_STATE": str(project.parent / "state"),
        "HARNESS_DATABASE_SERVER": "sqlite",
        "COLUMNS": "200",
        **more,
    }


def judge(code: int, text: str, says: list[Any]) -> None:
    """One message, what mends it, and no word of how we are made."""
    wanted, word, *never = says
    assert code == wanted, text
    assert text.count("error: ") == 1, text
    assert "to mend it: " in text, text
    assert word in text, text
    for one in (*NEVER, *never):
        assert one.replace("LONG", LONG[:500]) not in text, text


def listing(project: Path) -> set[str]:
    """All that is there, but for the state and what Python writes."""
    paths = (one for one in project.rglob("*") if "__pycache__" not in one.parts)
    return {str(one.relative_to(project)) for one in paths}


def test_there_are_as_many_as_were_wished_for() -> None:
    assert len(LINES) + len(PLACES) >= 90


@pytest.mark.usefixtures("quiet")
def test_wrong_lines(
    place: Path, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    environ = surroundings(place)
    before = listing(place)
    for line, says in LINES.items():
        with subtests.test(line):
            judge(*typed(line, monkeypatch, environ, place), says)
            assert listing(place) == before


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("name", PLACES)
def test_a_wrong_place(place: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    wrong = PLACES[name]
    above = str(place.parent)
    for path in wrong.get("remove", ()):
        shutil.rmtree(place / path)
    files = {**wrong.get("files", {}), **wrong.get("raw", {})}
    for path, text in files.items():
        (place / path).parent.mkdir(parents=True, exist_ok=True)
        encoding = "latin-1" if path in wrong.get("raw", {}) else "utf-8"
        (place / path).write_bytes(text.encode(encoding))
    more = {
        key: value.replace("@", above).replace("LONG", LONG)
        for key, value in wrong.get("environment", {}).items()
    }
    environ = surroundings(place, **more)
    cwd = Path(wrong.get("directory", str(place)).replace("@", above))
    before = listing(place)
    line = wrong.get("line", "test tryton alpha")
    judge(*typed(line, monkeypatch, environ, cwd), wrong["says"])
    assert listing(place) == before


# -- what only a process can be given -------------------------------------------

CLOSED: Final = {
    "nobody reads": ("tset | head -0; exit ${PIPESTATUS[0]}", 2, "did you mean test?"),
    "no standard output": ("tset >&-", 2, "did you mean test?"),
    "no standard input": ("tset <&-", 2, "did you mean test?"),
    "nothing open": ("tset <&- >&- 2>&-", 2, ""),
    "a full disk": ("tset > /dev/full", 2, "did you mean test?"),
    "half of it is read": ("config | head -1; true", 0, "key"),
}


@pytest.mark.parametrize("name", CLOSED)
def test_streams_that_are_closed(place: Path, name: str) -> None:
    line, code, word = CLOSED[name]
    done = in_bash(f"{shlex.quote(sys.executable)} -m harness {line}", place)
    text = done.stdout + done.stderr
    assert done.returncode == code, text
    assert word in text
    assert "Traceback" not in text
    assert "Exception ignored" not in text


def test_a_directory_that_is_gone(place: Path) -> None:
    line = f"{shlex.quote(sys.executable)} -m harness config"
    done = in_bash(f"mkdir gone; cd gone; rmdir ../gone; {line}", place)
    judge(done.returncode, done.stdout + done.stderr, [2, "to one that is there"])


def in_bash(line: str, place: Path) -> "subprocess.CompletedProcess[str]":
    env = {**surroundings(place), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        ["bash", "-c", line],
        cwd=place,
        env=env,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


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
