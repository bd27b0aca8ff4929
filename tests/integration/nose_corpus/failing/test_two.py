# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def test_two():
    note("WRONG: run")
