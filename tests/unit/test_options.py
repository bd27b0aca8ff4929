# SPDX-License-Identifier: GPL-3.0-or-later
"""Which words of a command line go where."""

from functools import cache
from pathlib import Path

import pytest
from _pytest.config import get_config

from harness import options


@pytest.mark.parametrize(
    ("line", "own", "rest"),
    [
        ("", "", ""),
        ("--version", "--version", ""),
        ("config --json", "config --json", ""),
        ("template prune --all -x", "template prune --all -x", ""),
        ("-x test", "-x test", ""),
        ("db psql NAME --on local -- -At", "db psql NAME --on local", "-At"),
        ("db psql -- -At", "db psql", "-At"),
        ("test", "test", ""),
        ("test tryton party", "test tryton party", ""),
        ("test tryton --list --json", "test --list --json tryton", ""),
        ("test -h", "test -h", ""),
        ("test tryton --help", "test --help tryton", ""),
        ("test tryton --series 7.0 party", "test --series 7.0 tryton party", ""),
        ("test tryton --series=7.0 -x", "test --series=7.0 tryton", "-x"),
        ("test tryton --in venv --jobs 2", "test --in venv --jobs 2 tryton", ""),
        ("test tryton --profile c3s -x", "test --profile c3s tryton", "-x"),
        ("test tryton --changed-since", "test tryton --changed-since", ""),
        ("test tryton --changed-since -x", "test --changed-since -x tryton", ""),
        ("test tryton --reruns 2 party", "test --reruns 2 tryton party", ""),
        ("test web --random-order a.py", "test --random-order web a.py", ""),
        ("test web --seed 7 --repeat=3 -x", "test --seed 7 --repeat=3 web", "-x"),
        ("test web --bisect a::b -k x", "test --bisect a::b web", "-k x"),
        ("test web --exactly a --exactly b", "test --exactly a --exactly b web", ""),
        ("test tryton -x party", "test tryton party", "-x"),
        ("test tryton -vv --pdb party", "test tryton party", "-vv --pdb"),
        ("test tryton -k view party", "test tryton party", "-k view"),
        ("test tryton -kview party", "test tryton party", "-kview"),
        ("test tryton -k=view party", "test tryton party", "-k=view"),
        ("test tryton party -k", "test tryton party", "-k"),
        ("test tryton -k --list party", "test tryton party", "-k --list"),
        ("test tryton --tb short party", "test tryton party", "--tb short"),
        ("test tryton --tb=short party", "test tryton party", "--tb=short"),
        ("test tryton --maxfail 1 --keep", "test --keep tryton", "--maxfail 1"),
        ("test web --keep-failed a.py", "test --keep-failed web a.py", ""),
        ("test web -- --keep-failed", "test web", "--keep-failed"),
        ("test tryton --lf --ff party", "test tryton party", "--lf --ff"),
        ("test tryton --seriess 7.0", "test tryton", "--seriess 7.0"),
        ("test web --timeout 5 unit", "test --timeout 5 web unit", ""),
        (
            "test web --timeout-method=thread unit",
            "test web unit",
            "--timeout-method=thread",
        ),
        ("test web unit --cov rep -x a.py", "test web unit a.py", "--cov rep -x"),
        ("test web -xvk name unit", "test web unit", "-xvk name"),
        ("test web -xvkname unit", "test web unit", "-xvkname"),
        ("test web -xv unit", "test web unit", "-xv"),
        ("test web -Q some unit", "test web unit", "-Q some"),
        ("test web --cache-show lf", "test web", "--cache-show lf"),
        ("test tryton party -- -x --list", "test tryton party", "-x --list"),
        ("test tryton -- party", "test tryton", "party"),
        ("test tryton --", "test tryton", ""),
        ("test tryton -x -- -- -v", "test tryton", "-x -- -v"),
        ("test tryton -", "test tryton -", ""),
        ("test tryton party --with", "test tryton party --with", ""),
        ("test tryton -x party --jobs", "test tryton party --jobs", "-x"),
        ("test tryton a.py::Case::test_b", "test tryton a.py::Case::test_b", ""),
        (
            "test tryton -p no:cacheprovider --isolation test -m slow party",
            "test --isolation test tryton party",
            "-p no:cacheprovider -m slow",
        ),
    ],
)
def test_split(line: str, own: str, rest: str) -> None:
    assert options.split(line.split()) == (own.split(), tuple(rest.split()))


