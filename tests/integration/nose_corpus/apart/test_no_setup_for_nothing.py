# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setup_module():
    note("up for nothing")


class TestNothing:
    __test__ = True

    def helper(self):
        pass
