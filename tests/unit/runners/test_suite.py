# SPDX-License-Identifier: GPL-3.0-or-later
"""The command of a suite, and what its words lead to."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from harness.environment import Environment
from harness.errors import SourceError, UsageError
from harness.interpreters import Interpreter
from harness.locks import Lock
from harness.model import Isolation, Origin, Source
from harness.plan import Manner, Step
from harness.runners import base, suite
from harness.runners.base import Files

PATHS = ("portal_web/tests/unit", "portal_web/tests/functional")


ANYTHING = "from elsewhere import *\n"
"""What such a file has is known when it is imported."""


@pytest.fixture
def source(tmp_path: Path) -> Source:
    path = tmp_path / "stack" / "src" / "portal_web"
    for name in ("unit/models.py", "unit/views/test_form.py", "functional/login.py"):
        file = path / "portal_web" / "tests" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(ANYTHING)
    (path / "portal_web" / "__init__.py").touch()
    return Source(name="portal_web", path=path, origin=Origin.SRC)


def find(source: Source, *words: str, nose: bool = True) -> tuple[str, ...]:
    root = source.path.parents[1]
    places = suite.Places(
        source=source, paths=PATHS, bases=(root, source.path), nose=nose
    )
    found = places.addresses(words)
    return tuple(one.removeprefix(f"{source.path}/portal_web/tests/") for one in found)


# -- addresses ---------------------------------------------------------------


def test_without_words_all_paths(source: Source) -> None:
    assert find(source) == ("unit", "functional")


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("unit", "unit"),
        ("src/portal_web/portal_web/tests/unit/models.py", "unit/models.py"),
        ("portal_web/tests/unit/models.py:Case.test_a", "unit/models.py:Case.test_a"),
        ("unit/models.py:Case", "unit/models.py:Case"),
        ("unit/models.py::Case::test_a", "unit/models.py::Case::test_a"),
        ("unit/views", "unit/views"),
        ("portal_web.tests.unit.models:Case", "portal_web.tests.unit.models:Case"),
    ],
)
def test_words_of_nose(source: Source, word: str, expected: str) -> None:
    assert find(source, word) == (expected,)


def test_an_absolute_path(source: Source) -> None:
    file = source.path / "portal_web/tests/unit/models.py"
    assert find(source, f"{file}:Case") == ("unit/models.py:Case",)


def test_nose_addresses_become_those_of_pytest(source: Source) -> None:
    found = find(source, "unit/models.py:Case.test_a", "functional", nose=False)
    assert found == ("unit/models.py::Case::test_a", "functional")


@pytest.mark.parametrize(
    ("word", "hint"),
    [
        ("units", "did you mean unit"),
        ("unit/model.py:Case", "did you mean unit/models.py"),
        ("zzz", "name a test file, or one of unit, functional"),
    ],
)
def test_what_leads_nowhere(source: Source, word: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        find(source, word, nose=False)
    assert hint in caught.value.remedy


def test_an_incomplete_source(source: Source) -> None:
    with pytest.raises(SourceError, match=r"portal_web has no .*tests/api"):
        suite.Places(source=source, paths=("tests/api",), bases=(), nose=False)


# -- the environment ---------------------------------------------------------


def test_variables_of_a_lease_are_told_apart() -> None:
    fixed, varying = suite.environment(
        ["A=1", "JSON={}", "FILES={files}/x", "URL=http://127.0.0.1:{port:web}/", "B="]
    )
    assert fixed == {"A": "1", "JSON": "{}", "B": ""}
    assert varying == {"FILES": "{files}/x", "URL": "http://127.0.0.1:{port:web}/"}


# -- the command -------------------------------------------------------------


def step(source: Source, **more: Any) -> Step:
    return Step(
        suite="portal",
        series="7.0",
        tested=(),
        database="local",
        reason="asked for",
        isolation=Isolation.CLASS,
        workers=2,
        source=source,
        template="portal",
        **{"sources": ("portal_web",), "paths": ("tests/unit",), **more},
    )


def command(source: Source, tmp_path: Path, **more: Any) -> list[str]:
    environment = Environment(
        path=tmp_path / "env",
        interpreter=Interpreter(path=Path("/usr/bin/python3.11"), version=(3, 11)),
        lock=Lock(tmp_path / "lock"),
    )
    files = Files(directory=tmp_path, cache=tmp_path, timings=tmp_path, link=tmp_path)
    return suite.command(step(source, **more), source, environment, files)


def test_the_command(source: Source, tmp_path: Path) -> None:
    argv = command(source, tmp_path, options=("-x",))
    assert argv[3:17] == [
        "-p", "harness.plugins.workers", "-p", "harness.plugins.results",
        "-p", "harness.plugins.hidden",
        "-p", "harness.plugins.limits", "-p", "harness.plugins.database",
        "-p", "harness.plugins.given",
        "-c", str(tmp_path / "pytest.ini"),
    ]  # fmt: skip
    assert argv[17] == f"--rootdir={source.path}"
    assert "--harness-isolation=class" in argv
    assert [argv[-3], argv[-1]] == ["-x", "tests/unit"]
    assert argv[-2].startswith("--harness-timings=")


def test_doubtful_words_are_told(source: Source, tmp_path: Path) -> None:
    doubtful = (("unit", ("/a/unit",)),)
    argv = command(source, tmp_path, options=("--a", "unit"), doubtful=doubtful)
    [told] = [one for one in argv if one.startswith("--harness-doubtful=")]
    assert json.loads(told.partition("=")[2]) == {
        "words": {"unit": ["/a/unit"]},
        "named": False,
    }
    assert [*argv[-4:-2], argv[-1]] == ["--a", "unit", "tests/unit"]


def test_words_mean_what_they_lead_to(source: Source) -> None:
    places = suite.Places(source=source, paths=PATHS, bases=(source.path,), nose=False)
    tests = source.path / "portal_web" / "tests"
    assert places.meant("unit") == (str(tests / "unit"),)
    assert places.meant("unit/models.py::A") == (f"{tests}/unit/models.py::A",)
    assert places.meant("5") == ("5",)


def test_nose_is_a_plugin(source: Source, tmp_path: Path) -> None:
    assert "harness.plugins.nose" in command(source, tmp_path, nose=True)
    assert "harness.plugins.nose" not in command(source, tmp_path)


def test_a_suite_may_say_its_root(source: Source, tmp_path: Path) -> None:
    argv = command(source, tmp_path, options=("--rootdir=/shared",))
    assert [one for one in argv if "rootdir" in one] == ["--rootdir=/shared"]


def test_the_sources_own_configuration(source: Source, tmp_path: Path) -> None:
    (source.path / "pytest.ini").touch()
    argv = command(source, tmp_path)
    assert argv[argv.index("-c") + 1] == str(source.path / "pytest.ini")


def test_packages_are_measured(source: Source) -> None:
    assert suite.measured(source) == [source.path / "portal_web"]
    (source.path / "portal_web" / "__init__.py").unlink()
    assert suite.measured(source) == [source.path]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        (".coveragerc", ""),
        ("setup.cfg", "[coverage:run]\n"),
        ("tox.ini", "[coverage:report]\n"),
        ("pyproject.toml", "[tool.coverage.run]\n"),
    ],
)
def test_who_configures_coverage(source: Source, name: str, text: str) -> None:
    (source.path / "pyproject.toml").write_text("[project]\n")
    (source.path / "setup.cfg").write_text("[metadata]\n")
    package = source.path / "portal_web"
    assert base.settings([package]) == []
    (source.path / name).write_text(text)
    assert base.settings([package, source.path]) == [source.path / name]


# -- several sources ---------------------------------------------------------


@pytest.fixture
def plugin(source: Source) -> Source:
    path = source.path.parent / "plugin"
    (path / "plugin/tests/unit").mkdir(parents=True)
    (path / "plugin/tests/unit/test_event.py").write_text(ANYTHING)
    return Source(name="plugin", path=path, origin=Origin.SRC)


def find_in_both(source: Source, plugin: Source, *words: str) -> list[str]:
    root = source.path.parents[1]
    places = suite.Places(
        source=source,
        paths=(*PATHS, "plugin:plugin/tests/unit"),
        bases=(root, source.path),
        nose=False,
        sources={"plugin": plugin},
    )
    found = places.addresses(words)
    return [one.removeprefix(f"{root}/src/") for one in found]


def test_paths_of_several_sources(source: Source, plugin: Source) -> None:
    unit = ["portal_web/portal_web/tests/unit", "plugin/plugin/tests/unit"]
    functional = "portal_web/portal_web/tests/functional"
    assert find_in_both(source, plugin) == [unit[0], functional, unit[1]]
    assert find_in_both(source, plugin, "unit") == unit
    found = find_in_both(source, plugin, "unit/test_event.py::Case")
    assert found == ["plugin/plugin/tests/unit/test_event.py::Case"]


def test_a_path_that_another_source_does_not_have(
    source: Source, plugin: Source
) -> None:
    (plugin.path / "plugin/tests/unit/test_event.py").unlink()
    (plugin.path / "plugin/tests/unit").rmdir()
    with pytest.raises(SourceError, match=r"plugin/tests/unit"):
        find_in_both(source, plugin)


def test_the_sources_that_tests_lie_in(source: Source, plugin: Source) -> None:
    one = step(source, sources=("portal_web", "plugin"))
    known = {"portal_web": source, "plugin": plugin}
    assert suite.tested(one, known) == [source]
    both = replace(one, paths=(f"{plugin.path}/plugin/tests/unit/test_event.py",))
    assert suite.tested(both, known) == [source, plugin]


def test_the_root_directory_of_pytest(source: Source, tmp_path: Path) -> None:
    argv = command(source, tmp_path, rootdir="portal_web/tests")
    assert f"--rootdir={source.path}/portal_web/tests" in argv


# -- lanes and the manner ----------------------------------------------------


def test_a_lane_is_the_warm_process_of_another_session() -> None:
    argv = ["python", "-m", base.WORKERS, "-p", "a", "-n", "2", "tests"]
    assert base.in_lane(argv, Path("/r/lane-1")) == [
        "python", "-m", base.WORKERS, "--serve", "/r/lane-1",
        "-p", "a", "-n", "2", "tests",
    ]  # fmt: skip


def test_the_manner_of_a_run(source: Source, tmp_path: Path) -> None:
    def given(manner: Manner) -> list[str]:
        argv = command(source, tmp_path, manner=manner)
        return [word for word in argv if word.startswith("--harness-")]

    usual = given(Manner())
    manner = Manner(reruns=2, repeat=3, seed=7, everything=True)
    assert [word for word in given(manner) if word not in usual] == [
        "--harness-reruns=2", "--harness-repeat=3", "--harness-seed=7",
        "--harness-shuffle-all",
    ]  # fmt: skip
    [word] = set(given(Manner(exact=("b", "a")))) - set(usual)
    path = Path(word.partition("=")[2])
    assert json.loads(path.read_text()) == {"keys": ["b", "a"], "strict": False}
