# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note
from nose.tools import with_setup


class TestSetupClass:
    @classmethod
    def setup_class(cls):
        note("setup_class fails")
        raise RuntimeError("no class")

    @classmethod
    def teardown_class(cls):
        note("WRONG: its setup failed")

    def setup(self):
        note("WRONG: the class is not set up")

    def test_it(self):
        note("WRONG: run")


class TestSetupMethod:
    def setup(self):
        note("setup of method fails")
        raise RuntimeError("no method")

    def teardown(self):
        note("WRONG: its setup failed")

    def test_it(self):
        note("WRONG: run")


class TestTeardownMethod:
    def teardown(self):
        note("teardown of method fails")
        raise RuntimeError("no end")

    def test_it(self):
        note("run TestTeardownMethod")


class TestTeardownClass:
    @classmethod
    def teardown_class(cls):
        note("teardown_class fails")
        raise RuntimeError("no end")

    def test_it(self):
        note("run TestTeardownClass")


def up():
    note("up fails")
    raise RuntimeError("no function")


def down():
    note("down")


def down_fails():
    note("down fails")
    raise RuntimeError("no end")


@with_setup(up, down)
def test_setup_fails():
    note("WRONG: run")


@with_setup(None, down_fails)
def test_teardown_fails():
    note("run test_teardown_fails")


@with_setup(lambda: note("up"), down)
def test_fails():
    note("run test_fails")
    assert False


def test_errs():
    note("run test_errs")
    raise KeyError("boom")
