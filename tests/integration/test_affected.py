# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of a small project: no test whose outcome they change is left out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from harness.model import Outcome
from harness.plugins.trace.facts import Now
from harness.plugins.trace.names import names_of
from harness.run import traces
from harness.run.traces import TracedTest

ROOT = Path(__file__).parents[2]
SOURCE = '''\
"""What is tested."""
import os
from functools import lru_cache, partial
from pathlib import Path

from . import helper

LIMIT = 3
RATES = None
HERE = Path(__file__).parent


class Thing:
    size = 1

    @property
    def width(self):
        return self.size * helper.factor()

    @classmethod
    def made(cls, count=2):
        """A thing."""
        thing = cls()
        thing.size = count
        return thing


def rates():
    global RATES
    if RATES is None:
        RATES = read()
    return RATES


def read():
    return [line.split(",") for line in (HERE / "rates.csv").read_text().splitlines()]


@lru_cache(maxsize=None)
def remembered():
    return inner()


def inner():
    return 1


def place():
    return os.environ.get("PLACE", "nowhere")


def scripts():
    return sorted(one.name for one in HERE.glob("*.txt"))


def special():
    from .late import LATE

    return LATE


def optional():
    path = HERE / "optional.csv"
    return path.exists()
'''
TESTS = """\
import pytest
from thing import core

@pytest.fixture(scope="module")
def shared():
    return core.Thing.made(5)

def test_width(): assert core.Thing().width == 2
def test_made(): assert core.Thing.made().size == 2
def test_doc(): assert core.Thing.made.__doc__ == "A thing."
def test_shared_1(shared): assert shared.size == 5
def test_shared_2(shared): assert shared.size == 5
def test_limit(): assert core.LIMIT == 3
def test_rates_1(): assert core.rates()[0] == ["a", "1"]
def test_rates_2(): assert core.rates()[1] == ["b", "2"]
def test_cache_1(): assert core.remembered() == 1
def test_cache_2(): assert core.remembered() == 1
def test_place(): assert core.place() == "nowhere"
def test_scripts(): assert core.scripts() == ["one.txt"]
def test_late(): assert core.special() == 1
def test_optional(): assert not core.optional()
def test_alone(): assert 1
class TestSequence:
    seen = []
    def test_first(self): self.seen.append(core.inner())
    def test_second(self): assert self.seen == [1]
"""
OTHER = """\
from importlib import import_module
from helping import one
from thing import shown

def test_computed(): assert getattr(shown, "L" + "ATER") == 1
def test_one(): assert one() == 1
def test_asked(): assert import_module("thing.core").remembered() == 1
"""
PACKAGED = """\
import sys

def test_value(): assert sys.modules[__package__].VALUE == 1
"""
AUTOMATIC = """\
import pytest

@pytest.fixture(autouse=True)
def fails(): raise ValueError
"""
FILES = {
    "src/thing/__init__.py": "",
    "src/thing/core.py": SOURCE,
    "src/thing/helper.py": "def factor():\n    return 2\n",
    "src/thing/late.py": "LATE = 1\n",
    "src/thing/early.py": "LATER = 1\n",
    "src/thing/shown.py": "from .early import LATER\n",
    "src/thing/rates.csv": "a,1\nb,2\n",
    "src/thing/one.txt": "",
    "tests/test_core.py": TESTS,
    "tests/test_other.py": OTHER,
    "tests/helping.py": "def one():\n    return 1\n",
    "tests/early/__init__.py": "VALUE = 1\n",
    "tests/early/test_first.py": PACKAGED,
    "tests/early/test_second.py": PACKAGED,
}
EDITS: tuple[tuple[str, str, str, int], ...] = (
    # file, what, by what; the most tests that may run
    ("src/thing/core.py", "size * helper", "size * 2 * helper", 1),
    ("src/thing/core.py", "thing.size = count", "thing.size = 7", 15),
    ("src/thing/core.py", "count=2", "count=3", 18),
    ("src/thing/core.py", "LIMIT = 3", "LIMIT = 4", 2),
    ("src/thing/core.py", "LIMIT = 3", "MORE = 1\nLIMIT = 3", 1),
    ("src/thing/core.py", "LIMIT = 3", "LIMIT = 3\nMORE = len('a')", 18),
    ("src/thing/core.py", "def scripts()", "def sorted(a): pass\ndef scripts()", 2),
    ("src/thing/core.py", "def inner():", "def inner(more):", 5),
    ("src/thing/core.py", "LIMIT = 3\n", "", 2),
    ("tests/test_core.py", "def test_doc", "def test_new(): 1\ndef test_doc", 1),
    ("tests/test_core.py", "def test_alone(): assert 1\n", "", 18),
    ("src/thing/core.py", "    @property\n", "    @partial\n", 18),
    ("src/thing/core.py", "A thing.", "Another.", 18),
    ("src/thing/core.py", 'split(",")', 'split(";")', 12),
    ("src/thing/core.py", "    return inner()", "    return 2", 10),
    ("src/thing/core.py", "inner():\n    return 1", "inner():\n    return 2", 10),
    ("src/thing/core.py", "    return sorted(", "    # sorted\n    return sorted(", 0),
    ("src/thing/helper.py", "return 2", "return 3", 1),
    ("src/thing/helper.py", "def factor", "def other", 18),
    ("src/thing/late.py", "LATE = 1", "LATE = 2", 7),
    ("src/thing/early.py", "LATER = 1", "LATER = 2", 1),
    ("src/thing/rates.csv", "b,2", "b,3", 12),
    ("src/thing/two.txt", "", "new", 1),
    ("src/thing/one.txt", "", None, 1),  # type: ignore[arg-type]
    ("src/thing/optional.csv", "", "new", 2),
    ("tests/helping.py", "return 1", "return 2", 1),
    (
        "tests/test_core.py",
        "def test_alone(): assert 1",
        "def test_alone(): assert 0",
        1,
    ),
    ("tests/early/__init__.py", "VALUE = 1", "VALUE = 2", 2),
    ("tests/early/conftest.py", "", AUTOMATIC, 2),
    ("PLACE", "", "somewhere", 1),
)


