# SPDX-License-Identifier: GPL-3.0-or-later
"""Words of the command line that nobody takes, and what was meant by them."""

import argparse
import errno
import os

import pytest

from harness import causes, cli
from harness.cli import words as typed
from harness.errors import HarnessError, UsageError
from harness.options import slip, split

EMPTY = "leave it out; a variable of the shell may not be set"


def refused(*words: str) -> HarnessError:
    main_ = cli.parser()
    with pytest.raises(UsageError) as caught:
        typed.check(words, split(words)[0], main_, {})
        main_.parse_args(words)
    return caught.value


@pytest.mark.parametrize(
    ("words", "remedy"),
    [
        (("tset",), "did you mean test?"),
        (("db", "bakcup"), "did you mean backup?"),
        (("doctor", "--jsn"), "did you mean --json?"),
        (("template", "list", "--jsno"), "did you mean --json?"),
        (("completion", "bsh"), "did you mean bash?"),
        (("up", "--environment", "prod"), "did you mean production?"),
        (("build", "--variant", "dev"), "did you mean development?"),
        (("up", "--environment", "pr"), "look at harness up --help"),
        (("test", "x", "--isolation", "tset"), "did you mean test?"),
        (("--json", "test", "tryton"), "harness test --json tryton"),
        (("--database", "local", "test", "x"), "harness test --database local x"),
        (("--frob",), "look at harness --help"),
        (("help", "db"), "did you mean harness db --help?"),
        (("version",), "did you mean harness --version?"),
        (("test", "x", "--shard", ""), EMPTY),
        (("db", "create", ""), EMPTY),
        (("doctor", "a", "b"), "look at harness doctor --help"),
    ],
)
def test_what_was_meant(words: tuple[str, ...], remedy: str) -> None:
    assert refused(*words).remedy == remedy


@pytest.mark.parametrize("option", ["--isolaton", "--evidnce=never", "--maxfial"])
def test_a_slip_in_an_option_of_test(option: str) -> None:
    assert slip(("test", "tryton", option))[0] == option.partition("=")[0]


@pytest.mark.parametrize(
    "option",
    ["--cov", "--reruns-delay", "--random-order-bucket", "--cover-html", "--timeout",
     "--with-coverage", "--selenium-host", "--only-rerun", "--nocapture", "--count"],
)  # fmt: skip
def test_an_option_of_a_plugin_is_none(option: str) -> None:
    assert slip(("test", "tryton", option)) == ("", "")


def test_what_follows_two_dashes_is_pytests() -> None:
    assert slip(("test", "tryton", "--", "--isolaton")) == ("", "")


def test_every_command_takes_what_its_help_says() -> None:
    """No argument is said to be missing that may be left out."""
    assert refused("template", "import").message.endswith("required: file")
    assert isinstance(cli.parser().parse_args(["lint"]), argparse.Namespace)


@pytest.mark.parametrize(
    ("number", "name"),
    [(errno.EROFS, "/srv/checkout/reports"), (errno.EACCES, "/srv/checkout/a.toml")],
)
def test_a_file_that_we_may_not_use_is_no_defect(number: int, name: str) -> None:
    """A read-only checkout, a file of somebody else's: wherever it is met."""
    known = causes.barred(OSError(number, os.strerror(number), name))
    assert known is not None
    assert known.code == 4
    assert known.message == f"{name} cannot be used: {os.strerror(number)}"
    assert "HARNESS_REPORTS" in known.remedy


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.EACCES, "no"),
        FileNotFoundError(errno.ENOENT, "no", "x"),
        KeyError(),
    ],
)
def test_a_defect_stays_one(error: Exception) -> None:
    assert causes.barred(error) is None


def test_words_of_another_program_may_be_empty() -> None:
    for line in (("exec", "db", "psql", "-c", ""), ("test", "x", "-k", "")):
        typed.check(line, split(line)[0], cli.parser(), {})
