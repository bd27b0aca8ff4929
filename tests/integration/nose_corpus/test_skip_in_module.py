# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from unittest import SkipTest

from diary import note


def setup_module():
    note("skip in setup_module")
    raise SkipTest("no")


def test_it():
    note("WRONG: run")
