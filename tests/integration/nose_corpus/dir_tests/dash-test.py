# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setup():
    note(__name__, "up")


def teardown():
    note(__name__, "down")


def test_it():
    note("run", __name__)
