# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def test_number():
    note("run test_number")
    return 5


class TestReturns:
    def test_it(self):
        note("run TestReturns.test_it")
        return "text"
