# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note

__test__ = False


def test_it():
    note("WRONG: the module says no")
