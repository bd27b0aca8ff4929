# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note
from nose.tools import istest, nottest


@istest
def is_one():
    note("run is_one")


@nottest
def test_is_none():
    note("WRONG: nottest")


def _test_private():
    note("WRONG: private")


@istest
def _private_but_told_so():
    note("run _private_but_told_so")


@istest
class Marked:
    def test_it(self):
        note("run Marked.test_it")

    @istest
    def method(self):
        note("run Marked.method")

    @istest
    def _method(self):
        note("WRONG: methods with an underscore never")

    @nottest
    def test_not(self):
        note("WRONG: nottest")


class TestNot:
    __test__ = False

    def test_it(self):
        note("run test_it of", type(self).__name__)


class TestNotInherited(TestNot):
    def test_more(self):
        note("WRONG: __test__ is inherited")


class TestOnAgain(TestNot):
    __test__ = True


def original():
    note("WRONG: by its own name it is none")


test_alias = original


def test_original():
    note("run test_original")


alias = test_original
