# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


class TestOrder:
    def setup(self):
        note("TestOrder.setup", type(self).__name__)

    def teardown(self):
        note("TestOrder.teardown", type(self).__name__)

    def test_zebra(self):
        note("run TestOrder.test_zebra", type(self).__name__)

    def test_ape(self):
        note("run TestOrder.test_ape", type(self).__name__)

    def helper(self):
        note("WRONG: helper")

    def _test_private(self):
        note("WRONG: private")


class TestInherited(TestOrder):
    @classmethod
    def setup_class(cls):
        note("setup_class", cls.__name__)

    @classmethod
    def teardown_class(cls):
        note("teardown_class", cls.__name__)

    def test_more(self):
        note("run TestInherited.test_more")


class TestInheritedTwice(TestInherited):
    def setUp(self):
        note("WRONG: setup is found first")


def test_function_below():
    note("run test_function_below")


class TestAbove:
    """By name it comes first."""

    @staticmethod
    def setUpClass():
        note("static setUpClass")

    @staticmethod
    def tearDownAll():
        note("static tearDownAll")

    def test_it(self):
        note("run TestAbove.test_it")

    @staticmethod
    def test_static():
        note("run TestAbove.test_static")


class TestWithInit:
    def __init__(self):
        self.value = 1

    def test_value(self):
        note("run TestWithInit", self.value)

    class TestNested:
        def test_nested(self):
            note("WRONG: classes in classes are not collected")


class Helper:
    def test_in_helper(self):
        note("WRONG: not the name of a test class")


class _TestPrivate:
    def test_in_private(self):
        note("WRONG: private class")


class Something_test:
    def check_this_test(self):
        note("run Something_test.check_this_test")

    def nontest(self):
        note("WRONG: no boundary before test")


def check_function_test():
    note("run check_function_test")


def latest():
    note("WRONG: no boundary before test")


def test_first_by_line():
    note("run test_first_by_line")


def test_again():
    note("run test_again")
