# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def test_deep():
    note("run nested.inner.test_deep")


class TestDeep:
    def test_it(self):
        note("run nested.inner TestDeep.test_it")