class Project:
    """A small project, and runs of its tests that are traced."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.environ = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(root / "src")]),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        self.environ.pop("PLACE", None)
        for name, text in FILES.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    def run(self, *options: str, unchanged: tuple[str, ...] = ()) -> str:
        """Run them; what pytest prints."""
        made = self.root / "run"
        subprocess.run(["rm", "-rf", made], check=True)
        made.mkdir()
        now = Now("", environ=self.environ)
        order = {
            "root": str(self.root), "sources": [str(self.root / "src/thing")],
            "apart": [str(made)], "cache": str(self.root / "run/code"),
            "unchanged": unchanged, "directory": str(made),
            "collected": str(made / "collected.json"), "files": [],
            "run": "r1",
            "environ": {name: now.digest(f"variable {name}") for name in self.environ},
        }  # fmt: skip
        (made / "order.json").write_text(json.dumps(order))
        argv = [
            sys.executable, "-m", "harness.plugins.workers",
            "-p", "harness.plugins.workers", "-p", "harness.plugins.tracing",
            "-p", "no:cacheprovider", "-c", os.devnull, f"--rootdir={self.root}",
            f"--harness-trace={made}/order.json", "-rA", "-q", *options, "tests",
        ]  # fmt: skip
        done = subprocess.run(
            argv, cwd=self.root, env=self.environ, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        return done.stdout + done.stderr

    def noted(self) -> dict[str, frozenset[traces.Fact]]:
        """What the last run has noted, by test."""
        found: dict[str, frozenset[traces.Fact]] = {}
        for path in (self.root / "run").glob("*.jsonl"):
            for key, needs in traces._noted(path):
                found[key] = found.get(key, frozenset()) | needs
        return found

    def stale(self, known: dict[str, frozenset[traces.Fact]]) -> set[str]:
        """The tests whose trace does not hold."""
        own = names_of([str(self.root / "src/thing")])
        now = Now(str(self.root), own=own, environ=self.environ)
        tests = {
            key: TracedTest(run="1", outcome=Outcome.PASSED, needs=needs)
            for key, needs in known.items()
        }
        return set(traces.reasons(tests, now, traces.stale(tests, now)))


def outcomes(output: str) -> dict[str, str]:
    """By the test's key."""
    lines = (line.split(" ") for line in output.splitlines())
    known = ("PASSED", "FAILED", "ERROR")
    return {line[1]: line[0] for line in lines if line[0] in known}


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path / "project")


def test_no_edit_is_missed(project: Project) -> None:
    before = outcomes(project.run())
    assert set(before.values()) == {"PASSED"}
    known = {key.partition("/")[2]: needs for key, needs in project.noted().items()}
    assert len(known) == len(before) == 22
    for name, old, new, most in EDITS:
        path = project.root / name
        kept = path.read_text() if path.exists() else None
        if name == "PLACE":
            project.environ[name] = new
        elif new is None:
            path.unlink()
        else:
            assert (kept or "").count(old) >= 1
            path.write_text((kept or "").replace(old, new) if old else new)
        stale = project.stale(known)
        now = outcomes(project.run())
        changed = {key for key, outcome in now.items() if outcome != before.get(key)}
        changed |= before.keys() - now.keys()
        changed &= known.keys()
        assert changed <= stale, (name, old, new)
        assert len(stale) <= most, (name, old, new, sorted(stale))
        project.environ.pop("PLACE", None)
        if kept is None:
            path.unlink(missing_ok=True)
        else:
            path.write_text(kept)
    assert project.stale(known) == set()


def test_workers_of_a_nose_suite_import_nothing_again(project: Project) -> None:
    """A package is where its directory is: else each fork imports all of it anew."""
    core = project.root / "src/thing/core.py"
    core.write_text(f"import os; print('imported by', os.getpid())\n{SOURCE}")
    output = project.run("-n", "2", "-p", "harness.plugins.nose", "-s", "--runxfail")
    assert output.count("imported by") <= 1
    for key, needs in project.noted().items():
        files = {name for name, _ in needs if name.startswith("module tests/")}
        own = {one for one in files if "/test_" in one}
        assert own == {f"module {key.partition('/')[2].partition('::')[0]}"}, key


def test_what_a_fork_imports_again_is_its_own_tests_need(project: Project) -> None:
    """Where modules of two directories have one name, each fork imports its own."""
    for place in ("one", "two"):
        path = project.root / f"tests/test_{place}/test_same.py"
        path.parent.mkdir()
        path.write_text(f"def test_{place}(): assert 1\n")
    project.run("-n", "2", "-p", "harness.plugins.nose", "--runxfail")
    noted = {key.partition("/")[2]: needs for key, needs in project.noted().items()}
    same = {
        key: {
            name
            for name, _ in needs
            if name.startswith("module ") and name.endswith("/test_same.py")
        }
        for key, needs in noted.items()
    }
    one, two = (f"tests/test_{place}/test_same.py" for place in ("one", "two"))
    assert same.pop(f"{one}::test_one") == {f"module {one}"}
    assert same.pop(f"{two}::test_two") == {f"module {two}"}
    assert len(same) == 22
    assert not any(same.values())
