# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def setup_module():
    note("test_setup_module_fails up")
    raise RuntimeError("no module")


def teardown_module():
    note("WRONG: its setup failed")


def test_one():
    note("WRONG: run")


class TestTwo:
    @classmethod
    def setup_class(cls):
        note("WRONG: the module is not set up")

    def test_two(self):
        note("WRONG: run")
