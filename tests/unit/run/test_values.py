# SPDX-License-Identifier: GPL-3.0-or-later
"""Values of pytest's options that are refused before anything is made."""

from pathlib import Path

import pytest

from harness.errors import UsageError
from harness.run import values

EXPRESSIONS = (
    "", "test_a", "a and not b", "(a or b) and not c[1-2]", "not not a", "-1", "1.5",
    "test_ä or x.py", "a::b", "True and class", "a\\b", "a/b or +c", "None",
)  # fmt: skip


@pytest.mark.parametrize("name", ["-k", "-m"])
@pytest.mark.parametrize("text", EXPRESSIONS)
def test_an_expression(name: str, text: str) -> None:
    values.check([name, text], ())


@pytest.mark.parametrize(
    "text",
    ["a and", "or", "not", "(a", "a)", "a b", "()", "a (b)", "a, b", "a == b", "a & b",
     "'a'", "a if b else c", "{a}", "a=1", "not a not b", "a\x00", "(" * 300],
)  # fmt: skip
def test_no_expression(text: str) -> None:
    with pytest.raises(UsageError, match="no expression"):
        values.check(["-k", text], ())


def test_marks_have_arguments() -> None:
    words = "device(serial='a') and not slow or cut(n=1, name=\"x y\")"
    values.check(["-m", words], ())
    with pytest.raises(UsageError):
        values.check(["-k", words], ())


@pytest.mark.parametrize(
    "words",
    [
        [
            "--maxfail=2",
            "--maxfail",
            "-1",
            "--durations-min=.5",
            "--durations-min",
            "1.",
        ],
        [
            "--tb=short",
            "--capture",
            "no",
            "-W",
            "error::DeprecationWarning",
            "-W",
            "ign",
        ],
        ["-W", "::UserWarning", "-o", "addopts=", "--lfnf", "none", "-vvk", "a or b"],
        ["-kview", "-k=view", "--reruns-delay", "many", "-rA", "-n", "auto", "-n2"],
    ],
)
def test_what_pytest_takes(words: list[str]) -> None:
    values.check(words, ())


@pytest.mark.parametrize(
    "words",
    [
        ["--maxfail=x"], ["-x", "--maxfail", "1.5"], ["--durations", "all"],
        ["--tb=shrt"], ["--color", "maybe"], ["-Werr0r"], ["-W", "fail"], ["-oname"],
        ["--import-mode=import"], ["-qk", "a and"], ["-k(", "b"], ["-n", "many"],
        ["--junitxml=/"],
    ],
)  # fmt: skip
def test_what_it_does_not(words: list[str]) -> None:
    with pytest.raises(UsageError, match=r"what -\S+ is given, "):
        values.check(words, ())


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "x.ini").touch()
    good = ["-c", "x.ini", f"--rootdir={tmp_path}", "--rootdir=$HOME/x"]
    values.check(good, (tmp_path,))
    for words in (["-c", "y.ini"], ["-c", "."], ["--rootdir", "x.ini"]):
        with pytest.raises(UsageError, match="is no "):
            values.check(words, (tmp_path,))
        values.check(words, ())  # inside an image they are others
