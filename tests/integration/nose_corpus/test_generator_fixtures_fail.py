# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note
from nose.tools import with_setup


def fails():
    note("setup of generator fails")
    raise RuntimeError("no generator")


def down():
    note("WRONG: its setup failed")


def check(value):
    note("run check", value)


@with_setup(fails, down)
def test_generator():
    yield check, 1
    yield check, 2


@with_setup(None, fails)
def test_fails_at_the_end():
    yield check, 3
    yield check, 4


@with_setup(fails)
def check_not(value):
    note("WRONG: run")


def test_each_fails():
    yield check_not, 5
    yield check, 6


class TestInSetup:
    def setup(self):
        note("setup of method fails")
        raise RuntimeError("no method")

    def test_generator(self):
        yield self.check, 7

    def check(self, value):
        note("WRONG: run")
