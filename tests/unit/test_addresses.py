# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that lead nowhere are told before anything starts."""

from pathlib import Path

import pytest

from harness import addresses
from harness.errors import UsageError

FILE = """\
import unittest
from elsewhere import Base, test_borrowed


class Common:
    def test_shared(self):
        pass


class PlainTestCase(Common, unittest.TestCase):
    def test_one(self):
        pass

    if True:
        def test_two(self):
            pass


class FarTestCase(Base):
    pass


@decorated
class MadeTestCase(unittest.TestCase):
    pass


test_named = test_borrowed


def test_alone(word):
    pass
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "test_a.py"
    path.write_text(FILE)
    return path


@pytest.mark.parametrize(
    "inside",
    [
        "PlainTestCase",
        "PlainTestCase::test_one",
        "PlainTestCase::test_two",
        "PlainTestCase::test_shared",
        "FarTestCase::test_of_its_base",
        "MadeTestCase::test_made",
        "test_borrowed",
        "test_named",
        "test_alone[a::b [c] (d)]",
    ],
)
def test_what_may_be_there_is_let_through(file: Path, inside: str) -> None:
    addresses.check(f"{file}::{inside}")


@pytest.mark.parametrize(
    ("inside", "remedy"),
    [
        ("PlainTestcase", "did you mean PlainTestCase?"),
        ("PlainTestCase::test_on", "did you mean test_one?"),
        ("test_one", "did you mean PlainTestCase::test_one?"),
        ("test_alnoe[a]", "did you mean test_alone?"),
        ("Entirely", "look at"),
    ],
)
def test_what_cannot_be_there_is_refused(file: Path, inside: str, remedy: str) -> None:
    with pytest.raises(UsageError) as caught:
        addresses.check(f"{file}::{inside}")
    assert remedy in caught.value.remedy


def test_addresses_of_nose(file: Path) -> None:
    addresses.check(f"{file}:PlainTestCase.test_one", nose=True)
    with pytest.raises(UsageError):
        addresses.check(f"{file}:PlainTestCase.test_on", nose=True)


@pytest.mark.parametrize(
    "line", ["from x import *", "globals()['test_b'] = 1", "def load_tests(a, b, c): 1"]
)
def test_what_makes_names_is_not_judged(file: Path, line: str) -> None:
    file.write_text(f"{FILE}\n{line}\n")
    addresses.check(f"{file}::test_nowhere")


@pytest.mark.parametrize("text", ["def (", "\0"])
def test_a_broken_file_is_left_to_pytest(file: Path, text: str) -> None:
    file.write_text(text)
    addresses.check(f"{file}::test_nowhere")


def test_a_missing_file(file: Path) -> None:
    error = addresses.missing(Path("src/tests/test_b.py"), [file.parent])
    assert error.remedy == "did you mean test_a.py?"
