# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def teardown_module():
    note("teardown_module fails")
    raise RuntimeError("no end")


def test_it():
    note("run failing_down.test_it")
