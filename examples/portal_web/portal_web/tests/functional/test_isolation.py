# SPDX-License-Identifier: GPL-3.0-or-later
"""Nobody sees what others write, though all write the same."""

import os
from pathlib import Path

from nose.exc import SkipTest
from nose.tools import assert_equal, assert_is_none

from portal_web.models import web_user
from portal_web.tests import support

EMAIL = "only.one@example.com"


def setUpModule():
    if not support.ISOLATED:
        raise SkipTest("nobody puts the database back: run it with harness test portal")


def register_alone():
    """An address can be registered once in a database; a file is as much alone."""
    with support.transaction():
        assert_is_none(web_user.find(EMAIL))
        web_user.register(email=EMAIL, password="p" * 12, name="One", language="en")
    with support.transaction(readonly=True):
        assert_equal(support.user(EMAIL).party.name, "One")
    directory = support.settings().files
    assert directory
    directory.mkdir(parents=True, exist_ok=True)
    with Path(directory, "alone").open("x"):
        pass


class TestOne:
    def test_is_alone(self):
        register_alone()


class TestAnother:
    def test_is_alone(self):
        register_alone()


class TestSequences:
    """Numbers are put back too."""

    expected = "A000004"

    def test_number(self):
        with support.transaction():
            (artist,) = support.get("artist").create([{"name": "Numbered"}])
            assert_equal(artist.code, self.expected)


class TestSequencesAgain(TestSequences):
    pass


class Base:
    """Not run: its name is none of a test's, and ``__test__`` says so again."""

    __test__ = False

    def test_process(self):
        assert_equal(self.process, os.getpid())


class TestFixtureOfClass(Base):
    """What a class's fixture writes is there for each of its tests."""

    __test__ = True

    @classmethod
    def setUpAll(cls):
        cls.process = os.getpid()
        with support.transaction():
            support.get("artist").create([{"name": "Of the fixture"}])

    def test_1_is_there(self):
        assert_equal(support.count("artist", ("name", "=", "Of the fixture")), 1)

    def test_2_is_still_there(self):
        assert_equal(support.count("artist", ("name", "=", "Of the fixture")), 1)


class TestFixtureOfClassIsGone:
    def test_is_gone(self):
        assert_equal(support.count("artist", ("name", "=", "Of the fixture")), 0)
