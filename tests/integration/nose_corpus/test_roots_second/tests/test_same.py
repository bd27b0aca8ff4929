# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def test_same():
    note("run tests.test_same", __file__.split("/")[-3])
