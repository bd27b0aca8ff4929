# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
import time

from diary import note
from nose.tools import (
    assert_equal,
    assert_in,
    assert_raises,
    assert_true,
    eq_,
    make_decorator,
    ok_,
    raises,
    timed,
    with_setup,
)


def test_checks():
    ok_(True)
    eq_(1, 1)
    assert_equal([1], [1])
    assert_in(1, [1])
    assert_true(1)
    with assert_raises(KeyError):
        {}["x"]
    note("run test_checks")


def test_eq_fails():
    note("run test_eq_fails")
    eq_(1, 2)


@raises(ValueError, KeyError)
def test_raises():
    note("run test_raises")
    raise KeyError("x")


@raises(ValueError)
def test_raises_nothing():
    note("run test_raises_nothing")


@timed(0.001)
def test_too_slow():
    note("run test_too_slow")
    time.sleep(0.01)


@timed(5)
@with_setup(lambda: note("up"), lambda: note("down"))
def test_in_time():
    note("run test_in_time")


def loud(function):
    def wrapper(*arguments):
        note("loud")
        return function(*arguments)

    return make_decorator(function)(wrapper)


@loud
@with_setup(lambda: note("up"))
def test_decorated():
    note("run test_decorated")


def silent(function):
    def wrapper(*arguments):
        return function(*arguments)

    return wrapper


@silent
def test_renamed_to_wrapper():
    note("WRONG: its name is wrapper")
