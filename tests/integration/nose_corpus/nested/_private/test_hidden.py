# SPDX-License-Identifier: GPL-3.0-or-later
# ruff: noqa
from diary import note


def test_hidden():
    note("WRONG: directories with an underscore are left out")
