# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note
from nose.tools import with_setup


def setup():
    note("test_with_setup up")


def teardown():
    note("test_with_setup down")


def up():
    note("up")


def down():
    note("down")


def up2():
    note("up2")


def down2():
    note("down2")


@with_setup(up, down)
def test_once():
    note("run test_once")


@with_setup(up, down)
@with_setup(up2, down2)
def test_stacked():
    note("run test_stacked")


def test_attributes():
    note("run test_attributes")


test_attributes.setUp = lambda: note("attribute setUp")
test_attributes.tearDown = lambda: note("attribute tearDown")


class TestMethod:
    @with_setup(up, down)
    def test_method(self):
        note("run test_method: with_setup is for functions")
