# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from unittest import TestCase

from diary import note
from nose.plugins.attrib import attr


def setup():
    note("test_attributes up")


def teardown():
    note("test_attributes down")


@attr("slow")
def test_slow():
    note("run test_slow")


@attr(speed="Fast", tags=["a", "b"])
def test_fast():
    note("run test_fast")


def test_none():
    note("run test_none")


@attr("slow", "network")
class TestClass:
    def test_it(self):
        note("run TestClass.test_it")

    @attr(slow=False)
    def test_not_slow(self):
        note("run TestClass.test_not_slow")


class TestCases(TestCase):
    @attr("slow")
    def test_slow(self):
        note("run TestCases.test_slow")

    def test_other(self):
        note("run TestCases.test_other")


@attr("slow")
def test_generator():
    yield note, "run", "generated"


class TestNone:
    @classmethod
    def setup_class(cls):
        note("TestNone.setup_class")

    def test_none(self):
        note("run TestNone.test_none")
