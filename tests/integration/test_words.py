# SPDX-License-Identifier: GPL-3.0-or-later
"""Words that are given back: ids of tests, and what ``./nox`` is given."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from harness import __version__
from tests.integration.conftest import ROOT, Harness
from tests.integration.terminals import terminal


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("tryton",), "it is ./nox -s tryton"),
        (("tryton", "party", "-k", "x"), "it is ./nox -s tryton -- party -k x"),
        (("tyrton",), "did you mean tryton?"),
        (("-s", "tyrton"), "did you mean tryton?"),
        (("-s", "tryton", "party", "-x"), "it is ./nox -s tryton -- party -x"),
        (
            ("-s", "tryton", "party", "--", "--lf"),
            "it is ./nox -s tryton -- party --lf",
        ),
        (("-s", "frobnicate"), "./nox -l lists them"),
    ],
)
def test_nox_says_what_was_meant(words: tuple[str, ...], remedy: str) -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "nox", *words],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr.endswith(f"to mend it: {remedy}\n")
    assert done.stdout == ""


PROJECT = """\
[build-system]
requires = ["setuptools"]
build-backend = "setuptools.build_meta"
[project]
name = "harness-test-clone"
version = "1"
dependencies = [{needs}]
optional-dependencies.dev = []
scripts.nox = "clone:main"
[tool.setuptools]
py-modules = ["clone"]
[tool.ruff]
line-length = {length}
"""


def test_the_environment_of_a_clone_stays_until_a_new_one_stands(
    tmp_path: Path,
) -> None:
    """Its nox is a program that prints its words."""
    shutil.copy(ROOT / "nox", tmp_path)
    (tmp_path / "noxfile.py").write_text("def tests(session): pass\n")
    (tmp_path / "clone.py").write_text("def main(): print('ran')\n")
    venv = tmp_path / ".venv"

    def nox(needs: str, length: object = 88) -> tuple[int, str]:
        text = PROJECT.format(needs=needs, length=length)
        (tmp_path / "pyproject.toml").write_text(text)
        done = subprocess.run(
            [sys.executable, tmp_path / "nox", "-l"], cwd=tmp_path, timeout=120,
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    code, said = nox("")
    assert (code, said.count("making"), said.count("ran\n")) == (0, 1, 1), said
    assert "to call it: .venv/bin/harness" in said
    (venv / "mine").touch()
    assert nox("", 100) == (0, "ran\n")  # a setting of ruff
    code, said = nox("", "[")
    assert code == 1
    assert said.startswith("pyproject.toml cannot be read: ")
    code, said = nox("'nowhere @ file:///nowhere'")
    assert (code, "to mend it: is the package index reachable" in said) == (1, True)
    assert nox("") == (0, "ran\n")
    assert (venv / "mine").exists()
    assert not (tmp_path / ".venv.former").exists()
    (venv / "bin" / "python").unlink()  # as when its interpreter is gone
    code, said = nox("")
    assert (code, said.count("making"), said.count("ran\n")) == (0, 1, 1), said


ODD = """\
import unittest

import pytest


WORDS = "a b", "x::y", "ä/ö", "[z]", "(n=1)", "a [b] (c)", ""


@pytest.mark.parametrize("word", WORDS)
def test_odd(word):
    pass


class SubTestCase(unittest.TestCase):
    def test_sub(self):
        with self.subTest("odd [x] (n=1)", n=1):
            pass
