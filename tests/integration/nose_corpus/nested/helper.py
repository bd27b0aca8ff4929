# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def test_not_here():
    note("WRONG: the file is not one of tests")
