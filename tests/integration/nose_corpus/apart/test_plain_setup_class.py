# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


class TestPlain:
    def setup_class(cls):
        note("plain setup_class", cls.__name__)

    def test_it(self):
        note("run TestPlain.test_it")