"""
NAMES = {
    "test_odd[a b]",
    "test_odd[x::y]",
    r"test_odd[\xe4/\xf6]",
    "test_odd[[z]]",
    "test_odd[(n=1)]",
    "test_odd[a [b] (c)]",
    "test_odd[]",
    "SubTestCase::test_sub",
}


def ids(done: "subprocess.CompletedProcess[str]") -> list[str]:
    assert done.returncode == 0, done.stdout + done.stderr
    return [one for one in done.stdout.splitlines() if "::" in one and one[0] != " "]


def test_every_id_that_is_printed_is_taken_from_any_directory(
    harness: Harness, project: Path
) -> None:
    """Of one module, and of several, whose ids say where they are."""
    file = "tests/test_odd.py"
    (project / "src/alpha/alpha" / file).write_text(ODD)
    words = ("test", "tryton", "--database", "sqlite", "--list-tests")
    own = ids(harness(*words, "alpha", "-k", "test_odd"))
    assert {one.removeprefix(f"{file}::") for one in own} == NAMES
    both = ids(harness(*words, "alpha", "beta", "-k", "test_odd"))
    assert {one.removeprefix(f"alpha/alpha/{file}::") for one in both} == NAMES
    more = f"{file}::SubTestCase::test_sub [odd [x] (n=1)] (n='1')"
    shown = [f"src/alpha/alpha/{one}" for one in own]
    for place in (".", "src/beta", "src/alpha/alpha/tests"):
        for given in ([*own, more], both, shown):
            found = ids(harness(*words, *given, cwd=project / place))
            assert sorted(found) == sorted(own)


def test_tests_of_several_modules_do_not_share_ids(
    harness: Harness, project: Path
) -> None:
    done = harness("test", "tryton", "alpha", "beta", "--database", "sqlite",
                   "--list-tests")  # fmt: skip
    found = ids(done)
    assert len(set(found)) == len(found)
    assert {one.partition("/")[0] for one in found} == {"alpha", "beta"}


def test_the_tests_of_a_shard_are_listed(harness: Harness) -> None:
    line = ("test", "tryton", "alpha", "beta", "--database", "sqlite", "--list-tests")
    whole = ids(harness(*line))
    parts = [ids(harness(*line, "--shard", f"{number}/2")) for number in (1, 2)]
    assert sorted([*parts[0], *parts[1]]) == sorted(whole)
    assert all(parts)


def test_an_id_that_is_none_is_answered_with_the_nearest(
    harness: Harness, project: Path
) -> None:
    name = "alpha/tests/test_module.py::AlphaTestCase::test_firts"
    done = harness("test", "tryton", "alpha", "--database", "sqlite", "--exactly", name)
    assert done.returncode == 2, done.stdout
    assert "did you mean alpha/tests/test_module.py::AlphaTestCase::test_first?" in (
        done.stdout + done.stderr
    )


PDB = """\
import unittest


class PdbTestCase(unittest.TestCase):
    def test_wrong(self):
        here = 42
        self.assertEqual(here, 43)
"""


def test_pdb_stops_in_the_test(project: Path, env: dict[str, str]) -> None:
    """Not in unittest's own code, which has none of the test's names."""
    (project / "src/alpha/alpha/tests/test_pdb.py").write_text(PDB)
    line = ("-m", "harness", "test", "tryton", "alpha", "--database", "sqlite")
    argv = [sys.executable, *line, "--pdb", "-k", "PdbTestCase"]
    with terminal(argv, cwd=project, env=env) as console:
        at = console.wait_for(r"\(Pdb\)")
        console.type("p 'it is', here\n")
        console.wait_for(r"\('it is', 42\)", after=at)
        console.type("q\n")
        console.end()


BROWSER = """
[tool.harness.source.gamma]
kind = "python"
[tool.harness.template.gamma]
modules = ["alpha"]
[tool.harness.suite.gamma]
kind = "pytest"
source = "gamma"
template = "gamma"
paths = ["tests"]
browser = true
"""


def test_a_browser_that_is_not_there_is_told_first(
    harness: Harness, project: Path
) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write(BROWSER)
    tests = project / "src/gamma/tests"
    tests.mkdir(parents=True)
    (tests / "test_page.py").write_text("def test_page(browser):\n    pass\n")
    line = ("test", "gamma", "--browser", "local")
    done = harness(*line, PATH="/nowhere")
    shutil.rmtree(project / "src/gamma")
    assert done.returncode == 4, done.stdout
    assert "no browser can be used: not local" in done.stdout
    assert "environment" not in done.stdout
    assert "series" not in done.stdout


def nox(cwd: Path, *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "nox", *words],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_nox_says_nothing_of_what_nobody_asked_for() -> None:
    assert "uv" not in nox(ROOT, "-s", "manage", "--", "--version")


def test_sessions_in_anybodys_noxfile_are_what_a_user_of_nox_expects(
    tmp_path: Path,
) -> None:
    names = "tryton", "shop_tests", "gate", "watch", "manage"
    text = f"from harness import sessions\nsessions.add{names}\n"
    (tmp_path / "noxfile.py").write_text(text)
    listed = json.loads(nox(tmp_path, "-l", "--json"))
    assert [one["session"] for one in listed] == [*names[:3]]
    assert all(one["description"] for one in listed)
    tagged = json.loads(nox(tmp_path, "-l", "--json", "-t", "tests"))
    assert [one["session"] for one in tagged] == ["tryton", "shop_tests"]
    assert "- watch" in nox(tmp_path, "-l")
    for word in ("-R", "-r"):
        said = nox(tmp_path, word, "-s", "manage", "--", "--version")
        assert __version__ in said
        assert "uv" not in said, "nobody has asked for it"
    assert [one.name for one in tmp_path.iterdir() if one.name[0] != "_"] == [
        "noxfile.py"
    ], "no environment is made"
