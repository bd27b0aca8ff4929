# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def teardown(module=None):
    note("only teardown", module.__name__)


class TestOnlyTeardown:
    @classmethod
    def tearDownClass(cls):
        note("only tearDownClass")

    def tearDown(self):
        note("only tearDown")

    def test_it(self):
        note("run TestOnlyTeardown.test_it")
