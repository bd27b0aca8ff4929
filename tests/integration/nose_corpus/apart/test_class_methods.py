# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


class TestClassMethods:
    @classmethod
    def test_of_class(cls):
        note("run test_of_class")
