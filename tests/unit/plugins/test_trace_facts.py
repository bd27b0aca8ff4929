# SPDX-License-Identifier: GPL-3.0-or-later
"""Facts of what is there, and how their changes are told."""

import json
import os
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from harness.plugins import unpatched
from harness.plugins.trace.facts import Now, Trace, words

FACTS = (
    "module a.py", "members a.py", "function a.py:f", "function a.py:A.g",
    "file data.csv", "file missing.csv", "place data.csv", "place missing.csv",
    "file below",
    "directory below", "tree below", "variable PLACE", "variable NONE", "package thing",
)  # fmt: skip
OUTSIDE = "a.py, outside of functions, changed"
SOURCE = "def f():\n    return 1\n\nclass A:\n    def g(self):\n        return 2\n"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "a.py").write_text(SOURCE)
    (tmp_path / "data.csv").write_text("1,2\n")
    (tmp_path / "below").mkdir()
    (tmp_path / "below/b.txt").write_text("b")
    return tmp_path


def now(project: Path, place: str = "here", version: str = "1.0") -> Now:
    return Now(str(project), environ={"PLACE": place}, given={"package thing": version})


@pytest.fixture
def trace(project: Path) -> Trace:
    found = now(project)
    return Trace({fact: found.digest(fact) for fact in FACTS})


def test_a_trace_is_json_and_holds_until_something_changes(
    project: Path, trace: Trace
) -> None:
    again = Trace(json.loads(json.dumps(trace)))
    assert again.changed(now(project)) == []
    absent = {"file missing.csv", "place missing.csv", "variable NONE"}
    assert {fact for fact in FACTS if trace[fact] == ""} == absent
    assert trace["place data.csv"] == "file"
    assert now(project).digest("place below") == "directory"


@pytest.mark.parametrize(
    ("file", "content", "reasons"),
    [
        ("a.py", SOURCE.replace("1", "3"), ["a.py: f() changed"]),
        ("a.py", SOURCE.replace("2", "3"), ["a.py: A.g() changed"]),
        ("a.py", SOURCE.replace("2", "2  # two"), []),
        ("a.py", "# above\n\n" + SOURCE, []),
        ("a.py", "X = 1\n" + SOURCE, ["a.py: X changed"]),
        ("a.py", "X = f()\n" + SOURCE, ["a.py: f changed", OUTSIDE]),
        ("a.py", SOURCE.replace("f()", "f(a=1)"), ["a.py: f changed"]),
        (
            "a.py",
            SOURCE.replace("def f", "def h"),
            ["a.py: f() is gone", "a.py: f, h changed"],
        ),
        (
            "a.py",
            "def f(:",
            [
                "a.py: A.g() is gone", "a.py: f() is gone", "a.py: f changed",
                OUTSIDE,
            ],
        ),
        ("data.csv", "1,3\n", ["data.csv changed"]),
        ("missing.csv", "1", ["missing.csv is new", "missing.csv is new"]),
        (
            "below/c.txt",
            "1",
            ["what is in below/ changed", "something in below/ changed"],
        ),
        ("below/b.txt", "1", ["something in below/ changed"]),
        ("below/__pycache__/b.pyc", "1", []),
        ("below/b.txt~", "1", []),
    ],
)  # fmt: skip
def test_files(
    project: Path, trace: Trace, file: str, content: str, reasons: list[str]
) -> None:
    (project / file).parent.mkdir(exist_ok=True)
    (project / file).write_text(content)
    assert trace.changed(now(project)) == reasons


def test_a_file_that_is_gone(project: Path, trace: Trace) -> None:
    (project / "a.py").unlink()
    (project / "data.csv").unlink()
    assert trace.changed(now(project)) == [
        "data.csv is gone", "a.py: A.g() is gone", "a.py: f() is gone",
        "a.py: f changed",
        "a.py, outside of functions, is gone",
        "data.csv is gone",
    ]  # fmt: skip


def test_variables_and_packages(project: Path, trace: Trace) -> None:
    assert trace.changed(now(project, "there", "1.1")) == [
        "the package thing 1.0 changed", "the variable PLACE changed",
    ]  # fmt: skip
    gone = Now(str(project), environ={"NONE": ""}, given={"package thing": "1.0"})
    assert trace.changed(gone) == [
        "the variable NONE is new", "the variable PLACE is gone",
    ]  # fmt: skip


def test_no_value_of_a_variable_is_stored(project: Path) -> None:
    secret = now(project, "secret").digest("variable PLACE")
    assert secret
    assert "secret" not in secret


def test_a_file_is_read_again_when_it_was_written(project: Path) -> None:
    found = now(project)
    before = found.digest("function a.py:f")
    (project / "a.py").write_text(SOURCE.replace("1", "11"))
    assert found.digest("function a.py:f") != before


@pytest.mark.parametrize("moment", [0, 1_000_000_000, 4_000_000_000])
def test_times_that_were_put_back_say_nothing(project: Path, moment: int) -> None:
    """``cp -p``, git and rsync do so; the size is the same."""
    path = project / "data.csv"
    os.utime(path, (moment, moment))
    found = now(project)
    before = found.digest("file data.csv")
    path.write_text("2,1\n")
    os.utime(path, (moment, moment))
    assert found.digest("file data.csv") != before


@pytest.mark.parametrize("ahead", [0, 3600 * 10**9])
def test_what_was_written_just_now_is_read_again(
    project: Path, monkeypatch: pytest.MonkeyPatch, ahead: int
) -> None:
    """Two changes may carry one time, also when a clock was set back between them."""
    found, path = now(project), project / "data.csv"
    real = os.stat(path)
    known = SimpleNamespace(
        st_mode=real.st_mode, st_ino=1, st_size=4, st_mtime_ns=0,
        st_ctime_ns=time.time_ns() + ahead,
    )  # fmt: skip
    monkeypatch.setattr(unpatched.os, "stat", lambda path: known)
    before = found.digest("file data.csv")
    path.write_text("2,1\n")
    assert found.digest("file data.csv") != before


def test_a_file_that_is_edited_between_two_looks(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is then is not remembered as what it was."""
    path, found = project / "a.py", now(project)
    content = found.content(str(path))
    path.write_text(SOURCE.replace("1", "11"))
    with monkeypatch.context() as before:
        before.setattr(found, "content", lambda path: content)
        edited = found.digest("function a.py:f")
    path.write_text(SOURCE)
    assert found.digest("function a.py:f") not in ("", edited)


@pytest.mark.parametrize("then", ["gone", "directory"])
def test_one_that_vanishes_between_them(
    project: Path, monkeypatch: pytest.MonkeyPatch, then: str
) -> None:
    found = now(project)
    monkeypatch.setattr(found, "content", lambda path: "some content")
    (project / "a.py").unlink()
    if then == "directory":
        (project / "a.py").mkdir()
    assert found.digest("function a.py:f") == found.digest("module a.py") == ""


def test_what_cannot_be_a_path_is_not_there(project: Path) -> None:
    assert now(project).digest("file a\0b") == ""


def test_a_package_s_version_is_told() -> None:
    assert words("package a", "1.0", "") == "the package a 1.0 is gone"


def test_skeletons_are_remembered(project: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def digest() -> str:
        return Now(str(project), cache=str(cache)).digest("function a.py:f")

    first = digest()
    (known,) = cache.iterdir()
    known.write_text(known.read_text().replace(first, "known"))
    assert digest() == "known"
    known.write_text("[")
    assert digest() == first
