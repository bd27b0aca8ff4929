# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note
from test_classes import TestAbove, test_again
from test_returns import test_number as test_renamed


def setup():
    note("test_imports up")


def test_own():
    note("run test_own")