def test_words_with_blanks_stay_whole() -> None:
    own, rest = options.split(["test", "tryton", "-k", "view and not rights"])
    assert own == ["test", "tryton"]
    assert rest == ("-k", "view and not rights")


def test_the_line_is_not_changed() -> None:
    argv = ["test", "tryton", "-x"]
    options.split(argv)
    assert argv == ["test", "tryton", "-x"]


@cache
def _options(*nargs: str | int | None) -> set[str]:
    """Options of pytest, with all its plugins, that take so many words."""
    parser = get_config()._parser
    found = getattr(parser, "optparser", None) or parser._getparser()
    return {
        name
        for action in found._actions
        if action.option_strings and action.nargs in nargs
        for name in action.option_strings
    }


@pytest.mark.parametrize(
    ("line", "doubtful"),
    [
        ("test web --splits 5 unit", ["5"]),
        ("test web --splits 5 -k unit --cov", ["5"]),
        ("test web --cov --lf unit -x a -k b --tb short", []),
        ("test web --splits --list unit", []),
        ("test web -- --timeout 5", []),
    ],
)
def test_what_follows_an_unknown_option_is_doubtful(
    line: str, doubtful: list[str]
) -> None:
    _, rest = options.split(line.split())
    assert options.doubtful(rest) == ([], doubtful)
    assert options.doubtful(rest, {"5"}) == (doubtful, [])


@pytest.mark.parametrize(
    ("line", "shown"),
    [("-x --co", True), ("--fixtures", True), ("--help", True), ("-k x --lf", False)],
)
def test_what_only_shows(line: str, shown: bool) -> None:
    assert options.shows(line.split()) is shown


def test_a_junit_file_is_where_the_user_is() -> None:
    words = ["--junitxml", "a.xml", "--junit-xml=/b.xml", "-k", "c"]
    assert list(options.rooted(words, Path("/here"))) == (
        ["--junitxml", "/here/a.xml", "--junit-xml=/b.xml", "-k", "c"]
    )


@pytest.mark.parametrize(
    ("word", "bare"),
    [
        ("a b/test_x.py::T::test_a", "a b/test_x.py::T::test_a"),
        ("x.py::T::test_a (n=1)", "x.py::T::test_a"),
        ("x.py::test_a [a message] (n='[1]')", "x.py::test_a"),
        ("x.py::test_a [a message]", "x.py::test_a"),
        ("x.py::test_a (<subtest>)", "x.py::test_a"),
        ("x.py::test_a[a b] (n=1)", "x.py::test_a[a b]"),
        ("x.py::test_a[a::b] [m] (n=1)", "x.py::test_a[a::b]"),
        ("x.py::test_a[f(x) y]", "x.py::test_a[f(x) y]"),
        ("x.py::test_a[ ]", "x.py::test_a[ ]"),
        ("a (b)", "a (b)"),
    ],
)
def test_an_id_without_its_subtest(word: str, bare: str) -> None:
    assert options.bare(word) == bare


XDIST = {"-n"}


@pytest.mark.parametrize("word", sorted(options.PYTEST_VALUES - XDIST))
def test_pytest_has_these_options(word: str) -> None:
    assert word in _options(None, "?")


def test_no_option_of_pytest_with_a_value_is_missing() -> None:
    assert sorted(_options(None) - options.PYTEST_VALUES) == []


def test_no_option_of_pytest_without_a_value_is_missing() -> None:
    assert sorted(_options(0) - options.PYTEST_FLAGS - options.FLAGS) == []
    assert _options(0) >= options.PYTEST_FLAGS
