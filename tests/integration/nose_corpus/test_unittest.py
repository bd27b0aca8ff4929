# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
import unittest

from diary import note


class Cases(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        note("Cases.setUpClass")

    @classmethod
    def tearDownClass(cls):
        note("Cases.tearDownClass")

    def setUp(self):
        note("Cases.setUp")
        self.addCleanup(note, "Cases cleanup")

    def tearDown(self):
        note("Cases.tearDown")

    def test_one(self):
        note("run Cases.test_one")

    def this_is_a_test(self):
        note("run Cases.this_is_a_test")

    def test_fails(self):
        note("run Cases.test_fails")
        self.assertEqual(1, 2)

    def test_errs(self):
        note("run Cases.test_errs")
        raise ValueError("boom")

    @unittest.skip("not now")
    def test_skipped(self):
        note("WRONG: skipped")

    @unittest.expectedFailure
    def test_expected(self):
        note("run Cases.test_expected")
        self.fail("as expected")

    def testing(self):
        note("run Cases.testing")


class NoseNames(unittest.TestCase):
    @classmethod
    def setup_class(cls):
        note("NoseNames.setup_class")

    @classmethod
    def setUpClass(cls):
        note("WRONG: setup_class is found first")

    @classmethod
    def teardown_all(cls):
        note("NoseNames.teardown_all")

    def test_it(self):
        note("run NoseNames.test_it")


class RunTest(unittest.TestCase):
    def runTest(self):
        note("run RunTest.runTest")


class SkipInSetup(unittest.TestCase):
    def setUp(self):
        note("SkipInSetup.setUp")
        raise unittest.SkipTest("no")

    def tearDown(self):
        note("WRONG: its setup did not end")

    def test_it(self):
        note("WRONG: its setup skipped it")


class Base(unittest.TestCase):
    __test__ = False

    def test_shared(self):
        note("run test_shared of", type(self).__name__)


class Derived(Base):
    __test__ = True


@unittest.skip("all of it")
class SkippedClass(unittest.TestCase):
    def test_it(self):
        note("WRONG: run")
