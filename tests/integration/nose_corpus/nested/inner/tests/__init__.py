# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setUp():
    note("nested.inner.tests up")


def tearDown():
    note("nested.inner.tests down")


def test_in_init():
    note("run nested.inner.tests.test_in_init")
